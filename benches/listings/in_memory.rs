//! A repository as ECR's API and as the distribution API list it, in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use super::Place;
use crate::tag_sets::Tags;

const PER_PAGE: usize = 1000;

/// An HTTP client that answers with the pages of one repository, a thousand tags each, and counts.
#[derive(Clone, Debug)]
pub struct InMemory {
    ecr: Arc<[String]>,
    oci: Arc<[String]>,
    requests: Arc<AtomicU64>,
}

impl InMemory {
    /// Tag `i` has digest `i`.
    pub fn new(tags: &Tags) -> Self {
        let tags: Vec<_> = tags.iter().collect();
        let last = tags.len().div_ceil(PER_PAGE);
        let ecr = tags.chunks(PER_PAGE).enumerate().map(|(number, tags)| {
            let ids = tags.iter().enumerate().map(|(i, tag)| identifier(number * PER_PAGE + i, tag));
            let next = match number + 1 {
                next if next < last => format!(r#","nextToken":"{next:0200}""#),
                _ => String::new(),
            };
            format!(r#"{{"imageIds":[{}]{next}}}"#, ids.collect::<Vec<_>>().join(","))
        });
        let oci = tags.chunks(PER_PAGE).map(|tags| {
            let tags: Vec<_> = tags.iter().map(|tag| format!(r#""{tag}""#)).collect();
            format!(r#"{{"name":"apps/mainapp","tags":[{}]}}"#, tags.join(","))
        });
        Self { ecr: ecr.collect(), oci: oci.collect(), requests: Arc::default() }
    }

    /// Where contenders find it.
    pub fn place(&self) -> Place {
        Place {
            http_client: SharedHttpClient::new(self.clone()),
            credentials: Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "bench"),
            ecr_url: None,
            ecr_image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".to_owned(),
            oci_url: "https://registry.example.com".to_owned(),
            oci_repository: "apps/mainapp".to_owned(),
        }
    }

    /// How many requests came so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn list_images(&self, request: &HttpRequest) -> HttpResponse {
        let body = std::str::from_utf8(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        let token = body.split_once(r#""nextToken":""#).and_then(|(_, rest)| rest.get(..200));
        let number = token.map_or(0, |token| token.trim_start_matches('0').parse().unwrap_or(usize::MAX));
        answer(self.ecr.get(number))
    }

    fn list_tags(&self, request: &HttpRequest) -> HttpResponse {
        let last = request.uri().split_once("&last=").and_then(|(_, last)| last.parse().ok());
        let number: usize = last.unwrap_or(0);
        let mut response = answer(self.oci.get(number));
        if number + 1 < self.oci.len() {
            let link =
                format!(r#"</v2/apps/mainapp/tags/list?n={PER_PAGE}&last={}>; rel="next""#, number + 1);
            response.headers_mut().insert("link", link);
        }
        response
    }
}

fn identifier(i: usize, tag: &str) -> String {
    // A multiplicative hash, so that digests look like digests.
    let word = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let digest = format!("{word:016x}{:016x}{:016x}{i:016x}", !word, word.rotate_left(17));
    format!(r#"{{"imageDigest":"sha256:{digest}","imageTag":"{tag}"}}"#)
}

fn answer(body: Option<&String>) -> HttpResponse {
    let Ok(status) = StatusCode::try_from(200) else { unreachable!("200 is a status") };
    HttpResponse::new(status, SdkBody::from(body.cloned().unwrap_or_default()))
}

impl HttpClient for InMemory {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InMemory {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let is_oci = request.uri().contains("/v2/");
        let response = if is_oci { self.list_tags(&request) } else { self.list_images(&request) };
        HttpConnectorFuture::ready(Ok(response))
    }
}
