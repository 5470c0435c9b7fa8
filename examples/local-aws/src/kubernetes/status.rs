//! Refusals, as the API server writes them.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::attributes::Attributes;

/// A `Status` object of the kind `Failure`.
#[derive(Debug)]
pub(crate) struct Status {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Value,
}

impl Status {
    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// Source: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>.
    pub(super) fn forbidden(user: &str, attributes: &Attributes<'_>) -> Self {
        match attributes {
            Attributes::Path { verb, path } => {
                let message = format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\"");
                Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
            }
            Attributes::Resource { verb, group, resource, subresource, namespace, name } => {
                let subject = name.map(|name| format!(" \"{name}\"")).unwrap_or_default();
                let qualified =
                    if group.is_empty() { (*resource).to_owned() } else { format!("{resource}.{group}") };
                let whole = subresource.map_or((*resource).to_owned(), |sub| format!("{resource}/{sub}"));
                let place = match namespace {
                    Some(namespace) => format!("in the namespace \"{namespace}\""),
                    None => "at the cluster scope".to_owned(),
                };
                let message = format!(
                    "{qualified}{subject} is forbidden: User \"{user}\" cannot {verb} resource \"{whole}\" in API group \
                     \"{group}\" {place}"
                );
                Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(
                    group,
                    resource,
                    name.unwrap_or_default(),
                )
            }
        }
    }

    pub(super) fn not_found(resource: &str, name: &str) -> Self {
        let message = format!("{resource} \"{name}\" not found");
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about("", resource, name)
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn conflict(group: &str, kind: &str, name: &str, problem: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {kind}.{group} \"{name}\": {problem}");
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(group, kind, name)
    }

    /// One field has a value that it cannot have.
    pub(super) fn invalid(
        group: &str,
        kind: &str,
        name: &str,
        field: &str,
        value: &str,
        problem: &str,
    ) -> Self {
        let cause = format!("Invalid value: {value}: {problem}");
        let message = format!("{kind}.{group} \"{name}\" is invalid: {field}: {cause}");
        let mut status =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).about(group, kind, name);
        status.details["causes"] =
            json!([{ "reason": "FieldValueInvalid", "message": cause, "field": field }]);
        status
    }

    pub(super) fn not_acceptable() -> Self {
        let message = "only the following media types are accepted: application/json";
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    pub(super) fn unsupported_media_type() -> Self {
        let message = "the body of the request was in an unknown format - accepted media types include: application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    pub(super) fn too_large() -> Self {
        let message = "Request entity is too large: limit is 3145728";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    }

    /// An error with the reason that is usual for its status.
    pub(crate) fn of(code: StatusCode, message: impl Into<String>) -> Self {
        let reason = match code {
            StatusCode::BAD_REQUEST => "BadRequest",
            StatusCode::UNAUTHORIZED => "Unauthorized",
            StatusCode::FORBIDDEN => "Forbidden",
            StatusCode::NOT_FOUND => "NotFound",
            StatusCode::CONFLICT => "Conflict",
            StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
            StatusCode::INTERNAL_SERVER_ERROR => "InternalError",
            StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
            StatusCode::GATEWAY_TIMEOUT => "Timeout",
            _ => "",
        };
        Self::new(code, reason, message)
    }

    pub(crate) fn into_response(self) -> Response {
        let body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code.as_u16(),
        });
        super::json(self.code, &without_empty(body))
    }

    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: json!({}) }
    }

    /// With the details of what it is about.
    fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        self.details = without_empty(json!({ "name": name, "group": group, "kind": kind }));
        self
    }
}

/// The object without the members that are empty texts, and without details where there are none to tell.
fn without_empty(mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.retain(|name, value| *value != json!("") && (name != "details" || *value != json!({})));
    }
    object
}
