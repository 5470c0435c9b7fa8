//! Where STS is asked: switches, endpoints, and a tenant's.

use flux_aws_auth::test_util::FakeServiceAccounts;
use flux_aws_auth::{Chain, Environment, Error, ErrorKind, Reason, ServiceAccountRef, ServiceAccountRole};

use crate::support::*;

/// The address of the one request to STS.
async fn asked(
    builder: impl FnOnce(Environment, &Network, &TestClock) -> Chain,
    environment: Environment,
) -> Result<String, Error> {
    let clock = TestClock::new();
    let answer = sts_credentials(&clock, 3600);
    let aws = Network::new(move |_| ok(answer.clone()));
    builder(environment, &aws, &clock).resolve().await?;
    let [line] = aws.lines().try_into().unwrap();
    Ok(line)
}

fn plain(environment: Environment, aws: &Network, clock: &TestClock) -> Chain {
    chain(environment, aws, &Network::silent(), clock).build()
}

#[tokio::test(start_paused = true)]
async fn switches_choose_the_host() {
    for (fips, dual_stack, host) in [
        ("", "", "sts.eu-west-1.amazonaws.com"),
        ("false", "FALSE", "sts.eu-west-1.amazonaws.com"),
        ("true", "", "sts-fips.eu-west-1.amazonaws.com"),
        ("", "True", "sts.eu-west-1.api.aws"),
        ("TRUE", "true", "sts-fips.eu-west-1.api.aws"),
    ] {
        let environment =
            irsa().with_var("AWS_USE_FIPS_ENDPOINT", fips).with_var("AWS_USE_DUALSTACK_ENDPOINT", dual_stack);
        let asked = asked(plain, environment).await.unwrap();
        assert_eq!(asked, format!("POST https://{host}/"), "{fips:?} {dual_stack:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_builder_s_switches_win() {
    let environment =
        irsa().with_var("AWS_USE_FIPS_ENDPOINT", "true").with_var("AWS_USE_DUALSTACK_ENDPOINT", "no");
    let switched = |environment, aws: &Network, clock: &TestClock| {
        chain(environment, aws, &Network::silent(), clock).use_fips(false).use_dual_stack(true).build()
    };
    assert_eq!(asked(switched, environment).await.unwrap(), "POST https://sts.eu-west-1.api.aws/");
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_is_none_or_contradicts_an_endpoint_is_an_error() {
    for (name, value, endpoint, said) in [
        ("AWS_USE_FIPS_ENDPOINT", "yes", "", "AWS_USE_FIPS_ENDPOINT: \"yes\" is neither true nor false"),
        (
            "AWS_USE_DUALSTACK_ENDPOINT",
            "1",
            "",
            "AWS_USE_DUALSTACK_ENDPOINT: \"1\" is neither true nor false",
        ),
        ("AWS_USE_FIPS_ENDPOINT", "true", "https://sts.internal.example", "https://sts.internal.example"),
    ] {
        let environment = irsa().with_var(name, value).with_var("AWS_ENDPOINT_URL_STS", endpoint);
        let error = asked(plain, environment).await.unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Configuration, Reason::InvalidConfiguration));
        assert!(whole_story(&error).contains(said), "{}", whole_story(&error));
        assert!(error.hint().unwrap().contains(name), "{error:?}");
    }
}

fn role() -> ServiceAccountRole {
    let tokens = FakeServiceAccounts::new().with_role("team", "app", ROLE);
    ServiceAccountRole::new(ServiceAccountRef::new("team", "app"), tokens)
}

fn of_object(role: ServiceAccountRole) -> impl FnOnce(Environment, &Network, &TestClock) -> Chain {
    move |environment, aws, clock| {
        chain(environment, aws, &Network::silent(), clock).region("eu-west-1").service_account(role).build()
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_s_endpoint_comes_before_the_operator_s() {
    let operator = Environment::empty().with_var("AWS_ENDPOINT_URL_STS", "https://sts.internal.example");
    let line = asked(of_object(role()), operator.clone()).await.unwrap();
    assert_eq!(line, "POST https://sts.internal.example/");
    let endpoint = "https://vpce-1a2b3c4d.sts.eu-west-1.vpce.amazonaws.com";
    let line = asked(of_object(role().with_sts_endpoint(endpoint).unwrap()), operator).await.unwrap();
    assert_eq!(line, format!("POST {endpoint}/"));
}

/// An object must not get around the operator's FIPS.
#[tokio::test(start_paused = true)]
async fn a_tenant_s_endpoint_does_not_undo_the_operator_s_switch() {
    let operator = Environment::empty().with_var("AWS_USE_FIPS_ENDPOINT", "true");
    let role = role().with_sts_endpoint("https://sts.eu-west-1.amazonaws.com").unwrap();
    let error = asked(of_object(role), operator).await.unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidConfiguration, "{error:?}");
}

#[test]
fn a_tenant_names_no_host_but_sts() {
    for address in ["http://127.0.0.1:4566", "https://example.com", "https://sts.internal.example"] {
        let error = role().with_sts_endpoint(address).unwrap_err();
        assert_eq!(error.reason(), Reason::EndpointNotAccepted, "{address}");
    }
}
