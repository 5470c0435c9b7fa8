use flux_aws_auth::{Environment, ErrorKind, SourceKind};

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
