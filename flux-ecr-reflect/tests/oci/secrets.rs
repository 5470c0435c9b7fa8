//! No secret comes out: not in our tracing at any level, not in Debug, not in an error.

use std::sync::Arc;

use async_trait::async_trait;
use flux_ecr_reflect::{Access, Caller, Error, ImageName, Login, LoginKind, LoginSource, RegistryApi};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use crate::fake::{self, Asked, LIST, Reply, sources};
use crate::log::Log;

const PASSWORD: &str = "never-shown-password";
const TOKEN: &str = "never-shown-token";
const CURSOR: &str = "never-shown-cursor";

#[derive(Debug)]
struct User(Arc<Login>);

#[async_trait]
impl LoginSource for User {
    async fn login(&self, _: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        Ok(Some(self.0.clone()))
    }
}

/// Page 1 well, page 2 after a failure, page 3 with an error that repeats what was sent.
fn indiscreet(asked: &Asked) -> Reply {
    if asked.path.starts_with("/token") {
        return Reply::ok(format!(r#"{{"token":"{TOKEN}"}}"#));
    }
    let Some(header) = &asked.authorization else {
        return Reply::unauthorized(r#"Bearer realm="https://registry.example.com/token",service="x""#);
    };
    let page = |next: &str| {
        Reply::tags(&["1.0.0"]).header("link", format!("<{LIST}?last={CURSOR}-{next}>; rel=\"next\""))
    };
    match asked.query("last") {
        None => page("2"),
        Some(_) => Reply::error(403, "DENIED", &format!("{header}, {PASSWORD}: not {}", asked.path)),
    }
}

#[tokio::test(start_paused = true)]
async fn traces_debug_and_errors_are_clean() {
    let captured = Log::default();
    // Of everybody, not of this crate alone: no other's trace holds them either.
    let subscriber = tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(captured.clone()))
        .with(LevelFilter::TRACE);
    // For the whole process: what one thread alone listens to, another may have switched off.
    tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");

    let (client, log) = fake::world(indiscreet);
    let builder = fake::builder(client).login(User(Arc::new(Login::basic("user", PASSWORD))));
    let built = format!("{builder:?}");
    let registry = builder.build().expect("complete");
    let (reflector, image) = (fake::reflector(&registry), fake::image());
    let mut pages = reflector.pages(&image);
    let page = pages.next().await.expect("page 1").expect("page 1");
    let access = Access::new(RegistryApi::Distribution, Caller::Login(LoginKind::Basic));
    assert_eq!(page.access(), Some(access));
    let error = pages.next().await.expect_err("page 2 fails");

    let encoded = aws_smithy_types::base64::encode(format!("user:{PASSWORD}"));
    let sent: String = log.all().into_iter().filter_map(|asked| asked.authorization).collect();
    assert!(sent.contains(TOKEN) && sent.contains(&encoded), "both were in use");
    let traced = captured.text();
    let output =
        format!("{built} {registry:?} {pages:?} {page:?} {error} {error:?} {:?} {traced}", sources(&error));
    assert!(traced.contains("page of tags read"), "{traced}");
    for secret in [PASSWORD, TOKEN, &encoded] {
        assert!(!output.contains(secret), "{secret} in {output}");
    }
    // The registry's own words are its own.
    let ours = format!("{built} {registry:?} {pages:?} {page:?} {error} {traced}");
    assert!(!ours.contains(CURSOR), "{ours}");
}
