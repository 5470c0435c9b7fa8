//! Who asks, and where that is proved.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flux_ecr_reflect::{Error, ErrorKind, ImageName, Login, LoginSource, OciRegistry};

use crate::fake::{self, Asked, LIST, Log, Reply, sources};

const PASSWORD: &str = "correct-horse-battery";
/// `user:correct-horse-battery`.
const BASIC: &str = "Basic dXNlcjpjb3JyZWN0LWhvcnNlLWJhdHRlcnk=";
const BEARER: &str = r#"Bearer realm="https://registry.example.com/token",service="the service",scope="repository:apps/app:pull""#;

/// Logins in a row: when one is let go of, the next is held.
#[derive(Debug, Clone)]
struct Held(Arc<Mutex<Vec<Arc<Login>>>>);

impl Held {
    fn one(login: Login) -> Self {
        Self::all([login])
    }

    fn all(logins: impl IntoIterator<Item = Login>) -> Self {
        let mut logins: Vec<_> = logins.into_iter().map(Arc::new).collect();
        logins.reverse();
        Self(Arc::new(Mutex::new(logins)))
    }

    fn user() -> Self {
        Self::one(Login::basic("user", PASSWORD))
    }
}

#[async_trait]
impl LoginSource for Held {
    async fn login(&self, _: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        Ok(self.0.lock().expect("not poisoned").last().cloned())
    }

    fn forget(&self, _: &ImageName, rejected: &Arc<Login>) -> bool {
        let mut logins = self.0.lock().expect("not poisoned");
        let is_held = logins.len() > 1 && logins.last().is_some_and(|login| Arc::ptr_eq(login, rejected));
        if is_held {
            logins.pop();
        }
        is_held
    }
}

fn registry(
    logins: Option<Held>,
    answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (OciRegistry, Log) {
    let (client, log) = fake::world(answer);
    let builder = fake::builder(client);
    let builder = match logins {
        Some(logins) => builder.login(logins),
        None => builder,
    };
    (builder.build().expect("complete"), log)
}

/// Two pages for whoever has `Bearer token-N` with N of `good`; tokens are `token-1`, `token-2` and so on.
fn with_tokens(good: impl Fn(usize) -> bool + Send + Sync) -> impl Fn(&Asked) -> Reply + Send + Sync {
    let given = AtomicUsize::new(0);
    move |asked| {
        if asked.path.starts_with("/token") {
            let number = given.fetch_add(1, Ordering::Relaxed) + 1;
            return Reply::ok(format!(r#"{{"token":"token-{number}","expires_in":300}}"#));
        }
        let number = asked.authorization.as_deref().and_then(|header| header.strip_prefix("Bearer token-"));
        match number.and_then(|number| number.parse().ok()).filter(|number| good(*number)) {
            None => Reply::unauthorized(BEARER),
            Some(_) => match asked.query("last") {
                None => Reply::tags(&["1.0.0"]).header("link", format!("<{LIST}?last=x>; rel=next")),
                Some(_) => Reply::tags(&["2.0.0"]),
            },
        }
    }
}

const TOKEN: &str =
    "GET https://registry.example.com/token?service=the%20service&scope=repository%3Aapps%2Fapp%3Apull";

#[tokio::test(start_paused = true)]
async fn a_token_is_had_without_a_login_and_kept() {
    let (registry, log) = registry(None, with_tokens(|_| true));
    let scan = fake::scan(&registry).await.expect("complete");
    let list = format!("GET https://registry.example.com{LIST}");
    assert_eq!(
        log.lines(),
        [format!("{list}?n=1000"), TOKEN.to_owned(), format!("{list}?n=1000"), format!("{list}?last=x")]
    );
    // What obtaining the token took is not of the listing.
    assert_eq!((scan.len(), scan.listing().pages(), scan.listing().requests()), (2, 2, 3));
    assert!(
        log.take().iter().all(|asked| !asked.authorization.as_deref().unwrap_or("").starts_with("Basic"))
    );
    fake::scan(&registry).await.expect("complete");
    assert_eq!(log.lines(), [format!("{list}?n=1000"), format!("{list}?last=x")]);
}

#[tokio::test(start_paused = true)]
async fn a_password_goes_to_the_token_service_alone() {
    let (registry, log) = registry(Some(Held::user()), with_tokens(|_| true));
    fake::scan(&registry).await.expect("complete");
    let asked: Vec<_> = log.all().into_iter().map(|asked| (asked.line(), asked.authorization)).collect();
    let list = format!("GET https://registry.example.com{LIST}");
    let token = Some("Bearer token-1".to_owned());
    assert_eq!(
        asked,
        [
            ("GET https://registry.example.com/v2/".to_owned(), None),
            (format!("{TOKEN}&account=user"), Some(BASIC.to_owned())),
            (format!("{list}?n=1000"), token.clone()),
            (format!("{list}?last=x"), token),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_wants_a_password_gets_it() {
    let (registry, log) = registry(Some(Held::user()), |asked| match asked.authorization.as_deref() {
        Some(BASIC) => Reply::tags(&["1.0.0"]),
        _ => Reply::unauthorized(r#"Basic realm="a registry""#),
    });
    for _ in 0..2 {
        fake::scan(&registry).await.expect("complete");
    }
    let authorizations: Vec<_> = log.all().into_iter().map(|asked| asked.authorization).collect();
    assert_eq!(authorizations, [None, Some(BASIC.to_owned()), Some(BASIC.to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn private_ecr_gets_the_password_without_being_asked_first() {
    let (registry, log) =
        registry(Some(Held::one(Login::basic("AWS", PASSWORD))), |_| Reply::tags(&["1.0.0"]));
    let image: ImageName = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/app".parse().expect("valid");
    fake::reflector(&registry).scan(&image).await.expect("complete");
    assert_eq!(log.all().len(), 1);
    assert!(log.all()[0].authorization.as_deref().is_some_and(|header| header.starts_with("Basic ")));
}

#[tokio::test(start_paused = true)]
async fn an_open_registry_is_asked_as_who_one_is() {
    let (registry, log) = registry(Some(Held::user()), |_| Reply::tags(&["1.0.0"]));
    fake::scan(&registry).await.expect("complete");
    assert_eq!(log.all().last().and_then(|asked| asked.authorization.clone()).as_deref(), Some(BASIC));
}

#[tokio::test(start_paused = true)]
async fn a_token_of_one_s_own_is_sent_as_it_is() {
    let login = Held::one(Login::bearer_token("token-7"));
    let (registry, log) = registry(Some(login), with_tokens(|number| number == 7));
    assert_eq!(fake::scan(&registry).await.expect("complete").len(), 2);
    assert_eq!(log.all().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_identity_token_is_exchanged() {
    let (registry, log) =
        registry(Some(Held::one(Login::identity_token("identity&token"))), with_tokens(|_| true));
    fake::scan(&registry).await.expect("complete");
    let asked = log.all();
    let exchange = asked.iter().find(|asked| asked.method == "POST").expect("an exchange");
    assert_eq!(exchange.line(), "POST https://registry.example.com/token");
    assert_eq!(
        exchange.body,
        "service=the%20service&grant_type=refresh_token&client_id=flux-ecr-reflect\
         &scope=repository%3Aapps%2Fapp%3Apull&refresh_token=identity%26token"
    );
    assert_eq!(exchange.authorization, None);
}

#[tokio::test(start_paused = true)]
async fn among_challenges_the_token_is_chosen_and_else_the_password() {
    for (challenge, has_token) in [
        (format!("Negotiate, {BEARER}, Basic realm=\"x\""), true),
        (format!("Basic realm=\"x, y\", {BEARER}"), true),
        ("Basic realm=x, Bearer service=y".to_owned(), false),
        (r#"Basic realm="x", Bearer realm="https://evil.example/token""#.to_owned(), false),
        ("NTLM, BASIC realm=x".to_owned(), false),
    ] {
        let (registry, log) = registry(Some(Held::user()), move |asked| {
            if asked.path.starts_with("/token") {
                return Reply::ok(r#"{"access_token":"token-1"}"#);
            }
            match asked.authorization {
                Some(_) => Reply::tags(&["1.0.0"]),
                None => Reply::unauthorized(&challenge),
            }
        });
        fake::scan(&registry).await.expect("complete");
        assert_eq!(log.all().iter().any(|asked| asked.path.starts_with("/token")), has_token);
        assert!(log.all().iter().all(|asked| asked.origin == "https://registry.example.com"));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_realm_that_is_not_trusted() {
    for realm in [
        "https://evil.example/token",
        "http://registry.example.com/token",
        "https://registry.example.com:444/token",
        "https://registry.example.com@evil.example/token",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/token",
        "http://localhost/token",
        "https://10.0.0.1/token",
        "https://auth.docker.io/token",
        "https://registry.example.com/token?steal=1",
        "token",
    ] {
        for logins in [None, Some(Held::user())] {
            let challenge = format!("Bearer realm=\"{realm}\",service=\"x\"");
            let (registry, log) = registry(logins, move |_| Reply::unauthorized(&challenge));
            let error = fake::scan(&registry).await.expect_err(realm);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{realm}");
            assert!(error.hint().is_some_and(|hint| hint.contains("token_service")), "{realm}");
            assert!(!sources(&error).concat().contains("steal"), "{error:?}");
            assert_eq!(log.all().len(), 1, "{realm}");
            assert!(log.all().iter().all(|asked| asked.authorization.is_none()), "{realm}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_service_that_was_named_before_is_trusted() {
    let (client, log) = fake::world(|asked| {
        if asked.origin == "https://gitlab.example.com" {
            return Reply::ok(r#"{"token":"token-1"}"#);
        }
        match asked.authorization {
            Some(_) => Reply::tags(&["1.0.0"]),
            None => Reply::unauthorized(r#"Bearer realm="https://gitlab.example.com/jwt/auth""#),
        }
    });
    let builder = fake::builder(client).login(Held::user());
    let registry =
        builder.token_service("registry.example.com", "gitlab.example.com").build().expect("complete");
    fake::scan(&registry).await.expect("complete");
    let exchange =
        "GET https://gitlab.example.com/jwt/auth?scope=repository%3Aapps%2Fapp%3Apull&account=user";
    assert_eq!(log.lines()[1], exchange);
}

#[tokio::test(start_paused = true)]
async fn docker_hub_s_token_service_is_known() {
    let (registry, log) = registry(None, |asked| match (asked.origin.as_str(), &asked.authorization) {
        ("https://auth.docker.io", _) => Reply::ok(r#"{"token":"t"}"#),
        (_, Some(_)) => Reply::tags(&["3.20"]),
        _ => {
            Reply::unauthorized(r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#)
        }
    });
    fake::reflector(&registry).scan(&"alpine".parse().expect("valid")).await.expect("complete");
    assert_eq!(log.lines()[2], "GET https://index.docker.io/v2/library/alpine/tags/list?n=1000");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_dies_between_pages_is_replaced_once() {
    // token-1 is good for one page.
    let pages = AtomicUsize::new(0);
    let tokens = with_tokens(|_| true);
    let (registry, log) = registry(Some(Held::user()), move |asked| {
        if asked.authorization.as_deref() == Some("Bearer token-1")
            && pages.fetch_add(1, Ordering::Relaxed) > 0
        {
            return Reply::unauthorized(BEARER);
        }
        tokens(asked)
    });
    let scan = fake::scan(&registry).await.expect("complete");
    assert_eq!((scan.len(), scan.listing().pages(), scan.listing().requests()), (2, 2, 3));
    assert_eq!(log.all().len(), 6, "{:?}", log.lines());
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_never_good_end_in_an_error_that_says_whose_they_are() {
    let (registry, log) = registry(Some(Held::user()), with_tokens(|_| false));
    let error = fake::scan(&registry).await.expect_err("refused");
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Credentials, Some(401)));
    assert_eq!(
        error.to_string(),
        "registry.example.com does not accept a token for the login of user \"user\" for the tags of registry.example.com/apps/app"
    );
    assert_eq!(sources(&error), ["UNAUTHORIZED: authentication required"]);
    // What it wants, a token, a page, a token, a page.
    assert_eq!(log.all().len(), 5, "{:?}", log.lines());
}

#[tokio::test(start_paused = true)]
async fn a_password_that_expired_is_replaced_once() {
    let image: ImageName = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/app".parse().expect("valid");
    let expired = "Your authorization token has expired. Reauthenticate and try again.";
    for (status, code, logins, outcome) in [
        (400, "DENIED", 2, None),
        (403, "DENIED", 2, None),
        (401, "UNAUTHORIZED", 2, None),
        (403, "DENIED", 1, Some(1)),
        (401, "UNAUTHORIZED", 1, Some(1)),
        (403, "DENIED", 3, Some(2)),
        (401, "UNAUTHORIZED", 3, Some(2)),
    ] {
        let login = |number: usize| Login::basic("AWS", format!("password-{number}"));
        let held = Held::all((1..=logins).map(login));
        let good = if outcome.is_none() { format!("password-{logins}") } else { "none".to_owned() };
        let good = aws_smithy_types::base64::encode(format!("AWS:{good}"));
        let (registry, log) = registry(Some(held), move |asked| {
            if asked.authorization.as_deref() == Some(&format!("Basic {good}")) {
                return Reply::tags(&["1.0.0"]);
            }
            Reply::error(status, code, expired)
                .header("www-authenticate", "Basic realm=\"ecr\",service=\"ecr.amazonaws.com\"")
        });
        let result = fake::reflector(&registry).scan(&image).await;
        assert_eq!(log.all().len(), outcome.unwrap_or(2), "{status} {logins}");
        match (result, outcome) {
            (Ok(_), None) => {}
            (Err(error), Some(_)) => {
                assert_eq!(error.kind(), ErrorKind::Credentials);
                assert!(error.to_string().contains("the login of user \"AWS\""), "{error}");
            }
            (result, _) => panic!("{status} {logins}: {result:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_the_registry_asks_for_comes_first_and_is_remembered() {
    let wanted =
        r#"Bearer realm="https://registry.example.com/token",scope="repository:apps/app:metadata_read""#;
    let (registry, log) = registry(None, move |asked| {
        if asked.path.starts_with("/token") {
            return Reply::ok(r#"{"token":"t"}"#);
        }
        match asked.authorization {
            Some(_) => Reply::tags(&["1.0.0"]),
            None => Reply::unauthorized(wanted),
        }
    });
    for _ in 0..2 {
        fake::scan(&registry).await.expect("complete");
    }
    let tokens: Vec<_> = log.lines().into_iter().filter(|line| line.contains("/token")).collect();
    assert_eq!(
        tokens,
        [
            "GET https://registry.example.com/token?scope=repository%3Aapps%2Fapp%3Ametadata_read&scope=repository%3Aapps%2Fapp%3Apull"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn each_repository_and_each_login_has_a_token_of_its_own() {
    let first = Login::basic("user", PASSWORD);
    let held = Held::all([first, Login::basic("other", PASSWORD)]);
    let (registry, log) = registry(Some(held.clone()), |asked| {
        if asked.path.starts_with("/token") {
            let scope = asked.query("scope").unwrap_or_default();
            let user = asked.query("account").unwrap_or_default();
            return Reply::ok(format!(r#"{{"token":"{user}-{scope}","expires_in":3600}}"#));
        }
        match &asked.authorization {
            Some(_) => Reply::tags(&["1.0.0"]),
            None => Reply::unauthorized(BEARER),
        }
    });
    let other: ImageName = "registry.example.com/apps/other".parse().expect("valid");
    fake::scan(&registry).await.expect("complete");
    fake::reflector(&registry).scan(&other).await.expect("complete");
    held.0.lock().expect("not poisoned").pop();
    fake::scan(&registry).await.expect("complete");
    let lists = log.all().into_iter().filter(|asked| asked.path.contains("/tags/list"));
    let proofs: Vec<_> = lists.filter_map(|asked| asked.authorization).collect();
    let app = "repository%3Aapps%2Fapp%3Apull";
    assert_eq!(
        proofs,
        [
            format!("Bearer user-{app}"),
            "Bearer user-repository%3Aapps%2Fother%3Apull".to_owned(),
            format!("Bearer other-{app}")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_when_its_time_is_up() {
    for (answer, seconds, tokens) in [
        (r#"{"token":"t","expires_in":300}"#, 100, 1),
        (r#"{"token":"t","expires_in":300}"#, 301, 2),
        (r#"{"token":"t"}"#, 61, 2),
        (r#"{"token":"t","expires_in":1}"#, 20, 1),
        (r#"{"token":"t","expires_in":"soon"}"#, 61, 2),
        (r#"{"token":"t","expires_in":300,"issued_at":"2015-10-21T07:26:00Z"}"#, 181, 2),
        (r#"{"token":"t","expires_in":300,"issued_at":"yesterday"}"#, 130, 1),
    ] {
        let (registry, log) = registry(None, move |asked| {
            if asked.path.starts_with("/token") {
                return Reply::ok(answer).header("date", "Wed, 21 Oct 2015 07:28:00 GMT");
            }
            match asked.authorization {
                Some(_) => Reply::tags(&["1.0.0"]),
                None => Reply::unauthorized(BEARER),
            }
        });
        fake::scan(&registry).await.expect("complete");
        tokio::time::advance(Duration::from_secs(seconds)).await;
        fake::scan(&registry).await.expect("complete");
        let asked = log.lines().into_iter().filter(|line| line.contains("/token")).count();
        assert_eq!(asked, tokens, "{answer} {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_service_that_gives_none_is_an_error_with_a_kind() {
    for (reply, kind, said) in [
        (Reply::ok("{}"), ErrorKind::Response, "has no token"),
        (Reply::ok(r#"{"token":""}"#), ErrorKind::Response, "has no token"),
        (Reply::ok("{\"token\":\"a\\nb\"}"), ErrorKind::Response, "has no token"),
        (Reply::ok(r#"{"token":"secret-token"#), ErrorKind::Response, "has no token"),
        (
            Reply::new(401, format!(r#"{{"details":"wrong password {PASSWORD}"}}"#)),
            ErrorKind::Credentials,
            "does not accept the login of user \"user\"",
        ),
        (Reply::error(403, "DENIED", "no"), ErrorKind::Credentials, "does not accept the login"),
        (Reply::new(404, ""), ErrorKind::Response, "HTTP 404"),
        (Reply::new(302, "").header("location", "https://evil.example/"), ErrorKind::Response, "HTTP 302"),
        (Reply::new(429, "").header("retry-after", "3600"), ErrorKind::Throttled, "HTTP 429"),
        (Reply::new(503, ""), ErrorKind::Unavailable, "HTTP 503"),
        (Reply::reset(), ErrorKind::Unavailable, "broken off"),
        (Reply::ok("{\"token\":\"a\"}".repeat(30_000)), ErrorKind::Response, "longer than"),
    ] {
        let (registry, log) = registry(Some(Held::user()), {
            let reply = reply.clone();
            move |asked| {
                if asked.path.starts_with("/token") { reply.clone() } else { Reply::unauthorized(BEARER) }
            }
        });
        let error = fake::scan(&registry).await.expect_err(said);
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(said), "{error:?}");
        assert!(
            !format!("{error:?}").contains(PASSWORD) && !format!("{error:?}").contains("secret-token"),
            "{error:?}"
        );
        assert!(log.all().iter().all(|asked| asked.origin == "https://registry.example.com"), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_the_token_service_refuses_is_replaced_once() {
    let held = Held::all([Login::basic("user", "old"), Login::basic("user", PASSWORD)]);
    let (registry, log) = registry(Some(held), |asked| match asked.authorization.as_deref() {
        Some(BASIC) => Reply::ok(r#"{"token":"t"}"#),
        Some("Bearer t") => Reply::tags(&["1.0.0"]),
        _ => Reply::unauthorized(BEARER),
    });
    fake::scan(&registry).await.expect("complete");
    assert_eq!(log.lines().iter().filter(|line| line.contains("/token")).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_login_a_refusal_says_so() {
    let (registry, log) = registry(None, |_| Reply::unauthorized("Basic realm=x"));
    let error = fake::scan(&registry).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(error.to_string().contains("a request without a login"), "{error}");
    assert_eq!(log.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_at_once_ask_what_is_wanted_and_for_a_token_once() {
    let (registry, log) = registry(Some(Held::user()), with_tokens(|_| true));
    let scans: Vec<_> = (0..20)
        .map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move { fake::scan(&registry).await.expect("complete") })
        })
        .collect();
    for scan in scans {
        assert_eq!(scan.await.expect("no panic").len(), 2);
    }
    let count = |part: &str| log.lines().iter().filter(|line| line.contains(part)).count();
    assert_eq!((count("/v2/ "), log.lines().iter().filter(|line| line.ends_with("/v2/")).count()), (0, 1));
    assert_eq!((count("/token"), count("/tags/list")), (1, 40));
}

#[tokio::test(start_paused = true)]
async fn many_at_once_without_a_login_all_learn_what_is_wanted() {
    let (registry, log) = registry(None, move |asked| with_tokens_after(asked, Duration::from_millis(10)));
    let scans: Vec<_> = (0..5)
        .map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move { fake::scan(&registry).await })
        })
        .collect();
    for scan in scans {
        scan.await.expect("no panic").expect("complete");
    }
    assert_eq!(log.lines().iter().filter(|line| line.contains("/token")).count(), 1);
}

fn with_tokens_after(asked: &Asked, after: Duration) -> Reply {
    let reply = if asked.path.starts_with("/token") {
        Reply::ok(r#"{"token":"t"}"#)
    } else if asked.authorization.is_some() {
        Reply::tags(&["1.0.0"])
    } else {
        Reply::unauthorized(BEARER)
    };
    reply.after(after)
}
