use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flux_aws_auth::{Chain, Environment, ErrorKind, Reason, RoleArn, RoleHop, SourceKind};

use crate::support::*;

const TARGET: &str = "arn:aws:iam::444455556666:role/team/reader";

fn target() -> RoleArn {
    TARGET.parse().unwrap()
}

fn hop() -> RoleHop {
    RoleHop::new(target())
}

/// The chain of a user with an access key that does not expire.
fn chain_of_user(aws: &Network, clock: &TestClock) -> Chain {
    let user = Environment::empty()
        .with_var("AWS_REGION", "eu-west-1")
        .with_var("AWS_ACCESS_KEY_ID", "AKIAUSER")
        .with_var("AWS_SECRET_ACCESS_KEY", SECRET);
    chain(user, aws, &Network::silent(), clock).build()
}

/// The id of the access key that a request was signed with.
fn signer(seen: &Seen) -> String {
    let authorization = &seen.headers["authorization"];
    let credential = authorization.split("Credential=").nth(1).unwrap();
    credential.split('/').next().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn each_hop_is_signed_with_the_one_before_at_first_and_at_every_renewal() {
    let clock = TestClock::new();
    let answer = {
        let clock = clock.clone();
        move |seen: &Seen| {
            let is_first = seen.body.contains("444455556666");
            let (id, lifetime) = if is_first { ("ASIAONE", 1800) } else { ("ASIATWO", 900) };
            ok(hop_credentials(&clock, lifetime, id))
        }
    };
    let aws = Network::new(answer);
    let second = RoleHop::new("arn:aws:iam::777788889999:role/writer".parse().unwrap());
    let chain = chain_of_user(&aws, &clock).assume_role(hop()).assume_role(second);
    for _ in 0..3 {
        let resolved = chain.resolve().await.unwrap();
        assert_eq!(resolved.credentials().access_key_id(), "ASIATWO");
        tokio::time::advance(Duration::from_mins(20)).await;
    }
    let seen = aws.seen();
    assert!(seen.len() >= 4, "both were renewed: {:?}", aws.lines());
    for request in seen {
        let expected = if request.body.contains("444455556666") { "AKIAUSER" } else { "ASIAONE" };
        assert_eq!(signer(&request), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_set_is_what_is_asked() {
    let clock = TestClock::new();
    let aws = Network::in_order(vec![ok(hop_credentials(&clock, 3600, "ASIAHOP"))]);
    let hop = hop()
        .with_external_id("flux/production")
        .and_then(|hop| hop.with_session_name("nightly"))
        .and_then(|hop| hop.with_tag("stage", "production"))
        .and_then(|hop| hop.with_transitive_tag("team", "payments + more"))
        .and_then(|hop| hop.with_duration(Duration::from_hours(2)))
        .and_then(|hop| hop.with_policy(r#"{"Version":"2012-10-17","Statement":[]}"#))
        .unwrap();
    let resolved = chain_of_user(&aws, &clock).assume_role(hop).resolve().await.unwrap();
    assert_eq!(resolved.principal().to_string(), format!("role {TARGET}, session nightly"));
    let report = resolved.report();
    assert_eq!(report.provided_by(), Some(SourceKind::RoleHop));
    assert_eq!(report.origin(), Some(SourceKind::AccessKeys));
    let base = source_of(report, SourceKind::RoleHop).base().cloned().unwrap();
    assert_eq!(base.provided_by(), Some(SourceKind::AccessKeys));
    let body = &aws.seen()[0].body;
    for part in [
        "Action=AssumeRole&",
        "ExternalId=flux%2Fproduction",
        "RoleSessionName=nightly",
        "DurationSeconds=7200",
        "Tags.member.1.Key=stage&Tags.member.1.Value=production",
        "Tags.member.2.Key=team&Tags.member.2.Value=payments%20%2B%20more",
        "TransitiveTagKeys.member.1=team",
        "Policy=%7B%22Version%22",
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
}

#[test]
fn what_sts_would_refuse_is_refused_when_it_is_set() {
    let long = |length: usize| "x".repeat(length);
    let id = |id: &str| hop().with_external_id(id).is_ok();
    assert!(id("ab") && id(&long(1224)) && id("a_+=,.@:/-Z9"));
    assert!(!id("a") && !id(&long(1225)) && !id("a b") && !id("ä1") && !id(""));

    let tag = |key: &str, value: &str| hop().with_tag(key, value).is_ok();
    assert!(tag("k", "") && tag(&long(128), &long(256)) && tag("Kosten Stelle", "Ärger 1/2_.:=+-@"));
    assert!(!tag("", "v") && !tag(&long(129), "v") && !tag("k", &long(257)) && !tag("k&", "v"));
    assert!(!tag("k", "v\n") && !tag("aws:team", "v") && !tag("AWS:team", "v"));
    let twice = hop().with_tag("Team", "a").and_then(|hop| hop.with_transitive_tag("team", "b")).unwrap_err();
    assert!(twice.to_string().contains("\"team\""), "{twice}");
    let fifty = (0..50).fold(hop(), |hop, n| hop.with_tag(format!("k{n}"), "v").unwrap());
    assert_eq!(fifty.with_tag("k50", "v").unwrap_err().kind(), ErrorKind::Configuration);

    let lasting = |seconds| hop().with_duration(Duration::from_secs(seconds)).is_ok();
    assert!(lasting(900) && lasting(43_200) && !lasting(899) && !lasting(43_201));

    let policy = |json: &str| hop().with_policy(json).is_ok();
    assert!(policy("{}") && policy(&format!("{{}}{}", " ".repeat(2046))));
    assert!(!policy("") && !policy("[]") && !policy("{") && !policy(&format!("{{}}{}", " ".repeat(2047))));
    assert!(!policy("{\"Sid\":\"€\"}"));

    assert!(hop().with_session_name("s").is_err() && hop().with_session_name("a/b").is_err());
}

#[tokio::test(start_paused = true)]
async fn an_hour_is_the_most_where_a_role_assumes_the_role() {
    let clock = TestClock::new();
    let two_hours = hop().with_duration(Duration::from_hours(2)).unwrap();
    let aws = Network::in_order(vec![ok(hop_credentials(&clock, 3600, "ASIAONE"))]);
    let chain = chain_of_user(&aws, &clock).assume_role(hop()).assume_role(two_hours);
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(whole_story(&error).contains("an hour at most"), "{}", whole_story(&error));
    assert_eq!(aws.lines().len(), 1, "the second hop was not asked for");
}

/// AWS says of the credentials that it gave that it does not know them: the base is asked anew, not the same key again.
#[tokio::test(start_paused = true)]
async fn a_rejected_base_is_let_go_of() {
    let clock = TestClock::new();
    let good = sts_credentials(&clock, 3600);
    let aws = Network::in_order(vec![
        ok(good.clone()),
        sts_error(403, "InvalidClientTokenId", "The security token included in the request is invalid"),
        ok(good),
        ok(hop_credentials(&clock, 3600, "ASIAHOP")),
    ]);
    let chain = chain(irsa(), &aws, &Network::silent(), &clock).build().assume_role(hop());
    assert_eq!(chain.resolve().await.unwrap_err().reason(), Reason::AccessKeyRejected);
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(chain.resolve().await.unwrap().credentials().access_key_id(), "ASIAHOP");
    assert_eq!(aws.seen().len(), 4);
}

/// A denial of the first identity ends the second's session too, though that has not expired.
#[tokio::test(start_paused = true)]
async fn a_hop_does_not_outlast_a_revocation_of_its_base() {
    let clock = TestClock::new();
    let aws = {
        let (clock, first) = (clock.clone(), AtomicBool::new(true));
        Network::new(move |seen| match seen.body.contains("WebIdentity") {
            true if first.swap(false, Ordering::SeqCst) => ok(sts_credentials(&clock, 900)),
            true => sts_error(403, "AccessDenied", "no"),
            false => ok(hop_credentials(&clock, 3600, "ASIAHOP")),
        })
    };
    let chain = chain(irsa(), &aws, &Network::silent(), &clock).build().assume_role(hop());
    chain.resolve().await.unwrap();
    tokio::time::advance(Duration::from_mins(40)).await;
    chain.resolve().await.unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(chain.resolve().await.unwrap_err().kind(), ErrorKind::AccessDenied);
}

#[test]
fn debug_has_no_values() {
    let hop = hop().with_external_id("canary-id").and_then(|hop| hop.with_tag("team", "canary")).unwrap();
    let shown = format!("{hop:?}");
    assert!(shown.contains(TARGET) && shown.contains("team") && !shown.contains("canary"), "{shown}");
}
