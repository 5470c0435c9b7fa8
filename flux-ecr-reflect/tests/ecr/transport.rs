//! Proxy, certificates and timeout, as an ImageRepository's Secrets have them. TLS is on real loopback sockets.

use std::future::pending;
use std::time::Duration;

use flux_aws_auth::Environment;
use flux_ecr_reflect::{Error, ErrorKind, RegistryTransport, RegistryTransportBuilder, Scan};

use crate::fake;
use crate::tls_server::{Authority, ecr, proxy};

async fn scan(transport: &RegistryTransport, port: Option<u16>) -> Result<Scan, Error> {
    let builder = fake::builder(transport.http_client());
    let builder = match port {
        Some(port) => builder.endpoint_url(format!("https://localhost:{port}")),
        None => builder,
    };
    builder.build().expect("complete").scan(&fake::image()).await
}

#[tokio::test]
async fn an_authority_of_the_secret_is_trusted_under_either_key_and_no_other_is() {
    let authority = Authority::named("Ours");
    let port = ecr(authority.server("localhost", None)).await;
    for key in ["ca.crt", "caFile"] {
        let data = [(key, authority.pem()), ("unrelated", "canary".to_owned())];
        let transport = RegistryTransport::builder().cert_secret("apps/tls", data).build().expect("valid");
        assert_eq!(scan(&transport, Some(port)).await.expect("complete").len(), 0);
    }
    let data = [("ca.crt", Authority::named("Another").pem()), ("caFile", authority.pem())];
    let transport = RegistryTransport::builder().cert_secret("apps/tls", data).build().expect("valid");
    let error = scan(&transport, Some(port)).await.expect_err("not trusted");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(fake::sources(&error).iter().any(|cause| cause.contains("UnknownIssuer")), "{error:?}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_registry_that_asks_for_one() {
    let (servers, clients) = (Authority::named("Servers"), Authority::named("Clients"));
    let port = ecr(servers.server("localhost", Some(&clients))).await;
    let (certificate, key) = clients.client();
    for [ca, crt, private] in [["ca.crt", "tls.crt", "tls.key"], ["caFile", "certFile", "keyFile"]] {
        let data = [(ca, servers.pem()), (crt, certificate.clone()), (private, key.clone())];
        let transport = RegistryTransport::builder().cert_secret("apps/tls", data).build().expect("valid");
        assert_eq!(scan(&transport, Some(port)).await.expect("complete").len(), 0);
    }
    // Without one, or with a stranger's, not a word.
    let (certificate, key) = Authority::named("Strangers").client();
    let refused = |shown: Vec<(&'static str, String)>| {
        let data = [("ca.crt", servers.pem())].into_iter().chain(shown);
        let transport = RegistryTransport::builder().cert_secret("apps/tls", data).build().expect("valid");
        async move { scan(&transport, Some(port)).await.expect_err("refused") }
    };
    let (nobody, stranger) =
        tokio::join!(refused(Vec::new()), refused(vec![("tls.crt", certificate), ("tls.key", key)]));
    for error in [nobody, stranger] {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    }
}

#[tokio::test]
async fn a_proxy_is_used_with_its_password_whatever_the_environment_says_but_not_for_this_machine() {
    let (servers, clients) = (Authority::named("Servers"), Authority::named("Clients"));
    let host = "api.ecr.eu-west-1.amazonaws.com";
    let (certificate, key) = clients.client();
    let environment = Environment::empty()
        .with_var("HTTPS_PROXY", "http://127.0.0.1:1")
        .with_var("NO_PROXY", "amazonaws.com");
    let (port, heads) = proxy(servers.server(host, Some(&clients))).await;
    let of_secrets = |builder: RegistryTransportBuilder| {
        let proxy = [
            ("address", format!("http://127.0.0.1:{port}")),
            ("username", "me".to_owned()),
            ("password", "canary/password".to_owned()),
        ];
        let tls = [("ca.crt", servers.pem()), ("tls.crt", certificate.clone()), ("tls.key", key.clone())];
        builder.proxy_secret("apps/proxy", proxy).cert_secret("apps/tls", tls)
    };
    let after = of_secrets(RegistryTransport::builder().environment(&environment));
    let before = of_secrets(RegistryTransport::builder()).environment(&environment);
    assert!(!format!("{after:?} {before:?}").contains("canary"));
    let [transport, other] = [after, before].map(|builder| builder.build().expect("valid"));
    scan(&transport, None).await.expect("complete");
    scan(&other, None).await.expect("complete, in whatever order the settings are");
    let heads_of = || heads.lock().expect("not poisoned").clone();
    assert_eq!(heads_of().len(), 2);
    for head in heads_of() {
        assert!(head.starts_with(&format!("CONNECT {host}:443 HTTP/1.1\r\n")), "{head}");
        // base64 of `me:canary/password`
        let authorization = "proxy-authorization: basic bwu6y2fuyxj5l3bhc3n3b3jk\r\n";
        assert!(head.to_ascii_lowercase().contains(authorization), "{head}");
    }
    assert!(!format!("{transport:?}").contains("canary"));

    let here = ecr(servers.server("localhost", None)).await;
    scan(&transport, Some(here)).await.expect("complete");
    assert_eq!(heads_of().len(), 2, "not for this machine");
}

#[test]
fn a_proxy_s_secret_that_is_no_help_names_the_key_and_shows_nothing() {
    for (data, why) in [
        (vec![("username", "me"), ("password", "canary")], "'address' is missing or empty"),
        (vec![("address", " ")], "'address' is missing or empty"),
        (vec![("address", "socks5://me:canary@proxy.example:1080")], "'address': "),
        (vec![("address", "http://me:canary/x@proxy.example:1080")], "'address': "),
        (
            vec![("address", "http://proxy.example:3128"), ("username", "canary\n")],
            "'username' has a line break",
        ),
        (
            vec![("address", "http://proxy.example:3128"), ("username", "me"), ("password", "canary\n")],
            "'password' has a line break",
        ),
    ] {
        refused(RegistryTransport::builder().proxy_secret("apps/proxy", data).build(), "apps/proxy", why);
    }
    let twice = vec![("address", "http://proxy.example:3128"), ("address", " ")];
    let built = RegistryTransport::builder().proxy_secret("apps/proxy", twice).build();
    refused(built, "apps/proxy", "'address' is missing or empty");
    let binary = [("address", &b"http://proxy.example:3128"[..]), ("username", b"\xffcanary")];
    let built = RegistryTransport::builder().proxy_secret("apps/proxy", binary).build();
    refused(built, "apps/proxy", "'username' is not text");
}

#[test]
fn certificates_that_are_no_help_name_the_key_and_show_nothing() {
    let authority = Authority::named("Canary");
    let ((certificate, key), (_, another)) = (authority.client(), authority.client());
    let (certificate, key, another) = (certificate.as_str(), key.as_str(), another.as_str());
    for (data, why) in [
        (vec![], "neither"),
        (vec![("tls.crt", ""), ("tls.key", ""), ("ca.crt", "")], "neither"),
        (vec![("tls.crt", certificate)], "'tls.crt' has no private key"),
        (vec![("keyFile", key)], "'keyFile' has no certificate"),
        (vec![("tls.crt", certificate), ("tls.key", another)], "'tls.crt'"),
        (vec![("tls.crt", certificate), ("tls.key", certificate)], "'tls.crt'"),
        (vec![("tls.crt", key), ("tls.key", key)], "'tls.crt'"),
        (vec![("ca.crt", "canary")], "'ca.crt'"),
        (vec![("ca.crt", key)], "'ca.crt'"),
    ] {
        refused(RegistryTransport::builder().cert_secret("apps/tls", data).build(), "apps/tls", why);
    }
}

#[track_caller]
fn refused(built: Result<RegistryTransport, Error>, secret: &str, why: &str) {
    let error = built.expect_err(why);
    let text = format!("{error} {error:?}");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
    assert!(text.contains(secret) && text.contains(why), "{why}: {text}");
    assert!(error.hint().is_some(), "{text}");
    let lower = text.to_ascii_lowercase();
    assert!(!lower.contains("canary") && !text.contains("MII") && !text.contains("MC4"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn work_ends_with_the_timeout() {
    let transport = RegistryTransport::builder().timeout(Duration::from_secs(90)).build().expect("valid");
    let error = transport.within(pending::<Result<(), Error>>()).await.expect_err("never done");
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true));
    assert!(error.to_string().contains("longer than 90 s"), "{error}");

    let wrong = || Error::new(ErrorKind::NotFound, "its own");
    let error = transport.within(async { Err::<(), _>(wrong()) }).await.expect_err("its own");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let unlimited = RegistryTransport::builder().build().expect("valid");
    assert_eq!(unlimited.timeout(), None);
    assert!(unlimited.within(async { Ok(()) }).await.is_ok());
}

#[test]
fn plain_http_is_only_there_where_it_is_asked_for() {
    assert!(!RegistryTransport::builder().build().expect("valid").is_insecure());
    assert!(RegistryTransport::builder().insecure().build().expect("valid").is_insecure());
}
