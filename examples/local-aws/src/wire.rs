//! How AWS says things: timestamps, request ids, and errors in the query, JSON and registry formats.

use std::borrow::Cow;
use std::time::SystemTime;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::random;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A refusal: the status, code and message AWS would send, before it is written in a service's format.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rejection {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
}

impl Rejection {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    /// 400, what most faults of the caller have.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 403.
    pub(crate) fn forbidden(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// As a service of the query protocol answers: XML, with `Type` and the request id.
    ///
    /// Source: <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>.
    pub(crate) fn into_xml(self) -> Response {
        let request_id = random::uuid();
        let kind = if self.status.is_server_error() { "Receiver" } else { "Sender" };
        let error = element("Error", &ErrorBody { kind, code: &self.code, message: &self.message });
        let document = format!(
            "<ErrorResponse xmlns=\"{STS_NAMESPACE}\">{error}<RequestId>{request_id}</RequestId></ErrorResponse>"
        );
        xml(self.status, request_id, document)
    }

    /// As a service of the JSON 1.1 protocol answers: the code in `__type`.
    ///
    /// Source: <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization>.
    pub(crate) fn into_json(self) -> Response {
        aws_json(self.status, &json!({ "__type": self.code, "message": self.message }))
    }

    /// As a registry answers: a list of errors.
    ///
    /// Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>.
    pub(crate) fn into_registry(self) -> Response {
        let body = json!({ "errors": [{ "code": self.code, "message": self.message }] });
        (self.status, axum::Json(body)).into_response()
    }
}

/// The body of a request to a registry, which the gate has measured.
pub(crate) async fn read_body(body: Body) -> Result<Bytes, Rejection> {
    to_bytes(body, usize::MAX)
        .await
        .map_err(|_| Rejection::bad_request("UNKNOWN", "The request body could not be read."))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody<'a> {
    #[serde(rename = "Type")]
    kind: &'static str,
    code: &'a str,
    message: &'a str,
}

/// The answer of a query-protocol action: `<{action}Response>` around `<{action}Result>`.
///
/// Source: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#response-serialization>.
pub(crate) fn action_response(action: &str, result: &impl Serialize) -> Response {
    let request_id = random::uuid();
    let result = element(&format!("{action}Result"), result);
    let document = format!(
        "<{action}Response xmlns=\"{STS_NAMESPACE}\">{result}<ResponseMetadata><RequestId>{request_id}</RequestId>\
         </ResponseMetadata></{action}Response>"
    );
    xml(StatusCode::OK, request_id, document)
}

/// A body of the JSON 1.1 protocol.
pub(crate) fn aws_json(status: StatusCode, body: &impl Serialize) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/x-amz-json-1.1".to_owned()),
        (REQUEST_ID, random::uuid().to_string()),
    ];
    (status, headers, json_text(body)).into_response()
}

/// `time` as AWS writes it in XML and JSON documents: `2026-01-02T03:04:05Z`.
pub(crate) fn timestamp(time: SystemTime) -> String {
    let whole = OffsetDateTime::from(time).replace_nanosecond(0);
    whole.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

/// `body` as JSON text.
pub(crate) fn json_text(body: &impl Serialize) -> String {
    #[expect(
        clippy::expect_used,
        reason = "our own types, whose maps have string keys and which cannot fail"
    )]
    serde_json::to_string(body).expect("own types are written as JSON")
}

fn xml(status: StatusCode, request_id: Uuid, document: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/xml".to_owned()), (REQUEST_ID, request_id.to_string())];
    (status, headers, document).into_response()
}

fn element(name: &str, value: &impl Serialize) -> String {
    #[expect(clippy::expect_used, reason = "our own types of named text fields, which cannot fail")]
    quick_xml::se::to_string_with_root(name, value).expect("own types are written as XML")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn timestamps_have_whole_seconds() {
        assert_eq!(timestamp(UNIX_EPOCH + Duration::from_millis(1_767_323_045_678)), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn text_in_xml_is_escaped() {
        let body = ErrorBody { kind: "Sender", code: "ValidationError", message: "a < b & c" };
        assert_eq!(
            element("Error", &body),
            "<Error><Type>Sender</Type><Code>ValidationError</Code><Message>a &lt; b &amp; c</Message></Error>"
        );
    }
}
