//! How a page was come by.

use std::fmt;

use flux_aws_auth::SourceKind;

use crate::login::LoginKind;
use crate::throttle::RegistryApi;

/// Through which API a registry was asked, and as whom. `Display` is a clause such as `the ECR API, with AWS credentials from
/// web identity (IRSA)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Access {
    api: RegistryApi,
    caller: Caller,
}

/// As whom a registry was asked. Kinds only: neither names nor secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Caller {
    /// An AWS identity, whose credentials come from this source in the end. `None` where the source says nothing of itself.
    Aws(Option<SourceKind>),
    /// Whoever a login to the registry was given to.
    Login(LoginKind),
    /// Nobody: the registry asked for no login, or gives anonymous ones.
    Anonymous,
}

impl Access {
    /// Asked through this API, as this caller. A login that is nobody's is [`Caller::Anonymous`].
    pub fn new(api: RegistryApi, caller: Caller) -> Self {
        let caller = if caller == Caller::Login(LoginKind::Anonymous) { Caller::Anonymous } else { caller };
        Self { api, caller }
    }

    /// The API that was asked.
    pub fn api(self) -> RegistryApi {
        self.api
    }

    /// As whom.
    pub fn caller(self) -> Caller {
        self.caller
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.api {
            RegistryApi::Ecr => "the ECR API, ",
            RegistryApi::Distribution => "the distribution API, ",
        })?;
        match self.caller {
            Caller::Aws(None) => f.write_str("with AWS credentials"),
            Caller::Aws(Some(source)) => write!(f, "with AWS credentials from {source}"),
            Caller::Login(LoginKind::Basic) => f.write_str("with a user and a password"),
            Caller::Login(LoginKind::BearerToken) => f.write_str("with a registry token"),
            Caller::Login(LoginKind::IdentityToken) => f.write_str("with an identity token"),
            Caller::Login(LoginKind::Anonymous) | Caller::Anonymous => f.write_str("without a login"),
        }
    }
}
