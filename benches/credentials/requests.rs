//! How many requests the first credentials of each source take.

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_types::region::Region;
use flux_aws_auth::Environment;

use crate::contenders::{chain_over, irsa, pod_identity};
use crate::network::Network;

pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/reflector";
pub(crate) const AGENT: &str = "http://169.254.170.23/v1/credentials";
pub(crate) const TOKEN_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/credentials/token");

/// What `aws-config` is to read of the process.
pub(crate) const ENVIRONMENT: &[(&str, &str)] = &[
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("AWS_SESSION_TOKEN", "token"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AGENT),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN_FILE),
];

/// Prints the numbers, and holds ours to the rival's.
pub(crate) async fn compare() {
    println!("requests for the first credentials: flux-aws-auth, aws-config");
    let [for_us, for_them] = [Network::default(), Network::default()];
    let rivals: [(&str, Environment, Box<dyn ProvideCredentials>); 3] = [
        ("web identity (IRSA)", irsa(), Box::new(aws_config_web_identity(&for_them))),
        ("EKS Pod Identity", pod_identity(), Box::new(aws_config_container(&for_them))),
        ("node metadata (IMDSv2)", Environment::empty(), Box::new(aws_config_node(&for_them))),
    ];
    for (source, environment, theirs) in rivals {
        let before = (for_us.requests(), for_them.requests());
        let ours = chain_over(environment, &for_us);
        let outcome = ours.provide_credentials().await;
        assert!(outcome.is_ok(), "{source}: {outcome:?}");
        let outcome = theirs.provide_credentials().await;
        assert!(outcome.is_ok(), "{source}: {outcome:?}");
        let counts = (for_us.requests() - before.0, for_them.requests() - before.1);
        println!("  {source:<24} {} {}", counts.0, counts.1);
        assert!(counts.0 <= counts.1, "{source} takes more requests than aws-config");
    }
}

pub(crate) fn aws_config_web_identity(network: &Network) -> WebIdentityTokenCredentialsProvider {
    let configuration = StaticConfiguration {
        web_identity_token_file: TOKEN_FILE.into(),
        role_arn: ROLE.to_owned(),
        session_name: "bench".to_owned(),
    };
    WebIdentityTokenCredentialsProvider::builder()
        .configure(&configuration_over(network))
        .static_configuration(configuration)
        .build()
}

fn aws_config_container(network: &Network) -> EcsCredentialsProvider {
    EcsCredentialsProvider::builder().configure(&configuration_over(network)).build()
}

fn aws_config_node(network: &Network) -> ImdsCredentialsProvider {
    ImdsCredentialsProvider::builder().configure(&configuration_over(network)).build()
}

fn configuration_over(network: &Network) -> ProviderConfig {
    ProviderConfig::without_region()
        .with_region(Some(Region::from_static("eu-west-1")))
        .with_http_client(network.clone())
        .with_time_source(SystemTimeSource::new())
        .with_sleep_impl(TokioSleep::new())
}
