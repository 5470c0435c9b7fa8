//! The annotation by which a ServiceAccount asks for a further role.

use super::*;

const FURTHER: &str = "arn:aws:iam::777788889999:role/further";

/// Who made which calls to STS, or why there are no credentials.
async fn outcome(role: Option<&str>, yaml: &str, is_locked: bool, is_read: bool) -> Result<String, Error> {
    let clock = TestClock::new();
    let aws = sts(&clock);
    let role = role.map(|role| (ROLE_ARN_ANNOTATION, role.to_owned()));
    let annotations = role.into_iter().chain([("aws.auth.fluxcd.io/assume-role", yaml.to_owned())]);
    let cluster = FakeServiceAccounts::new();
    cluster.insert(reader(), ServiceAccount::new(annotations));
    let authenticator = Authenticator::builder()
        .chain(controller(&aws, &clock))
        .service_account_tokens(cluster)
        .object_level_workload_identity(true)
        .default_service_account(if is_locked { "default" } else { "" })
        .assume_role_annotation(is_read)
        .build()
        .unwrap();
    let resolved = tenant(&authenticator, "reader").resolve().await?;
    Ok(format!("{}: {}", resolved.report().origin().unwrap(), resolved.principal()))
}

#[tokio::test(start_paused = true)]
async fn a_further_role_is_assumed_by_whom_the_annotation_says() {
    let plain = format!("roleARN: {FURTHER}\n");
    let own = format!("roleARN: {FURTHER}\nuseServiceAccount: true\n");
    let by_controller =
        format!("web identity (IRSA): role {FURTHER}, session further.eu-central-1.fluxcd.io");
    let by_own = format!("ServiceAccount: role {FURTHER}, session further.eu-central-1.fluxcd.io");
    let not_read = format!("ServiceAccount: role {READER}, session reader.tenant.eu-central-1.fluxcd.io");
    for (role, yaml, is_locked, is_read, expected) in [
        (None, &plain, false, true, by_controller),
        (Some(READER), &own, false, true, by_own.clone()),
        (Some(READER), &plain, true, true, by_own),
        (Some(READER), &plain, false, false, not_read.clone()),
        (Some(READER), &String::new(), false, true, not_read),
    ] {
        assert_eq!(outcome(role, yaml, is_locked, is_read).await.unwrap(), expected, "{yaml} {is_locked}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_contradicts_itself_is_refused() {
    let without = format!("roleARN: {FURTHER}\nuseServiceAccount: false\n");
    let own = format!("roleARN: {FURTHER}\nuseServiceAccount: true\n");
    for (role, yaml, is_locked, words) in [
        (
            None,
            without.as_str(),
            true,
            "multi-tenancy lockdown is enabled, impersonation without service account is not allowed",
        ),
        (Some(READER), without.as_str(), false, "has a role of its own"),
        (None, own.as_str(), false, "has no annotation eks.amazonaws.com/role-arn"),
        (Some(READER), "roleARN: reader", false, "invalid aws.auth.fluxcd.io/assume-role annotation"),
        (Some(READER), "- a\n- b", false, "not YAML with roleARN"),
        (Some(READER), "useServiceAccount: true", false, "not YAML with roleARN"),
    ] {
        let error = outcome(role, yaml, is_locked, true).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
        assert!(whole_story(&error).contains(words), "{}", whole_story(&error));
        assert!(error.report().is_some());
    }
}
