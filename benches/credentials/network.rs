//! The other side of every source, in memory: STS, the Pod Identity agent and the instance metadata service. It counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

#[derive(Clone, Debug, Default)]
pub(crate) struct Network(Arc<AtomicUsize>);

impl Network {
    /// How many requests came so far.
    pub(crate) fn requests(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl HttpClient for Network {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.fetch_add(1, Ordering::Relaxed);
        let path = request.uri().split_once("://").map_or("", |(_, rest)| rest);
        let path = path.split_once('/').map_or("", |(_, path)| path);
        let body = match (request.method(), path) {
            ("PUT", _) => "an-imds-token",
            ("POST", _) => STS,
            (_, path) if path.ends_with("security-credentials/") => "node-role",
            _ => DOCUMENT,
        };
        let Ok(status) = StatusCode::try_from(200) else { unreachable!("200 is a status") };
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        response.headers_mut().insert("x-aws-ec2-metadata-token-ttl-seconds", "21600");
        HttpConnectorFuture::ready(Ok(response))
    }
}

const DOCUMENT: &str = r#"{"Code":"Success","Type":"AWS-HMAC","LastUpdated":"2026-01-01T00:00:00Z",
"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"secret","Token":"token","AccountId":"111122223333",
"Expiration":"2100-01-01T00:00:00Z"}"#;

const STS: &str = r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>
<AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId>
<Arn>arn:aws:sts::111122223333:assumed-role/reflector/s</Arn></AssumedRoleUser>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"#;
