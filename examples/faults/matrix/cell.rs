//! One remote with one fault.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use flux_aws_auth::kube::KubeTokens;
use flux_aws_auth::{Authenticator, Chain, ChainBuilder, Environment, Identity, Resolved, Resource};
use flux_ecr_reflect::{ImageName, Login, LoginSource, OciRegistry, Reflector, Scan, Throttle};

use crate::answers::{CANARY, OF_THE_NODE, OF_THE_POD, OF_THE_ROLE};
use crate::clock::Clock;
use crate::fault::{Fault, Span};
use crate::remote::Remote;
use crate::world::World;

pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/reader";
const TOKEN_PATH: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";

/// The claims are `{"iss":"https://issuer.example","sub":"system:serviceaccount:flux-system:reflector",
/// "aud":["sts.amazonaws.com"],"exp":4102444800}`.
pub(crate) const TOKEN: &str = "canary.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW50O\
                                mZsdXgtc3lzdGVtOnJlZmxlY3RvciIsImF1ZCI6WyJzdHMuYW1hem9uYXdzLmNvbSJdLCJleHAiOjQxMDI0NDQ4MDB9.sig";

/// No call is longer: a page of a registry has the longest limit.
const LONGEST: Duration = Duration::from_secs(90);

/// Of one body nobody reads more.
const MOST_BYTES: u64 = 65 * 1024 * 1024;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) remote: Remote,
    pub(crate) fault: Fault,
    pub(crate) span: Span,
}

/// What came of it.
pub(crate) struct Played {
    /// The cells of the table after the fault's.
    pub(crate) row: String,
    /// What holds for every cell, and does not for this one.
    flaws: Vec<String>,
}

impl Cell {
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for remote in Remote::ALL {
            for fault in Fault::ALL {
                // A clock is not wrong for one request.
                let spans: &[Span] =
                    if fault.clock_error() == 0 { &[Span::Once, Span::Lasting] } else { &[Span::Lasting] };
                all.extend(spans.iter().map(|&span| Self { remote, fault, span }));
            }
        }
        all
    }

    pub(crate) fn check(self, expected: Option<&str>) -> Result<(), String> {
        let Played { row, mut flaws } = self.play();
        if expected != Some(&row) {
            let expected = expected.unwrap_or("nothing, for the table has no such row");
            flaws.push(format!("expected {expected}\n    came {row}"));
        }
        if flaws.is_empty() { Ok(()) } else { Err(flaws.join("\n")) }
    }

    pub(crate) fn play(self) -> Played {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(self.played())
    }

    async fn played(self) -> Played {
        // The pauses between tries are random: the same ones each time.
        fastrand::seed(7);
        let clock = Clock::started();
        let world = World::new(self.remote, self.fault, self.span, &clock);
        let machine = clock.ahead_by(self.fault.clock_error());
        let outcome = match self.remote {
            Remote::InstanceMetadata => {
                of_credentials(chain(&world, &machine, node()).build().resolve().await)
            }
            Remote::PodIdentityAgent => {
                of_credentials(chain(&world, &machine, pod()).build().resolve().await)
            }
            Remote::Sts => of_credentials(chain(&world, &machine, role()).build().resolve().await),
            Remote::KubernetesApi => of_credentials(object(&world, &machine).await),
            Remote::EcrApi => of_tags(scan_ecr(&world, &machine).await),
            Remote::OciRegistry => of_tags(scan_oci(&world, &machine).await),
        };
        let (requests, taken) = (world.requests(), clock.elapsed());
        let mut flaws = outcome.flaws;
        let mut demand = |holds: bool, what: &str| {
            if !holds {
                flaws.push(what.to_owned());
            }
        };
        demand(!world.was_led_astray(), "a redirect to another host was followed");
        demand(taken <= LONGEST, &format!("it took {taken:?}"));
        let bytes = world.bytes_taken();
        demand(bytes <= MOST_BYTES * requests as u64, &format!("{bytes} bytes were read"));
        Played { row: format!("| {} | {requests} | {} |", outcome.text, within(taken)), flaws }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, {}", self.remote, self.fault, self.span)
    }
}

/// The steps are wide enough for the pauses of other days.
fn within(taken: Duration) -> u64 {
    const STEPS: [u64; 7] = [0, 1, 2, 5, 10, 20, 45];
    let fits = |&&step: &&u64| taken <= Duration::from_secs(step);
    STEPS.iter().find(fits).copied().unwrap_or(LONGEST.as_secs())
}

fn chain(world: &World, machine: &Clock, environment: Environment) -> ChainBuilder {
    Chain::builder()
        .environment(environment.with_var("AWS_REGION", "eu-west-1"))
        .http_client(world.clone())
        .metadata_http_client(world.clone())
        .time_source(machine.clone())
}

fn node() -> Environment {
    Environment::empty()
}

fn pod() -> Environment {
    Environment::empty()
        .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")
        .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN_PATH)
        .with_file(TOKEN_PATH, TOKEN)
}

fn role() -> Environment {
    Environment::empty()
        .with_var("AWS_ROLE_ARN", ROLE)
        .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_PATH)
        .with_file(TOKEN_PATH, TOKEN)
}

/// A tenant's, in a pod that has an identity of its own.
async fn object(world: &World, machine: &Clock) -> Result<Resolved, flux_aws_auth::Error> {
    let client = kube::Client::new(world.clone(), "flux-system");
    Authenticator::builder()
        .chain(chain(world, machine, pod()))
        .service_account_tokens(KubeTokens::new(client))
        .object_level_workload_identity(true)
        .build()?
        .credentials(&Resource::bucket_in("eu-west-1")?, Identity::object("tenant", Some("reader")))?
        .resolve()
        .await
}

async fn scan_ecr(world: &World, machine: &Clock) -> Result<Scan, flux_ecr_reflect::Error> {
    let credentials = Credentials::new("ASIATHEROLE", CANARY, Some(CANARY.to_owned()), None, "the matrix");
    let reflector = Reflector::builder()
        .credentials(credentials)
        .http_client(world.clone())
        .time_source(machine.clone())
        .throttle(Throttle::new())
        .build()?;
    reflector.scan(&image("111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/app")).await
}

async fn scan_oci(world: &World, machine: &Clock) -> Result<Scan, flux_ecr_reflect::Error> {
    let registry = OciRegistry::builder()
        .login(Reader(Arc::new(Login::basic("reader", CANARY))))
        .http_client(world.clone())
        .time_source(machine.clone())
        .throttle(Throttle::new())
        .build()?;
    Reflector::builder().tag_source(registry).build()?.scan(&image("registry.example/apps/app")).await
}

/// Logs in by name and password.
#[derive(Debug)]
struct Reader(Arc<Login>);

#[async_trait]
impl LoginSource for Reader {
    async fn login(&self, _: &ImageName) -> Result<Option<Arc<Login>>, flux_ecr_reflect::Error> {
        Ok(Some(self.0.clone()))
    }

    fn forget(&self, _: &ImageName, _: &Arc<Login>) -> bool {
        false
    }
}

fn image(name: &str) -> ImageName {
    name.parse().unwrap()
}

struct Outcome {
    text: String,
    flaws: Vec<String>,
}

impl Outcome {
    fn good(text: &str) -> Self {
        Self { text: text.to_owned(), flaws: vec![] }
    }

    fn failure(text: String, error: &(dyn StdError + 'static), hint: Option<&str>, debug: &str) -> Self {
        let mut flaws = Vec::new();
        if hint.is_none_or(str::is_empty) {
            flaws.push(format!("without a hint: {error}"));
        }
        let causes = std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string);
        let said: Vec<_> = causes.chain([debug.to_owned()]).collect();
        flaws.extend(said.iter().filter(|text| text.contains(CANARY)).map(|text| format!("shown: {text}")));
        Self { text, flaws }
    }
}

fn of_credentials(result: Result<Resolved, flux_aws_auth::Error>) -> Outcome {
    match result {
        Ok(resolved) => match resolved.credentials().access_key_id() {
            OF_THE_NODE => Outcome::good("the node's"),
            OF_THE_POD => Outcome::good("the pod's"),
            OF_THE_ROLE => Outcome::good("the role's"),
            other => Outcome::good(other),
        },
        Err(error) => {
            let again = if error.is_retryable() { ", try again" } else { "" };
            let text = format!("`{:?}` by `{}`{again}", error.kind(), error.reason());
            Outcome::failure(text, &error, error.hint(), &format!("{error:?}"))
        }
    }
}

fn of_tags(result: Result<Scan, flux_ecr_reflect::Error>) -> Outcome {
    match result {
        Ok(scan) if scan.len() == 3 => Outcome::good("all tags"),
        Ok(scan) => Outcome { text: String::new(), flaws: vec![format!("a part for the whole: {scan}")] },
        Err(error) => {
            let again = if error.is_retryable() { ", try again" } else { "" };
            let page = error.page().map_or("no page".to_owned(), |page| format!("page {page}"));
            let text = format!("`{:?}` at {page}{again}", error.kind());
            let mut outcome = Outcome::failure(text, &error, error.hint(), &format!("{error:?}"));
            if error.cursor().is_none() {
                outcome.flaws.push("the place to go on is lost".to_owned());
            }
            outcome
        }
    }
}
