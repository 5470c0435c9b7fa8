//! Which requests go through a proxy, and what is said when it does not let them.
//!
//! `0.0.0.0` is this machine too, and no loopback address: so it is a host that a proxy is asked for.

use std::time::Duration;

use flux_aws_auth::{Chain, ConnectionFailure, Environment, ErrorKind, HttpClientBuilder, Proxy, Reason};
use tokio::task::JoinSet;

use super::servers::{Authority, GOOD, Proxying, ScriptedProxy, sts};
use crate::support::*;

const BUNDLE: &str = "/etc/private/ca.pem";
const HOST: &str = "sts.eu-west-1.amazonaws.com";

fn trusting(authority: &Authority) -> Environment {
    irsa().with_var("AWS_CA_BUNDLE", BUNDLE).with_file(BUNDLE, authority.pem())
}

async fn sts_behind_a_proxy(authority: &Authority) -> ScriptedProxy {
    ScriptedProxy::start(Proxying::Sts(authority.server_of(HOST, GOOD))).await
}

#[tokio::test]
async fn a_call_to_aws_goes_through_a_tunnel_of_the_proxy() {
    let authority = Authority::new();
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let proxy = sts_behind_a_proxy(&authority).await;
        let address = format!("http://me:canary%2Fpassword@127.0.0.1:{}", proxy.port);
        let chain = Chain::builder().environment(trusting(&authority).with_var(name, address)).build();
        chain.resolve().await.unwrap();
        let [head] = proxy.heads().try_into().unwrap();
        assert!(head.starts_with(&format!("CONNECT {HOST}:443 HTTP/1.1\r\n")), "{head}");
        // base64 of `me:canary/password`
        assert!(head.contains("\r\nProxy-Authorization: Basic bWU6Y2FuYXJ5L3Bhc3N3b3Jk\r\n"), "{head}");
    }
}

#[tokio::test]
async fn an_ipv6_address_is_named_to_the_proxy_and_held_against_the_certificate() {
    let authority = Authority::new();
    for (of, is_reached) in [("2001:db8::1", true), ("2001:db8::2", false)] {
        let proxy = ScriptedProxy::start(Proxying::Sts(authority.server_of(of, GOOD))).await;
        let environment = trusting(&authority)
            .with_var("HTTPS_PROXY", format!("http://127.0.0.1:{}", proxy.port))
            .with_var("AWS_ENDPOINT_URL_STS", "https://[2001:db8::1]");
        let resolved = Chain::builder().environment(environment).build().resolve().await;
        assert_eq!(resolved.is_ok(), is_reached, "{resolved:?}");
        let heads = proxy.heads();
        assert!(heads[0].starts_with("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n"), "{heads:?}");
    }
}

#[tokio::test]
async fn the_program_s_proxy_wins_over_the_environment_s() {
    let authority = Authority::new();
    let (of_environment, of_program) =
        (sts_behind_a_proxy(&authority).await, sts_behind_a_proxy(&authority).await);
    let environment = trusting(&authority)
        .with_var("HTTPS_PROXY", format!("http://127.0.0.1:{}", of_environment.port))
        .with_var("NO_PROXY", "example.com");
    let proxy = Proxy::new(&format!("http://127.0.0.1:{}", of_program.port)).unwrap();
    let client = HttpClientBuilder::from_environment(&environment).proxy(proxy).build().unwrap();
    Chain::builder().environment(environment).http_client(client).build().resolve().await.unwrap();
    assert_eq!((of_environment.heads().len(), of_program.heads().len()), (0, 1));
}

#[tokio::test]
async fn each_failure_of_a_proxy_has_its_reason_and_remedy() {
    let mut checks = JoinSet::new();
    for (status, reason, kind, remedy) in [
        (
            "407 Proxy Authentication Required",
            Reason::ProxyAuthenticationRequired,
            ErrorKind::Configuration,
            "USER:PASSWORD",
        ),
        ("403 Forbidden", Reason::ProxyRefused, ErrorKind::Unavailable, "CONNECT"),
        ("502 Bad Gateway", Reason::ProxyRefused, ErrorKind::Unavailable, "NO_PROXY"),
    ] {
        let proxy = ScriptedProxy::start(Proxying::Refuse(status)).await;
        let address = format!("http://me:canary@127.0.0.1:{}", proxy.port);
        let chain = Chain::builder()
            .environment(trusting(&Authority::new()).with_var("HTTPS_PROXY", address))
            .build();
        checks.spawn(async move {
            let error = chain.resolve().await.unwrap_err();
            assert_eq!((error.reason(), error.kind()), (reason, kind), "{error:?}");
            assert!(error.hint().unwrap().contains(remedy), "{error:?}");
            let all = format!("{error:?}\n{}\n{chain:?}", whole_story(&error));
            assert!(!all.contains("canary") && !all.contains("Basic"), "{all}");
        });
    }
    checks.join_all().await;
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_from_aws_that_is_not_there() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let environment = trusting(&Authority::new()).with_var("HTTPS_PROXY", format!("http://127.0.0.1:{port}"));
    let error = Chain::builder().environment(environment).build().resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::ProxyUnreachable, "{error:?}");
    assert!(error.hint().unwrap().contains("HTTPS_PROXY"), "{error:?}");
}

#[tokio::test]
async fn no_proxy_and_loopback_are_reached_directly() {
    let authority = Authority::new();
    let proxy = ScriptedProxy::start(Proxying::Refuse("403 Forbidden")).await;
    for (host, no_proxy, direct) in [
        ("localhost", "", true),
        ("127.0.0.1", "", true),
        ("0.0.0.0", "", false),
        ("0.0.0.0", "0.0.0.0/8", true),
        ("0.0.0.0", "example.com,*", true),
    ] {
        let port = sts(authority.server_of(host, GOOD)).await;
        let environment = trusting(&authority)
            .with_var("AWS_ENDPOINT_URL_STS", format!("https://{host}:{port}"))
            .with_var("HTTPS_PROXY", format!("http://127.0.0.1:{}", proxy.port))
            .with_var("NO_PROXY", no_proxy);
        let resolved = Chain::builder().environment(environment).build().resolve().await;
        assert_eq!(resolved.is_ok(), direct, "{host} with NO_PROXY={no_proxy:?}: {resolved:?}");
    }
    assert!(proxy.heads().iter().all(|head| head.starts_with("CONNECT 0.0.0.0:")), "{:?}", proxy.heads());
}

#[tokio::test]
async fn what_is_on_the_node_is_never_asked_through_a_proxy() {
    let proxy = ScriptedProxy::start(Proxying::Refuse("403 Forbidden")).await;
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let environment = pod_identity()
        .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://0.0.0.0:9/v1/credentials")
        .with_var("HTTPS_PROXY", &address)
        .with_var("HTTP_PROXY", &address);
    let chain = Chain::builder().environment(environment).deadline(Duration::from_millis(500)).build();
    chain.resolve().await.unwrap_err();
    assert_eq!(proxy.heads(), Vec::<String>::new());
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_said_at_the_first_use() {
    for (name, value, said) in [
        ("HTTPS_PROXY", "socks5://me:canary@proxy.example:1080", "SOCKS"),
        ("https_proxy", "http://me:canary/x@proxy.example:3128", "its password"),
        ("HTTP_PROXY", "ftp://me:canary@proxy.example", "neither http nor https"),
    ] {
        let chain = Chain::builder().environment(irsa().with_var(name, value)).build();
        let error = chain.resolve().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let all = format!("{error:?}\n{}\n{}\n{chain:?}", whole_story(&error), report_of(&error));
        assert!(all.contains(&format!("{name}: ")) && all.contains(said), "{all}");
        assert!(!all.contains("canary"), "{all}");
    }
}

/// For other clients than those of this crate, which speak plain http to this machine alone.
fn over_plain_http(environment: &Environment) -> aws_sdk_sts::Client {
    use aws_sdk_sts::config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig};
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(Credentials::new("AKIAEXAMPLE", "s", None, None, "test"))
        .endpoint_url("http://sts.internal.example")
        .http_client(HttpClientBuilder::from_environment(environment).build().unwrap())
        .retry_config(RetryConfig::disabled())
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

#[tokio::test]
async fn a_proxy_for_plain_http_that_is_not_there_is_told_from_a_host_that_is_not_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let environment = Environment::empty().with_var("HTTP_PROXY", format!("http://127.0.0.1:{port}"));
    let error = over_plain_http(&environment).get_caller_identity().send().await.unwrap_err();
    assert_eq!(ConnectionFailure::diagnose(&error), ConnectionFailure::ProxyUnreachable, "{error:?}");
    let is_of_network = match &error {
        aws_sdk_sts::error::SdkError::DispatchFailure(failure) => failure.is_io(),
        _ => false,
    };
    assert!(is_of_network, "what the SDK tries again: {error:?}");
}

#[tokio::test]
async fn plain_http_goes_to_the_proxy_for_plain_http() {
    let (plain, tls) = (
        ScriptedProxy::start(Proxying::Refuse("403 Forbidden")).await,
        ScriptedProxy::start(Proxying::Refuse("403 Forbidden")).await,
    );
    let environment = Environment::empty()
        .with_var("HTTP_PROXY", format!("http://me:word@127.0.0.1:{}", plain.port))
        .with_var("HTTPS_PROXY", format!("http://127.0.0.1:{}", tls.port));
    over_plain_http(&environment).get_caller_identity().send().await.unwrap_err();
    let [head] = plain.heads().try_into().unwrap();
    assert!(head.starts_with("POST http://sts.internal.example/ HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nproxy-authorization: Basic bWU6d29yZA==\r\n"), "{head}");
    assert!(tls.heads().is_empty());
}

#[tokio::test]
async fn the_way_to_the_proxy_can_have_tls_too() {
    let authority = Authority::new();
    let proxy = ScriptedProxy::start_behind(
        authority.server_of("localhost", GOOD),
        Proxying::Sts(authority.server_of(HOST, GOOD)),
    )
    .await;
    let environment =
        trusting(&authority).with_var("HTTPS_PROXY", format!("https://localhost:{}", proxy.port));
    Chain::builder().environment(environment).build().resolve().await.unwrap();
    assert!(proxy.heads()[0].starts_with(&format!("CONNECT {HOST}:443 ")), "{:?}", proxy.heads());
}
