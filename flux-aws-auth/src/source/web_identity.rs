//! OIDC federation: a ServiceAccount token exchanged for a role's credentials.

use async_trait::async_trait;

use super::{CredentialSource, Notes, Outcome, Provided, Skipped, SourceContext, SourceKind};
use crate::arn::RoleArn;
use crate::environment::Environment;
use crate::error::Error;
use crate::principal::Principal;
use crate::reason::Reason;
use crate::session_name::SessionName;
use crate::sts::{Sts, Tries};
use crate::token::{self, Claims, Form};

pub(crate) const ROLE_ARN: &str = "AWS_ROLE_ARN";
pub(crate) const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
pub(crate) const SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";

/// The role in `AWS_ROLE_ARN`, assumed with the token in `AWS_WEB_IDENTITY_TOKEN_FILE`.
///
/// On EKS this is IRSA: the variables are set in pods that start after their ServiceAccount was annotated with
/// `eks.amazonaws.com/role-arn`. Elsewhere the pod's manifest mounts a token with the audience `sts.amazonaws.com` and sets
/// the variables ([Flux on AWS]).
///
/// The token file is read again at every exchange. The exchange goes to STS in the context's region; the session is named by
/// `AWS_ROLE_SESSION_NAME`, else after the ServiceAccount that the token names, in the form that Flux gives to an object's
/// session.
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#at-the-controller-level
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WebIdentity;

impl WebIdentity {
    /// The source; it has no settings but those of the environment.
    pub fn new() -> Self {
        Self
    }
}

#[async_trait]
impl CredentialSource for WebIdentity {
    fn kind(&self) -> SourceKind {
        SourceKind::WebIdentity
    }

    fn is_configured(&self, environment: &Environment) -> bool {
        [ROLE_ARN, TOKEN_FILE].iter().any(|name| environment.var(name).is_some())
    }

    fn principal_in(&self, environment: &Environment) -> Option<Principal> {
        environment.var(ROLE_ARN)?.parse().ok().map(Principal::role)
    }

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        match role_and_token_file(context.environment(), notes) {
            Ok(Some((role, path))) => exchange(context, notes, &role, &path).await.into(),
            Ok(None) => not_configured(),
            Err(error) => Outcome::Failed(error),
        }
    }
}

/// The role and the path of the token file, as the environment names them, if it does.
pub(crate) fn role_and_token_file(
    environment: &Environment,
    notes: &mut Notes,
) -> Result<Option<(String, String)>, Error> {
    match (notes.var(environment, ROLE_ARN), notes.var(environment, TOKEN_FILE)) {
        (Some(role), Some(path)) => Ok(Some((role, path))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(half(ROLE_ARN, TOKEN_FILE)),
        (None, Some(_)) => Err(half(TOKEN_FILE, ROLE_ARN)),
    }
}

fn not_configured() -> Outcome {
    Skipped::new(Reason::WebIdentityNotActive, "not active in this pod")
    .with_hint(
            "To use IRSA, annotate this pod's ServiceAccount with eks.amazonaws.com/role-arn, then restart the pod: \
             EKS sets the variables only when a pod starts.",
        )
        .into()
}

fn half(set: &str, missing: &str) -> Error {
    Error::because(Reason::IncompleteConfiguration, format!("{set} is set, but {missing} is not")).with_hint(
        format!(
            "EKS sets both when a pod starts; elsewhere set {missing} in the pod's manifest, or remove {set}."
        ),
    )
}

async fn exchange(
    context: &SourceContext,
    notes: &mut Notes,
    role: &str,
    token_file: &str,
) -> Result<Provided, Error> {
    let role: RoleArn = role.parse().map_err(|error: Error| error.about(ROLE_ARN))?;
    let mut token = token::read_file(context.environment(), notes, TOKEN_FILE, token_file, Form::Token)?;
    let sts = Sts::new(context)?;
    let session_name = session_name(context, notes, &token, sts.region())?;
    let mut tries = Tries::new();
    loop {
        let result = sts.assume_role_with_web_identity(notes, &role, &session_name, &token, &mut tries).await;
        match result {
            Err(error) if tries.again(&error, context).await => {
                token = token::read_file(context.environment(), notes, TOKEN_FILE, token_file, Form::Token)?;
            }
            result => return result,
        }
    }
}

fn session_name(
    context: &SourceContext,
    notes: &mut Notes,
    token: &str,
    region: &str,
) -> Result<SessionName, Error> {
    if let Some(name) = notes.var(context.environment(), SESSION_NAME) {
        return SessionName::new(SESSION_NAME, &name);
    }
    Ok(match Claims::of(token).service_account() {
        Some((namespace, name)) => SessionName::for_service_account(namespace, name, region),
        None => SessionName::fallback(),
    })
}
