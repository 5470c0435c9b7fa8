//! What every server here is held to.

use std::net::TcpStream;
use std::panic;
use std::path::Path;
use std::process::Command;

use interop::{Error, Server};

fn python(program: &'static str) -> impl Fn(u16, &Path) -> Result<Command, Error> {
    move |port, _| {
        let mut command = Command::new("python3");
        command.args(["-c", program, &port.to_string()]);
        Ok(command)
    }
}

const FILES: &str = "import http.server, sys\n\
                     handler = http.server.SimpleHTTPRequestHandler\n\
                     http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), handler).serve_forever()";

#[test]
fn one_that_does_not_start_is_an_error_with_what_it_wrote() {
    let error = Server::start("a server", "/", python("raise SystemExit('the disk is full')")).unwrap_err();
    assert!(error.to_string().contains("exit status: 1: the disk is full"), "{error}");
    let none = |_: u16, _: &Path| -> Result<Command, Error> { Ok(Command::new("/no/such/program")) };
    let error = Server::start("a server", "/", none).unwrap_err();
    assert!(error.to_string().starts_with("a server does not start: "), "{error}");
}

#[test]
fn one_ends_with_its_test_even_if_that_panics() {
    let server = Server::start("files", "/", python(FILES)).unwrap();
    let host = server.host();
    assert!(TcpStream::connect(&host).is_ok());
    let panicked = panic::catch_unwind(panic::AssertUnwindSafe(move || {
        let _server = server;
        panic!("a test failed");
    }));
    assert!(panicked.is_err());
    assert!(TcpStream::connect(&host).is_err());
}
