//! Without an HTTP client of one's own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use flux_ecr_reflect::Reflector;

use crate::fake;

/// Answers one request with a page, and gives its body.
fn answer_one(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut asked = vec![0; length];
    reader.read_exact(&mut asked)?;
    let page = r#"{"imageIds":[{"imageTag":"1.0.0"}]}"#;
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}", page.len())?;
    String::from_utf8(asked).map_err(std::io::Error::other)
}

#[tokio::test]
async fn the_default_client_calls_the_endpoint() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    let server = thread::spawn(move || answer_one(&mut listener.accept()?.0));

    let reflector = Reflector::builder().credentials(fake::credentials()).endpoint_url(endpoint).build();
    let scan = reflector.expect("complete").scan(&fake::image()).await.expect("complete");
    assert_eq!(scan.len(), 1);
    let asked = server.join().expect("no panic").expect("a request");
    assert!(asked.contains(r#""repositoryName":"apps/mainapp""#), "{asked}");
}
