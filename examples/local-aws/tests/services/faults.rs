//! What goes wrong on purpose, seen over real connections.

use std::io::ErrorKind;
use std::time::Duration;

use local_aws::{Fault, LocalAws, Service};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::scenario::{CONTROLLER, HOUR, NAMESPACE, STS, bot, builder, ecr, now, start};
use crate::signed::{Answer, Signer, answer};
use crate::sts::assume;

/// Every service with an address that it answers.
fn services(aws: &LocalAws) -> [(Service, String); 11] {
    [
        (Service::Ecr, format!("{}/", aws.ecr_url())),
        (Service::EcrPublic, format!("{}/", aws.ecr_public_url())),
        (Service::GenericRegistry, format!("{}/v2/", aws.generic_registry_url())),
        (Service::GenericTokens, format!("{}/token", aws.generic_tokens_url())),
        (Service::Imds, format!("{}/latest/meta-data/", aws.imds_url())),
        (Service::Issuer, format!("{}/keys", aws.issuer_endpoint())),
        (Service::PodIdentity, aws.pod_identity_url()),
        (Service::Registry, format!("{}/v2/", aws.registry_url())),
        (Service::PublicRegistry, format!("{}/v2/", aws.public_registry_url())),
        (Service::Sts, format!("{}/?Action=GetCallerIdentity&Version=2011-06-15", aws.sts_url())),
        (Service::Kubernetes, format!("{}/api/v1/namespaces/a/serviceaccounts/b", aws.kubernetes_url())),
    ]
}

async fn get(url: &str) -> Response {
    let client = Client::builder().redirect(Policy::none()).build().expect("a client");
    client.get(url).send().await.expect("an answer")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

#[tokio::test]
async fn each_service_throttles_in_its_own_way() {
    let aws = start().await;
    for (service, url) in services(&aws) {
        let injection = aws.inject(service, Fault::throttle());
        let response = get(&url).await;
        let status = response.status().as_u16();
        assert_eq!(header(&response, "retry-after"), if service == Service::Kubernetes { "1" } else { "" });
        let body = response.text().await.expect("a body");
        let (expected, word) = match service {
            Service::Ecr | Service::EcrPublic => (400, r#""__type":"ThrottlingException""#),
            Service::Sts => (400, "<Code>Throttling</Code><Message>Rate exceeded</Message>"),
            Service::Imds => (503, "503 - Service Unavailable"),
            Service::PodIdentity => (429, "(ThrottlingException): Rate exceeded, fault: client"),
            Service::Registry
            | Service::PublicRegistry
            | Service::GenericRegistry
            | Service::GenericTokens => (429, r#"{"code":"TOOMANYREQUESTS","message":"Rate exceeded"}"#),
            Service::Kubernetes => (429, r#""reason":"TooManyRequests""#),
            _ => (429, "Too Many Requests"),
        };
        assert_eq!(status, expected, "{service:?}");
        assert!(body.contains(word), "{service:?}: {body}");
        assert_eq!(injection.hits(), 1);
    }
}

#[tokio::test]
async fn each_service_fails_in_its_own_words() {
    let aws = start().await;
    for (service, url) in services(&aws) {
        aws.inject(service, Fault::status(500).once());
        aws.inject(
            service,
            Fault::error(418, "Teapot", "short and stout").retry_after(Duration::from_secs(7)),
        );
        let (first, second) = (get(&url).await, get(&url).await);
        assert_eq!((first.status().as_u16(), second.status().as_u16()), (500, 418));
        assert_eq!((header(&first, "retry-after"), header(&second, "retry-after")), ("", "7"));
        let (first, second) = (first.text().await.expect("text"), second.text().await.expect("text"));
        let word = match service {
            Service::Ecr | Service::EcrPublic => "ServerException",
            Service::Sts => "<Type>Receiver</Type><Code>InternalFailure</Code>",
            Service::PodIdentity => "(InternalServerErrorException)",
            Service::Registry
            | Service::PublicRegistry
            | Service::GenericRegistry
            | Service::GenericTokens => "INTERNAL_SERVER_ERROR",
            Service::Kubernetes => r#""reason":"InternalError""#,
            _ => "Internal Server Error",
        };
        assert!(first.contains(word), "{service:?}: {first}");
        if service != Service::Imds {
            assert!(second.contains("short and stout"), "{service:?}: {second}");
        }
    }
}

#[tokio::test]
async fn a_reset_comes_before_a_byte_of_an_answer() {
    let aws = start().await;
    for (service, url) in services(&aws) {
        let injection = aws.inject(service, Fault::reset().once());
        let (host, path) = url.trim_start_matches("http://").split_once('/').expect("a path");
        let mut stream = TcpStream::connect(host).await.expect("a connection");
        let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut received = Vec::new();
        let error = stream.read_to_end(&mut received).await.expect_err("no end, but a reset");
        assert_eq!((error.kind(), received.len()), (ErrorKind::ConnectionReset, 0), "{service:?}");
        assert_eq!(injection.hits(), 1);
        assert!(get(&url).await.status().as_u16() > 0, "the next request is answered");
    }
}

#[tokio::test]
async fn half_of_the_announced_body_arrives() {
    let aws = start().await;
    let url = format!("{}/keys", aws.issuer_endpoint());
    let whole = get(&url).await.bytes().await.expect("a body");
    aws.inject(Service::Issuer, Fault::cut_body().once());

    let host = aws.issuer_endpoint().trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.expect("a connection");
    stream.write_all(format!("GET /keys HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.expect("sent");
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.expect("an end");
    let received = String::from_utf8(received).expect("text");
    let (head, body) = received.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains(&format!("content-length: {}\r\n", whole.len())), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(body.as_bytes(), &whole[..whole.len() / 2]);

    aws.inject(Service::Issuer, Fault::cut_body());
    assert!(get(&url).await.bytes().await.is_err(), "a client notices");
}

#[tokio::test]
async fn bodies_that_are_not_right() {
    let aws = start().await;
    for (service, url) in services(&aws) {
        let [garbage, huge] =
            [Fault::garbage(), Fault::huge(1_000_000)].map(|fault| aws.inject(service, fault.once()));
        let response = get(&url).await;
        assert_eq!(response.status().as_u16(), 200);
        let content_type = header(&response, "content-type").to_owned();
        assert!(content_type.contains('/'), "{service:?}: {content_type}");
        let bytes = response.bytes().await.expect("a body");
        assert!(std::str::from_utf8(&bytes).is_err());
        assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_err());

        let response = get(&url).await;
        assert_eq!((response.status().as_u16(), response.content_length()), (200, None));
        assert_eq!(header(&response, "content-type"), content_type);
        assert_eq!(response.bytes().await.expect("a body").len(), 1_000_000);
        assert_eq!((garbage.hits(), huge.hits()), (1, 1));
    }
}

#[tokio::test]
async fn a_redirect_and_a_wrong_content_type() {
    let aws = start().await;
    let url = format!("{}/keys", aws.issuer_endpoint());
    aws.inject(Service::Issuer, Fault::redirect("http://169.254.169.254/latest/").once());
    let response = get(&url).await;
    assert_eq!(response.status().as_u16(), 307);
    assert_eq!(header(&response, "location"), "http://169.254.169.254/latest/");

    aws.inject(Service::Issuer, Fault::content_type("text/html").once());
    let response = get(&url).await;
    assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, "text/html"));
    assert!(response.text().await.expect("a body").contains("keys"));
    assert_eq!(header(&get(&url).await, "content-type"), "application/json");
}

#[tokio::test]
async fn a_held_request_is_answered_when_the_fault_is_removed() {
    let aws = start().await;
    let url = format!("{}/keys", aws.issuer_endpoint());
    let injection = aws.inject(Service::Issuer, Fault::hold());
    let first = tokio::spawn({
        let url = url.clone();
        async move { get(&url).await.status() }
    });
    injection.reached(1).await;
    assert!(!first.is_finished());
    injection.remove();
    assert_eq!(first.await.expect("an answer").as_u16(), 200);
    assert_eq!(get(&url).await.status().as_u16(), 200);
    assert_eq!(injection.hits(), 1, "a removed fault befalls nobody");
}

#[tokio::test]
async fn a_delayed_request_is_answered_late_or_ends_with_the_services() {
    let aws = start().await;
    let url = format!("{}/keys", aws.issuer_endpoint());
    aws.inject(Service::Issuer, Fault::delay(Duration::from_millis(1)).once());
    assert_eq!(get(&url).await.status().as_u16(), 200);

    let late = aws.inject(Service::Issuer, Fault::delay(HOUR));
    let waiting = tokio::spawn(async move { Client::new().get(url).send().await.is_ok() });
    late.reached(1).await;
    assert!(!waiting.is_finished());
    aws.stop().await;
    waiting.await.expect("the request ends");
}

#[tokio::test]
async fn faults_are_a_script_and_are_counted() {
    let aws = start().await;
    let url = format!("{}/keys", aws.issuer_endpoint());
    let script = [
        Fault::status(500).after(1).times(2),
        Fault::status(501).on("Configuration"),
        Fault::status(502).mentioning("keys").times(1),
        Fault::status(503).after(1).once(),
    ];
    let injections = script.map(|fault| aws.inject(Service::Issuer, fault));
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(get(&url).await.status().as_u16());
    }
    assert_eq!(statuses, [502, 500, 500, 200, 503, 200]);
    assert_eq!(injections.map(|injection| injection.hits()), [2, 0, 1, 1]);
    assert_eq!(aws.requests()["oidc:Keys"], 6, "a request is counted whatever becomes of it");
}

#[tokio::test]
async fn a_fault_finds_its_request_by_operation_and_text() {
    let aws = start().await;
    let role = aws.role_arn("reflector");
    let token = aws.issuer().token(NAMESPACE, CONTROLLER, STS, HOUR);
    let other = aws.inject(Service::Sts, Fault::status(503).mentioning(aws.role_arn("other")));
    let this = aws.inject(
        Service::Sts,
        Fault::error(400, "IDPCommunicationError", "no answer")
            .on("AssumeRoleWithWebIdentity")
            .mentioning(role)
            .once(),
    );
    let answer = assume(&aws, &[("WebIdentityToken", &token)]).await;
    answer.is_xml_fault(400, "IDPCommunicationError", "no answer");
    assert_eq!(assume(&aws, &[("WebIdentityToken", &token)]).await.status, 200);
    assert_eq!((other.hits(), this.hits()), (0, 1));

    let page = aws.inject(Service::Ecr, Fault::throttle().on("ListImages").mentioning("apps/small").once());
    let ecr = ecr(&aws).await;
    let list = async |name: &str| -> Answer {
        ecr.ecr(aws.ecr_url(), "ListImages", &json!({ "repositoryName": name })).await
    };
    assert_eq!(list("apps/mainapp").await.status, 200);
    list("apps/small").await.is_json_fault("ThrottlingException", "Rate exceeded");
    assert_eq!(list("apps/small").await.status, 200);
    assert_eq!(page.hits(), 1);
}

#[tokio::test]
async fn a_services_clock_is_off() {
    let aws = start().await;
    let token = aws.issuer().token(NAMESPACE, CONTROLLER, STS, HOUR);
    let url = format!("{}/?Action=None&Version=2011-06-15", aws.sts_url());
    assert_eq!(header(&get(&url).await, "date"), "Fri, 02 Jan 2026 03:04:05 GMT");

    let behind = aws.inject(Service::Sts, Fault::clock_behind(Duration::from_secs(600)));
    assert_eq!(header(&get(&url).await, "date"), "Fri, 02 Jan 2026 02:54:05 GMT");
    let who = "Action=GetCallerIdentity&Version=2011-06-15";
    let signed = Signer::new(&bot(&aws), "sts", now()).sts(aws.sts_url(), who).await;
    assert_eq!((signed.status, signed.element("Code")), (403, "SignatureDoesNotMatch"));
    assert!(signed.element("Message").starts_with("Signature not yet current"), "{signed:?}");
    let early = assume(&aws, &[("WebIdentityToken", &token)]).await;
    early.is_xml_fault(400, "InvalidIdentityToken", "Token is not valid yet");
    behind.remove();

    let ahead = aws.inject(Service::Sts, Fault::clock_ahead(Duration::from_secs(1800)));
    let throttled = aws.inject(Service::Sts, Fault::throttle().once());
    assert_eq!(assume(&aws, &[("WebIdentityToken", &token)]).await.element("Code"), "Throttling");
    let answer = assume(&aws, &[("WebIdentityToken", &token)]).await;
    assert_eq!(answer.element("Expiration"), "2026-01-02T04:34:05Z");
    assert_eq!((ahead.hits(), throttled.hits(), behind.hits()), (2, 1, 3), "in addition to another fault");
    assert_eq!(
        header(&get(&format!("{}/keys", aws.issuer_endpoint())).await, "date"),
        "Fri, 02 Jan 2026 03:04:05 GMT"
    );
}

#[tokio::test]
async fn without_a_fault_nothing_is_different() {
    let aws = builder().start().await.expect("a valid set-up");
    let url = aws.pod_identity_url();
    let right = answer(Client::new().get(&url)).await;
    let injection = aws.inject(Service::Sts, Fault::reset());
    assert_eq!(answer(Client::new().get(&url)).await.body, right.body);
    assert_eq!(injection.hits(), 0);
}
