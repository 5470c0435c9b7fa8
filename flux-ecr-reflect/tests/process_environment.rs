//! Nothing of the process's environment goes into a request.

use std::process::Command;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_smithy_http_client::test_util::infallible_client_fn;
use flux_ecr_reflect::Reflector;

/// What the AWS SDK would put into headers if it found them.
const VARIABLES: [(&str, &str); 4] = [
    ("AWS_EXECUTION_ENV", "leaked-execution-env"),
    ("AWS_LAMBDA_FUNCTION_NAME", "leaked-function"),
    ("_X_AMZN_TRACE_ID", "leaked-trace-id"),
    ("AWS_SDK_UA_APP_ID", "leaked-app-id"),
];

/// Partitions in which every host is somebody else's, as the SDK would read them.
const PARTITIONS: &str = r#"{"version":"1.1","partitions":[{"id":"aws","regionRegex":"^.*$","regions":{},"outputs":{
    "name":"aws","dnsSuffix":"leaked.example","dualStackDnsSuffix":"leaked.example","implicitGlobalRegion":"us-east-1",
    "supportsFIPS":true,"supportsDualStack":true}}]}"#;

/// Runs the test below once more, in a process of its own that has the variables.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test plays whoever can write the file and set the variable"
)]
fn a_process_with_everything_set_sends_none_of_it() {
    let partitions = std::env::temp_dir().join(format!("flux-ecr-reflect-partitions-{}", std::process::id()));
    std::fs::write(&partitions, PARTITIONS).expect("written");
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "headers_come_from_settings_alone"])
        .envs(VARIABLES)
        .env("SMITHY_CLIENT_SDK_CUSTOM_PARTITION", &partitions)
        .output()
        .expect("started");
    std::fs::remove_file(&partitions).expect("removed");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
async fn headers_come_from_settings_alone() {
    let headers = Arc::new(Mutex::new(String::new()));
    let client = {
        let headers = headers.clone();
        infallible_client_fn(move |request| {
            *headers.lock().expect("not poisoned") = format!("{} {:?}", request.uri(), request.headers());
            http::Response::new(r#"{"imageIds":[]}"#)
        })
    };
    let reflector = Reflector::builder()
        .credentials(Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test"))
        .http_client(client)
        .build()
        .expect("complete");
    let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app".parse().expect("valid");
    reflector.scan(&image).await.expect("complete");

    let headers = headers.lock().expect("not poisoned");
    assert!(headers.starts_with("https://api.ecr.eu-west-1.amazonaws.com/ "), "{headers}");
    assert!(headers.contains("lib/flux-ecr-reflect"), "{headers}");
    assert!(!headers.contains("leaked") && !headers.contains("x-amzn-trace-id"), "{headers}");
}
