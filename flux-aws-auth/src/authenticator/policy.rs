//! Which identities may be used for what: the matrix, and what the program asked for beyond it.

use crate::error::Error;
use crate::integration::{Integration, Level, Support};
use crate::reason::Reason;
use crate::source::SourceKind;

#[derive(Debug)]
pub(super) struct Policy {
    allowed: Vec<(Integration, Level, SourceKind)>,
}

impl Policy {
    /// Refuses leave for what cannot work.
    pub(super) fn new(allowed: Vec<(Integration, Level, SourceKind)>) -> Result<Self, Error> {
        for &(integration, level, source) in &allowed {
            if let Support::Impossible { why, alternative } = integration.support(level, source) {
                return Err(impossible(integration, level, source, why, alternative));
            }
        }
        Ok(Self { allowed })
    }

    /// Whether the identity that `source` gives may be used as `level`'s.
    pub(super) fn check(
        &self,
        integration: Integration,
        level: Level,
        source: SourceKind,
    ) -> Result<(), Error> {
        match integration.support(level, source) {
            Support::Supported { .. } => Ok(()),
            Support::OptIn { .. } if self.allowed.contains(&(integration, level, source)) => Ok(()),
            // To add it was to ask for it.
            Support::OptIn { .. } if matches!(source, SourceKind::Custom(_)) => Ok(()),
            Support::OptIn { why } => Err(Error::because(
                Reason::IdentityNotAllowed,
                format!("{source} is not supported at the {level} level for {integration}: {why}"),
            )
            .with_hint(format!(
                "Use an identity that is, or allow this one: \
                 AuthenticatorBuilder::allow(Integration::{integration:?}, Level::{level:?}, SourceKind::{source:?})."
            ))),
            Support::Impossible { why, alternative } => {
                Err(impossible(integration, level, source, why, alternative))
            }
        }
    }
}

fn impossible(
    integration: Integration,
    level: Level,
    source: SourceKind,
    why: &str,
    alternative: &str,
) -> Error {
    Error::because(
        Reason::IdentityNotAllowed,
        format!("{source} cannot be used at the {level} level for {integration}: {why}"),
    )
    .with_hint(alternative)
}
