//! Signature Version 4, verified by signing the request again.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::cloud::Cloud;
use crate::credentials::Credentials;
use crate::iam::Caller;
use crate::wire::Rejection;

/// How far a request's time may be from the service's.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
const SECURITY_TOKEN: &str = "x-amz-security-token";

/// Why a signature is not accepted.
#[derive(Debug, PartialEq)]
pub(crate) enum AuthFault {
    Unsigned,
    Incomplete(String),
    UnknownKey,
    ExpiredToken,
    Rejected(String),
}

impl AuthFault {
    /// The codes and statuses of a query service.
    ///
    /// Source: <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>.
    pub(crate) fn for_query(self) -> Rejection {
        let message = self.message();
        match self {
            Self::Unsigned => Rejection::forbidden("MissingAuthenticationToken", message),
            Self::Incomplete(_) => Rejection::bad_request("IncompleteSignature", message),
            Self::UnknownKey => Rejection::forbidden("InvalidClientTokenId", message),
            Self::ExpiredToken => Rejection::forbidden("ExpiredToken", message),
            Self::Rejected(_) => Rejection::forbidden("SignatureDoesNotMatch", message),
        }
    }

    /// The codes and statuses of a JSON service.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html>.
    pub(crate) fn for_json(self) -> Rejection {
        let code = match self {
            Self::Unsigned => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::Rejected(_) => "InvalidSignatureException",
        };
        Rejection::new(StatusCode::BAD_REQUEST, code, self.message())
    }

    fn message(&self) -> String {
        match self {
            Self::Unsigned => "Missing Authentication Token".to_owned(),
            Self::UnknownKey => "The security token included in the request is invalid.".to_owned(),
            Self::ExpiredToken => "The security token included in the request is expired".to_owned(),
            Self::Incomplete(message) | Self::Rejected(message) => message.clone(),
        }
    }
}

/// Who sent the request, if its `Authorization` header is the one that key's owner would have made now for `service` in
/// `region`.
pub(crate) fn verify(
    cloud: &Cloud,
    region: &str,
    service: &str,
    request: &Parts,
    body: &Bytes,
) -> Result<Caller, AuthFault> {
    let authorization = Authorization::parse(&request.headers)?;
    authorization.covers_what_must_be_signed(&request.headers)?;
    authorization.check_scope(region, service)?;
    let signed_at = authorization.check_time(&request.headers, cloud.now())?;

    let credentials = cloud.keys.find(authorization.access_key_id).ok_or(AuthFault::UnknownKey)?;
    check_session(&credentials, &request.headers, cloud.now())?;
    let expected = signature(&credentials, &authorization, signed_at, request, body)?;
    verify_slices_are_equal(expected.as_bytes(), authorization.signature.as_bytes()).map_err(|_| {
        AuthFault::Rejected(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details."
                .to_owned(),
        )
    })?;
    Ok(credentials.caller.clone())
}

/// The parts of an `Authorization` header.
struct Authorization<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(headers: &'a HeaderMap) -> Result<Self, AuthFault> {
        let value = headers.get(header::AUTHORIZATION).ok_or(AuthFault::Unsigned)?;
        let value = value.to_str().map_err(|_| AuthFault::Unsigned)?;
        let fields = value.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(|| {
            AuthFault::Incomplete("Authorization header requires the AWS4-HMAC-SHA256 algorithm.".to_owned())
        })?;
        let field = |name: &str| {
            let mut fields = fields.split(',').filter_map(|field| field.trim().split_once('='));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value).ok_or_else(|| {
                AuthFault::Incomplete(format!("Authorization header requires '{name}' parameter."))
            })
        };
        let credential = field("Credential")?;
        let scope: Vec<&str> = credential.split('/').collect();
        let [access_key_id, date, region, service, "aws4_request"] = scope[..] else {
            return Err(AuthFault::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/aws4_request, got '{credential}'"
            )));
        };
        let signed_headers = field("SignedHeaders")?.split(';').collect();
        Ok(Self { access_key_id, date, region, service, signed_headers, signature: field("Signature")? })
    }

    /// The host and every `x-amz-` header must be part of what is signed.
    fn covers_what_must_be_signed(&self, headers: &HeaderMap) -> Result<(), AuthFault> {
        let unsigned = |name: &str| {
            AuthFault::Rejected(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization header."))
        };
        let needed = headers.keys().map(header::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
        match needed.chain(["host"]).find(|name| !self.signed_headers.contains(name)) {
            Some(missing) => Err(unsigned(missing)),
            None => Ok(()),
        }
    }

    fn check_scope(&self, region: &str, service: &str) -> Result<(), AuthFault> {
        if self.region != region {
            return Err(AuthFault::Rejected("Credential should be scoped to a valid region.".to_owned()));
        }
        if self.service != service {
            let message = format!("Credential should be scoped to correct service: '{service}'.");
            return Err(AuthFault::Rejected(message));
        }
        Ok(())
    }

    fn check_time(&self, headers: &HeaderMap, now: SystemTime) -> Result<SystemTime, AuthFault> {
        let date = headers.get("x-amz-date").and_then(|value| value.to_str().ok()).ok_or_else(|| {
            AuthFault::Incomplete(
                "Authorization header requires existence of 'X-Amz-Date' header.".to_owned(),
            )
        })?;
        let signed_at = parse_date(date).ok_or_else(|| {
            AuthFault::Incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{date}'."))
        })?;
        if date.get(..8) != Some(self.date) {
            return Err(AuthFault::Rejected(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
                 '{}', from '{date}'.",
                self.date,
                &date[..8],
            )));
        }
        let (early, late) = (basic(now - TOLERANCE), basic(now + TOLERANCE));
        if signed_at < now - TOLERANCE {
            return Err(AuthFault::Rejected(format!(
                "Signature expired: {date} is now earlier than {early} ({} - 5 min.)",
                basic(now)
            )));
        }
        if signed_at > now + TOLERANCE {
            return Err(AuthFault::Rejected(format!(
                "Signature not yet current: {date} is still later than {late} ({} + 5 min.)",
                basic(now)
            )));
        }
        Ok(signed_at)
    }
}

/// A session's key comes with the session's token, a user's key with none.
fn check_session(credentials: &Credentials, headers: &HeaderMap, now: SystemTime) -> Result<(), AuthFault> {
    let token = headers.get(SECURITY_TOKEN).map(header::HeaderValue::as_bytes);
    match (&credentials.session, token) {
        (None, None) => Ok(()),
        (Some(session), Some(token)) if verify_slices_are_equal(session.token.as_bytes(), token).is_ok() => {
            if session.expires > now {
                Ok(())
            } else {
                Err(AuthFault::ExpiredToken)
            }
        }
        _ => Err(AuthFault::UnknownKey),
    }
}

/// The signature the owner of `credentials` makes for this request.
fn signature(
    credentials: &Arc<Credentials>,
    authorization: &Authorization<'_>,
    signed_at: SystemTime,
    request: &Parts,
    body: &Bytes,
) -> Result<String, AuthFault> {
    let unreadable = |problem: &dyn std::fmt::Display| AuthFault::Incomplete(problem.to_string());
    // The signer adds these two itself; as part of the identity the token stays out of its trace output.
    let added = ["x-amz-date", SECURITY_TOKEN];
    let mut headers = Vec::new();
    for name in authorization.signed_headers.iter().filter(|name| !added.contains(name)) {
        for value in request.headers.get_all(*name) {
            headers.push((*name, value.to_str().map_err(|error| unreadable(&error))?));
        }
    }

    let token = credentials.session.as_ref().map(|session| session.token.clone());
    let identity: Identity = aws_credential_types::Credentials::new(
        &credentials.access_key_id,
        &credentials.secret_access_key,
        token,
        None,
        "local-aws",
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(authorization.region)
        .name(authorization.service)
        .time(signed_at)
        .settings(settings)
        .build()
        .map_err(|error| unreadable(&error))?
        .into();

    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
    let signable = SignableRequest::new(
        request.method.as_str(),
        format!("http://{host}{path}"),
        headers.into_iter(),
        SignableBody::Bytes(body),
    )
    .map_err(|error| unreadable(&error))?;
    let (_, signature) = sign(signable, &params).map_err(|error| unreadable(&error))?.into_parts();
    Ok(signature)
}

fn parse_date(date: &str) -> Option<SystemTime> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    Some(PrimitiveDateTime::parse(date, format).ok()?.assume_utc().into())
}

fn basic(time: SystemTime) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    OffsetDateTime::from(time).format(format).unwrap_or_default()
}
