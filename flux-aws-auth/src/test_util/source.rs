//! A credential source that does as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::AsyncSleep;
use tokio::sync::watch;

use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::source::{CredentialSource, Notes, Outcome, Provided, Skipped, SourceContext, SourceKind};

/// A [`CredentialSource`] that answers as a test says, and counts how often it is asked.
///
/// Unless told otherwise it gives a new key, good for an hour, each time. Clones are the same source, so that a test can change
/// its mind while a chain holds the other one.
///
/// ```
/// use flux_aws_auth::test_util::{FakeCredentialSource, FakeOutcome};
/// use flux_aws_auth::{Chain, Environment, ErrorKind};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), flux_aws_auth::Error> {
/// let source = FakeCredentialSource::new();
/// source.answer_next(FakeOutcome::failure(ErrorKind::Throttled));
/// let chain = Chain::builder().environment(Environment::empty()).only(source.clone()).build();
///
/// assert_eq!(chain.resolve().await.unwrap_err().kind(), ErrorKind::Throttled);
/// chain.forget(); // and so the pause after a failure
/// assert_eq!(chain.resolve().await?.credentials().access_key_id(), "ASIAFAKE000000000002");
/// assert_eq!(source.loads(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FakeCredentialSource {
    kind: SourceKind,
    principal: Principal,
    script: Arc<Script>,
}

#[derive(Debug)]
struct Script {
    answers: Mutex<Answers>,
    loads: watch::Sender<u64>,
}

#[derive(Debug)]
struct Answers {
    /// Each for one load.
    next: VecDeque<FakeOutcome>,
    /// For every load after those.
    then: FakeOutcome,
}

impl FakeCredentialSource {
    /// A source that gives a new key, good for an hour, each time. Its kind is [`SourceKind::Custom`], which can be used for
    /// every resource; whose keys they are it does not say.
    pub fn new() -> Self {
        let then = FakeOutcome::keys(Duration::from_hours(1));
        let answers = Mutex::new(Answers { next: VecDeque::new(), then });
        let script = Arc::new(Script { answers, loads: watch::Sender::new(0) });
        Self { kind: SourceKind::Custom("fake"), principal: Principal::Unknown, script }
    }

    /// The same, in the place of one of Flux's sources or under another name.
    #[must_use]
    pub fn with_kind(self, kind: SourceKind) -> Self {
        Self { kind, ..self }
    }

    /// The same, which says whose its keys are.
    #[must_use]
    pub fn with_principal(self, principal: Principal) -> Self {
        Self { principal, ..self }
    }

    /// What it answers from now on, whatever it was told before.
    pub fn answer(&self, outcome: impl Into<FakeOutcome>) {
        let mut answers = self.script.lock();
        answers.next.clear();
        answers.then = outcome.into();
    }

    /// What it answers next, once. Said again before that, it is for the load after it.
    pub fn answer_next(&self, outcome: impl Into<FakeOutcome>) {
        self.script.lock().next.push_back(outcome.into());
    }

    /// How often it was asked for credentials.
    pub fn loads(&self) -> u64 {
        *self.script.loads.borrow()
    }

    /// Waits until it has been asked this often: for what a chain does in the background. On a runtime of one thread, the chain
    /// then has what it was given, unless that [takes time](FakeOutcome::after).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn until_loads(&self, loads: u64) {
        // There is a sender as long as there is the source.
        let _ = self.script.loads.subscribe().wait_for(|&done| done >= loads).await;
    }
}

impl Default for FakeCredentialSource {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl CredentialSource for FakeCredentialSource {
    fn kind(&self) -> SourceKind {
        self.kind
    }

    /// Unless it would answer that it is not set up.
    fn is_configured(&self, _: &Environment) -> bool {
        !matches!(self.script.lock().coming().what, What::Outcome(Outcome::Skipped(_)))
    }

    fn principal_in(&self, _: &Environment) -> Option<Principal> {
        Some(self.principal.clone()).filter(|principal| *principal != Principal::Unknown)
    }

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        let (number, outcome) = self.script.next();
        notes.add("the test", "asked");
        if !outcome.after.is_zero() {
            context.sleep_impl().sleep(outcome.after).await;
        }
        let credentials = match outcome.what {
            What::Keys(lifetime) => {
                let expiry = lifetime.and_then(|lifetime| context.now().checked_add(lifetime));
                let (id, token) = (format!("ASIAFAKE{number:012}"), format!("fake-session-{number}"));
                Credentials::new(id, "fake-secret", Some(token), expiry, "fake")
            }
            What::Credentials(credentials) => credentials,
            What::Outcome(outcome) => return outcome,
        };
        Outcome::Provided(Provided::new(credentials, self.principal.clone()))
    }
}

impl Script {
    /// The number of the load, and its outcome.
    fn next(&self) -> (u64, FakeOutcome) {
        let mut answers = self.lock();
        let outcome = answers.next.pop_front().unwrap_or_else(|| answers.then.clone());
        self.loads.send_modify(|loads| *loads += 1);
        (*self.loads.borrow(), outcome)
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers {
    fn coming(&self) -> &FakeOutcome {
        self.next.front().unwrap_or(&self.then)
    }
}

/// What a [`FakeCredentialSource`] answers.
///
/// Of an [`Outcome`], of [`Credentials`] and of an [`Error`] it can be made too.
#[derive(Clone, Debug)]
pub struct FakeOutcome {
    what: What,
    after: Duration,
}

#[derive(Clone, Debug)]
enum What {
    /// New ones, for so long.
    Keys(Option<Duration>),
    Credentials(Credentials),
    Outcome(Outcome),
}

impl FakeOutcome {
    /// A new key, good for `lifetime` from then on by the chain's clock. Its id is `ASIAFAKE` and the number of the load, in
    /// twelve digits.
    pub fn keys(lifetime: Duration) -> Self {
        What::Keys(Some(lifetime)).into()
    }

    /// A new key that does not expire.
    pub fn keys_without_expiry() -> Self {
        What::Keys(None).into()
    }

    /// The source is not set up, and the chain goes on to the next one: [`Reason::NotConfigured`].
    pub fn not_set_up() -> Self {
        Outcome::from(Skipped::new(Reason::NotConfigured, "not set up, says the test")).into()
    }

    /// The source is set up and failed. For a message of your own, make it of an [`Error`].
    pub fn failure(kind: ErrorKind) -> Self {
        Error::new(kind, "a failure that the test asked for").into()
    }

    /// The same, after this time by the chain's [way to wait](crate::ChainBuilder::sleep_impl).
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self { after: time, ..self }
    }
}

impl From<What> for FakeOutcome {
    fn from(what: What) -> Self {
        Self { what, after: Duration::ZERO }
    }
}

impl From<Outcome> for FakeOutcome {
    fn from(outcome: Outcome) -> Self {
        What::Outcome(outcome).into()
    }
}

impl From<Credentials> for FakeOutcome {
    fn from(credentials: Credentials) -> Self {
        What::Credentials(credentials).into()
    }
}

impl From<Error> for FakeOutcome {
    fn from(error: Error) -> Self {
        Outcome::Failed(error).into()
    }
}
