//! A registry of the distribution API that says whatever it likes.

use std::sync::Arc;

use aws_smithy_types::base64;
use flux_ecr_reflect::{DockerConfig, Error, ImageName, Login, OciRegistry, Reflector, Scan, Throttle};
use flux_policy::ExclusionList;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::json::unambiguous;
use crate::mutant::{Mutant, mutants};
use crate::runs::Runs;
use crate::world::{Answer, Asked, Clock, World, in_virtual_time, story};

const REGISTRY: &str = "https://registry.example.com";
const TOKEN_SERVICE: &str = "https://tokens.example.com";
const PASSWORD: &str = "canary-password";

/// Scans with a password in hand.
fn scan(world: &World) -> Result<Scan, Error> {
    let config = DockerConfig::default()
        .with_login("registry.example.com", Login::basic("me", PASSWORD))
        .expect("a host");
    in_virtual_time(async {
        let registry = OciRegistry::builder()
            .http_client(world.clone())
            .time_source(Clock::started())
            .throttle(Throttle::new())
            .token_service("registry.example.com", "tokens.example.com")
            .login(config)
            .build()?;
        let everything = ExclusionList::new([""; 0]).expect("no pattern");
        let reflector = Reflector::builder().tag_source(registry).exclusion_list(everything).build()?;
        let image: ImageName = "registry.example.com/apps/app".parse()?;
        reflector.scan(&image).await
    })
}

/// Nobody is asked but the registry and the token service that the program named, whatever the request carries.
fn check_who_was_asked(world: &World) -> TestCaseResult {
    for asked in world.asked() {
        prop_assert!([REGISTRY, TOKEN_SERVICE].contains(&&*asked.origin()), "{:?}", asked);
    }
    Ok(())
}

fn check_nothing_is_shown(result: &Result<Scan, Error>) -> TestCaseResult {
    if let Err(error) = result {
        let shown = story(error);
        for secret in
            [PASSWORD.to_owned(), base64::encode(format!("me:{PASSWORD}")), "canary-token".to_owned()]
        {
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }
    }
    Ok(())
}

fn tags_of(scan: &Scan) -> Vec<String> {
    scan.tags().map(|tag| tag.to_string()).collect()
}

fn tags(tags: &[&str]) -> Answer {
    Answer::ok(serde_json::json!({ "tags": tags }).to_string())
}

/// `Link`: followed on the registry or not at all, and a next page that was named is never left out.
pub(crate) fn links(runs: Runs) -> Result<(), String> {
    const NEXT: &str = "</v2/apps/app/tags/list?last=2>; rel=\"next\"";
    let samples = [
        NEXT,
        "<https://registry.example.com/v2/apps/app/tags/list?last=2&n=1000>; rel=next",
        "<?last=2>; title=\"a, b; rel=prev\"; rel=\"prev next\"",
        "<https://evil.example/v2/apps/app/tags/list?last=2>; rel=\"next\"",
        "<//evil.example/v2/apps/app/tags/list?last=2>; rel=\"next\"",
        "</v2/apps/app/tags/list?last=2>; rel=\"first\", </v2/apps/app/tags/list?last=3>; rel=next; anchor=\"#x\"",
    ];
    let words = [
        "rel=",
        "rel=\"next\"",
        "rel*=UTF-8''next",
        "<",
        ">",
        "\\\"",
        ", ",
        "; ",
        "/../",
        "/v2/other/tags/list",
        "user@",
    ];
    let strategy = (mutants(&samples, &words), any::<[bool; 2]>());
    runs.check(&strategy, |(Mutant(link), [named_first, in_one_field])| {
        let world = World::new(move |asked: &Asked| {
            let first = asked.uri.contains("?n=");
            let answer = tags(if first { &["1.0.0", "1.1.0"] } else { &["2.0.0"] });
            match (first, named_first, in_one_field) {
                (false, ..) => answer,
                (true, false, _) => answer.with("link", &link),
                (true, true, false) => answer.with("link", NEXT).with("link", &link),
                (true, true, true) => answer.with("link", [NEXT.as_bytes(), b", ", &link].concat()),
            }
        });
        let result = scan(&world);
        check_who_was_asked(&world)?;
        check_nothing_is_shown(&result)?;
        if let Ok(scan) = result
            && named_first
        {
            prop_assert_eq!(tags_of(&scan), ["1.0.0", "1.1.0", "2.0.0"], "a page was left out");
        }
        Ok(())
    })
}

/// `WWW-Authenticate`: whatever it says, a password goes to the registry and to the token service that was named.
pub(crate) fn challenges(runs: Runs) -> Result<(), String> {
    let samples = [
        "Bearer realm=\"https://tokens.example.com/token\",service=\"registry.example.com\",scope=\"repository:apps/app:pull\"",
        "Bearer realm=\"https://registry.example.com/token\"",
        "Basic realm=\"registry\", charset=\"UTF-8\"",
        "Negotiate YII=, Basic realm=a, Bearer realm=\"https://tokens.example.com/token\"",
        "Bearer realm=\"https://evil.example/token\",service=\"registry.example.com\"",
        "Bearer realm=\"https://tokens.example.com@evil.example/token\"",
        "Bearer realm=\"http://tokens.example.com/token\"",
        "Bearer realm=\"https://169.254.169.254/latest/meta-data/\"",
        "Bearer error=\"invalid_token\",realm=\"https://tokens.example.com/token?account=x\"",
    ];
    let words = [
        "Bearer ",
        "Basic ",
        "realm=",
        "service=",
        "scope=",
        "\\\"",
        "https://",
        ".evil.example",
        "tokens.example.com",
        "\\",
    ];
    runs.check(&mutants(&samples, &words), |Mutant(challenge)| {
        let world = World::new(move |asked: &Asked| {
            // Of the token service, whoever's it is.
            if !asked.uri.starts_with(&format!("{REGISTRY}/v2/")) {
                return Answer::ok(r#"{"token":"canary-token"}"#);
            }
            match asked.header("authorization") {
                Some(_) => tags(&["1.0.0"]),
                None => Answer::new(401, "").with("www-authenticate", &challenge),
            }
        });
        let result = scan(&world);
        check_who_was_asked(&world)?;
        check_nothing_is_shown(&result)
    })
}

/// A page of tags: just those that another reader of JSON finds, or an error.
pub(crate) fn lists(runs: Runs) -> Result<(), String> {
    let samples = [
        r#"{"name":"apps/app","tags":["1.0.0","1.1.0","latest"]}"#,
        r#"{"tags":["sha256-9f86d0.sig","\u0076\u0031"],"name":"app","more":{"tags":["x"]}}"#,
        r#"{"name":"apps/app","tags":null}"#,
        r#"{"errors":[{"code":"NAME_UNKNOWN","message":"m","detail":{}}]}"#,
    ];
    let words =
        ["\"tags\":", "[", "]", "\\u0000", "\\ud800", "\"name\":\"other\",", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[["];
    runs.check(&mutants(&samples, &words), |mutant| {
        let Mutant(body) = mutant.clone();
        let world = World::new(move |_| Answer::ok(body.clone()));
        let result = scan(&world);
        check_nothing_is_shown(&result)?;
        let Ok(scan) = result else { return Ok(()) };
        // What is passed over need not be text.
        prop_assert!(serde_json::from_slice::<IgnoredAny>(&mutant.0).is_ok(), "no JSON, and taken");
        if let Some(list) = unambiguous(&mutant.0) {
            let expected: Option<Vec<_>> = match list.get("tags") {
                Some(Value::Null) => Some(Vec::new()),
                Some(Value::Array(tags)) => tags.iter().map(|tag| tag.as_str().map(str::to_owned)).collect(),
                _ => None,
            };
            let Some(mut expected) = expected else {
                return Err(TestCaseError::fail("no list of tags, and taken"));
            };
            expected.sort();
            expected.dedup();
            prop_assert_eq!(tags_of(&scan), expected);
        }
        Ok(())
    })
}

/// A token service's answer: the token that is sent is the one that was given, whole, and only to the registry.
pub(crate) fn bearer_tokens(runs: Runs) -> Result<(), String> {
    let samples = [
        r#"{"token":"canary-token","expires_in":300,"issued_at":"2027-01-15T08:00:00Z"}"#,
        r#"{"access_token":"canary-token","refresh_token":"canary-token-2","expires_in":"60"}"#,
        r#"{"token":"","access_token":"canary-token"}"#,
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#,
    ];
    let words =
        ["\\r\\nx-evil: 1", "\\n", "\\u0000", "\\u007f", "\"token\":", "1e308", "-1", "9999-12-31T23:59:59Z"];
    runs.check(
        &(mutants(&samples, &words), prop_oneof![9 => Just(200_u16), 1 => Just(401)]),
        |(mutant, status)| {
            let body = Arc::new(mutant.0.clone());
            let world = World::new(move |asked: &Asked| {
                if asked.uri.contains("/token") {
                    return Answer::new(status, (*body).clone());
                }
                match asked.header("authorization") {
                    Some(_) => tags(&["1.0.0"]),
                    None => Answer::new(401, "")
                        .with("www-authenticate", format!("Bearer realm=\"{TOKEN_SERVICE}/token\"")),
                }
            });
            let result = scan(&world);
            check_who_was_asked(&world)?;
            let given = unambiguous(&mutant.0);
            for asked in world.asked() {
                let Some(token) =
                    asked.header("authorization").and_then(|header| header.strip_prefix("Bearer "))
                else {
                    continue;
                };
                prop_assert_eq!(asked.origin(), REGISTRY);
                prop_assert!(token.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{:?}", token);
                if let Some(given) = &given {
                    let is_given =
                        ["token", "access_token"].iter().any(|name| given[name].as_str() == Some(token));
                    prop_assert!(is_given, "{:?} is no token of the answer", token);
                }
            }
            // The registry's own words are its own; the token is none of them.
            check_nothing_is_shown(&result)
        },
    )
}
