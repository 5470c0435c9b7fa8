//! The main job, through the public API only: credentials, scan, latest image.

use std::fmt;
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use flux_aws_auth::{Chain, ChainReport, Principal, http_client};
use flux_ecr_reflect::{EcrRegistry, ImageName, Reflection, Reflector};
use flux_policy::Policy;
use flux_policy::manifest::ImagePolicy;
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::Args;
use crate::counting::Counting;
use crate::world::World;

/// What the job found, and what it took.
pub(crate) struct Findings {
    pub(crate) image: ImageName,
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
    /// A file or an argument is not right.
    Input(String),
    Credentials(flux_aws_auth::Error),
    Policy(flux_policy::Error),
    Registry(flux_ecr_reflect::Error),
}

/// Credentials, scan, latest image.
pub(crate) async fn run(args: &Args, world: &World) -> Result<Findings, Failure> {
    let image: ImageName = args.image.parse()?;
    let registry: EcrRegistry = image.registry().parse()?;
    let policy = policy(args)?;

    let credential_requests = Counting::new(http_client());
    let mut chain = Chain::builder()
        .environment(world.environment.clone())
        .region(registry.region())
        .http_client(credential_requests.clone())
        .metadata_http_client(credential_requests.clone());
    if let Some(object) = &world.object {
        chain = chain.service_account(object.clone());
    }
    let chain = chain.build();
    let resolved = chain.resolve().await?;
    let found = Step {
        name: "credentials",
        duration: resolved.report().duration(),
        requests: credential_requests.requests(),
    };

    let registry_requests = Counting::new(http_client());
    let stopwatch = Stopwatch::start();
    let reflection = reflector(world, chain, registry_requests.clone())?.reflect(&image, &policy).await?;
    let reflected = Step {
        name: "scan and decision",
        duration: stopwatch.elapsed(),
        requests: registry_requests.requests(),
    };

    Ok(Findings {
        image,
        policy,
        principal: resolved.principal().clone(),
        report: resolved.report().clone(),
        reflection,
        steps: vec![found, reflected],
    })
}

fn policy(args: &Args) -> Result<Policy, Failure> {
    let Some(path) = &args.policy else { return Ok(Policy::semver(">=1.0.0")?) };
    let cannot =
        |why: &dyn fmt::Display| Failure::Input(format!("The policy file {} {why}.", path.display()));
    let manifest = read(path).map_err(|error| cannot(&format_args!("cannot be read: {error}")))?;
    let manifest = ImagePolicy::from_yaml(&manifest)?;
    Ok(manifest.policy()?)
}

#[expect(clippy::disallowed_methods, reason = "a program reads the files that its command line names")]
fn read(path: &std::path::Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

fn reflector(
    world: &World,
    credentials: impl ProvideCredentials + 'static,
    client: Counting<aws_smithy_runtime_api::client::http::SharedHttpClient>,
) -> Result<Reflector, flux_ecr_reflect::Error> {
    let progress = progress(world.tags);
    let mut reflector =
        Reflector::builder().credentials(credentials).http_client(client).on_page(move |page| {
            progress.set_position(page.tags);
            if !page.more {
                progress.finish_and_clear();
            }
        });
    if let Some(endpoint) = &world.ecr_endpoint {
        reflector = reflector.endpoint_url(endpoint);
    }
    reflector.build()
}

/// Drawn on a terminal only, and on standard error, so that piped output is plain.
fn progress(tags: Option<u64>) -> ProgressBar {
    match tags {
        Some(tags) => {
            let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} tags");
            ProgressBar::new(tags).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        }
        None => ProgressBar::new_spinner(),
    }
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
