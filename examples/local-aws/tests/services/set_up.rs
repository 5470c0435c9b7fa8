//! Set-ups that are refused, and the life of one that is not.

use local_aws::{Builder, Error, GenericRegistry, LocalAws, Repository, Role, ServiceAccount, User};
use serde_json::json;

use crate::scenario::{bot, controller, document, start};

async fn refused(builder: Builder) -> String {
    builder.start().await.expect_err("a set-up that is refused").to_string()
}

#[tokio::test]
async fn set_ups_that_are_refused() {
    let new = LocalAws::builder;
    let cases = [
        (new().account("123"), "account `123` is not valid: twelve digits"),
        (new().issuer("http://x"), "issuer `http://x` is not valid: an https URL"),
        (
            new().role(Role::new("a b")),
            "role `a b` is not valid: 1 to 64 letters, digits or characters of `+=,.@_-`",
        ),
        (
            new().role(Role::new("a").max_session_seconds(60)),
            "max_session_seconds `60` is not valid: from 3600 to 43200 seconds",
        ),
        (new().role(Role::new("a")).role(Role::new("a")), "there are two roles named `a`"),
        (new().user(User::new("u")).user(User::new("u")), "there are two users named `u`"),
        (
            new().node_role("a"),
            "the node names the role `a`, which is not defined; add it with `Builder::role`",
        ),
        (
            new().pod_identity_association("n", "s", "a"),
            "the association of n/s names the role `a`, which is not defined; add it with `Builder::role`",
        ),
        (
            new().service_account(ServiceAccount::new("team_a", "x")),
            "namespace `team_a` is not valid: 1 to 63 lower-case letters, digits and inner hyphens",
        ),
        (
            new().service_account(ServiceAccount::new("a", "x.")),
            "ServiceAccount `x.` is not valid: 1 to 253 lower-case letters, digits, and inner hyphens and dots",
        ),
        (
            new()
                .service_account(ServiceAccount::new("a", "x"))
                .service_account(ServiceAccount::new("a", "x")),
            "there are two ServiceAccounts named `a/x`",
        ),
        (new().role(Role::new("a").account("1")), "account `1` is not valid: twelve digits"),
        (
            new().repository(Repository::with_tags("Apps", ["1"])),
            "repository `Apps` is not valid: 2 to 256 lower-case letters, digits and separators, such as \
             `apps/mainapp`",
        ),
        (
            new().generic_registry(GenericRegistry::bearer().identity_token("ci", "t")),
            "identity_token `ci` is not valid: a user of the generic registry",
        ),
        (
            new().generic_registry(
                GenericRegistry::basic()
                    .repository(Repository::empty("apps/a"))
                    .repository(Repository::empty("apps/a")),
            ),
            "there are two repositories of the generic registry named `apps/a`",
        ),
        (
            new().public_repository("1docker", Repository::with_tags("alpine", ["1"])),
            "public_repository `1docker` is not valid: an alias of 2 to 50 lower-case letters, digits and inner \
             separators, with a letter first",
        ),
        (
            new()
                .public_repository("docker", Repository::with_tags("alpine", ["1"]))
                .public_repository("docker", Repository::with_tags("alpine", ["2"])),
            "there are two public repositories named `docker/alpine`",
        ),
        (
            new().role(Role::new("a").trust(document(&json!({ "Effect": "Allow", "Action": "sts:*" })))),
            "the trust policy of role `a` is not usable: a statement has no Principal",
        ),
    ];
    for (builder, message) in cases {
        assert_eq!(refused(builder).await, message);
    }
    let error = new().user(User::new("u").permissions("{")).start().await.expect_err("refused");
    assert!(matches!(error, Error::Policy { kind: "permission", .. }), "{error}");
}

#[tokio::test]
async fn stopped_and_dropped_services_are_gone() {
    let aws = start().await;
    let url = format!("{}/v2/", aws.registry_url());
    assert!(reqwest::get(&url).await.is_ok());
    aws.stop().await;
    assert!(reqwest::get(&url).await.is_err());
}

#[tokio::test]
async fn secrets_are_listed_and_not_shown() {
    let aws = start().await;
    let (user, session) = (bot(&aws), controller(&aws).await);
    let issued = aws.secrets_issued();
    let shown = format!("{aws:?} {:?} {:?}", aws.access_key("bot"), aws.issuer());
    for secret in [Some(user.secret_access_key), Some(session.secret_access_key), session.session_token] {
        let secret = secret.expect("a secret");
        assert!(issued.contains(&secret));
    }
    for secret in &issued {
        assert!(!shown.contains(secret));
    }
}
