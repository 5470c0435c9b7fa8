use flux_aws_auth::iam::lint::{self, Finding, Flaw};
use flux_aws_auth::iam::{PermissionPolicy, RepositoryArn, RepositoryPattern};
use proptest::prelude::*;

const REPOSITORY: &str = "arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp";

fn repository() -> RepositoryArn {
    REPOSITORY.parse().unwrap()
}

fn text(flaws: &[Flaw]) -> String {
    flaws.iter().map(Flaw::to_string).collect::<Vec<_>>().join("; ")
}

/// Contrary to a common belief, `*` passes slashes: the repository is not below a folder that ends it.
#[test]
fn these_cover_the_repository() {
    for pattern in [
        "*",
        "arn:aws:ecr:eu-west-1:111122223333:repository/apps/*",
        "arn:aws:ecr:eu-west-1:111122223333:repository/*",
        "arn:aws:ecr:eu-west-1:111122223333:repository/*app",
        "arn:aws:ecr:eu-west-?:*:repository/apps/main???",
        "arn:*:ecr:*:*:*",
        REPOSITORY,
    ] {
        assert_eq!(lint::resource(pattern, &repository()), [], "{pattern}");
    }
}

#[test]
fn what_is_wrong_with_the_others_is_named() {
    let prefix = "arn:aws:ecr:eu-west-1:111122223333:";
    for (pattern, says) in [
        ("apps/mainapp".to_owned(), "\"apps/mainapp\" is neither `*` nor a whole ARN"),
        ("arn:aws:ecr:eu-west-1:111122223333".to_owned(), "neither `*` nor a whole ARN"),
        (format!("{prefix}apps/mainapp"), "`repository/` is missing before the name"),
        (format!("{prefix}repository/mainapp"), "\"mainapp\" is only a part of the repository's name"),
        (format!("{prefix}repository/apps"), "\"apps\" is only a part of the repository's name"),
        (format!("{prefix}repository/apps/"), "\"apps/\" is only a part of the repository's name"),
        (format!("{prefix}repository/apps/mainapp:1.0"), "\"apps/mainapp:1.0\" has a tag or a digest"),
        (format!("{prefix}repository/apps/mainapp:*"), "has a tag or a digest"),
        (format!("{prefix}repository/apps/mainapp@sha256:0"), "has a tag or a digest"),
        (
            format!("{prefix}repository/Apps/*"),
            "\"Apps/*\" differs from the repository's name \"apps/mainapp\" in case",
        ),
        (format!("{prefix}repository/apps/mainap"), "\"apps/mainap\" does not cover"),
        (format!("{prefix}repository/apps/mainapp/*"), "does not cover"),
        (
            "arn:aws:ecr:us-east-1:111122223333:repository/*".to_owned(),
            "the region is \"us-east-1\", but the repository's is \"eu-west-1\"",
        ),
        ("arn:aws:ecr:eu-west-1:444455556666:repository/*".to_owned(), "the account is \"444455556666\""),
        ("arn:aws-cn:ecr:eu-west-1:111122223333:repository/*".to_owned(), "the partition is \"aws-cn\""),
        ("arn:aws:ecs:eu-west-1:111122223333:repository/*".to_owned(), "the service is \"ecs\""),
        ("arn:aws:*:eu-west-1:111122223333:repository/*".to_owned(), "no wildcard in the service"),
    ] {
        let flaws = lint::resource(&pattern, &repository());
        assert_eq!(flaws.len(), 1, "{pattern}: {}", text(&flaws));
        assert!(text(&flaws).contains(says), "{pattern}: {}", text(&flaws));
    }
    let flaws = lint::resource("arn:aws:ecr:us-east-1:444455556666:app", &repository());
    assert_eq!(flaws.len(), 3, "{}", text(&flaws));
}

#[test]
fn our_own_documents_have_nothing_wrong_with_them() {
    let apps: RepositoryPattern = "arn:aws:ecr:eu-west-1:111122223333:repository/apps/*".parse().unwrap();
    let policy = PermissionPolicy::ecr([apps]).unwrap();
    for document in [policy.minimal(), policy.flux_documented()] {
        assert_eq!(lint::policy(&document.to_json(), &repository()).unwrap(), []);
    }
}

#[track_caller]
fn findings(statements: &str) -> Vec<String> {
    let document = format!(r#"{{"Version": "2012-10-17", "Statement": {statements}}}"#);
    let findings = lint::policy(&document, &repository()).unwrap();
    assert!(findings.iter().all(|finding| !finding.hint().is_empty()));
    findings.iter().map(Finding::to_string).collect()
}

#[test]
fn a_login_that_is_scoped_to_a_repository_is_found() {
    let document = format!(r#"{{"Effect": "Allow", "Action": "ecr:*", "Resource": "{REPOSITORY}"}}"#);
    assert_eq!(
        findings(&document),
        [format!(
            "ecr:GetAuthorizationToken is allowed on \"{REPOSITORY}\", but it is an action without resources"
        )]
    );
}

#[test]
fn what_a_policy_lacks_is_said_once() {
    let login = r#"{"Effect": "Allow", "Action": "ecr:getauthorizationtoken", "Resource": "*"}"#;
    assert_eq!(
        findings(&format!("[{login}]")),
        [
            "no statement allows ecr:ListImages, ecr:DescribeImages, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer"
        ]
    );
    let reading = r#"{"Effect": "Allow", "Action": ["ecr:ListImages", "ecr:Describe*", "ecr:BatchGetImage"],
                      "Resource": ["arn:aws:ecr:eu-west-1:111122223333:repository/apps"]}"#;
    assert_eq!(
        findings(&format!("[{login}, {reading}]")),
        [
            "\"arn:aws:ecr:eu-west-1:111122223333:repository/apps\" does not cover the repository for ecr:ListImages, \
             ecr:DescribeImages, ecr:BatchGetImage: \"apps\" is only a part of the repository's name, which is \
             \"apps/mainapp\"",
            "no statement allows ecr:GetDownloadUrlForLayer",
        ]
    );
    assert_eq!(findings("[]").len(), 2);
}

#[test]
fn a_statement_that_denies_outweighs_the_others() {
    let allow = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
    let deny =
        r#"{"Effect": "Deny", "Action": "ecr:*Image", "Resource": "arn:aws:ecr:*:*:repository/apps/*"}"#;
    assert_eq!(findings(&format!("[{allow}, {deny}]")), ["a statement denies ecr:BatchGetImage"]);
}

#[test]
fn what_cannot_be_judged_is_said() {
    let statement = r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}"#;
    assert_eq!(findings(statement), ["statement 1 has Condition, which is not judged here"]);
}

#[test]
fn what_is_no_policy_is_an_error() {
    for document in ["", "{}", "[]", r#"{"Statement": [{"Effect": "Perhaps"}]}"#] {
        let error = lint::policy(document, &repository()).unwrap_err();
        assert_eq!(error.to_string(), "the policy document cannot be read");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A pattern has flaws if and only if it does not cover the repository, whatever it is.
    #[test]
    fn a_pattern_without_flaws_covers_and_one_with_flaws_does_not(
        region in "(eu-west-1|us-east-1|eu-\\*|\\*)",
        account in "(111122223333|444455556666|\\*)",
        name in "[ab/*?]{1,8}",
        repository in "[ab]{1,3}/[ab]{1,3}",
    ) {
        let pattern = format!("arn:aws:ecr:{region}:{account}:repository/{name}");
        let repository: RepositoryArn =
            format!("arn:aws:ecr:eu-west-1:111122223333:repository/{repository}").parse().unwrap();
        let covers = pattern.parse::<RepositoryPattern>().unwrap().covers(&repository);
        prop_assert_eq!(lint::resource(&pattern, &repository).is_empty(), covers);
    }

    #[test]
    fn no_text_makes_the_lint_fail(pattern in ".{0,60}", document in ".{0,60}") {
        let _ = lint::resource(&pattern, &repository());
        let _ = lint::policy(&document, &repository());
        let _ = pattern.parse::<RepositoryPattern>();
    }
}
