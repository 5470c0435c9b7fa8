//! No secret comes out: not in our tracing at any level, not in Debug, not in an error.

use flux_ecr_reflect::{LoginSource, RegistryLogin};
use flux_policy::Policy;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;

use crate::fake::{self, SECRET_KEY, SESSION_TOKEN, by_operation, failure, page};
use crate::log::Log;
use crate::preflight;

#[tokio::test]
async fn traces_debug_and_errors_are_clean() {
    let captured = Log::default();
    let subscriber = tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(captured.clone()))
        .with(Targets::new().with_target("flux_ecr_reflect", LevelFilter::TRACE));
    tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");

    let (client, log) = fake::ecr(|body| match body["nextToken"].as_str() {
        None => page([(1, "1.0.0".into())], Some("token-2")),
        Some(_) => failure(400, "AccessDeniedException", "User is not authorized"),
    });
    let builder = fake::builder(client).endpoint_url("https://ecr.internal.example");
    let built = format!("{builder:?}");
    let reflector = builder.build().expect("complete");
    let policy = Policy::semver("*").expect("a range");
    let error = reflector.reflect(&fake::image(), &policy).await.expect_err("page 2 fails");
    assert_eq!(log.all()[0].headers["x-amz-security-token"], SESSION_TOKEN, "the token was in use");
    let traced = captured.text();
    let output = format!("{built} {reflector:?} {error} {error:?} {traced}");

    assert!(output.contains("page of tags read") && output.contains("apps/mainapp"), "{output}");
    for secret in [SECRET_KEY, SESSION_TOKEN, "Signature="] {
        assert!(!output.contains(secret), "{secret} in {output}");
    }
}

/// Here the SDK's own trace output is listened to as well: it would show the password.
#[tokio::test]
async fn a_registry_s_password_is_in_no_trace_at_any_level() {
    let captured = Log::default();
    let subscriber = tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(captured.clone()))
        .with(Targets::new().with_default(LevelFilter::TRACE));
    let _guard = tracing::subscriber::set_default(subscriber);
    let client = by_operation(|operation| match operation {
        "GetAuthorizationToken" => preflight::token(),
        _ => page([], None),
    });
    let found = fake::reflector(client.clone()).preflight(&fake::image()).await.expect("asked");
    assert!(found.is_ok());
    let logins = RegistryLogin::builder().credentials(fake::credentials()).http_client(client);
    let logins = logins.build().expect("complete");
    let login = logins.login(&fake::image()).await.expect("given").expect("one");
    assert_eq!(login.secret(), "canary-password", "the password was there");
    let traced = captured.text();
    assert!(traced.contains("GetAuthorizationToken"), "the SDK was listened to: {traced}");
    let shown = format!("{traced} {login:?} {logins:?}");
    for secret in [preflight::TOKEN, "canary", SECRET_KEY] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
