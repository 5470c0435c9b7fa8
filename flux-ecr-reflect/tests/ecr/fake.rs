//! ECR's side of the wire, in memory: what was asked, and what is answered.

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::body::SdkBody;
use flux_ecr_reflect::{Error, ImageName, Reflector, ReflectorBuilder, Throttle};
use http::{Request, Response};
use serde_json::{Value, json};

pub(crate) const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const SESSION_TOKEN: &str = "FwoGZXIvYXdzEXAMPLESESSIONTOKEN";

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `ListImages` or `DescribeImages`.
    pub(crate) operation: String,
    pub(crate) uri: String,
    pub(crate) authorization: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    pub(crate) fn all(&self) -> Vec<Asked> {
        self.0.lock().expect("not poisoned").clone()
    }

    fn push(&self, asked: Asked) {
        self.0.lock().expect("not poisoned").push(asked);
    }
}

/// An HTTP client on which `answer` plays ECR: status and JSON for the body of a request.
pub(crate) fn ecr(
    answer: impl Fn(&Value) -> (u16, Value) + Send + Sync + 'static,
) -> (SharedHttpClient, Log) {
    let log = Log::default();
    let client = {
        let log = log.clone();
        infallible_client_fn(move |request| {
            let asked = read(&request);
            let (status, body) = answer(&asked.body);
            log.push(asked);
            Response::builder()
                .status(status)
                .header("content-type", "application/x-amz-json-1.1")
                .header("x-amzn-requestid", "request-1")
                .body(body.to_string())
                .expect("a response")
        })
    };
    (client, log)
}

/// An HTTP client on which `answer` plays ECR: status and JSON for the name of an operation.
pub(crate) fn by_operation(
    answer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static,
) -> SharedHttpClient {
    infallible_client_fn(move |request| {
        let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
        let (_, operation) = target.and_then(|target| target.split_once('.')).expect("an operation");
        let (status, body) = answer(operation);
        // A body as it comes from a network: the SDK's traces do not show it before it is read.
        Response::builder().status(status).body(SdkBody::from_body_1_x(body.to_string())).expect("a response")
    })
}

/// An HTTP client that answers request `i`, from 0, with this status and this body, whatever it is.
pub(crate) fn anything(answer: impl Fn(usize) -> (u16, String) + Send + Sync + 'static) -> SharedHttpClient {
    let asked = AtomicUsize::new(0);
    infallible_client_fn(move |_| {
        let (status, body) = answer(asked.fetch_add(1, Ordering::Relaxed));
        Response::builder().status(status).body(body).expect("a response")
    })
}

fn read<B>(request: &Request<B>) -> Asked
where
    B: AsBytes,
{
    let header =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = header("x-amz-target").strip_prefix("AmazonEC2ContainerRegistry_V20150921.");
    let operation = operation.expect("an operation of ECR");
    assert!(matches!(operation, "ListImages" | "DescribeImages"), "{operation}");
    Asked {
        operation: operation.to_owned(),
        uri: request.uri().to_string(),
        authorization: header("authorization").to_owned(),
        headers: request.headers().clone(),
        body: serde_json::from_slice(request.body().as_bytes()).expect("a JSON body"),
    }
}

pub(crate) trait AsBytes {
    fn as_bytes(&self) -> &[u8];
}

impl AsBytes for SdkBody {
    fn as_bytes(&self) -> &[u8] {
        self.bytes().expect("a body in memory")
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(ACCESS_KEY, SECRET_KEY, Some(SESSION_TOKEN.to_owned()), None, "test")
}

pub(crate) fn reflector(client: SharedHttpClient) -> Reflector {
    builder(client).build().expect("complete")
}

pub(crate) fn builder(client: SharedHttpClient) -> ReflectorBuilder {
    Reflector::builder().credentials(credentials()).http_client(client).throttle(Throttle::new())
}

pub(crate) fn image() -> ImageName {
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse().expect("valid")
}

/// The digest of image `i`.
pub(crate) fn digest(i: usize) -> String {
    format!("sha256:{i:064x}")
}

/// A page of `imageIds` for tags `range`, as ECR writes it.
pub(crate) fn page(tags: impl IntoIterator<Item = (usize, String)>, next: Option<&str>) -> (u16, Value) {
    let ids: Vec<Value> =
        tags.into_iter().map(|(i, tag)| json!({ "imageTag": tag, "imageDigest": digest(i) })).collect();
    let mut body = json!({ "imageIds": ids });
    if let Some(next) = next {
        body["nextToken"] = next.into();
    }
    (200, body)
}

/// An error in the wire format of AWS's JSON 1.1 protocol.
pub(crate) fn failure(status: u16, code: &str, message: &str) -> (u16, Value) {
    (status, json!({ "__type": code, "message": message }))
}

/// The causes of an error, outermost first.
pub(crate) fn sources(error: &Error) -> Vec<String> {
    let mut next = error.source();
    std::iter::from_fn(|| {
        let source = next?;
        next = source.source();
        Some(source.to_string())
    })
    .collect()
}
