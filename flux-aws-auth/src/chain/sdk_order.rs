//! What the AWS SDKs' own chain makes of an environment.

use super::SourceOrder;
use crate::environment::Environment;
use crate::source::{
    CredentialSource as _, PodIdentity, SourceKind, access_keys, pod_identity, web_identity,
};

/// How far a source is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetUp {
    /// An SDK's chain asks it, and then no other.
    Whole,
    /// An SDK's chain passes it over in silence.
    InPart,
    Not,
}

impl SetUp {
    /// Of one of the four that both know. The node's is never set up: it is the last resort.
    pub(crate) fn of(kind: SourceKind, environment: &Environment) -> Self {
        let is_set = |name| environment.var(name).is_some();
        let (whole, in_part) = match kind {
            SourceKind::AccessKeys => {
                let (id, secret) = (is_set(access_keys::ID), is_set(access_keys::SECRET));
                (id && secret, id || secret)
            }
            // A token file alone is taken for set up, and fails.
            SourceKind::WebIdentity => (is_set(web_identity::TOKEN_FILE), is_set(web_identity::ROLE_ARN)),
            SourceKind::PodIdentity => (
                is_set(pod_identity::FULL_URI) || is_set(pod_identity::RELATIVE_URI),
                is_set(pod_identity::TOKEN_FILE) || is_set(pod_identity::TOKEN),
            ),
            _ => (false, false),
        };
        match (whole, in_part) {
            (true, _) => Self::Whole,
            (false, true) => Self::InPart,
            (false, false) => Self::Not,
        }
    }
}

/// The source that an AWS SDK's own chain would use, whatever sources another chain has.
pub(super) fn choice(environment: &Environment) -> Option<SourceKind> {
    let kinds = SourceOrder::AwsSdk.kinds().into_iter();
    let choice = kinds.into_iter().find(|kind| SetUp::of(*kind, environment) == SetUp::Whole)?;
    Some(match choice {
        SourceKind::PodIdentity => PodIdentity::new().kind_in(environment),
        other => other,
    })
}
