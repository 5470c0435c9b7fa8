//! What all ARNs have in common ([ARN format]).
//!
//! [ARN format]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html

use std::fmt;

pub(super) use crate::arn::is_account;
use crate::error::{Error, ErrorKind};
use crate::partition::check_region;
use crate::text::quoted;

/// The six parts of an ARN. The last may have colons of its own.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) partition: &'a str,
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) resource: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let mut next = || parts.next();
        (next()? == "arn").then_some(())?;
        Some(Self {
            partition: next()?,
            service: next()?,
            region: next()?,
            account: next()?,
            resource: next()?,
        })
    }

    /// The parts of an ARN of `service` in one of AWS's partitions.
    pub(super) fn of_service(arn: &'a str, service: &str) -> Result<Self, String> {
        let parts =
            Self::of(arn).ok_or("an ARN starts with `arn:` and has six parts, with colons between")?;
        let partition = parts.partition;
        let of_partition = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !partition.starts_with("aws") || !partition.bytes().all(of_partition) {
            return Err("the partition is not one of AWS's".to_owned());
        }
        if parts.service != service {
            return Err(format!("the service is {}, not `{service}`", quoted(parts.service)));
        }
        Ok(parts)
    }

    pub(super) fn in_a_region(self) -> Result<Self, String> {
        match check_region(self.region) {
            Ok(()) => Ok(self),
            Err(_) => Err(format!("{} is not an AWS region", quoted(self.region))),
        }
    }

    pub(super) fn in_an_account(self) -> Result<Self, String> {
        if is_account(self.account) { Ok(self) } else { Err("the account is not twelve digits".to_owned()) }
    }

    pub(super) fn without_region(self) -> Result<Self, String> {
        if self.region.is_empty() {
            Ok(self)
        } else {
            Err(format!("{} ARNs have no region, so the fourth part is empty", self.service))
        }
    }
}

/// `what` is not written as it must be; `form` is how it is written.
pub(super) fn invalid(what: &str, value: &str, flaw: impl fmt::Display, form: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("invalid {what} {}: {flaw}", quoted(value)))
        .with_hint(format!("Write it as {form}."))
}

/// A type that is the text of an ARN.
macro_rules! arn_text {
    ($name:ident) => {
        impl $name {
            /// The whole ARN.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

pub(super) use arn_text;
