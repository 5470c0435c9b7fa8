//! Whose proof a request carries where logins change, are made anew, or differ between images.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flux_ecr_reflect::{DockerConfig, Error, ErrorKind, ImageName, Login, LoginSource, OciRegistry, Scan};

use crate::fake::{self, Asked, Reply, sources};
use crate::logins::{BASIC, BEARER, Held, PASSWORD, registry, with_tokens};

const LATER: Duration = Duration::from_millis(10);

/// Makes its login at each call.
#[derive(Debug)]
struct Fresh;

#[async_trait]
impl LoginSource for Fresh {
    async fn login(&self, _: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        Ok(Some(Arc::new(Login::basic("user", PASSWORD))))
    }
}

fn parsed(image: &str) -> ImageName {
    image.parse().expect("valid")
}

/// At once.
async fn scans(
    registry: &OciRegistry,
    images: impl IntoIterator<Item = ImageName>,
) -> Vec<Result<Scan, Error>> {
    let tasks: Vec<_> = images
        .into_iter()
        .map(|image| {
            let registry = registry.clone();
            tokio::spawn(async move { fake::reflector(&registry).scan(&image).await })
        })
        .collect();
    let mut scans = Vec::new();
    for task in tasks {
        scans.push(task.await.expect("no panic"));
    }
    scans
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_made_anew_at_each_call_costs_one_token() {
    let (client, log) = fake::world(with_tokens(|_| true));
    let registry = fake::builder(client).login(Fresh).build().expect("complete");
    for _ in 0..2 {
        assert_eq!(fake::scan(&registry).await.expect("complete").len(), 2);
    }
    let tokens = log.lines().iter().filter(|line| line.contains("/token")).count();
    assert_eq!(tokens, 1, "{:?}", log.lines());
}

#[tokio::test(start_paused = true)]
async fn all_who_were_refused_with_a_password_try_the_one_after_it() {
    let held = Held::all([Login::basic("user", "old"), Login::basic("user", PASSWORD)]);
    let (registry, log) = registry(Some(held), |asked| {
        let reply = match asked.authorization.as_deref() {
            Some(BASIC) => Reply::tags(&["1.0.0"]),
            _ => Reply::unauthorized("Basic realm=x"),
        };
        reply.after(LATER)
    });
    let images = (0..5).map(|number| parsed(&format!("registry.example.com/apps/app-{number}")));
    for scan in scans(&registry, images).await {
        scan.expect("complete");
    }
    // What it wants, and each list twice.
    assert_eq!(log.all().len(), 11, "{:?}", log.lines());
}

#[tokio::test(start_paused = true)]
async fn all_whose_login_the_token_service_refused_try_the_one_after_it() {
    let held = Held::all([Login::basic("user", "old"), Login::basic("user", PASSWORD)]);
    let (registry, log) = registry(Some(held), |asked| {
        let reply = match asked.authorization.as_deref() {
            Some(BASIC) => Reply::ok(r#"{"token":"t"}"#),
            Some("Bearer t") => Reply::tags(&["1.0.0"]),
            _ => Reply::unauthorized(BEARER),
        };
        reply.after(LATER)
    });
    let images = (0..5).map(|number| parsed(&format!("registry.example.com/apps/app-{number}")));
    for scan in scans(&registry, images).await {
        scan.expect("complete");
    }
    assert_eq!(log.lines().iter().filter(|line| line.contains("/token")).count(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_one_s_own_that_is_refused_is_sent_once() {
    for challenge in [BEARER, "Basic realm=x", "Negotiate"] {
        let login = Held::one(Login::bearer_token("no good"));
        let (registry, log) = registry(Some(login), move |_| Reply::unauthorized(challenge));
        let error = fake::scan(&registry).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(error.to_string().contains("the token given for it"), "{error}");
        assert_eq!(log.all().len(), 1, "{:?}", log.lines());
    }
}

#[tokio::test(start_paused = true)]
async fn images_of_the_same_name_behind_one_endpoint_have_each_their_own_login_s_token() {
    let (client, log) = fake::world(|asked: &Asked| {
        let reply = match (asked.path.starts_with("/token"), &asked.authorization) {
            (true, Some(login)) => Reply::ok(format!(r#"{{"token":"{}","expires_in":3600}}"#, &login[6..])),
            (false, Some(_)) => Reply::tags(&["1.0.0"]),
            _ => Reply::unauthorized(r#"Bearer realm="http://127.0.0.1:5000/token""#),
        };
        reply.after(LATER)
    });
    let logins = DockerConfig::default()
        .with_login("one.example.com", Login::basic("one", PASSWORD))
        .and_then(|config| config.with_login("two.example.com", Login::basic("two", PASSWORD)))
        .expect("valid");
    let endpoint = fake::builder(client).login(logins).endpoint_url("http://127.0.0.1:5000");
    let registry = endpoint.build().expect("complete");
    let images = ["one.example.com/apps/app", "two.example.com/apps/app"].map(parsed);
    for scan in scans(&registry, images).await {
        scan.expect("complete");
    }
    let lists = log.all().into_iter().filter(|asked| asked.path.contains("/tags/list"));
    let mut tokens: Vec<_> = lists.filter_map(|asked| asked.authorization).collect();
    tokens.sort();
    let token =
        |user: &str| format!("Bearer {}", aws_smithy_types::base64::encode(format!("{user}:{PASSWORD}")));
    assert_eq!(tokens, [token("one"), token("two")]);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_does_not_say_what_it_wants_is_not_asked_as_nobody() {
    for (status, kind) in
        [(429, ErrorKind::Throttled), (503, ErrorKind::Unavailable), (500, ErrorKind::Unavailable)]
    {
        let login = Held::one(Login::identity_token("identity"));
        let (registry, log) = registry(Some(login), move |asked| match asked.path.as_str() {
            "/v2/" => Reply::new(status, ""),
            _ => Reply::tags(&["public-alone"]),
        });
        let error = fake::scan(&registry).await.expect_err("unknown");
        assert_eq!((error.kind(), error.http_status()), (kind, Some(status)), "{error:?}");
        assert!(
            error.is_retryable() && error.to_string().contains("for its authentication scheme"),
            "{error:?}"
        );
        assert!(log.lines().iter().all(|line| line.ends_with("/v2/")), "{:?}", log.lines());
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_that_is_the_secret_is_shown_nowhere() {
    const TOKEN: &str = "dop_v1_canary";
    for password in [TOKEN, ""] {
        let login = Login::basic(TOKEN, password);
        assert!(!format!("{login:?}").contains(TOKEN), "{login:?}");
        let (registry, log) = registry(Some(Held::one(login)), |asked| match &asked.authorization {
            Some(_) => Reply::error(401, "UNAUTHORIZED", "dop_v1_canary is revoked"),
            None => Reply::unauthorized(BEARER),
        });
        let error = fake::scan(&registry).await.expect_err("refused");
        let shown = format!("{error} {error:?} {:?}", sources(&error));
        assert!(shown.contains("does not accept") && !shown.contains(TOKEN), "{shown}");
        assert!(log.lines().iter().all(|line| !line.contains(TOKEN)), "{:?}", log.lines());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_that_an_answer_repeats_as_it_was_sent_is_not_shown() {
    let (registry, _) = registry(Some(Held::one(Login::identity_token("ca/na+ry"))), |asked| {
        if asked.method == "POST" {
            return Reply::error(401, "UNAUTHORIZED", &format!("wrong: {}", asked.body));
        }
        Reply::unauthorized(BEARER)
    });
    let error = fake::scan(&registry).await.expect_err("refused");
    let shown = format!("{error} {error:?} {:?}", sources(&error));
    assert!(shown.contains("wrong: ") && !shown.contains("ca%2Fna%2Bry"), "{shown}");
}

#[test]
fn a_token_service_is_named_by_its_host() {
    let build = |registry: &str, host: &str| {
        let (client, _) = fake::world(|_| Reply::ok(""));
        fake::builder(client).token_service(registry, host).build()
    };
    assert!(build("registry.example.com:443", "auth.example.com:5001").is_ok());
    for (registry, host, shown) in [
        ("https://registry.example.com", "auth.example.com", "\"https://registry.example.com\""),
        ("registry.example.com", "https://auth.example.com/token", "\"https://auth.example.com/token\""),
        ("registry.example.com", "auth.example.com/token", "\"auth.example.com/token\""),
        ("registry.example.com", "*.example.com", "\"*.example.com\""),
        ("registry.example.com", "user:canary@auth.example.com", "\"…\""),
    ] {
        let error = build(registry, host).expect_err(host);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_eq!(error.to_string(), format!("token_service: {shown} is not a host"));
        assert!(error.hint().is_some());
    }
}
