use aws_credential_types::attributes::AccountId;
use flux_aws_auth::{Environment, ErrorKind, Reason, SourceKind};

use crate::support::*;

fn keys() -> Environment {
    Environment::empty()
        .with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .with_var("AWS_SECRET_ACCESS_KEY", SECRET)
}

#[tokio::test(start_paused = true)]
async fn keys_are_taken_as_they_are() {
    let clock = TestClock::new();
    let network = Network::silent();
    for (environment, session_token) in [
        (keys(), None),
        (keys().with_var("AWS_SESSION_TOKEN", SESSION_TOKEN), Some(SESSION_TOKEN)),
        (keys().with_var("AWS_SESSION_TOKEN", " "), None),
    ] {
        let resolved = chain(environment, &network, &network, &clock).build().resolve().await.unwrap();
        assert_eq!(resolved.credentials().secret_access_key(), SECRET);
        assert_eq!(resolved.credentials().session_token(), session_token);
        assert_eq!(resolved.expiry(), None);
        assert_eq!(resolved.principal().to_string(), "the owner of access key AKIAEXAMPLE");
        assert_eq!(resolved.report().provided_by(), Some(SourceKind::AccessKeys));
    }
    assert!(network.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_no_key_can_be_is_told_without_its_value() {
    let clock = TestClock::new();
    let network = Network::silent();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        let chain = chain(keys().with_var(name, "canary\n"), &network, &network, &clock).build();
        let error = chain.resolve().await.unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidConfiguration);
        let story = format!("{}{error:?}{}", whole_story(&error), report_of(&error));
        assert!(story.contains(name) && story.contains("line break") && !story.contains("canary"), "{story}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_goes_with_the_keys() {
    let clock = TestClock::new();
    let network = Network::silent();
    for (account, expected) in [("111122223333", Some("111122223333")), (" ", None)] {
        let environment = keys().with_var("AWS_ACCOUNT_ID", account);
        let resolved = chain(environment, &network, &network, &clock).build().resolve().await.unwrap();
        assert_eq!(resolved.credentials().account_id().map(AccountId::as_str), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_pair_is_a_failure_that_names_the_other_half() {
    let clock = TestClock::new();
    let network = Network::silent();
    for (missing, set) in
        [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")]
    {
        let error = chain(keys().with_var(missing, ""), &network, &network, &clock)
            .build()
            .resolve()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(whole_story(&error).contains(&format!("{set} is set, but {missing} is not")), "{error:?}");
    }
    assert!(network.seen().is_empty(), "the node is not asked instead");
}
