//! Who asks, and where that is proved.

use flux_ecr_reflect::{ErrorKind, ImageName, Login};

use crate::fake::{self, LIST, Reply, sources};
use crate::logins::{BASIC, BEARER, Held, PASSWORD, registry, with_tokens};

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
async fn without_a_login_a_refusal_says_so() {
    let (registry, log) = registry(None, |_| Reply::unauthorized("Basic realm=x"));
    let error = fake::scan(&registry).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(error.to_string().contains("a request without a login"), "{error}");
    assert_eq!(log.all().len(), 1);
}
