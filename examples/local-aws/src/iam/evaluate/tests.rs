use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{Kind, SessionAttributes, SessionTag};
use super::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/reflector";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/reflector/flux";
const HERE: &str = "arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp";
const ELSEWHERE: &str = "arn:aws:ecr:eu-west-1:444455556666:repository/apps/mainapp";
const ISSUER: &str = "oidc.eks.eu-west-1.amazonaws.com/id/ABC";
const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC";

fn document(kind: Kind, statements: &Value) -> Document {
    let json = json!({ "Version": "2012-10-17", "Statement": statements });
    Document::parse(&json.to_string(), kind).expect("a document this evaluator reads")
}

fn caller(identity: &Value) -> Caller {
    Caller {
        arn: SESSION.to_owned(),
        user_id: "AROA:flux".to_owned(),
        account: "111122223333".to_owned(),
        principal_arn: ROLE.to_owned(),
        permissions: Arc::from([document(Kind::Permission, identity)]),
        session: SessionAttributes::default(),
    }
}

#[track_caller]
fn decide(identity: &Value, policy: Option<&Value>, resource: &str, expected: Result<(), Reason>) {
    let caller = caller(identity);
    let policy = policy.map(|statements| document(Kind::Repository, statements));
    let access = Access {
        action: "ecr:ListImages",
        resource,
        account: resource.split(':').nth(4).expect("an ARN"),
        attached: Attached::Policy(policy.as_ref()),
    };
    let context = caller.context().with("aws:RequestedRegion", "eu-west-1");
    let decision = authorize(&caller, &access, &context).map_err(|refusal| refusal.reason);
    assert_eq!(decision, expected, "identity {identity}, repository {policy:?}");
}

fn allow(action: &str, resource: &str) -> Value {
    json!({ "Effect": "Allow", "Action": action, "Resource": resource })
}

fn deny(action: &str, resource: &str) -> Value {
    json!({ "Effect": "Deny", "Action": action, "Resource": resource })
}

fn to(principal: &str) -> Value {
    json!({ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "ecr:*" })
}

#[test]
fn identity_policies() {
    let cases = [
        (json!([]), Err(Reason::NotAllowed(Side::Identity))),
        (json!(allow("ecr:ListImages", HERE)), Ok(())),
        (json!(allow("ECR:listimages", HERE)), Ok(())),
        (json!(allow("ecr:List*", "arn:aws:ecr:*:*:repository/apps/*")), Ok(())),
        (json!(allow("*", "*")), Ok(())),
        (json!(allow("ecr:Describe*", "*")), Err(Reason::NotAllowed(Side::Identity))),
        (json!(allow("ecr:ListImages", ELSEWHERE)), Err(Reason::NotAllowed(Side::Identity))),
        (json!([allow("ecr:*", "*"), deny("ecr:List*", HERE)]), Err(Reason::Denied(Side::Identity))),
        (json!([allow("ecr:*", "*"), deny("ecr:List*", ELSEWHERE)]), Ok(())),
        (json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" }), Ok(())),
        (
            json!({ "Effect": "Allow", "NotAction": "ecr:*", "Resource": "*" }),
            Err(Reason::NotAllowed(Side::Identity)),
        ),
        (
            json!({ "Effect": "Allow", "Action": "ecr:*", "NotResource": HERE }),
            Err(Reason::NotAllowed(Side::Identity)),
        ),
    ];
    for (statements, expected) in cases {
        decide(&statements, None, HERE, expected);
    }
}

#[test]
fn conditions() {
    let with = |condition: &Value| {
        let mut statement = allow("ecr:*", "*");
        statement["Condition"] = condition.clone();
        statement
    };
    let holds = [
        json!({ "StringEquals": { "aws:RequestedRegion": ["us-east-1", "eu-west-1"] } }),
        json!({ "StringEquals": { "AWS:requestedregion": "eu-west-1" } }),
        json!({ "StringLike": { "aws:RequestedRegion": "eu-*" } }),
        json!({ "StringNotEquals": { "aws:RequestedRegion": "us-east-1" } }),
        json!({ "StringNotLike": { "aws:Absent": "*" } }),
        json!({ "StringEqualsIfExists": { "aws:Absent": "x" } }),
        json!({ "StringEqualsIgnoreCase": { "aws:RequestedRegion": "EU-WEST-1" } }),
        json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/*" } }),
    ];
    let fails = [
        json!({ "StringEquals": { "aws:RequestedRegion": "eu-*" } }),
        json!({ "StringEquals": { "aws:Absent": "x" } }),
        json!({ "StringNotEquals": { "aws:RequestedRegion": ["us-east-1", "eu-west-1"] } }),
        json!({ "StringLike": { "aws:RequestedRegion": "eu-*" }, "StringEquals": { "aws:PrincipalAccount": "0" } }),
        json!({ "ArnNotLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/*" } }),
    ];
    for condition in &holds {
        decide(&with(condition), None, HERE, Ok(()));
    }
    for condition in &fails {
        decide(&with(condition), None, HERE, Err(Reason::NotAllowed(Side::Identity)));
    }
}

#[test]
fn repository_policies_of_the_same_account() {
    let nothing = json!([]);
    decide(&nothing, Some(&to(ROLE)), HERE, Ok(()));
    decide(&nothing, Some(&to(SESSION)), HERE, Ok(()));
    decide(&nothing, Some(&to("*")), HERE, Ok(()));
    decide(&nothing, Some(&to("111122223333")), HERE, Err(Reason::NotAllowed(Side::Identity)));
    decide(
        &nothing,
        Some(&to("arn:aws:iam::111122223333:root")),
        HERE,
        Err(Reason::NotAllowed(Side::Identity)),
    );
    let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "ecr:*" });
    decide(&allow("ecr:*", "*"), Some(&deny), HERE, Err(Reason::Denied(Side::Resource)));
}

#[test]
fn between_accounts_both_sides_must_allow() {
    let everything = allow("ecr:*", "*");
    decide(&everything, None, ELSEWHERE, Err(Reason::NotAllowed(Side::Resource)));
    decide(
        &everything,
        Some(&to("arn:aws:iam::777788889999:root")),
        ELSEWHERE,
        Err(Reason::NotAllowed(Side::Resource)),
    );
    decide(&everything, Some(&to("arn:aws:iam::111122223333:root")), ELSEWHERE, Ok(()));
    decide(&everything, Some(&to(ROLE)), ELSEWHERE, Ok(()));
    decide(&json!([]), Some(&to(ROLE)), ELSEWHERE, Err(Reason::NotAllowed(Side::Identity)));
}

#[test]
fn trust() {
    let subject = format!("{ISSUER}:sub");
    let audience = format!("{ISSUER}:aud");
    let context = RequestContext::new()
        .with(&subject, "system:serviceaccount:flux-system:image-reflector-controller")
        .with(&audience, "sts.amazonaws.com");
    let statement = |operator: &str, subject_pattern: &str| {
        json!({
            "Effect": "Allow",
            "Principal": { "Federated": PROVIDER },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { operator: { &subject: subject_pattern, &audience: "sts.amazonaws.com" } },
        })
    };
    let federated = Assumer::Federated(PROVIDER);
    let cases = [
        (statement("StringEquals", "system:serviceaccount:flux-system:image-reflector-controller"), true),
        (statement("StringEquals", "system:serviceaccount:flux-system:*"), false),
        (statement("StringLike", "system:serviceaccount:flux-system:*"), true),
        (statement("StringLike", "system:serviceaccount:*:image-reflector-controller"), true),
        (statement("StringLike", "system:serviceaccount:default:*"), false),
    ];
    for (statement, expected) in cases {
        let document = document(Kind::Trust, &statement);
        let trusted = trusts(&document, &federated, "sts:AssumeRoleWithWebIdentity", &context);
        assert_eq!(trusted, expected, "{statement}");
        assert!(!trusts(&document, &federated, "sts:AssumeRole", &context));
        assert!(!trusts(&document, &Assumer::Federated(ISSUER), "sts:AssumeRoleWithWebIdentity", &context));
        assert!(!trusts(
            &document,
            &Assumer::Service("ec2.amazonaws.com"),
            "sts:AssumeRoleWithWebIdentity",
            &context
        ));
    }
}

#[test]
fn a_deny_in_a_trust_policy_wins() {
    let statement = |effect: &str, principal: &Value| json!({ "Effect": effect, "Principal": principal, "Action": "sts:AssumeRole" });
    let ec2 = json!({ "Service": "ec2.amazonaws.com" });
    let assume = |statements: &Value| {
        let document = document(Kind::Trust, statements);
        trusts(&document, &Assumer::Service("ec2.amazonaws.com"), "sts:AssumeRole", &RequestContext::new())
    };
    assert!(assume(&json!([statement("Allow", &ec2)])));
    assert!(assume(&json!([statement("Allow", &json!("*"))])));
    assert!(!assume(&json!([statement("Allow", &ec2), statement("Deny", &json!("*"))])));
    assert!(assume(&json!([statement("Allow", &ec2), statement("Deny", &json!({ "Service": "other" }))])));
}

/// Whether the caller, with this identity policy, may assume a role of this account with this trust policy.
fn assumes(caller: &Caller, account: &str, trust: &Value) -> Result<(), Reason> {
    let trust = document(Kind::Trust, trust);
    let role = format!("arn:aws:iam::{account}:role/target");
    let attached = Attached::Trust(Some(&trust));
    let access = Access { action: "sts:AssumeRole", resource: &role, account, attached };
    authorize(caller, &access, &caller.context()).map_err(|refusal| refusal.reason)
}

#[test]
fn a_trust_policy_must_consent_and_the_account_where_it_is_named() {
    let trust =
        |principal: &str| json!({ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:*" });
    let may = allow("sts:AssumeRole", "arn:aws:iam::*:role/target");
    let (may, may_not) = (caller(&may), caller(&json!([])));
    let unheard = Err(Reason::NotAllowed(Side::Assumption));
    let (here, there) = ("111122223333", "444455556666");
    let root = "arn:aws:iam::111122223333:root";
    let cases = [
        // In one account a policy that names the caller is enough; one that names the account leaves it to the caller's.
        (&may_not, here, ROLE, Ok(())),
        (&may_not, here, SESSION, Ok(())),
        (&may_not, here, root, unheard),
        (&may, here, root, Ok(())),
        (&may, here, here, Ok(())),
        (&may, here, "arn:aws:iam::111122223333:role/other", unheard),
        // Between accounts both sides are needed, however directly the caller is named.
        (&may_not, there, SESSION, unheard),
        (&may, there, SESSION, Ok(())),
        (&may, there, ROLE, Ok(())),
        (&may, there, root, Ok(())),
        (&may, there, "arn:aws:iam::444455556666:root", unheard),
    ];
    for (caller, account, principal, expected) in cases {
        assert_eq!(assumes(caller, account, &trust(principal)), expected, "{principal} in {account}");
    }
    let denied = json!([trust(ROLE), { "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole" }]);
    assert_eq!(assumes(&may, here, &denied), Err(Reason::Denied(Side::Trust)));
    let refusing = caller(&json!([allow("sts:*", "*"), deny("sts:AssumeRole", "*")]));
    assert_eq!(assumes(&refusing, here, &trust(ROLE)), Err(Reason::Denied(Side::Identity)));
}

#[test]
fn a_session_policy_leaves_what_both_allow() {
    let decide = |session: &Value, policy: Option<&Value>| {
        let mut caller = caller(&allow("ecr:*", "*"));
        caller.session.policy = Some(Arc::new(document(Kind::Permission, session)));
        let policy = policy.map(|policy| document(Kind::Repository, policy));
        let access = Access {
            action: "ecr:ListImages",
            resource: HERE,
            account: "111122223333",
            attached: Attached::Policy(policy.as_ref()),
        };
        authorize(&caller, &access, &caller.context()).map_err(|refusal| refusal.reason)
    };
    let (other, own) = (allow("ecr:DescribeImages", "*"), allow("ecr:List*", "*"));
    assert_eq!(decide(&own, None), Ok(()));
    assert_eq!(decide(&other, None), Err(Reason::NotAllowed(Side::Session)));
    assert_eq!(decide(&other, Some(&to(ROLE))), Err(Reason::NotAllowed(Side::Session)));
    assert_eq!(decide(&other, Some(&to(SESSION))), Ok(()), "the very session is named");
    assert_eq!(decide(&json!([own, deny("ecr:*", HERE)]), None), Err(Reason::Denied(Side::Session)));
}

#[test]
fn tags_of_a_session_are_the_principals() {
    let mut caller = caller(&json!({
        "Effect": "Allow",
        "Action": "ecr:ListImages",
        "Resource": "*",
        "Condition": { "StringEquals": { "aws:PrincipalTag/team": "a" } },
    }));
    let access = Access {
        action: "ecr:ListImages",
        resource: HERE,
        account: "111122223333",
        attached: Attached::Policy(None),
    };
    for (value, expected) in [("a", true), ("b", false)] {
        let tag = SessionTag { key: "Team".to_owned(), value: value.to_owned(), transitive: false };
        caller.session.tags = Arc::from([tag]);
        assert_eq!(authorize(&caller, &access, &caller.context()).is_ok(), expected);
    }
}

#[test]
fn keys_of_several_values() {
    let context = RequestContext::new().with_all("aws:TagKeys", ["team", "stage"]);
    let cases = [
        ("ForAllValues:StringEquals", json!(["team", "stage", "other"]), true),
        ("ForAllValues:StringEquals", json!(["team"]), false),
        ("ForAllValues:StringLike", json!("*a*"), true),
        ("ForAnyValue:StringEquals", json!(["stage"]), true),
        ("ForAnyValue:StringEquals", json!(["other"]), false),
        ("ForAnyValue:StringNotEquals", json!(["team"]), true),
        ("ForAllValues:StringNotEquals", json!(["team"]), false),
    ];
    for (operator, values, expected) in cases {
        let statement = |key: &str| {
            json!({
                "Effect": "Allow",
                "Principal": "*",
                "Action": "sts:TagSession",
                "Condition": { operator: { key: values } },
            })
        };
        let holds = |key: &str| {
            let document = document(Kind::Trust, &statement(key));
            trusts(&document, &Assumer::Service("pods.eks.amazonaws.com"), "sts:TagSession", &context)
        };
        assert_eq!(holds("aws:TagKeys"), expected, "{operator} {values}");
        assert_eq!(holds("aws:Absent"), operator.starts_with("ForAllValues"), "{operator} of nothing");
    }
}

#[test]
fn what_is_not_evaluated_is_refused() {
    let allow = allow("ecr:*", "*");
    let with = |key: &str, value: &Value| {
        let mut statement = allow.clone();
        statement[key] = value.clone();
        statement
    };
    let cases = [
        (Kind::Permission, with("Principal", &json!("*")), "a permission policy has no Principal"),
        (Kind::Trust, allow.clone(), "a statement has no Principal"),
        (Kind::Repository, with("Principal", &json!("*")), "a repository policy has no Resource"),
        (Kind::Permission, with("NotAction", &json!("x")), "a statement has both Action and NotAction"),
        (
            Kind::Permission,
            with("Action", &json!("ListImages")),
            "the action `ListImages` does not name a service",
        ),
        (
            Kind::Permission,
            with("Resource", &json!("apps/*")),
            "the resource `apps/*` is neither an ARN nor `*`",
        ),
        (
            Kind::Permission,
            with("Condition", &json!({ "DateLessThan": { "aws:CurrentTime": "2030-01-01" } })),
            "condition operator `DateLessThan` is not evaluated here",
        ),
        (
            Kind::Permission,
            with("Resource", &json!("arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}")),
            "the policy variable in `arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}` is not evaluated here",
        ),
    ];
    for (kind, statement, expected) in cases {
        let json = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        let error = Document::parse(&json, kind).expect_err("refused");
        assert_eq!(error, expected);
    }
    let old = Document::parse(r#"{"Version":"2020-01-01","Statement":[]}"#, Kind::Permission);
    assert_eq!(old.expect_err("refused"), "Version `2020-01-01` is not 2012-10-17");
}
