//! `AssumeRoleWithWebIdentity`: a ServiceAccount's token for a role's session.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>.

use axum::response::Response;
use serde::Serialize;

use super::parameters::{Constraints, Parameters};
use super::role_session::{AssumedRoleUser, SessionRequest, WireCredentials, only_known};
use crate::clock::unix;
use crate::cloud::Cloud;
use crate::iam::{Assumer, CompiledRole, RequestContext, SessionAttributes, trusts};
use crate::oidc::{TokenFault, Verified};
use crate::wire::{Rejection, action_response};

/// The audience an account's OpenID Connect provider takes for EKS.
const AUDIENCE: &str = "sts.amazonaws.com";
const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
const KNOWN: [&str; 6] =
    ["Action", "Version", "RoleArn", "RoleSessionName", "WebIdentityToken", "DurationSeconds"];

pub(super) fn assume_role(cloud: &Cloud, parameters: &Parameters) -> Result<Response, Rejection> {
    only_known(parameters, &KNOWN)?;
    let mut constraints = Constraints::default();
    let request = SessionRequest::read(parameters, &mut constraints);
    let token =
        constraints.text("webIdentityToken", parameters.get("WebIdentityToken"), (4, 20000), "", |_| true);
    constraints.check()?;
    let account = request.check()?;

    let identity = cloud.oidc_provider.verify(token, &[AUDIENCE], unix(cloud.now())).map_err(rejection)?;
    if !cloud.oidc_provider.is_in(account) {
        return Err(rejection(TokenFault::UnknownIssuer(cloud.oidc_provider.issuer().to_owned())));
    }
    let role = trusting_role(cloud, &request, account, &identity)?;
    request.fits(role)?;

    let service_account_uid = identity.kubernetes.map(|bound| bound.serviceaccount.uid);
    let session = SessionAttributes { service_account_uid, ..SessionAttributes::default() };
    let caller = Cloud::role_session(role, request.session_name, session);
    let credentials = request.begin(cloud, caller);
    let answer = Answer {
        audience: identity.audience,
        assumed_role_user: AssumedRoleUser::of(&credentials),
        provider: cloud.oidc_provider.arn_in(account),
        credentials: WireCredentials::of(&credentials),
        subject_from_web_identity_token: identity.subject,
    };
    Ok(action_response("AssumeRoleWithWebIdentity", &answer))
}

/// The role, if there is one and its trust policy lets this identity assume it. Whether the role is missing or the
/// policy refuses is not told.
fn trusting_role<'a>(
    cloud: &'a Cloud,
    request: &SessionRequest<'_>,
    account: &str,
    identity: &Verified,
) -> Result<&'a CompiledRole, Rejection> {
    let provider = &cloud.oidc_provider;
    let context = RequestContext::new()
        .with(provider.condition_key("aud"), &identity.audience)
        .with(provider.condition_key("sub"), &identity.subject)
        .with("sts:RoleSessionName", request.session_name);
    let arn = provider.arn_in(account);
    let trusted = |role: &&CompiledRole| {
        let document = role.trust.as_ref();
        document.is_some_and(|trust| trusts(trust, &Assumer::Federated(&arn), ACTION, &context))
    };
    let refused = || Rejection::forbidden("AccessDenied", format!("Not authorized to perform {ACTION}"));
    cloud.roles.get(request.role_arn).filter(trusted).ok_or_else(refused)
}

fn rejection(fault: TokenFault) -> Rejection {
    let message = match fault {
        TokenFault::Expired { now, expired } => {
            let message = format!(
                "Token expired: current date/time {now} must be before the expiration date/time {expired}"
            );
            return Rejection::bad_request("ExpiredTokenException", message);
        }
        TokenFault::NotAToken => {
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an \
                                  Access Token)"
                .to_owned()
        }
        TokenFault::Missing(claim) => format!("Missing a required claim: {claim}"),
        TokenFault::UnknownIssuer(issuer) => {
            format!("No OpenIDConnect provider found in your account for {issuer}")
        }
        TokenFault::UnknownKey => {
            "Couldn't retrieve verification key from your identity provider,  please reference \
                                   AssumeRoleWithWebIdentity documentation for requirements"
                .to_owned()
        }
        TokenFault::Signature => "Token signature verification failed".to_owned(),
        TokenFault::NotYetValid => "Token is not valid yet".to_owned(),
        TokenFault::Audience => "Incorrect token audience".to_owned(),
    };
    Rejection::bad_request("InvalidIdentityToken", message)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    audience: String,
    assumed_role_user: AssumedRoleUser<'a>,
    provider: String,
    credentials: WireCredentials<'a>,
    subject_from_web_identity_token: String,
}
