//! Certificates: whose are accepted, and what is said of those that are not.

use flux_aws_auth::{Chain, Environment, ErrorKind, HttpClientBuilder, Reason};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::servers::{Authority, GOOD, sts};
use crate::support::*;

const BUNDLE: &str = "/etc/private/ca.pem";

fn sts_at(port: u16) -> Environment {
    irsa().with_var("AWS_ENDPOINT_URL_STS", format!("https://localhost:{port}"))
}

fn trusting(environment: Environment, authority: &Authority) -> Environment {
    environment.with_var("AWS_CA_BUNDLE", BUNDLE).with_file(BUNDLE, authority.pem())
}

#[tokio::test]
async fn a_private_authority_is_trusted_if_the_environment_names_it() {
    let authority = Authority::new();
    let port = sts(authority.server_of("localhost", GOOD)).await;
    let chain = Chain::builder().environment(trusting(sts_at(port), &authority)).build();
    let resolved = chain.resolve().await.unwrap();
    assert_eq!(resolved.credentials().access_key_id(), "ASIAEXAMPLE");
}

#[tokio::test]
async fn a_private_authority_is_trusted_if_the_program_gives_it() {
    let authority = Authority::new();
    let port = sts(authority.server_of("localhost", GOOD)).await;
    let client =
        HttpClientBuilder::new().extra_certificates("our authority", authority.pem()).build().unwrap();
    let chain = Chain::builder().environment(sts_at(port)).http_client(client).build();
    assert_eq!(chain.resolve().await.unwrap().credentials().access_key_id(), "ASIAEXAMPLE");
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_the_client_s() {
    let authority = Authority::new();
    let port = sts(authority.server_that_asks("localhost")).await;
    let trusting = HttpClientBuilder::new().extra_certificates("our authority", authority.pem());
    let chain = |client: HttpClientBuilder| {
        Chain::builder().environment(sts_at(port)).http_client(client.build().unwrap()).build()
    };

    let (certificate, key) = authority.client();
    let shown = chain(trusting.clone().client_certificate("ours", &certificate, &key));
    assert_eq!(shown.resolve().await.unwrap().credentials().access_key_id(), "ASIAEXAMPLE");

    let error = chain(trusting.clone()).resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::TlsFailed, "{error:?}");
    let (of_another, its_key) = Authority::named("Another").client();
    let error =
        chain(trusting.client_certificate("theirs", of_another, its_key)).resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::TlsFailed, "{error:?}");
}

#[test]
fn a_client_certificate_that_cannot_be_used_is_said_at_once_without_its_key() {
    let authority = Authority::new();
    let ((certificate, key), (_, another)) = (authority.client(), authority.client());
    let broken = "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n";
    for (certificate, key, why) in [
        (certificate.as_str(), another.as_str(), "has a key that is not the certificate's"),
        (&certificate, &certificate, "has no private key in it"),
        (&key, &key, "has no certificate in it"),
        (&certificate, broken, "has a certificate or a key that is not acceptable"),
        ("-----BEGIN CERTIFICATE-----\ncanary", &key, "is not PEM"),
    ] {
        let error =
            HttpClientBuilder::new().client_certificate("the Secret", certificate, key).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().starts_with(&format!("the Secret {why}")), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("PEM")), "{error:?}");
        let debug = format!("{error:?}");
        assert!(!debug.contains("canary") && !debug.contains("Y2FuYXJ5") && !debug.contains(key), "{debug}");
    }
}

#[tokio::test]
async fn each_failure_of_tls_has_its_reason_and_remedy() {
    let (authority, another) = (Authority::new(), Authority::named("Another"));
    let anew = Authority::new();
    let mut checks = JoinSet::new();
    for (host, years, trusted, reason, remedy) in [
        ("localhost", GOOD, &another, Reason::TlsUnknownIssuer, "AWS_CA_BUNDLE"),
        ("localhost", GOOD, &anew, Reason::TlsUnknownIssuer, "AWS_CA_BUNDLE"),
        ("localhost", (2020, 2021), &authority, Reason::TlsExpired, "clock"),
        ("localhost", (3999, 4000), &authority, Reason::TlsNotYetValid, "clock"),
        ("sts.example.com", GOOD, &authority, Reason::TlsWrongName, "another host"),
    ] {
        let port = sts(authority.server_of(host, years)).await;
        let chain = Chain::builder().environment(trusting(sts_at(port), trusted)).build();
        checks.spawn(async move {
            let error = chain.resolve().await.unwrap_err();
            assert_eq!((error.reason(), error.kind()), (reason, ErrorKind::Unavailable), "{error:?}");
            let hint = error.hint().unwrap();
            assert!(hint.contains(remedy) && hint.contains(&format!("https://localhost:{port}")), "{hint}");
        });
    }
    checks.join_all().await;
}

#[tokio::test]
async fn what_speaks_no_tls_is_told_from_what_is_not_trusted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        }
    });
    let chain = Chain::builder().environment(trusting(sts_at(port), &Authority::new())).build();
    assert_eq!(chain.resolve().await.unwrap_err().reason(), Reason::TlsFailed);
}

#[tokio::test]
async fn nobody_at_the_port_is_a_refused_connection() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let chain = Chain::builder().environment(trusting(sts_at(port), &Authority::new())).build();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::ConnectionRefused, "{error:?}");
}

/// The connection is broken off in the middle of the handshake.
#[tokio::test]
async fn a_connection_that_ends_early_is_a_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let chain = Chain::builder().environment(trusting(sts_at(port), &Authority::new())).build();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::ConnectionReset, "{error:?}");
}

#[tokio::test]
async fn a_bundle_that_cannot_be_used_is_said_at_the_first_use() {
    for (environment, said) in [
        (irsa().with_var("AWS_CA_BUNDLE", BUNDLE), "cannot be read"),
        (irsa().with_var("AWS_CA_BUNDLE", BUNDLE).with_file(BUNDLE, "no PEM"), "has no certificate in it"),
    ] {
        let error = Chain::builder().environment(environment).build().resolve().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let report = report_of(&error).to_string();
        assert!(report.contains(&format!("AWS_CA_BUNDLE: {BUNDLE:?} {said}")), "{report}");
    }
    let error = HttpClientBuilder::new().extra_certificates("our authority", "").build().unwrap_err();
    assert_eq!(error.to_string(), "our authority has no certificate in it");
}
