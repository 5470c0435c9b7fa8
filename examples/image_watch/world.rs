//! Whom the registries are asked as, and where they are: the real ones, or those of the story.

use std::collections::BTreeMap;

use flux_aws_auth::{Chain, Environment};
use flux_ecr_reflect::{Error, Reflector, RegistryTransport, Throttle};
use flux_policy::manifest::Provider;

use crate::clock::Clock;
use crate::configuration::Watched;

/// Everything that requests go through.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) throttle: Throttle,
    environment: Environment,
    /// The ECR API, where it is not the region's own.
    ecr_endpoint: Option<String>,
    /// One for each region, so that its credentials serve all repositories there.
    chains: BTreeMap<String, Chain>,
}

impl World {
    pub(crate) fn new(clock: Clock, environment: Environment, throttle: Throttle) -> Self {
        let ecr_endpoint = environment.var(ECR_ENDPOINT);
        Self { clock, throttle, environment, ecr_endpoint, chains: BTreeMap::new() }
    }

    /// What reads a repository, as its manifest says.
    ///
    /// # Errors
    ///
    /// What of it cannot be done.
    pub(crate) fn reflector(&mut self, watched: &Watched) -> Result<Reflector, Error> {
        let spec = &watched.manifest.spec;
        let mut builder = Reflector::builder()
            .exclusion_list(watched.exclusions.clone())
            .throttle(self.throttle.clone())
            .time_source(self.clock.clone());
        if spec.insecure {
            let transport = RegistryTransport::builder().environment(&self.environment).insecure().build()?;
            builder = builder.transport(&transport);
        }
        if spec.provider == Provider::Aws {
            let region = watched.image.ecr_registry().map(|registry| registry.region().to_owned());
            builder = builder.credentials(self.chain(region.as_deref().unwrap_or(ECR_PUBLIC)));
            if let Some(endpoint) = &self.ecr_endpoint {
                builder = builder.endpoint_url(endpoint);
            }
        }
        builder.build()
    }

    /// Those who ask so far.
    pub(crate) fn chains(&self) -> Vec<Chain> {
        self.chains.values().cloned().collect()
    }

    fn chain(&mut self, region: &str) -> Chain {
        let new = || {
            Chain::builder()
                .environment(self.environment.clone())
                .region(region)
                .time_source(self.clock.clone())
                .build()
        };
        self.chains.entry(region.to_owned()).or_insert_with(new).clone()
    }
}

/// A private endpoint of the ECR API, [as AWS's own programs read it][1].
///
/// [1]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
pub(crate) const ECR_ENDPOINT: &str = "AWS_ENDPOINT_URL_ECR";

/// The region that ECR Public asks for credentials in.
const ECR_PUBLIC: &str = "us-east-1";
