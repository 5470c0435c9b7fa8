//! `AssumeRole`: who may, with what, for how long.

use local_aws::{EXAMPLE_ISSUER, LocalAws, Role, User};
use serde_json::{Value, json};

use crate::pod_identity;
use crate::scenario::{
    CONTROLLER, HOUR, NAMESPACE, PODS, ROLE, STS, allows, builder, controller, document, now, start,
    trusts_subject, user,
};
use crate::signed::{Answer, Keys, Signer};

/// Names with values.
type Parameters<'a> = &'a [(&'a str, &'a str)];

const HERE: &str = "111122223333";
const THERE: &str = "444455556666";

/// `AssumeRole` of `role` with the keys, and these further parameters; an empty value leaves one out.
async fn assume(aws: &LocalAws, keys: &Keys, role: &str, more: Parameters<'_>) -> Answer {
    let mut parameters = vec![
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", role),
        ("RoleSessionName", "hop"),
    ];
    parameters.retain(|(name, _)| more.iter().all(|(changed, _)| changed != name));
    parameters.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    Signer::new(keys, "sts", now()).sts(aws.sts_url(), &form).await
}

fn keys(answer: &Answer) -> Keys {
    assert_eq!(answer.status, 200, "{answer:?}");
    Keys {
        access_key_id: answer.element("AccessKeyId").to_owned(),
        secret_access_key: answer.element("SecretAccessKey").to_owned(),
        session_token: Some(answer.element("SessionToken").to_owned()),
    }
}

#[track_caller]
fn is_denied(answer: &Answer, caller: &str, action: &str, role: &str) {
    let message = format!("User: {caller} is not authorized to perform: {action} on resource: {role}");
    answer.is_xml_fault(403, "AccessDenied", &message);
}

fn arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

fn trusts(principal: &str, actions: &Value, condition: &Value) -> String {
    document(&json!({
        "Effect": "Allow",
        "Principal": { "AWS": principal },
        "Action": actions,
        "Condition": condition,
    }))
}

const BOT: &str = "arn:aws:iam::111122223333:user/bot";
const HOPPER: &str = "arn:aws:iam::111122223333:user/hopper";
const ROOT: &str = "arn:aws:iam::111122223333:root";

/// Roles for every kind of trust, and a user that may assume whatever trusts it.
async fn world() -> LocalAws {
    let hop = json!("sts:AssumeRole");
    let tagged = json!(["sts:AssumeRole", "sts:TagSession"]);
    let anything = json!({});
    let read = allows(&json!("ecr:*"), "*");
    builder()
        .user(User::new("hopper").permissions(allows(&json!("sts:*"), "*")))
        .role(Role::new("account").trust(trusts(ROOT, &hop, &anything)).permissions(read.clone()))
        .role(Role::new("named").trust(trusts(BOT, &hop, &anything)))
        .role(Role::new("external").trust(trusts(
            ROOT,
            &hop,
            &json!({ "StringEquals": { "sts:ExternalId": "x-42" } }),
        )))
        .role(
            Role::new("tagged")
                .trust(trusts(ROOT, &tagged, &json!({ "StringLike": { "aws:RequestTag/team": "*" } })))
                .permissions(allows(&json!("sts:*"), "*")),
        )
        .role(
            Role::new("of-team-a")
                .trust(trusts(ROOT, &tagged, &json!({ "StringEquals": { "aws:PrincipalTag/team": "a" } })))
                .permissions(allows(&json!("sts:*"), "*")),
        )
        .role(Role::new("untagged").trust(trusts(ROOT, &hop, &anything)))
        .role(
            Role::new("long")
                .trust(trusts(ROOT, &json!(["sts:AssumeRole", "sts:SetSourceIdentity"]), &anything))
                .permissions(allows(&json!("sts:*"), "*"))
                .max_session_seconds(43200),
        )
        .role(
            Role::new("after-long")
                .trust(trusts(&arn(HERE, "long"), &json!("sts:*"), &anything))
                .permissions(allows(&json!("sts:*"), "*"))
                .max_session_seconds(43200),
        )
        .role(Role::new("abroad").account(THERE).trust(trusts(ROOT, &hop, &anything)).permissions(read))
        .start()
        .await
        .expect("a valid set-up")
}

#[tokio::test]
async fn a_user_becomes_a_roles_session() {
    let aws = world().await;
    let answer =
        assume(&aws, &user(&aws, "hopper"), &arn(HERE, "account"), &[("DurationSeconds", "900")]).await;
    assert!(answer.body.starts_with(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><AssumedRoleUser>"
    ));
    assert_eq!(answer.element("Arn"), "arn:aws:sts::111122223333:assumed-role/account/hop");
    assert_eq!(answer.element("Expiration"), "2026-01-02T03:19:05Z");
    assert!(!answer.body.contains("SourceIdentity"));
    let list = json!({ "repositoryName": "apps/small" });
    let ecr = Signer::new(&keys(&answer), "ecr", now()).ecr(aws.ecr_url(), "ListImages", &list).await;
    assert_eq!(ecr.status, 200, "{ecr:?}");
    assert_eq!(aws.requests()["sts:AssumeRole"], 1);
}

#[tokio::test]
async fn who_is_not_trusted_or_not_allowed_is_not_told_which() {
    let aws = world().await;
    let (hopper, bot, stranger) = (user(&aws, "hopper"), user(&aws, "bot"), user(&aws, "stranger"));
    assert_eq!(assume(&aws, &bot, &arn(HERE, "named"), &[]).await.status, 200, "the trust policy names it");
    for (keys, caller, role) in [
        (&hopper, HOPPER, arn(HERE, "named")),
        (&bot, BOT, arn(HERE, "account")),
        (&stranger, "arn:aws:iam::111122223333:user/stranger", arn(HERE, "account")),
        (&hopper, HOPPER, arn(HERE, "not-there")),
        (&hopper, HOPPER, arn(HERE, ROLE)),
        (&bot, BOT, arn(THERE, "abroad")),
        (&hopper, HOPPER, arn("777788889999", "abroad")),
    ] {
        is_denied(&assume(&aws, keys, &role, &[]).await, caller, "sts:AssumeRole", &role);
    }
}

#[tokio::test]
async fn a_role_of_another_account_is_of_that_account() {
    let aws = world().await;
    let session = keys(&assume(&aws, &user(&aws, "hopper"), &arn(THERE, "abroad"), &[]).await);
    let who = "Action=GetCallerIdentity&Version=2011-06-15";
    let caller = Signer::new(&session, "sts", now()).sts(aws.sts_url(), who).await;
    assert_eq!(caller.element("Account"), THERE);
    assert_eq!(caller.element("Arn"), "arn:aws:sts::444455556666:assumed-role/abroad/hop");

    let ecr = Signer::new(&session, "ecr", now());
    let list = json!({ "registryId": HERE, "repositoryName": "apps/small" });
    let answer = ecr.ecr(aws.ecr_url(), "ListImages", &list).await;
    answer.is_json_fault(
        "AccessDeniedException",
        "User: arn:aws:sts::444455556666:assumed-role/abroad/hop is not authorized to perform: ecr:ListImages on \
         resource: arn:aws:ecr:eu-west-1:111122223333:repository/apps/small because no resource-based policy allows the \
         ecr:ListImages action",
    );
    let own = ecr.ecr(aws.ecr_url(), "ListImages", &json!({ "repositoryName": "apps/small" })).await;
    own.is_json_fault(
        "RepositoryNotFoundException",
        "The repository with name 'apps/small' does not exist in the registry with id '444455556666'",
    );
}

#[tokio::test]
async fn a_service_account_of_the_cluster_in_another_account() {
    let issuer = EXAMPLE_ISSUER.trim_start_matches("https://");
    let mut trust = trusts_subject("system:serviceaccount:flux-system:*");
    trust["Principal"] = json!({ "Federated": format!("arn:aws:iam::{THERE}:oidc-provider/{issuer}") });
    let abroad = Role::new("abroad").account(THERE).trust(document(&trust));
    let set_up = builder().role(abroad);
    let (without, with) = (set_up.clone(), set_up.oidc_provider_in(THERE));

    for (set_up, there) in [(without, false), (with, true)] {
        let aws = set_up.start().await.expect("a valid set-up");
        let token = aws.issuer().token(NAMESPACE, CONTROLLER, STS, HOUR);
        let role = arn(THERE, "abroad");
        let answer = crate::sts::assume(&aws, &[("RoleArn", &role), ("WebIdentityToken", &token)]).await;
        if there {
            assert_eq!(answer.element("Arn"), "arn:aws:sts::444455556666:assumed-role/abroad/flux");
            assert!(answer.element("Provider").starts_with("arn:aws:iam::444455556666:oidc-provider/"));
        } else {
            let message = format!("No OpenIDConnect provider found in your account for {EXAMPLE_ISSUER}");
            answer.is_xml_fault(400, "InvalidIdentityToken", &message);
        }
    }
}

#[tokio::test]
async fn an_external_id_is_asked_for() {
    let aws = world().await;
    let (hopper, role) = (user(&aws, "hopper"), arn(HERE, "external"));
    assert_eq!(assume(&aws, &hopper, &role, &[("ExternalId", "x-42")]).await.status, 200);
    for wrong in ["x-43", "X-42", ""] {
        is_denied(
            &assume(&aws, &hopper, &role, &[("ExternalId", wrong)]).await,
            HOPPER,
            "sts:AssumeRole",
            &role,
        );
    }
}

#[tokio::test]
async fn tags_need_leave_and_go_on_where_they_are_transitive() {
    let aws = world().await;
    let hopper = user(&aws, "hopper");
    let tags = [
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "a"),
        ("Tags.member.2.Key", "stage"),
        ("Tags.member.2.Value", ""),
        ("TransitiveTagKeys.member.1", "Team"),
    ];
    let with_values = |value: &'static str| {
        let mut tags = tags.to_vec();
        tags[1].1 = value;
        tags.retain(|(name, _)| !name.starts_with("Tags.member.2"));
        tags
    };
    let untagged = arn(HERE, "untagged");
    is_denied(
        &assume(&aws, &hopper, &untagged, &with_values("a")).await,
        HOPPER,
        "sts:TagSession",
        &untagged,
    );
    assert_eq!(assume(&aws, &hopper, &untagged, &[]).await.status, 200);
    is_denied(
        &assume(&aws, &hopper, &arn(HERE, "tagged"), &[]).await,
        HOPPER,
        "sts:AssumeRole",
        &arn(HERE, "tagged"),
    );

    for (team, expected) in [("a", 200), ("b", 403)] {
        let tagged = keys(&assume(&aws, &hopper, &arn(HERE, "tagged"), &with_values(team)).await);
        let next = assume(&aws, &tagged, &arn(HERE, "of-team-a"), &[]).await;
        assert_eq!(next.status, expected, "team {team}: {next:?}");
        if expected == 200 {
            let session = "arn:aws:sts::111122223333:assumed-role/of-team-a/hop";
            let further = assume(&aws, &keys(&next), &untagged, &[]).await;
            is_denied(&further, session, "sts:TagSession", &untagged);
        }
        // A chain with transitive tags tags every session in it, so each target has to allow it.
        let session = "arn:aws:sts::111122223333:assumed-role/tagged/hop";
        is_denied(&assume(&aws, &tagged, &untagged, &[]).await, session, "sts:TagSession", &untagged);
        let again = assume(&aws, &tagged, &arn(HERE, "of-team-a"), &with_values("a")).await;
        again.is_xml_fault(
            400,
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from \
             the calling session.",
        );
    }
    let mut passing = with_values("a");
    passing.retain(|(name, _)| !name.starts_with("Transitive"));
    let session = keys(&assume(&aws, &hopper, &arn(HERE, "tagged"), &passing).await);
    assert_eq!(assume(&aws, &session, &untagged, &[]).await.status, 200, "the tags end with their session");
}

#[tokio::test]
async fn the_tags_of_pod_identity_are_transitive() {
    let session = "arn:aws:iam::111122223333:role/reflector";
    let namespace = json!({ "StringEquals": { "aws:PrincipalTag/kubernetes-namespace": NAMESPACE } });
    let elsewhere = json!({ "StringEquals": { "aws:PrincipalTag/kubernetes-namespace": "other" } });
    let tagging = json!(["sts:AssumeRole", "sts:TagSession"]);
    let aws = builder()
        .role(Role::new("tagging").trust(trusts(session, &tagging, &namespace)))
        .role(Role::new("elsewhere").trust(trusts(session, &tagging, &elsewhere)))
        .role(Role::new("not-tagging").trust(trusts(session, &json!("sts:AssumeRole"), &namespace)))
        .start()
        .await
        .expect("a valid set-up");
    let pod = pod_identity::keys(&aws, &aws.issuer().token(NAMESPACE, CONTROLLER, PODS, HOUR)).await;
    assert_eq!(assume(&aws, &pod, &arn(HERE, "tagging"), &[]).await.status, 200);
    for (role, action) in [("elsewhere", "sts:AssumeRole"), ("not-tagging", "sts:TagSession")] {
        let answer = assume(&aws, &pod, &arn(HERE, role), &[]).await;
        assert_eq!((answer.status, answer.element("Code")), (403, "AccessDenied"));
        assert!(
            answer.element("Message").contains(&format!("perform: {action} on resource: ")),
            "{answer:?}"
        );
    }
    let web = assume(&aws, &controller(&aws).await, &arn(HERE, "not-tagging"), &[]).await;
    assert_eq!(web.status, 403, "a session from a token has no namespace tag: {web:?}");
}

#[tokio::test]
async fn a_chain_lasts_an_hour() {
    let aws = world().await;
    let hopper = user(&aws, "hopper");
    let long = assume(&aws, &hopper, &arn(HERE, "long"), &[("DurationSeconds", "43200")]).await;
    assert_eq!(long.element("Expiration"), "2026-01-02T15:04:05Z");
    let next = arn(HERE, "after-long");
    assert_eq!(assume(&aws, &keys(&long), &next, &[("DurationSeconds", "3600")]).await.status, 200);
    assume(&aws, &keys(&long), &next, &[("DurationSeconds", "3601")]).await.is_xml_fault(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    );
    assume(&aws, &hopper, &arn(HERE, "account"), &[("DurationSeconds", "3601")]).await.is_xml_fault(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
}

#[tokio::test]
async fn a_role_does_not_assume_itself_unless_it_trusts_itself() {
    let aws = world().await;
    let (long, after_long) = (arn(HERE, "long"), arn(HERE, "after-long"));
    let first = keys(&assume(&aws, &user(&aws, "hopper"), &long, &[]).await);
    let session = keys(&assume(&aws, &first, &after_long, &[]).await);
    let caller = "arn:aws:sts::111122223333:assumed-role/after-long/hop";
    is_denied(&assume(&aws, &session, &after_long, &[]).await, caller, "sts:AssumeRole", &after_long);
    assert_eq!(assume(&aws, &first, &long, &[]).await.status, 200, "this one trusts its whole account");
}

#[tokio::test]
async fn a_session_policy_takes_away() {
    let aws = world().await;
    let (hopper, role) = (user(&aws, "hopper"), arn(HERE, "account"));
    let narrow = allows(&json!("ecr:ListImages"), "arn:aws:ecr:*:*:repository/apps/small");
    let session = keys(&assume(&aws, &hopper, &role, &[("Policy", &narrow)]).await);
    let ecr = Signer::new(&session, "ecr", now());
    let list =
        async |name: &str| ecr.ecr(aws.ecr_url(), "ListImages", &json!({ "repositoryName": name })).await;
    assert_eq!(list("apps/small").await.status, 200);
    list("apps/mainapp").await.is_json_fault(
        "AccessDeniedException",
        "User: arn:aws:sts::111122223333:assumed-role/account/hop is not authorized to perform: ecr:ListImages on \
         resource: arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp because no session policy allows the \
         ecr:ListImages action",
    );
    let refused = async |policy: &str| assume(&aws, &hopper, &role, &[("Policy", policy)]).await;
    refused("{").await.is_xml_fault(400, "MalformedPolicyDocument", "Syntax errors in policy.");
    let trust = refused(&trusts("*", &json!("sts:*"), &json!({}))).await;
    trust.is_xml_fault(400, "MalformedPolicyDocument", "a permission policy has no Principal");
    let long = refused(&format!("{narrow}{}", " ".repeat(2048))).await;
    assert!(
        long.element("Message").ends_with("Member must have length less than or equal to 2048"),
        "{long:?}"
    );
}

#[tokio::test]
async fn a_source_identity_stays() {
    let aws = world().await;
    let hopper = user(&aws, "hopper");
    let account = arn(HERE, "account");
    let refused = assume(&aws, &hopper, &account, &[("SourceIdentity", "ada")]).await;
    is_denied(&refused, HOPPER, "sts:SetSourceIdentity", &account);
    let first = assume(&aws, &hopper, &arn(HERE, "long"), &[("SourceIdentity", "ada")]).await;
    assert_eq!(first.element("SourceIdentity"), "ada");
    let next = assume(&aws, &keys(&first), &arn(HERE, "after-long"), &[]).await;
    assert_eq!(next.element("SourceIdentity"), "ada");
    let other = assume(&aws, &keys(&first), &arn(HERE, "after-long"), &[("SourceIdentity", "bob")]).await;
    let session = "arn:aws:sts::111122223333:assumed-role/long/hop";
    is_denied(&other, session, "sts:SetSourceIdentity", &arn(HERE, "after-long"));
}

#[tokio::test]
async fn parameters_that_do_not_fit_the_model() {
    let aws = world().await;
    let (hopper, role) = (user(&aws, "hopper"), arn(HERE, "account"));
    let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
    let at_tag = |part: &str, rule: &str| {
        format!("at 'tags.1.member.{part}' failed to satisfy constraint: Member must {rule}")
    };
    let cases: [(Parameters<'_>, &str, String); 11] = [
        (
            &[("ExternalId", "x")],
            "ValidationError",
            "Member must have length greater than or equal to 2".to_owned(),
        ),
        (&[("ExternalId", "a b")], "ValidationError", "pattern: [\\w+=,.@:\\/-]*".to_owned()),
        (&[("DurationSeconds", "899")], "ValidationError", "greater than or equal to 900".to_owned()),
        (
            &[("PolicyArns.member.1.arn", "x")],
            "ValidationError",
            "PolicyArns is not evaluated here, so it is not accepted".to_owned(),
        ),
        (
            &[("SerialNumber", "x")],
            "ValidationError",
            "SerialNumber is not evaluated here, so it is not accepted".to_owned(),
        ),
        (&[("Tags.member.1.Value", "x")], "ValidationError", at_tag("key", "not be null")),
        (&[("Tags.member.1.Key", "x")], "ValidationError", at_tag("value", "not be null")),
        (
            &[("Tags.member.1.Key", &long_key), ("Tags.member.1.Value", "")],
            "ValidationError",
            "Member must not be null".to_owned(),
        ),
        (
            &[("Tags.member.1.Key", "x"), ("Tags.member.1.Value", &long_value)],
            "ValidationError",
            at_tag("value", "have length less than or equal to 256"),
        ),
        (
            &[
                ("Tags.member.1.Key", "a"),
                ("Tags.member.1.Value", "1"),
                ("Tags.member.2.Key", "A"),
                ("Tags.member.2.Value", "2"),
            ],
            "InvalidParameterValue",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned(),
        ),
        (
            &[("TransitiveTagKeys.member.1", "a")],
            "InvalidParameterValue",
            "The specified transitive tag key must be included in the requested tags.".to_owned(),
        ),
    ];
    for (parameters, code, message) in cases {
        let answer = assume(&aws, &hopper, &role, parameters).await;
        assert_eq!((answer.status, answer.element("Code")), (400, code), "{parameters:?}");
        assert!(answer.element("Message").contains(&message), "{parameters:?}: {answer:?}");
    }
}

#[tokio::test]
async fn it_takes_a_signature() {
    let aws = start().await;
    let mut keys = user(&aws, "bot");
    keys.secret_access_key.push('x');
    let answer = assume(&aws, &keys, &arn(HERE, "account"), &[]).await;
    assert_eq!((answer.status, answer.element("Code")), (403, "SignatureDoesNotMatch"));
}
