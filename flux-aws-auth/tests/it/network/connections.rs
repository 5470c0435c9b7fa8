//! Connections: that they are kept, how a request is written on one, what becomes of one that fails, and until when one is
//! waited for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use flux_aws_auth::{ConnectionFailure, HttpClientBuilder, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::servers::{Authority, read_request};

const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 137\r\n\r\n<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
const FAILED: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";

/// What was asked on which connection.
type Requests = Arc<Mutex<Vec<(usize, String)>>>;

/// A server on loopback that answers on each connection as it is told, and then closes it. Its port.
async fn server(connections: Vec<Vec<&'static str>>) -> (u16, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Requests::default();
    let log = requests.clone();
    tokio::spawn(async move {
        for (number, answers) in connections.into_iter().enumerate() {
            let Ok((mut connection, _)) = listener.accept().await else { return };
            let log = log.clone();
            tokio::spawn(async move {
                for answer in answers {
                    let request = read_request(&mut connection).await;
                    if request.is_empty() {
                        return;
                    }
                    log.lock().unwrap().push((number, request));
                    connection.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (port, requests)
}

fn on(requests: &Requests) -> Vec<usize> {
    requests.lock().unwrap().iter().map(|(connection, _)| *connection).collect()
}

fn config(url: String, client: HttpClientBuilder) -> aws_sdk_sts::config::Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(Credentials::new("AKIAEXAMPLE", "s", None, None, "test"))
        .endpoint_url(url)
        .http_client(client.build().unwrap())
}

fn sts_at(port: u16) -> aws_sdk_sts::Client {
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    let config = config(format!("http://127.0.0.1:{port}"), HttpClientBuilder::new());
    aws_sdk_sts::Client::from_conf(config.retry_config(retries).build())
}

async fn account(client: &aws_sdk_sts::Client) -> Option<String> {
    client.get_caller_identity().send().await.unwrap().account
}

#[tokio::test]
async fn a_connection_is_kept_and_a_request_names_its_host() {
    let (port, requests) = server(vec![vec![GOOD; 4]]).await;
    let client = sts_at(port);
    for _ in 0..3 {
        assert_eq!(account(&client).await.as_deref(), Some("123456789012"));
    }
    assert_eq!(on(&requests), [0, 0, 0]);
    let (_, request) = requests.lock().unwrap()[0].clone();
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nhost: 127.0.0.1:{port}\r\n")), "{request}");
    assert!(!request.to_ascii_lowercase().contains("\r\nproxy-"), "{request}");
}

#[tokio::test]
async fn what_breaks_off_is_tried_again_on_another_connection() {
    for broken in [
        "",
        "HTTP/1.1 200 O",
        "HTTP/1.1 200 OK\r\ncontent-length: 102\r\n\r\n<GetCaller",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n<GetC\r\n",
    ] {
        let (port, requests) = server(vec![vec![broken], vec![GOOD]]).await;
        assert_eq!(account(&sts_at(port)).await.as_deref(), Some("123456789012"), "{broken:?}");
        assert_eq!(on(&requests), [0, 1], "{broken:?}");
    }
}

#[tokio::test]
async fn a_connection_on_which_the_server_failed_is_used_no_more() {
    let (port, requests) = server(vec![vec![FAILED, GOOD], vec![GOOD]]).await;
    account(&sts_at(port)).await;
    assert_eq!(on(&requests), [0, 1]);
}

#[tokio::test]
async fn a_server_that_closes_a_kept_connection_is_connected_to_anew() {
    let (port, requests) = server(vec![vec![GOOD], vec![GOOD]]).await;
    let client = sts_at(port);
    account(&client).await;
    account(&client).await;
    assert_eq!(on(&requests), [0, 1]);
}

const LIMIT: Duration = Duration::from_millis(2718);

/// Lets the limit of connecting pass as soon as the other side has heard something, and nothing else.
#[derive(Clone, Debug, Default)]
struct Heard(Arc<Notify>);

impl AsyncSleep for Heard {
    fn sleep(&self, duration: Duration) -> Sleep {
        let heard = self.0.clone();
        Sleep::new(async move {
            if duration != LIMIT {
                std::future::pending::<()>().await;
            }
            heard.notified().await;
        })
    }
}

#[tokio::test]
async fn the_limit_of_connecting_covers_tls_and_the_answer_of_a_proxy() {
    // A server, a proxy, and a proxy behind TLS: each takes the connection and what is said first, and is silent.
    let trusting = HttpClientBuilder::new().extra_certificates("our authority", Authority::new().pem());
    for proxy in [None, Some("http"), Some("https")] {
        let heard = Heard::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let notify = heard.0.clone();
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read_u8().await;
            notify.notify_one();
            std::future::pending::<()>().await;
        });
        let (url, client) = match proxy {
            None => (format!("https://127.0.0.1:{port}"), trusting.clone()),
            Some(scheme) => {
                let proxy = Proxy::new(&format!("{scheme}://127.0.0.1:{port}")).unwrap();
                ("https://sts.eu-west-1.amazonaws.com".to_owned(), trusting.clone().proxy(proxy))
            }
        };
        let config = config(url, client)
            .sleep_impl(heard)
            .timeout_config(TimeoutConfig::builder().connect_timeout(LIMIT).build())
            .retry_config(RetryConfig::disabled())
            .build();
        let call = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send();
        let error = tokio::time::timeout(Duration::from_secs(30), call).await.unwrap().unwrap_err();
        assert_eq!(ConnectionFailure::diagnose(&error), ConnectionFailure::ConnectTimeout, "{error:?}");
        let dispatch = match &error {
            aws_sdk_sts::error::SdkError::DispatchFailure(failure) => failure.is_timeout(),
            _ => false,
        };
        assert!(dispatch, "{proxy:?}: {error:?}");
    }
}
