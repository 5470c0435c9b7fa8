//! Requests, signed as an AWS SDK signs them or wrong in one particular.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::Value;

/// An access key, with its session's token.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: Option<String>,
}

/// Credentials and the scope a request is signed for.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    pub(crate) keys: Keys,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) time: SystemTime,
}

/// A status with a body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Signer {
    pub(crate) fn new(keys: &Keys, service: &str, time: SystemTime) -> Self {
        Self { keys: keys.clone(), region: "eu-west-1".to_owned(), service: service.to_owned(), time }
    }

    /// The headers that sign a POST of `body` with `headers` to `url`.
    pub(crate) fn headers(&self, url: &str, headers: &[(&str, &str)], body: &str) -> Vec<(String, String)> {
        let identity = Credentials::new(
            &self.keys.access_key_id,
            &self.keys.secret_access_key,
            self.keys.session_token.clone(),
            None,
            "test",
        )
        .into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(self.time)
            .settings(SigningSettings::default())
            .build()
            .expect("complete parameters")
            .into();
        let request = SignableRequest::new(
            "POST",
            format!("{url}/"),
            headers.iter().copied(),
            SignableBody::Bytes(body.as_bytes()),
        )
        .expect("a request that can be signed");
        let (instructions, _) = sign(request, &params).expect("a signature").into_parts();
        let signed = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).chain(signed).collect()
    }

    /// An ECR API call.
    pub(crate) async fn ecr(&self, url: &str, operation: &str, body: &Value) -> Answer {
        self.json(url, &target(operation), body).await
    }

    /// A call of the JSON 1.1 protocol.
    pub(crate) async fn json(&self, url: &str, target: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let headers = self.headers(url, &ecr_headers(target), &body);
        post(url, &headers, body).await
    }

    /// An STS call, signed.
    pub(crate) async fn sts(&self, url: &str, form: &str) -> Answer {
        let headers = self.headers(url, &[FORM], form);
        post(url, &headers, form.to_owned()).await
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The text of the only element `name` of an XML body.
    #[track_caller]
    pub(crate) fn element(&self, name: &str) -> &str {
        let (_, rest) =
            self.body.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {self:?}"));
        rest.split_once(&format!("</{name}>")).expect("a closing tag").0
    }

    #[track_caller]
    pub(crate) fn is_xml_fault(&self, status: u16, code: &str, message: &str) {
        let found = (self.status, self.element("Code"), self.element("Message"));
        assert_eq!(found, (status, code, message));
        assert_eq!(self.element("Type"), "Sender");
    }

    #[track_caller]
    pub(crate) fn is_json_fault(&self, code: &str, message: &str) {
        let body = self.json();
        assert_eq!((self.status, &body["__type"], &body["message"]), (400, &code.into(), &message.into()));
    }
}

pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

pub(crate) fn target(operation: &str) -> String {
    format!("AmazonEC2ContainerRegistry_V20150921.{operation}")
}

pub(crate) fn ecr_headers(target: &str) -> [(&str, &str); 2] {
    [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)]
}

pub(crate) async fn post(url: &str, headers: &[(String, String)], body: String) -> Answer {
    let mut request = reqwest::Client::new().post(format!("{url}/")).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    answer(request).await
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    Answer { status, body: response.text().await.expect("a body") }
}
