//! How tokens are had, kept and replaced.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flux_ecr_reflect::{ErrorKind, ImageName, Login};

use crate::fake::{self, Asked, Reply, sources};
use crate::logins::{BASIC, BEARER, Held, PASSWORD, registry, with_tokens};

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
        ["GET \
             https://registry.example.com/token?scope=repository%3Aapps%2Fapp%3Ametadata_read&scope=repository%3Aapps%2Fapp%3Apull"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_no_request_takes_is_not_asked_for() {
    let wanted = format!(
        r#"Bearer realm="https://registry.example.com/token",scope="repository:{}:pull""#,
        "a".repeat(3000)
    );
    let (registry, log) = registry(None, move |asked| match &asked.authorization {
        _ if asked.path.starts_with("/token") => Reply::ok(r#"{"token":"t"}"#),
        Some(_) => Reply::tags(&["1.0.0"]),
        None => Reply::unauthorized(&wanted),
    });
    fake::scan(&registry).await.expect("complete");
    let token = "GET https://registry.example.com/token?scope=repository%3Aapps%2Fapp%3Apull";
    assert_eq!(log.lines()[1], token);
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
        (Reply::ok("{}"), ErrorKind::InvalidResponse, "has no token"),
        (Reply::ok(r#"{"token":""}"#), ErrorKind::InvalidResponse, "has no token"),
        (Reply::ok("{\"token\":\"a\\nb\"}"), ErrorKind::InvalidResponse, "has no token"),
        (Reply::ok(r#"{"token":"secret-token"#), ErrorKind::InvalidResponse, "has no token"),
        (
            Reply::new(401, format!(r#"{{"details":"wrong password {PASSWORD}"}}"#)),
            ErrorKind::Credentials,
            "does not accept the login of user \"user\"",
        ),
        (Reply::error(403, "DENIED", "no"), ErrorKind::Credentials, "does not accept the login"),
        (Reply::new(404, ""), ErrorKind::InvalidResponse, "HTTP 404"),
        (
            Reply::new(302, "").header("location", "https://evil.example/"),
            ErrorKind::InvalidResponse,
            "HTTP 302",
        ),
        (Reply::new(429, "").header("retry-after", "3600"), ErrorKind::Throttled, "HTTP 429"),
        (Reply::new(503, ""), ErrorKind::Unavailable, "HTTP 503"),
        (Reply::reset(), ErrorKind::Unavailable, "the connection was reset"),
        (Reply::ok("{\"token\":\"a\"}".repeat(30_000)), ErrorKind::InvalidResponse, "longer than"),
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
