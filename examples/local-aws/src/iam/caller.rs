//! Who has credentials, and what a session brings with it.

use std::sync::Arc;

use super::context::RequestContext;
use super::document::Document;

/// Somebody with credentials: an IAM user, or the session of a role.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// `arn:aws:iam::…:user/…` or `arn:aws:sts::…:assumed-role/…/…`.
    pub(crate) arn: String,
    /// `AIDA…`, or `AROA…:session-name`.
    pub(crate) user_id: String,
    pub(crate) account: String,
    /// The role of a session; for a user, the user itself: what `aws:PrincipalArn` says.
    pub(crate) principal_arn: String,
    pub(crate) permissions: Arc<[Document]>,
    pub(crate) session: SessionAttributes,
}

/// What was said when a session began.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionAttributes {
    pub(crate) tags: Arc<[SessionTag]>,
    pub(crate) source_identity: Option<String>,
    /// What the session may do is what its role may do and this allows.
    pub(crate) policy: Option<Arc<Document>>,
    /// The UID of the ServiceAccount whose token it began with.
    pub(crate) service_account_uid: Option<String>,
}

/// A tag of a session.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SessionTag {
    pub(crate) key: String,
    pub(crate) value: String,
    /// Whether sessions that begin from this one have it too.
    pub(crate) transitive: bool,
}

impl Caller {
    /// Whether this is a role's session; what it assumes is then a further link of a chain.
    pub(crate) fn is_role_session(&self) -> bool {
        self.arn != self.principal_arn
    }

    /// What conditions can ask about the caller.
    pub(crate) fn context(&self) -> RequestContext {
        RequestContext::new()
            .with("aws:PrincipalArn", &self.principal_arn)
            .with("aws:PrincipalAccount", &self.account)
            .with_some("aws:SourceIdentity", self.session.source_identity.as_deref())
            .with_tags("aws:PrincipalTag", self.session.tags.iter())
    }
}
