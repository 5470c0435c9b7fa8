//! In which region the controller's own identity asks STS.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};

use super::*;

const IMAGE: &str = "111122223333.dkr.ecr.ap-south-1.amazonaws.com/apps/app";
const KEY: &str = "arn:aws:kms:eu-north-1:111122223333:alias/sops";

/// A pod with IRSA whose manifest says no region, as outside EKS.
fn irsa_without_region() -> Environment {
    irsa().with_var("AWS_REGION", "")
}

fn authenticator(chain: ChainBuilder) -> Authenticator {
    Authenticator::builder().chain(chain).build().unwrap()
}

async fn resolved(authenticator: &Authenticator, resource: &Resource) -> Result<String, Error> {
    let credentials = authenticator.credentials(resource, Identity::Controller)?;
    Ok(credentials.resolve().await?.principal().to_string())
}

/// The regions of STS that were asked.
fn regions(aws: &Network) -> Vec<String> {
    let host = |line: String| line.replace("POST https://sts.", "").replace(".amazonaws.com/", "");
    aws.lines().into_iter().map(host).collect()
}

#[tokio::test(start_paused = true)]
async fn without_a_region_of_its_own_the_controller_asks_in_the_resource_s() {
    let clock = TestClock::new();
    let aws = sts(&clock);
    let authenticator = authenticator(chain(irsa_without_region(), &aws, &Network::silent(), &clock));
    let image = Resource::image(IMAGE).unwrap();
    for resource in [&image, &Resource::kms_key(KEY).unwrap(), &bucket(), &image] {
        let region = resource.region().unwrap();
        assert_eq!(
            resolved(&authenticator, resource).await.unwrap(),
            format!("role {ROLE}, session reflector.flux-system.{region}.fluxcd.io")
        );
    }
    // Who comes again for a region gets the session of that region.
    assert_eq!(regions(&aws), ["ap-south-1", "eu-north-1", "eu-central-1"]);

    let error = resolved(&authenticator, &Resource::new(Integration::Ecr)).await.unwrap_err();
    assert_eq!(error.reason(), Reason::RegionMissing);
    assert!(error.hint().unwrap().contains("to the Authenticator's resource"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_set_is_that_of_all_resources() {
    let clock = TestClock::new();
    for (environment, region, expected) in [
        (irsa(), None, "eu-west-1"),
        (irsa_without_region().with_var("AWS_DEFAULT_REGION", "sa-east-1"), None, "sa-east-1"),
        (irsa_without_region(), Some("us-west-2"), "us-west-2"),
        (irsa(), Some("us-west-2"), "us-west-2"),
    ] {
        let aws = sts(&clock);
        let mut chain = chain(environment, &aws, &Network::silent(), &clock);
        if let Some(region) = region {
            chain = chain.region(region);
        }
        let authenticator = authenticator(chain);
        for resource in [Resource::image(IMAGE).unwrap(), Resource::kms_key(KEY).unwrap(), bucket()] {
            resolved(&authenticator, &resource).await.unwrap();
        }
        assert_eq!(regions(&aws), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hop_and_an_expectation_ask_in_the_resource_s_region_too() {
    let clock = TestClock::new();
    let hop = || RoleHop::new(WRITER.parse().unwrap());
    let node = Network::new({
        let clock = clock.clone();
        move |_| ok(json_credentials(&clock, 3600))
    });
    let aws = sts(&clock);
    let own = authenticator(chain(pod_identity(), &aws, &node, &clock));
    let image = Resource::image(IMAGE).unwrap();
    let credentials = own.credentials(&image, Identity::Controller).unwrap().assume_role(hop());
    assert_eq!(identity(&credentials).await, format!("role {WRITER}, session writer.ap-south-1.fluxcd.io"));

    let caller = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account><UserId>AROA:s</UserId>\
                  <Arn>arn:aws:sts::111122223333:assumed-role/x/s</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let asked = Network::new(move |_| ok(caller));
    let own = authenticator(chain(pod_identity(), &asked, &node, &clock).expect_account("111122223333"));
    own.credentials(&image, Identity::Controller).unwrap().resolve().await.unwrap();
    assert_eq!((regions(&aws), regions(&asked)), (vec!["ap-south-1".into()], vec!["ap-south-1".into()]));
}

/// A region that a tenant mistypes does not become that of the others.
#[tokio::test(start_paused = true)]
async fn a_region_that_does_not_answer_stops_nobody_else() {
    let clock = TestClock::new();
    let good = sts_credentials(&clock, 3600);
    let aws = Network::new(
        move |seen| {
            if seen.line.contains("eu-wset-1") { Reply::Refuse } else { ok(good.clone()) }
        },
    );
    let authenticator = authenticator(chain(irsa_without_region(), &aws, &Network::silent(), &clock));
    assert!(resolved(&authenticator, &Resource::bucket_in("eu-wset-1").unwrap()).await.is_err());
    assert!(resolved(&authenticator, &bucket()).await.is_ok());
}

/// A provider that has credentials once, for whoever comes first, and takes its time.
#[derive(Debug, Default)]
struct Once(AtomicBool);

impl ProvideCredentials for Once {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        if self.0.swap(true, Ordering::Relaxed) {
            return future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("there were some")));
        }
        future::ProvideCredentials::new(async {
            TokioSleep::new().sleep(Duration::from_secs(1)).await;
            Ok(Credentials::new("AKIAONCE", SECRET, None, None, "once"))
        })
    }
}

/// Whichever region comes first decides which source the controller's identity is from. No other goes on to another source,
/// not even one that had begun before.
#[tokio::test(start_paused = true)]
async fn the_controller_is_one_identity_in_all_regions() {
    let clock = TestClock::new();
    let node = Network::new({
        let clock = clock.clone();
        move |seen| match seen.line.as_str() {
            line if line.ends_with("/latest/api/token") => {
                let lifetime = ("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned());
                Reply::Headed(200, vec![lifetime], "token".to_owned())
            }
            line if line.ends_with("/security-credentials/") => ok("node"),
            _ => ok(json_credentials(&clock, 3600).replace('{', "{\"Code\":\"Success\",")),
        }
    });
    let chain = chain(Environment::empty(), &Network::silent(), &node, &clock)
        .source(NamedProvider::new("once", Once::default()));
    let authenticator = authenticator(chain);
    let (here, there) =
        (Resource::image(IMAGE).unwrap(), Resource::image("public.ecr.aws/flux/app").unwrap());
    let (first, second) = tokio::join!(resolved(&authenticator, &here), resolved(&authenticator, &there));
    assert_eq!(first.unwrap(), second.unwrap());
}
