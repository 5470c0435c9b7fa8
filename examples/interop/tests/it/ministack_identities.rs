//! Who is let in, before an STS and an IAM nobody here wrote.

use std::time::Duration;

use flux_aws_auth::iam::{PermissionPolicy, RoleTrust};
use flux_aws_auth::{Chain, Environment, Error, ErrorKind, Reason, RoleHop, SourceKind};
use interop::Ministack;

use crate::account::Account;

/// The role's trust is the document for `tenant/reader`. Each refusal names what of the token is not as the role wants it.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_lets_its_service_account_in_and_nobody_else() {
    let account = Account::start().await;
    let role = account.role("reader", &account.trusts_reader(), &[]);
    let right = account.pod(&role, &account.token("reader", "sts.amazonaws.com"));
    let identity = right.caller_identity().await.unwrap();
    assert_eq!(
        identity.arn,
        "arn:aws:sts::111122223333:assumed-role/reader/reader.tenant.eu-west-1.fluxcd.io"
    );
    assert_eq!(identity.account_id, account.aws.account());

    let other_issuer =
        account.issuer().service_account_token("tenant", "reader").audience("sts.amazonaws.com");
    let other_issuer = other_issuer.issuer("https://issuer.example").sign();
    let cases = [
        ("another name", account.token("writer", "sts.amazonaws.com"), "system:serviceaccount:tenant:writer"),
        (
            "a longer name",
            account.token("reader2", "sts.amazonaws.com"),
            "system:serviceaccount:tenant:reader2",
        ),
        ("another audience", account.token("reader", "vault"), "audience vault"),
        ("another issuer", other_issuer, "issuer https://issuer.example"),
    ];
    for (name, token, cause) in cases {
        let error = account.pod(&role, &token).resolve().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.reason()),
            (ErrorKind::AccessDenied, Reason::NotTrusted),
            "{name}: {error:?}"
        );
        let report = error.report().unwrap().to_string();
        assert!(report.contains(cause), "{name}: {report}");
        assert!(!report.contains(&token), "{name}: {report}");
    }

    let missing = account.aws.role_arn("missing").parse().unwrap();
    let error =
        account.pod(&missing, &account.token("reader", "sts.amazonaws.com")).resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::NotTrusted);
    assert!(error.hint().unwrap().contains("Check that the role exists"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hop_needs_both_sides_and_its_external_id() {
    let account = Account::start().await;
    let target = account.aws.role_arn("target");
    let may_assume = PermissionPolicy::assume_roles([target.parse().unwrap()]).unwrap().to_json();
    let reader = account.reader("reader", &[&may_assume]);
    let trust = RoleTrust::new(account.aws.role_arn("reader").parse().unwrap());
    account.role("target", &trust.clone().with_external_id("tenant-7").unwrap().document(), &[]);
    let hop = || RoleHop::new(target.parse().unwrap());

    let good = reader.assume_role(hop().with_external_id("tenant-7").unwrap().with_tag("team", "a").unwrap());
    let identity = good.caller_identity().await.unwrap();
    assert_eq!(identity.arn, "arn:aws:sts::111122223333:assumed-role/target/target.eu-west-1.fluxcd.io");

    let reason = async |chain: Chain| -> Error { chain.resolve().await.unwrap_err() };
    let without = reason(reader.assume_role(hop())).await;
    let wrong = reason(reader.assume_role(hop().with_external_id("tenant-8").unwrap())).await;
    let stranger = account.reader("stranger", &[&may_assume]);
    let stranger = reason(stranger.assume_role(hop().with_external_id("tenant-7").unwrap())).await;
    let may_not = account.reader("may-not", &[]);
    let may_not = reason(may_not.assume_role(hop().with_external_id("tenant-7").unwrap())).await;
    for (name, error) in
        [("none", without), ("another", wrong), ("a stranger", stranger), ("who may not", may_not)]
    {
        assert_eq!(error.reason(), Reason::HopNotTrusted, "{name}: {error:?}");
        assert!(error.hint().unwrap().contains("sts:AssumeRole"), "{name}: {error:?}");
    }
}

/// ministack gives these credentials to whoever asks, and its STS knows nothing of them: it is the protocol that is tried.
#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_service_and_a_container_s_agent_are_understood() {
    let aws = Ministack::start().unwrap();
    let common = || {
        Environment::empty().with_var("AWS_REGION", aws.region()).with_var("AWS_ENDPOINT_URL_STS", aws.url())
    };
    let node = common().with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.url());
    let container =
        common().with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v2/credentials/task", aws.url()));
    for (environment, source, principal) in [
        (node, SourceKind::InstanceMetadata, "the node's role ministack-instance-role"),
        (container, SourceKind::PodIdentity, "an identity that the source does not name"),
    ] {
        let chain = Chain::builder().environment(environment).build();
        // Its first answer can take it longer than a metadata service may take.
        let resolved = chain.wait_for_identity(Duration::from_secs(30)).await.unwrap();
        assert_eq!(resolved.report().provided_by(), Some(source));
        assert_eq!(resolved.principal().to_string(), principal, "{}", resolved.report());
        assert!(resolved.expiry().is_some() && resolved.credentials().session_token().is_some());
        // A request that is signed with what nobody gave out is refused, and said to be.
        let error = chain.caller_identity().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.reason()),
            (ErrorKind::InvalidToken, Reason::AccessKeyRejected),
            "{error:?}"
        );
    }
}
