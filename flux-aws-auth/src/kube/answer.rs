//! What the API server answers.

use std::time::SystemTime;

use ::kube::client::Body;
use ::kube::core::{ObjectMeta, Status};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::call::Call;
use crate::error::{Error, ResponseFacts};
use crate::reason::Reason;
use crate::service_account::{ServiceAccount, ServiceAccountToken};
use crate::text::one_line;

/// As much as an API server takes for an object.
const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;

/// An answer, read to its end. Without a `Debug`, since a token can be in it.
pub(super) struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl Answer {
    pub(super) async fn read(response: Response<Body>) -> Result<Self, ::kube::Error> {
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await;
        Ok(Self { status, body: body.map_err(::kube::Error::Service)?.to_bytes().to_vec() })
    }

    /// This answer, or the refusal that it is.
    pub(super) fn accepted(self, call: &Call<'_>) -> Result<Self, Error> {
        if self.status.is_success() { Ok(self) } else { Err(self.refusal(call)) }
    }

    pub(super) fn service_account(&self, call: &Call<'_>) -> Result<ServiceAccount, Error> {
        #[derive(Deserialize)]
        struct Object {
            metadata: ObjectMeta,
        }
        let Object { metadata } = self.json(call)?;
        if metadata.name.as_deref() != Some(call.reference().name()) {
            return Err(self.malformed(call, "an object with another name"));
        }
        Ok(ServiceAccount::from(&metadata))
    }

    pub(super) fn token(&self, call: &Call<'_>) -> Result<ServiceAccountToken, Error> {
        #[derive(Deserialize)]
        struct Object {
            status: Made,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Made {
            token: String,
            expiration_timestamp: String,
        }
        let Object { status: Made { token, expiration_timestamp } } = self.json(call)?;
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(self.malformed(call, "something that is not a token"));
        }
        let expiry = DateTime::from_str(&expiration_timestamp, Format::DateTime).ok();
        let Some(expiry) = expiry.and_then(|expiry| SystemTime::try_from(expiry).ok()) else {
            return Err(self.malformed(call, "a token whose expiry is not a time"));
        };
        Ok(ServiceAccountToken::new(token).with_expiry(expiry))
    }

    fn json<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // Not the error itself, which can quote the answer.
            let (line, column) = (error.line(), error.column());
            self.malformed(call, &format!("something else, from line {line}, column {column} on"))
        })
    }

    fn malformed(&self, call: &Call<'_>, what: &str) -> Error {
        Error::because(
            Reason::ApiServerAnswerMalformed,
            format!("{call}, but HTTP {} with {what}", self.status.as_u16()),
        )
        .with_hint(NOT_KUBERNETES)
        .with_response(self.facts())
    }

    fn facts(&self) -> ResponseFacts {
        ResponseFacts { status: Some(self.status.as_u16()), ..ResponseFacts::default() }
    }

    fn refusal(&self, call: &Call<'_>) -> Error {
        let said = serde_json::from_slice(&self.body).ok().filter(|said: &Status| !said.reason.is_empty());
        let code = self.status.as_u16();
        let summary = match &said {
            Some(said) => {
                format!("{} (HTTP {code}): {}", one_line(&said.reason, 60), one_line(&said.message, 500))
            }
            None => format!("HTTP {code}, not in the form of Kubernetes"),
        };
        let (reason, hint) = match &said {
            Some(said) => explain(call, self.status, said),
            None => explain_status(self.status),
        };
        Error::because(reason, format!("{call}: {summary}")).with_hint(hint).with_response(self.facts())
    }
}

const NOT_KUBERNETES: &str =
    "Check that the address of the kube::Client is that of an API server, and look for a proxy between.";

/// Why it was refused, and what to do ([API conventions]).
///
/// [API conventions]: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#http-status-codes
fn explain(call: &Call<'_>, status: StatusCode, said: &Status) -> (Reason, String) {
    let (namespace, name) = (call.reference().namespace(), call.reference().name());
    let missing = said.details.as_ref().map(|details| details.kind.as_str());
    match status {
        StatusCode::UNAUTHORIZED => (
            Reason::ApiServerUnauthorized,
            "Check the credentials of this program's kube::Client. In a pod, they are the token of its own ServiceAccount: check \
             that it is mounted, and restart the pod if that ServiceAccount was recreated."
                .to_owned(),
        ),
        StatusCode::FORBIDDEN => (Reason::ServiceAccountForbidden, allow(call, said)),
        StatusCode::NOT_FOUND if missing == Some("serviceaccounts") => (
            Reason::ServiceAccountMissing,
            format!("Make ServiceAccount {name} in namespace {namespace}, or correct its name in the object."),
        ),
        StatusCode::NOT_FOUND if missing == Some("namespaces") => (
            Reason::ServiceAccountMissing,
            format!("Make namespace {namespace}, or correct its name in the object."),
        ),
        StatusCode::CONFLICT => (
            Reason::ServiceAccountReplaced,
            "It was recreated while its role was looked up. Try again; the next try reads the annotation of the new one."
                .to_owned(),
        ),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => (
            Reason::ApiServerRejected,
            "Change what the message names. An admission policy of the cluster can be stricter than Kubernetes.".to_owned(),
        ),
        status => explain_status(status),
    }
}

/// As much as the status alone tells. What stands between refuses in a form of its own, and so does an API server in need.
fn explain_status(status: StatusCode) -> (Reason, String) {
    let (reason, hint) = match status {
        StatusCode::TOO_MANY_REQUESTS => (
            Reason::ApiServerThrottled,
            "Try again later. If it lasts, look at the API server's flow control for this program.",
        ),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => (
            Reason::ApiServerFailing,
            "Try again later. If it lasts, look at the API server, its etcd and its admission webhooks.",
        ),
        _ => (Reason::ApiServerAnswerMalformed, NOT_KUBERNETES),
    };
    (reason, hint.to_owned())
}

/// The rule that grants what was forbidden, if it was for the want of one.
fn allow(call: &Call<'_>, said: &Status) -> String {
    let (verb, resource) = call.permission();
    if !said.message.contains(&format!("cannot {verb} resource")) {
        return format!(
            "It is not the permission to {verb} {resource} that is missing. The message says what is."
        );
    }
    format!(
        "Let this program {verb} {resource} in namespace {}: bind its ServiceAccount there to a ClusterRole with the rule \
         {{apiGroups: [\"\"], resources: [\"{resource}\"], verbs: [\"{verb}\"]}}.",
        call.reference().namespace()
    )
}
