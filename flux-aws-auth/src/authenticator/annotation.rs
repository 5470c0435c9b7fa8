//! The annotation by which a ServiceAccount asks for a further role.

use serde::Deserialize;

use crate::arn::RoleArn;
use crate::error::Error;
use crate::reason::Reason;
use crate::role_hop::RoleHop;
use crate::service_account::{ServiceAccount, ServiceAccountRole};

const ANNOTATION: &str = "aws.auth.fluxcd.io/assume-role";

/// What the annotation asks for.
pub(super) struct AssumeRole {
    pub(super) hop: RoleHop,
    /// Whether the ServiceAccount's own role assumes it; else the controller's identity does.
    pub(super) uses_service_account: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(rename = "roleARN")]
    role_arn: String,
    use_service_account: Option<bool>,
}

impl AssumeRole {
    /// What `account` asks for, if it does. `is_locked` says that tenants are locked out of the controller's identity.
    pub(super) fn read(
        of: &ServiceAccountRole,
        account: &ServiceAccount,
        is_locked: bool,
    ) -> Result<Option<Self>, Error> {
        let Some(yaml) = account.annotation(ANNOTATION).filter(|yaml| !yaml.is_empty()) else {
            return Ok(None);
        };
        let refused = |flaw: &str, hint: &str| {
            Error::because(
                Reason::InvalidConfiguration,
                format!("invalid {ANNOTATION} annotation of {of}: {flaw}"),
            )
            .with_hint(hint)
        };
        let document: Document = yaml_serde::from_str(yaml).map_err(|_| {
            refused(
                "it is not YAML with roleARN",
                "Write `roleARN: ARN` and, where wanted, `useServiceAccount: true`, one per line.",
            )
        })?;
        let role: RoleArn = document
            .role_arn
            .parse()
            .map_err(|error: Error| error.about(format_args!("invalid {ANNOTATION} annotation of {of}")))?;
        let uses_service_account = document.use_service_account.unwrap_or(is_locked);
        if !uses_service_account && is_locked {
            return Err(refused(
                "multi-tenancy lockdown is enabled, impersonation without service account is not allowed",
                "Leave useServiceAccount out, or set it to true.",
            ));
        }
        if !uses_service_account && account.role_arn().is_some() {
            return Err(refused(
                "the controller's identity is to assume the role, and yet the ServiceAccount has a role of its own",
                "Set useServiceAccount: true to start from that role, or remove eks.amazonaws.com/role-arn.",
            ));
        }
        Ok(Some(Self { hop: RoleHop::new(role), uses_service_account }))
    }
}
