//! The EKS Pod Identity agent, with the part of EKS that stands behind it.
//!
//! Sources: <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html>,
//! <https://github.com/aws/eks-pod-identity-agent>.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};

use crate::clock::unix;
use crate::cloud::Cloud;
use crate::credentials::Credentials;
use crate::iam::{Assumer, Caller, CompiledRole, RequestContext, SessionAttributes, SessionTag, trusts};
use crate::issuer::claims::{Kubernetes, Reference};
use crate::oidc::TokenFault;
use crate::random;
use crate::wire::{json_text, timestamp};

/// The audience of the tokens EKS mounts for its agent.
const AUDIENCE: &str = "pods.eks.amazonaws.com";
const PATH: &str = "/v1/credentials";
const CLUSTER: &str = "local";
const SESSION_LIFETIME: Duration = Duration::from_secs(6 * 3600);

/// The ARN of the role for the pods of a ServiceAccount.
#[derive(Debug)]
pub(crate) struct Association {
    pub(crate) role: String,
}

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().route(PATH, any(serve)).with_state(cloud)
}

/// There is one operation, at one path.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    (request.uri.path() == PATH).then_some(Cow::Borrowed("GetCredentials"))
}

async fn serve(State(cloud): State<Arc<Cloud>>, headers: HeaderMap) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|token| token.to_str().ok()).unwrap_or_default();
    match credentials(&cloud, token) {
        Ok(credentials) => {
            let content_type = [(header::CONTENT_TYPE, "application/json")];
            (StatusCode::OK, content_type, json_text(&document(&cloud, &credentials))).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn credentials(cloud: &Cloud, token: &str) -> Result<Arc<Credentials>, Refusal> {
    if token.is_empty() {
        return Err(Refusal::agent("Service account token cannot be empty"));
    }
    let identity = cloud.oidc_provider.verify(token, &[AUDIENCE], unix(cloud.now()))?;
    // A token of the TokenRequest API is bound to no pod unless that was asked for, and EKS takes no other.
    let bound = identity.kubernetes.as_ref().ok_or_else(Refusal::invalid_token)?;
    let pod = bound.pod.as_ref().ok_or_else(Refusal::invalid_token)?;
    let tags = session_tags(cloud, bound, pod);
    let role = associated_role(cloud, bound, &tags)?;
    let caller = || session(role, pod, tags);
    Ok(cloud.keys.held_session(token, cloud.now(), SESSION_LIFETIME, caller))
}

/// The role associated with the token's ServiceAccount, if its trust policy lets EKS assume and tag it.
fn associated_role<'a>(
    cloud: &'a Cloud,
    bound: &Kubernetes,
    tags: &[SessionTag],
) -> Result<&'a CompiledRole, Refusal> {
    let (namespace, service_account) = (&bound.namespace, &bound.serviceaccount.name);
    let association = cloud.associations.get(&(namespace.clone(), service_account.clone()));
    let role = association.and_then(|association| cloud.roles.get(&association.role)).ok_or_else(|| {
        Refusal::service(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            &format!("No association found for service account {service_account} in namespace {namespace}"),
        )
    })?;

    let context = RequestContext::new()
        .with("aws:SourceAccount", &cloud.account)
        .with("aws:SourceArn", cluster_arn(cloud))
        .with_tags("aws:RequestTag", tags);
    let eks = Assumer::Service(AUDIENCE);
    let trusted = |action| role.trust.as_ref().is_some_and(|trust| trusts(trust, &eks, action, &context));
    if trusted("sts:AssumeRole") && trusted("sts:TagSession") {
        return Ok(role);
    }
    Err(Refusal::service(
        StatusCode::BAD_REQUEST,
        "AccessDeniedException",
        "Unauthorized Exception! EKS does not have permissions to assume the associated role.",
    ))
}

fn session(role: &CompiledRole, pod: &Reference, tags: Arc<[SessionTag]>) -> Caller {
    let mut name = format!("eks-{CLUSTER}-{}-{}", pod.name, random::uuid());
    name.truncate(64);
    Cloud::role_session(role, &name, SessionAttributes { tags, ..SessionAttributes::default() })
}

/// The tags EKS gives a session, all of them transitive.
///
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html>.
fn session_tags(cloud: &Cloud, bound: &Kubernetes, pod: &Reference) -> Arc<[SessionTag]> {
    let cluster_arn = cluster_arn(cloud);
    let tags = [
        ("eks-cluster-arn", cluster_arn.as_str()),
        ("eks-cluster-name", CLUSTER),
        ("kubernetes-namespace", &bound.namespace),
        ("kubernetes-service-account", &bound.serviceaccount.name),
        ("kubernetes-pod-name", &pod.name),
        ("kubernetes-pod-uid", &pod.uid),
    ];
    let tag = |(key, value): (&str, &str)| SessionTag {
        key: key.to_owned(),
        value: value.to_owned(),
        transitive: true,
    };
    tags.into_iter().map(tag).collect()
}

fn cluster_arn(cloud: &Cloud) -> String {
    format!("arn:aws:eks:{}:{}:cluster/{CLUSTER}", cloud.region, cloud.account)
}

fn document(cloud: &Cloud, credentials: &Credentials) -> Value {
    json!({
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.token(),
        "AccountId": cloud.account,
        "Expiration": credentials.expires().map(timestamp),
    })
}

/// An error of the service behind the agent, as the agent passes it on.
pub(crate) fn service_error(status: StatusCode, code: &str, message: &str) -> Response {
    Refusal::service(status, code, message).into_response()
}

/// A refusal in the agent's words: plain text with a status.
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    /// What the agent itself finds wrong with a token.
    fn agent(message: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.to_owned() }
    }

    /// What the EKS Auth API answered to the agent.
    ///
    /// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html>.
    fn service(status: StatusCode, code: &str, message: &str) -> Self {
        let fault = if status.is_server_error() { "server" } else { "client" };
        Self { status, message: format!("[{}]: ({code}): {message}, fault: {fault}", random::uuid()) }
    }

    fn invalid_token() -> Self {
        let message = "The specified Kubernetes service account token is invalid.";
        Self::service(StatusCode::BAD_REQUEST, "InvalidTokenException", message)
    }
}

impl From<TokenFault> for Refusal {
    /// The agent reads a token and its times itself; the rest is EKS's to judge.
    fn from(fault: TokenFault) -> Self {
        match fault {
            TokenFault::NotAToken => {
                Self::agent("Service account token cannot be parsed: token is malformed")
            }
            TokenFault::Expired { .. } => {
                Self::agent("Service account token failed basic claim validations: token is expired")
            }
            TokenFault::NotYetValid => {
                Self::agent("Service account token failed basic claim validations: token is not valid yet")
            }
            _ => Self::invalid_token(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (self.status, headers, format!("{}\n", self.message)).into_response()
    }
}
