//! The main job, through the public API only: credentials, scan, latest image.

use std::path::Path;
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use examples::failure::Failure as InFull;
use examples::terminal::{bar, working};
use flux_aws_auth::{ChainReport, Principal, http_client};
use flux_ecr_reflect::{EcrRegistry, ImageName, OciRegistry, Reflection, Reflector, RegistryLogin};
use flux_policy::Policy;
use flux_policy::manifest::{self, Manifest};

use crate::args::Args;
use crate::counting::Counting;
use crate::world::World;

/// What is asked, checked before anything is sent.
pub(crate) struct Request {
    pub(crate) image: ImageName,
    registry: EcrRegistry,
    policy: Policy,
    through_distribution_api: bool,
}

/// What the job found, and what it took.
pub(crate) struct Findings {
    pub(crate) policy: Policy,
    pub(crate) principal: Principal,
    pub(crate) report: ChainReport,
    pub(crate) reflection: Reflection,
    pub(crate) steps: Vec<Step>,
}

/// What one step took.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) duration: Duration,
    pub(crate) requests: u64,
}

/// Why there are no findings.
pub(crate) enum Failure {
    /// Something on the command line is not right.
    Input(String),
    Image(flux_ecr_reflect::Error),
    Policy(flux_policy::Error),
    Credentials(flux_aws_auth::Error),
    Registry(flux_ecr_reflect::Error),
}

impl Failure {
    /// What failed, why, and what to do.
    pub(crate) fn in_full(&self) -> InFull {
        match self {
            Self::Input(message) => message.clone().into(),
            Self::Image(error) => InFull::about("The image cannot be used", error.clone()),
            Self::Policy(error) => InFull::about("The policy cannot be used", error.clone()),
            Self::Credentials(error) => InFull::about("There are no AWS credentials", error.clone()),
            Self::Registry(error) => InFull::about("The registry could not be read", error.clone()),
        }
    }

    /// What each source of credentials had to say, where that is why.
    pub(crate) fn report(&self) -> Option<&ChainReport> {
        match self {
            Self::Credentials(error) => error.report(),
            _ => None,
        }
    }
}

impl Request {
    /// Reads the arguments, and the policy file if there is one.
    pub(crate) fn new(args: &Args, world: &World) -> Result<Self, Failure> {
        let image: ImageName = args.image().parse().map_err(Failure::Image)?;
        let registry: EcrRegistry = image.registry().parse().map_err(Failure::Image)?;
        match &world.aws {
            Some(aws) if aws.region() != registry.region() => Err(Failure::Input(format!(
                "{image} is in {}, but the embedded AWS plays {} alone. Use --live for the real AWS.",
                registry.region(),
                aws.region()
            ))),
            _ => Ok(Self { image, registry, policy: policy(args)?, through_distribution_api: args.oci }),
        }
    }
}

/// Credentials, scan, latest image.
pub(crate) async fn run(request: &Request, world: &World) -> Result<Findings, Failure> {
    let Request { image, registry, policy, .. } = request;
    let credential_requests = Counting::new(http_client());
    let chain = world
        .chain()
        .region(registry.region())
        .http_client(credential_requests.clone())
        .metadata_http_client(credential_requests.clone())
        .build();
    let looking = working("looking for credentials");
    let resolved = chain.resolve().await?;
    drop(looking);
    let found = Step {
        name: "credentials",
        duration: resolved.report().duration(),
        requests: credential_requests.requests(),
    };

    let registry_requests = Counting::new(http_client());
    let stopwatch = Stopwatch::start();
    let reflector = reflector(request, world, chain, registry_requests.clone())?;
    let reflection = reflector.reflect(image, policy).await?;
    let reflected = Step {
        name: "scan and decision",
        duration: stopwatch.elapsed(),
        requests: registry_requests.requests(),
    };

    Ok(Findings {
        policy: policy.clone(),
        principal: resolved.principal().clone(),
        report: resolved.report().clone(),
        reflection,
        steps: vec![found, reflected],
    })
}

fn policy(args: &Args) -> Result<Policy, Failure> {
    let policy = match &args.policy {
        Some(path) => policy_of_file(path)?,
        None if args.newest_push => Policy::newest_push(),
        None => Policy::semver(">=1.0.0")?,
    };
    Ok(match &args.min_age {
        Some(age) => policy.with_minimum_age(age.duration()),
        None => policy,
    })
}

fn policy_of_file(path: &Path) -> Result<Policy, Failure> {
    let cannot = |why: String| Failure::Input(format!("The policy file {} {why}", path.display()));
    let text = read(path).map_err(|error| cannot(format!("cannot be read: {error}.")))?;
    let manifests = manifest::read(&text).map_err(|error| match error.hint() {
        Some(hint) => cannot(format!("cannot be used: {error}.\n  What to do: {hint}")),
        None => cannot(format!("cannot be used: {error}.")),
    })?;
    let mut policies = manifests.into_iter().filter_map(|manifest| match manifest {
        Manifest::ImagePolicy(policy) => Some(policy),
        _ => None,
    });
    match (policies.next(), policies.count()) {
        (Some(policy), 0) => Ok(policy.policy()?),
        (None, _) => Err(cannot("holds no ImagePolicy.".to_owned())),
        (Some(_), more) => Err(cannot(format!("holds {} ImagePolicies, but one is evaluated.", more + 1))),
    }
}

#[expect(clippy::disallowed_methods, reason = "a program reads the files that its command line names")]
fn read(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

fn reflector(
    request: &Request,
    world: &World,
    credentials: impl ProvideCredentials + Clone + 'static,
    client: Counting<SharedHttpClient>,
) -> Result<Reflector, flux_ecr_reflect::Error> {
    let progress = bar(world.tags, "tags");
    let mut reflector = Reflector::builder()
        .credentials(credentials.clone())
        .http_client(client.clone())
        .on_page(move |page| {
            progress.set_position(page.tags);
            if !page.more {
                progress.finish_and_clear();
            }
        });
    if let Some(endpoint) = &world.ecr_endpoint {
        reflector = reflector.endpoint_url(endpoint);
    }
    if request.through_distribution_api {
        reflector = reflector.distribution_api();
    }
    // The embedded registry is not at the image's host.
    if let (true, Some(ecr), Some(url)) =
        (request.through_distribution_api, &world.ecr_endpoint, &world.registry_url)
    {
        let logins = RegistryLogin::builder().credentials(credentials).http_client(client.clone());
        let registry = OciRegistry::builder().login(logins.endpoint_url(ecr).build()?).http_client(client);
        reflector = reflector.oci_registry(registry.endpoint_url(url).build()?);
    }
    reflector.build()
}

struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a program may time itself")]
    fn start() -> Self {
        Self(std::time::Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl From<flux_aws_auth::Error> for Failure {
    fn from(error: flux_aws_auth::Error) -> Self {
        Self::Credentials(error)
    }
}

impl From<flux_policy::Error> for Failure {
    fn from(error: flux_policy::Error) -> Self {
        Self::Policy(error)
    }
}

impl From<flux_ecr_reflect::Error> for Failure {
    fn from(error: flux_ecr_reflect::Error) -> Self {
        Self::Registry(error)
    }
}
