//! ARNs, patterns of them, and policies.

use flux_aws_auth::RoleArn;
use flux_aws_auth::iam::{ClusterArn, KeyArn, PrincipalArn, RepositoryArn, RepositoryPattern, lint};
use proptest::prelude::*;

use crate::mutant::mutants;
use crate::runs::Runs;

/// What is taken is kept as it was written, on one line; and a pattern without wildcards covers nothing but itself.
pub(crate) fn arns_and_patterns(runs: Runs) -> Result<(), String> {
    let samples = [
        "arn:aws:iam::111122223333:role/flux",
        "arn:aws-cn:iam::111122223333:role/path/to/flux-image-reflector",
        "arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp",
        "arn:aws-us-gov:ecr:us-gov-west-1:111122223333:repository/*",
        "arn:aws:ecr:*:*:repository/apps/*",
        "arn:aws:eks:eu-west-1:111122223333:cluster/production",
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:sts::111122223333:assumed-role/flux/session",
        "111122223333",
    ];
    let repository: RepositoryArn = samples[2].parse().expect("valid");
    runs.check(
        &mutants(&samples, &["arn:", "aws", "role/", "repository/", "*", "?", ":", "::", "${aws:x}"]),
        move |mutant| {
            let text = mutant.text();
            if let Ok(arn) = text.parse::<RoleArn>() {
                prop_assert_eq!(arn.as_str(), &*text);
                prop_assert!(
                    text.starts_with("arn:aws")
                        && text.contains(arn.account_id())
                        && text.ends_with(arn.name())
                );
                prop_assert!(arn.account_id().len() == 12 && !text.contains(char::is_whitespace));
            }
            if let Ok(arn) = text.parse::<RepositoryArn>() {
                let end = format!(":repository/{}", arn.name());
                prop_assert!(text.ends_with(&end));
            }
            if let Ok(pattern) = text.parse::<RepositoryPattern>() {
                let covers = pattern.covers(&repository);
                prop_assert_eq!(covers && !text.contains(['*', '?']), text == repository.to_string());
            }
            for shown in [
                text.parse::<ClusterArn>().map(|arn| arn.to_string()),
                text.parse::<KeyArn>().map(|arn| arn.to_string()),
                text.parse::<PrincipalArn>().map(|arn| arn.to_string()),
            ]
            .into_iter()
            .flatten()
            {
                prop_assert!(!shown.contains(char::is_control), "{:?}", shown);
            }
            lint::resource(&text, &repository);
            Ok(())
        },
    )
}

/// A policy is read, or is an error; nothing in it breaks the linter.
pub(crate) fn policies(runs: Runs) -> Result<(), String> {
    let samples = [
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:ListImages","ecr:BatchGetImage"],"Resource":"arn:aws:ecr:*:111122223333:repository/apps/*"}]}"#,
        r#"{"Version":"2012-10-17","Statement":{"Sid":"a","Effect":"Deny","NotAction":"ecr:*","NotResource":"*","Condition":{"StringLike":{"aws:PrincipalTag/team":["a*","b?"]}}}}"#,
    ];
    let repository: RepositoryArn =
        "arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp".parse().expect("valid");
    runs.check(&mutants(&samples, &["\"Statement\":", "\"Allow\"", "\"*\"", "[[[[[[[[[["]), move |mutant| {
        if let Ok(findings) = lint::policy(&mutant.text(), &repository) {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(mutant.text().as_bytes()).is_ok());
            for finding in findings {
                prop_assert!(!finding.to_string().contains('\n'), "{}", finding);
            }
        }
        Ok(())
    })
}
