//! Two days in the life of a program: tokens rotate, the other side has an outage at every phase of the refresh cycle, and
//! nobody who asks for credentials sees any of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_async::time::TimeSource;
use flux_aws_auth::{Chain, Environment};

use crate::support::*;

const HOUR: Duration = Duration::from_hours(1);
const TWO_DAYS: Duration = Duration::from_hours(48);
const OUTAGE: Duration = Duration::from_mins(20);
/// The outage begins at this time or up to an hour later. A token rotates in its midst.
const FIRST_OUTAGE: Duration = Duration::from_mins(23 * 60 + 10);
/// How often the kubelet renews a token: three times in two days.
const ROTATION: Duration = Duration::from_hours(12);

/// A time without good answers.
#[derive(Clone, Copy, Debug)]
struct Outage {
    from: Duration,
    to: Duration,
    looks_like: Down,
}

/// The ways in which a service can be down.
#[derive(Clone, Copy, Debug)]
enum Down {
    Refusing,
    Silent,
    Failing,
    Throttling,
}

impl Outage {
    /// What a request meets at this time, if it is a time of the outage.
    fn at(&self, time: Duration) -> Option<Reply> {
        self.includes(time).then(|| match self.looks_like {
            Down::Refusing => Reply::Refuse,
            Down::Silent => Reply::Hang,
            Down::Failing => Reply::Answer(503, String::new()),
            Down::Throttling => Reply::Answer(429, String::new()),
        })
    }

    fn includes(&self, time: Duration) -> bool {
        (self.from..self.to).contains(&time)
    }
}

/// One outage of this length for each minute of an hour.
fn outages(length: Duration) -> impl Iterator<Item = Outage> {
    let ways = [Down::Refusing, Down::Silent, Down::Failing, Down::Throttling];
    (0..60_u32).zip(ways.into_iter().cycle()).map(move |(minute, looks_like)| {
        let from = FIRST_OUTAGE + Duration::from_mins(1) * minute;
        Outage { from, to: from + length, looks_like }
    })
}

/// When requests came.
#[derive(Clone, Debug, Default)]
struct Times(Arc<Mutex<Vec<Duration>>>);

impl Times {
    fn add(&self, time: Duration) {
        self.0.lock().unwrap().push(time);
    }

    /// How many came during the outage, and how many in the rest of the two days.
    fn during(&self, outage: &Outage) -> (usize, usize) {
        let times = self.0.lock().unwrap();
        let during = times.iter().filter(|time| outage.includes(**time)).count();
        (during, times.len() - during)
    }
}

/// Which of the tokens is the one of this time.
fn rotation_at(time: Duration) -> u64 {
    time.as_secs() / ROTATION.as_secs()
}

/// `environment` with a token file that the kubelet renews.
fn with_rotating_token(environment: Environment, clock: &TestClock) -> Environment {
    let clock = clock.clone();
    environment.with_file_reader(move |_| Ok(token(rotation_at(clock.elapsed())).into_bytes()))
}

fn token(rotation: u64) -> String {
    format!("canary-token-{rotation}")
}

/// Several SDK clients that ask for two days, every few seconds while it matters.
async fn live(chain: &Chain, clock: &TestClock, outage: Outage) {
    let callers = [5, 7]
        .map(|seconds| tokio::spawn(ask(chain.clone(), clock.clone(), outage, Duration::from_secs(seconds))));
    for caller in callers {
        assert!(caller.await.is_ok(), "with {outage:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "virtual time passes between two calls")]
async fn ask(chain: Chain, clock: TestClock, outage: Outage, seconds: Duration) {
    while clock.elapsed() < TWO_DAYS {
        let asked = clock.elapsed();
        let credentials = chain.provide_credentials().await;
        let now = clock.elapsed();
        assert!(now == asked || asked.is_zero(), "waited from {asked:?} to {now:?}");
        let credentials = credentials.unwrap_or_else(|error| panic!("after {now:?}: {error:?}"));
        assert!(credentials.expiry() > Some(clock.now()), "expired after {now:?}");
        let matters = (outage.from.saturating_sub(HOUR)..outage.to + HOUR).contains(&now);
        tokio::time::sleep(if matters { seconds } else { seconds * 10 }).await;
    }
}

/// Credentials of an hour, which is what STS gives unless asked for more.
#[tokio::test(start_paused = true)]
async fn no_caller_sees_an_outage_of_sts_or_a_rotated_token() {
    for outage in outages(OUTAGE) {
        let clock = TestClock::new();
        let requests = Times::default();
        let sts = Network::new({
            let (clock, requests) = (clock.clone(), requests.clone());
            move |seen| {
                let now = clock.elapsed();
                requests.add(now);
                if let Some(reply) = outage.at(now) {
                    return reply;
                }
                // Stricter than AWS, which takes a token until it expires.
                if !seen.body.ends_with(&format!("WebIdentityToken={}", token(rotation_at(now)))) {
                    return sts_error(400, "ExpiredTokenException", "Token expired");
                }
                ok(sts_credentials(&clock, 3600))
            }
        });
        let environment = Environment::empty()
            .with_var("AWS_REGION", "eu-west-1")
            .with_var("AWS_ROLE_ARN", ROLE)
            .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_PATH);
        let environment = with_rotating_token(environment, &clock);
        let chain = chain(environment, &sts, &Network::silent(), &clock).build();
        live(&chain, &clock, outage).await;
        let (during, outside) = requests.during(&outage);
        assert!((48..=48 * 9 / 4).contains(&outside), "{outside} requests with {outage:?}");
        assert!(during <= 3 * 40, "{during} requests in {outage:?}");
    }
}

/// The agent gives the same credentials of six hours for three hours.
#[tokio::test(start_paused = true)]
async fn no_caller_sees_an_outage_of_the_pod_identity_agent() {
    for outage in outages(OUTAGE) {
        let clock = TestClock::new();
        let requests = Times::default();
        let held = Mutex::new((Duration::ZERO, String::new()));
        let agent = Network::new({
            let (clock, requests) = (clock.clone(), requests.clone());
            move |seen| {
                let now = clock.elapsed();
                requests.add(now);
                if let Some(reply) = outage.at(now) {
                    return reply;
                }
                if seen.headers["authorization"] != token(rotation_at(now)) {
                    return Reply::Answer(
                        400,
                        "[id]: (ExpiredTokenException): expired, fault: client".to_owned(),
                    );
                }
                let mut held = held.lock().unwrap();
                if held.0 <= now {
                    *held = (now + Duration::from_hours(3), json_credentials(&clock, 6 * 3600));
                }
                ok(held.1.as_str())
            }
        });
        let environment = Environment::empty()
            .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")
            .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN_PATH);
        let environment = with_rotating_token(environment, &clock);
        let chain = chain(environment, &Network::silent(), &agent, &clock).build();
        live(&chain, &clock, outage).await;
        let (during, outside) = requests.during(&outage);
        assert!((48 / 4..=48 * 9 / 4).contains(&outside), "{outside} requests with {outage:?}");
        assert!(during <= 3 * 40, "{during} requests in {outage:?}");
    }
}

/// The node has new credentials of six hours each hour, until its metadata service is down for longer than they last.
#[tokio::test(start_paused = true)]
async fn the_node_s_credentials_outlive_an_outage_of_its_metadata() {
    // Every fifth minute, among which all ways to be down are.
    for outage in outages(Duration::from_hours(8)).step_by(5) {
        let clock = TestClock::new();
        let requests = Times::default();
        let issued = Mutex::new((Duration::ZERO, String::new()));
        let metadata = Network::new({
            let (clock, requests) = (clock.clone(), requests.clone());
            move |seen| {
                let now = clock.elapsed();
                requests.add(now);
                if let Some(reply) = outage.at(now) {
                    return reply;
                }
                if seen.line.starts_with("PUT ") {
                    return ok("canary-imds-token");
                }
                if seen.line.ends_with("/security-credentials/") {
                    return ok("eks-node");
                }
                let mut issued = issued.lock().unwrap();
                if issued.0 <= now {
                    *issued = (now + HOUR, json_credentials(&clock, 6 * 3600));
                }
                ok(issued.1.as_str())
            }
        });
        let chain = chain(Environment::empty(), &Network::silent(), &metadata, &clock).build();
        live(&chain, &clock, outage).await;
        let (during, outside) = requests.during(&outage);
        assert!((2 * 12..=2 * 48).contains(&outside), "{outside} requests with {outage:?}");
        assert!(during <= 8 * 60 * 4, "{during} requests in {outage:?}");
    }
}
