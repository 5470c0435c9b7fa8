//! The default HTTP clients on real loopback sockets: what virtual time cannot show.

use std::time::Duration;

use flux_aws_auth::{Chain, Environment, ErrorKind};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::*;

#[tokio::test]
async fn the_default_client_speaks_http_on_loopback() {
    let server = MockServer::start().await;
    let body = r#"{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    Mock::given(method("GET"))
        .and(path("/v1/credentials"))
        .and(header("authorization", TOKEN))
        .respond_with(ResponseTemplate::new(200).set_body_string(body))
        .expect(1)
        .mount(&server)
        .await;
    let environment = pod_identity()
        .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", server.uri()));
    let resolved = Chain::builder().environment(environment).build().resolve().await.unwrap();
    assert_eq!(resolved.credentials().access_key_id(), "ASIAEXAMPLE");
}

/// What a pod sees when the metadata hop limit is 1: a connection, and then silence.
#[tokio::test]
async fn a_connection_without_an_answer_is_told_from_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let environment =
        Environment::empty().with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{address}"));
    let error = Chain::builder().environment(environment.clone()).build().resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoIdentity);
    let report = report_of(&error).to_string();
    assert!(report.contains("connected, but no answer within 1s"), "{report}");
    assert!(report.contains("hop limit"), "{report}");

    drop(listener);
    let error = Chain::builder().environment(environment).build().resolve().await.unwrap_err();
    let report = report_of(&error).to_string();
    assert!(report.contains("the connection was refused"), "{report}");
}

/// A black hole: the listener's queue is full, so a connection is neither made nor refused.
#[tokio::test]
async fn no_connection_is_told_from_no_answer() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    for _ in 0..8 {
        let connecting = tokio::time::timeout(Duration::from_secs(1), TcpStream::connect(address));
        match connecting.await {
            Ok(connection) => queue.push(connection.unwrap()),
            Err(_) => break,
        }
    }
    let environment =
        Environment::empty().with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{address}"));
    let error = Chain::builder().environment(environment).build().resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoIdentity);
    let report = report_of(&error).to_string();
    assert!(report.contains("no connection within 800ms"), "{report}");
    assert!(!report.contains("hop limit"), "{report}");
}

#[tokio::test]
async fn files_are_read_if_they_are_files_and_small() {
    let directory = std::env::temp_dir();
    let disk = Environment::empty().with_files_from_disk();
    assert_eq!(disk.read_file(&directory).unwrap_err().to_string(), "not a regular file");
    assert_eq!(disk.read_file("/dev/zero").unwrap_err().to_string(), "not a regular file");
    let large = directory.join(format!("flux-aws-auth-large-{}", std::process::id()));
    let file = std::fs::File::create(&large).unwrap();
    file.set_len((1 << 20) + 1).unwrap();
    let error = disk.read_file(&large).unwrap_err();
    file.set_len(1 << 20).unwrap();
    let read = disk.read_file(&large).map(|contents| contents.len());
    std::fs::remove_file(&large).unwrap();
    assert_eq!(error.to_string(), "larger than one megabyte");
    assert_eq!(read.unwrap(), 1 << 20);
}

/// The kubelet's tokens are links, which are followed; whatever is at their end must be a file all the same. To open a named pipe
/// would wait for a writer.
#[tokio::test]
#[cfg(unix)]
async fn links_are_followed_and_no_named_pipe_is_opened() {
    let directory = std::env::temp_dir().join(format!("flux-aws-auth-links-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let at = |name: &str| directory.join(name);
    let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
    std::fs::File::create(at("token")).unwrap();
    for (to, link) in [
        ("token", "link"),
        ("link", "link-to-link"),
        ("pipe", "link-to-pipe"),
        (".", "link-to-directory"),
        ("loop", "loop"),
    ] {
        std::os::unix::fs::symlink(to, at(link)).unwrap();
    }
    let disk = Environment::empty().with_files_from_disk();
    let read = |name: &str| disk.read_file(at(name)).map_err(|error| error.to_string());
    let results = ["link-to-link", "pipe", "link-to-pipe", "link-to-directory"].map(read);
    let looped = read("loop");
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(made.success());
    let refused = Err("not a regular file".to_owned());
    assert_eq!(results, [Ok(vec![]), refused.clone(), refused.clone(), refused]);
    assert!(looped.is_err());
}
