//! The registry that is not AWS's: challenges, its token service, and the forms of its pages.

use std::time::Duration;

use local_aws::{GenericRegistry, Links, Listing, LocalAws, Repository, Service, TagStyle};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Login, Reply};
use crate::scenario::{builder, clock};

const SERVICE: &str = "registry.local-aws";
const MINUTE: Duration = Duration::from_secs(60);

/// A registry of two repositories, one user who may push and one who may not.
fn peopled(registry: GenericRegistry) -> GenericRegistry {
    registry
        .user("ci", "ci-password")
        .reader("flux", "flux-password")
        .identity_token("flux", "flux-identity")
        .repository(Repository::with_tags("apps/web", ["1.0.0", "1.1.0"]))
        .repository(Repository::with_tags("apps/api", ["2.0.0"]))
}

async fn start(registry: GenericRegistry) -> LocalAws {
    builder().generic_registry(registry).start().await.expect("a valid set-up")
}

fn url(aws: &LocalAws, path: &str) -> String {
    format!("{}{path}", aws.generic_registry_url())
}

fn token_url(aws: &LocalAws, query: &str) -> String {
    format!("{}/token?service={SERVICE}&{query}", aws.generic_tokens_url())
}

/// A token for `scope`.
async fn token(aws: &LocalAws, login: &Login, scope: &str) -> Login {
    let reply = login.get(&token_url(aws, &format!("scope={scope}"))).await;
    Login::bearer(reply.json()["token"].as_str().expect("a token"))
}

async fn exchange(aws: &LocalAws, form: &[(&str, &str)]) -> Reply {
    let form: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .append_pair("service", SERVICE)
        .finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    Login::none().send(Method::POST, &format!("{}/token", aws.generic_tokens_url()), &headers, form).await
}

fn reader() -> Login {
    Login::basic("flux", "flux-password")
}

#[tokio::test]
async fn a_token_is_for_the_scopes_it_was_asked_for() {
    let aws = start(peopled(GenericRegistry::bearer())).await;
    let (web, api) = (url(&aws, "/v2/apps/web/tags/list"), url(&aws, "/v2/apps/api/tags/list"));
    let challenge = |scope: &str, error: &str| {
        format!("Bearer realm=\"{}/token\",service=\"{SERVICE}\"{scope}{error}", aws.generic_tokens_url())
    };
    let anonymous = Login::none().get(&web).await;
    anonymous.is_fault(401, "UNAUTHORIZED");
    assert_eq!(anonymous.header("www-authenticate"), challenge(",scope=\"repository:apps/web:pull\"", ""));
    let base = Login::none().get(&url(&aws, "/v2/")).await;
    assert_eq!((base.status, base.header("www-authenticate")), (401, challenge("", "").as_str()));
    assert_ne!(aws.generic_tokens_url(), aws.generic_registry_url());

    let pull = token(&aws, &reader(), "repository:apps/web:pull").await;
    assert_eq!(pull.get(&web).await.tags(), ["1.0.0", "1.1.0"]);
    let other = pull.get(&api).await;
    let needed = challenge(",scope=\"repository:apps/api:pull\"", ",error=\"insufficient_scope\"");
    assert_eq!((other.status, other.header("www-authenticate")), (401, needed.as_str()));
    let both = token(&aws, &reader(), "repository:apps/web:pull+repository:apps/api:pull").await;
    let twice = token(&aws, &reader(), "repository:apps/web:pull&scope=repository:apps/api:pull").await;
    for token in [both, twice] {
        assert_eq!((token.get(&web).await.status, token.get(&api).await.status), (200, 200));
    }
    assert_eq!(aws.requests()["generic-tokens:Get"], 3);
}

#[tokio::test]
async fn a_token_gives_no_more_than_its_user_may() {
    let aws = start(peopled(GenericRegistry::bearer())).await;
    let upload = url(&aws, "/v2/apps/web/blobs/uploads/");
    let scope = "repository:apps/web:pull,push";
    let refused = token(&aws, &reader(), scope).await.send(Method::POST, &upload, &[], "").await;
    assert_eq!(refused.status, 401);
    let needed = refused.header("www-authenticate");
    assert!(
        needed.contains(",scope=\"repository:apps/web:pull,push\",error=\"insufficient_scope\""),
        "{needed}"
    );
    let ci = token(&aws, &Login::basic("ci", "ci-password"), scope).await;
    assert_eq!(ci.send(Method::POST, &upload, &[], "").await.status, 202);
}

#[tokio::test]
async fn a_token_expires() {
    let clock = clock();
    for (registry, told) in
        [(GenericRegistry::bearer(), json!(60)), (GenericRegistry::bearer().silent_lifetime(), Value::Null)]
    {
        let registry = peopled(registry).token_lifetime(MINUTE);
        let aws = builder().clock(clock.clone()).generic_registry(registry).start().await.expect("a set-up");
        let answer = reader().get(&token_url(&aws, "scope=repository:apps/web:pull")).await.json();
        assert_eq!(answer["expires_in"], told);
        assert_eq!(answer["access_token"], answer["token"]);
        let token = Login::bearer(answer["token"].as_str().expect("a token"));
        let tags = url(&aws, "/v2/apps/web/tags/list");
        assert_eq!(token.get(&tags).await.status, 200);
        clock.advance(MINUTE);
        let late = token.get(&tags).await;
        assert_eq!(late.status, 401);
        assert!(late.header("www-authenticate").ends_with(",error=\"invalid_token\""), "{late:?}");
        assert!(aws.secrets_issued().iter().any(|secret| token.0.ends_with(secret)));
    }
}

#[tokio::test]
async fn passwords_and_identity_tokens_are_exchanged() {
    let aws = start(peopled(GenericRegistry::bearer())).await;
    let scope = ("scope", "repository:apps/web:pull,push");
    let password = [("grant_type", "password"), ("username", "flux"), ("password", "flux-password"), scope];
    let identity = [("grant_type", "refresh_token"), ("refresh_token", "flux-identity"), scope];
    let offline = [&password[..], &[("access_type", "offline")]].concat();
    for (form, refresh) in [
        (&password[..], Value::Null),
        (&identity[..], json!("flux-identity")),
        (&offline[..], json!("flux-identity")),
    ] {
        let answer = exchange(&aws, form).await.json();
        assert_eq!(
            (&answer["scope"], &answer["refresh_token"]),
            (&json!("repository:apps/web:pull"), &refresh)
        );
        let token = Login::bearer(answer["access_token"].as_str().expect("a token"));
        assert_eq!(token.get(&url(&aws, "/v2/apps/web/tags/list")).await.status, 200);
    }
    let offline = reader().get(&token_url(&aws, "offline_token=true")).await.json();
    assert_eq!(offline["refresh_token"], "flux-identity");
    for form in [
        [("grant_type", "refresh_token"), ("refresh_token", "guessed"), scope],
        [("grant_type", "password"), ("username", "flux"), ("password", "guessed")],
    ] {
        exchange(&aws, &form).await.is_fault(401, "UNAUTHORIZED");
    }
    exchange(&aws, &[("grant_type", "client_credentials")]).await.is_fault(400, "UNSUPPORTED");
}

#[tokio::test]
async fn requests_for_a_token_that_are_refused() {
    let aws = start(peopled(GenericRegistry::bearer())).await;
    let right = token_url(&aws, "scope=repository:apps/web:pull");
    for login in [Login::basic("flux", "ci-password"), Login::basic("nobody", ""), Login::bearer("x")] {
        login.get(&right).await.is_fault(401, "UNAUTHORIZED");
    }
    let other = right.replace(SERVICE, "registry.example.com");
    reader().get(&other).await.is_fault(400, "UNSUPPORTED");
    reader().get(&format!("{}/", aws.generic_tokens_url())).await.is_fault(404, "NOT_FOUND");
}

#[tokio::test]
async fn nobody_pulls_where_that_is_allowed() {
    for (registry, status) in
        [(GenericRegistry::bearer(), 401), (GenericRegistry::bearer().anonymous_pull(), 200)]
    {
        let aws = start(peopled(registry)).await;
        let token = token(&aws, &Login::none(), "repository:apps/web:pull,push").await;
        assert_eq!(token.get(&url(&aws, "/v2/apps/web/tags/list")).await.status, status);
        let upload = url(&aws, "/v2/apps/web/blobs/uploads/");
        assert_eq!(token.send(Method::POST, &upload, &[], "").await.status, 401);
    }
}

#[tokio::test]
async fn a_realm_can_be_anywhere() {
    let elsewhere = "http://169.254.169.254/token";
    let aws = start(peopled(GenericRegistry::bearer()).realm(elsewhere)).await;
    let challenge = Login::none().get(&url(&aws, "/v2/")).await;
    assert!(challenge.header("www-authenticate").starts_with(&format!("Bearer realm=\"{elsewhere}\"")));
}

#[tokio::test]
async fn users_with_passwords() {
    let (tags, upload) = ("/v2/apps/web/tags/list", "/v2/apps/web/blobs/uploads/");
    let aws = start(peopled(GenericRegistry::basic())).await;
    assert_eq!(reader().get(&url(&aws, tags)).await.status, 200);
    reader().send(Method::POST, &url(&aws, upload), &[], "").await.is_fault(403, "DENIED");
    let ci = Login::basic("ci", "ci-password");
    assert_eq!(ci.send(Method::POST, &url(&aws, upload), &[], "").await.status, 202);
    for stranger in [Login::none(), Login::basic("flux", "guessed"), Login::bearer("x")] {
        let refused = stranger.get(&url(&aws, tags)).await;
        refused.is_fault(401, "UNAUTHORIZED");
        assert_eq!(refused.header("www-authenticate"), format!("Basic realm=\"{SERVICE}\""));
    }
    ci.get(&url(&aws, "/v2/apps/none/tags/list")).await.is_fault(404, "NAME_UNKNOWN");

    let aws = start(peopled(GenericRegistry::basic()).anonymous_pull()).await;
    assert_eq!(Login::none().get(&url(&aws, tags)).await.status, 200);
    Login::none().send(Method::POST, &url(&aws, upload), &[], "").await.is_fault(403, "DENIED");
    assert_eq!(Login::basic("flux", "guessed").get(&url(&aws, tags)).await.status, 401);

    let aws = start(peopled(GenericRegistry::open())).await;
    assert_eq!(Login::none().send(Method::POST, &url(&aws, upload), &[], "").await.status, 202);
}

#[tokio::test]
async fn a_token_that_is_revoked_is_none() {
    let aws = start(peopled(GenericRegistry::bearer())).await;
    let tags = url(&aws, "/v2/apps/web/tags/list");
    let before = token(&aws, &reader(), "repository:apps/web:pull").await;
    assert_eq!(before.get(&tags).await.status, 200);
    aws.revoke_logins(Service::GenericRegistry);
    let after = before.get(&tags).await;
    assert!(after.header("www-authenticate").ends_with("error=\"invalid_token\""), "{after:?}");
    assert_eq!(token(&aws, &reader(), "repository:apps/web:pull").await.get(&tags).await.status, 200);
}

#[tokio::test]
async fn digests_are_told_unless_the_registry_is_silent() {
    for (registry, told) in
        [(GenericRegistry::open(), true), (GenericRegistry::open().silent_digests(), false)]
    {
        let aws = start(peopled(registry)).await;
        let manifest = Login::none().get(&url(&aws, "/v2/apps/web/manifests/1.0.0")).await;
        assert_eq!((manifest.status, manifest.header("docker-content-digest").is_empty()), (200, !told));
    }
}

/// The registry with one repository of 25 tags, listed in this way.
async fn listed(listing: Listing) -> LocalAws {
    let repository = Repository::generated("apps/web", 25, TagStyle::BuildNumber).listing(listing);
    start(GenericRegistry::open().repository(repository)).await
}

#[tokio::test]
async fn links_to_the_next_page_come_in_many_forms() {
    let next = "/v2/apps/web/tags/list?last=TOKEN&n=20";
    let cases = [
        (None, vec![format!("<{next}>; rel=\"next\"")]),
        (Some(Links::Relative), vec![format!("<{next}>; rel=\"next\"")]),
        (Some(Links::Absolute), vec![format!("<http://HOST{next}>; rel=\"next\"")]),
        (Some(Links::Query), vec!["<?last=TOKEN&n=20>; rel=\"next\"".to_owned()]),
        (
            Some(Links::At("https://registry.example.com".to_owned())),
            vec![format!("<https://registry.example.com{next}>; rel=\"next\"")],
        ),
        (
            Some(Links::SecondHeader),
            vec!["</v2/>; rel=\"start\"".to_owned(), format!("<{next}>; rel=\"next\"")],
        ),
        (
            Some(Links::AmongOthers),
            vec![format!(
                r#"</v2/,a>; rel=start; title="first, <of> \"all\"; rel=\"next\"", <{next}>; title="a, b; c"; rel="last NEXT", </v2/>; rel="nextish""#
            )],
        ),
    ];
    for (links, expected) in cases {
        let listing = links.clone().map_or(Listing::new(), |links| Listing::new().links(links));
        let aws = listed(listing).await;
        let page = Login::none().get(&url(&aws, "/v2/apps/web/tags/list?n=20")).await;
        let found: Vec<_> =
            page.headers.get_all("link").iter().map(|link| link.to_str().expect("text")).collect();
        let (_, rest) = found.last().expect("a link").split_once("?last=").expect("a token");
        let token = rest.split('&').next().expect("a token");
        let found: Vec<_> = found
            .iter()
            .map(|link| link.replace(token, "TOKEN").replace(aws.generic_registry_host(), "HOST"))
            .collect();
        assert_eq!(found, expected, "{links:?}");
        let rest = format!("/v2/apps/web/tags/list?last={token}&n=20");
        let last = Login::none().get(&url(&aws, &rest)).await;
        assert_eq!((page.tags().len(), last.tags().len(), last.header("link")), (20, 5, ""));
    }
}

#[tokio::test]
async fn sizes_of_a_page() {
    let aws = listed(Listing::new().at_most(10)).await;
    let get =
        async |query: &str| Login::none().get(&url(&aws, &format!("/v2/apps/web/tags/list{query}"))).await;
    for (query, size) in [("", 10), ("?n=3", 3), ("?n=100000", 10), ("?n=0", 0)] {
        let page = get(query).await;
        assert_eq!((page.tags().len(), page.header("link").is_empty()), (size, size == 0), "{query}");
    }
    for query in ["?n=-1", "?n=many"] {
        get(query).await.is_fault(400, "PAGINATION_NUMBER_INVALID");
    }

    let aws = listed(Listing::new().unpaged()).await;
    let page = Login::none().get(&url(&aws, "/v2/apps/web/tags/list?n=3")).await;
    assert_eq!((page.tags().len(), page.header("link")), (25, ""));
}

#[tokio::test]
async fn a_list_without_a_tag_can_be_null() {
    for (listing, tags) in [(Listing::new(), json!([])), (Listing::new().null_tags(), Value::Null)] {
        let repository = Repository::empty("apps/new").listing(listing);
        let aws = start(GenericRegistry::open().repository(repository)).await;
        let page = Login::none().get(&url(&aws, "/v2/apps/new/tags/list")).await.json();
        assert_eq!(page, json!({ "name": "apps/new", "tags": tags }));
    }
}
