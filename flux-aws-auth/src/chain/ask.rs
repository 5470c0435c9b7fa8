//! How the sources are asked.

use std::time::{Duration, SystemTime};

use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::{Inner, Resolved, sdk_order};
use crate::error::{Error, ErrorKind};
use crate::reason::Reason;
use crate::report::{ChainReport, SourceReport, SourceResult};
use crate::source::{CredentialSource, Notes, Outcome, Provided, Skipped, SourceKind};
use crate::sts::Sts;

impl Inner {
    /// Asks the sources in order, or the one that is settled on. `previous` is what was resolved last, expired or not.
    pub(super) async fn ask_sources(&self, previous: Option<&Resolved>) -> Result<Resolved, Error> {
        let started_at = self.context.now();
        // One timer for all, so that no step of the wall clock shortens or prolongs it.
        let mut deadline = self.context.sleep_impl.sleep(self.deadline);
        let mut reports = self.settled.get().cloned().unwrap_or_default();
        let mut found = None;
        for source in self.sources.iter().skip(reports.len()) {
            if found.is_some() {
                reports.push(self.not_reached(source.as_ref()));
                continue;
            }
            let (report, outcome) = self.ask(source.as_ref(), previous, &mut deadline).await;
            tracing::debug!(source = %report.kind, result = report.result.word(), "asked a credential source");
            let kind = report.kind;
            found = match outcome {
                Outcome::Provided(provided) => Some(Ok(provided)),
                Outcome::Failed(error) => Some(Err((kind, error))),
                Outcome::Skipped(_) => None,
            };
            reports.push(report);
        }
        let report = ChainReport::new(reports, self.sdk_choice(), started_at, self.since(started_at));
        match found {
            Some(Ok(provided)) => Ok(Resolved { provided, report }),
            Some(Err((kind, error))) => {
                Err(error.wrapped(format!("no AWS credentials: {kind} failed")).with_report(report))
            }
            None => Err(nothing_set_up(self.sources.len()).with_report(report)),
        }
    }

    async fn ask(
        &self,
        source: &dyn CredentialSource,
        previous: Option<&Resolved>,
        deadline: &mut Sleep,
    ) -> (SourceReport, Outcome) {
        let started_at = self.context.now();
        let kind = source.kind_in(self.context.environment());
        let mut notes = Notes::default();
        let outcome = match Timeout::new(source.load(&self.context, &mut notes), &mut *deadline).await {
            Ok(Outcome::Skipped(skipped)) if self.settled.get().is_some() => {
                Outcome::Failed(gone(kind, &skipped))
            }
            Ok(outcome) => outcome,
            Err(_) => Outcome::Failed(timed_out(self.deadline)),
        };
        let outcome = match outcome {
            Outcome::Provided(provided) => {
                let accepted = self.accept(kind, provided, previous, &mut notes);
                let accepted = Timeout::new(accepted, deadline).await;
                accepted.unwrap_or_else(|_| Err(timed_out(self.deadline))).into()
            }
            Outcome::Failed(error) => self.or_outlive(error, previous),
            Outcome::Skipped(_) => outcome,
        };
        let (result, hint) = match &outcome {
            Outcome::Provided(provided) => (
                SourceResult::Provided {
                    principal: provided.principal().clone(),
                    expiry: provided.expiry(),
                    outlived: provided.outlives_because().cloned(),
                },
                provided.outlives_because().and_then(Error::hint),
            ),
            Outcome::Skipped(skipped) => (
                SourceResult::Skipped { reason: skipped.reason(), detail: skipped.detail().to_owned() },
                skipped.hint(),
            ),
            Outcome::Failed(error) => (SourceResult::Failed(error.clone()), error.hint()),
        };
        let hint = hint.map(str::to_owned);
        (SourceReport { kind, notes, result, duration: self.since(started_at), hint }, outcome)
    }

    /// What the source gave, if it is still good and whose it should be. New credentials that fail here do not prolong the old
    /// ones: they may be of another identity.
    async fn accept(
        &self,
        kind: SourceKind,
        mut provided: Provided,
        previous: Option<&Resolved>,
        notes: &mut Notes,
    ) -> Result<Provided, Error> {
        let now = self.context.now();
        if let Some(expiry) = provided.expiry().filter(|expiry| *expiry <= now) {
            let error = expired_on_arrival(kind, expiry, now, notes);
            if !provided.may_outlive() {
                return Err(error);
            }
            provided = self.outlive(provided, error);
        }
        let verified = previous.is_some_and(|previous| previous.provided.has_key_of(provided.credentials()));
        if !verified {
            self.verify(&provided, notes).await.map_err(|error| match error.reason() {
                Reason::UnexpectedIdentity => error.with_hint(unexpected(kind)),
                _ => error,
            })?;
        }
        Ok(provided)
    }

    async fn verify(&self, provided: &Provided, notes: &mut Notes) -> Result<(), Error> {
        if !self.expectation.is_any() {
            return Ok(());
        }
        let identity =
            Sts::new(&self.context)?.caller_identity(notes, provided.credentials().clone()).await?;
        self.expectation.check(&identity)
    }

    /// In place of a failure of the source that may pass, the credentials in hand, where they are about to expire and may outlive
    /// that. While they are good for longer the failure is told: who holds them goes on with them anyway.
    fn or_outlive(&self, error: Error, previous: Option<&Resolved>) -> Outcome {
        let may_pass = error.is_retryable() || error.kind() == ErrorKind::InvalidResponse;
        let may_pass = may_pass && error.reason() != Reason::SourceGone;
        match previous.map(|previous| &previous.provided) {
            Some(old) if may_pass && old.may_outlive() && old.has_expired(self.context.now() + IN_TIME) => {
                Outcome::Provided(self.outlive(old.clone(), error))
            }
            _ => Outcome::Failed(error),
        }
    }

    fn outlive(&self, provided: Provided, why: Error) -> Provided {
        let more = MORE_LIFE + MORE_LIFE.mul_f64(fastrand::f64() / 2.0);
        tracing::warn!(
            error = %why,
            reason = why.reason().as_str(),
            seconds = more.as_secs(),
            "the node's credentials are used beyond their expiry, until there are newer ones"
        );
        provided.outliving_until(self.context.now() + more, why)
    }

    fn not_reached(&self, source: &dyn CredentialSource) -> SourceReport {
        let environment = self.context.environment();
        let configured = source.is_configured(environment);
        SourceReport {
            kind: source.kind_in(environment),
            notes: Notes::default(),
            result: SourceResult::NotReached {
                configured,
                principal: source.principal_in(environment).filter(|_| configured),
            },
            duration: Duration::ZERO,
            hint: None,
        }
    }

    /// Of an object's identity there is none, since no SDK knows of one, and of a hop the base has it.
    fn sdk_choice(&self) -> Option<SourceKind> {
        use SourceKind::{AccessKeySecret, RoleHop, ServiceAccount};
        let is_unknown_to_sdks = self
            .sources
            .iter()
            .any(|source| matches!(source.kind(), ServiceAccount | AccessKeySecret | RoleHop));
        if is_unknown_to_sdks { None } else { sdk_order::choice(self.context.environment()) }
    }

    fn since(&self, start: SystemTime) -> Duration {
        self.context.now().duration_since(start).unwrap_or_default()
    }
}

/// Credentials that outlive their expiry live for ten to fifteen minutes more, by chance, as in the AWS SDKs: then the source
/// has been asked again, since that is done at half of it.
const MORE_LIFE: Duration = Duration::from_mins(10);
/// How long before their expiry they get it: soon enough for several more tries, so that nobody waits for one.
const IN_TIME: Duration = Duration::from_mins(5);

fn nothing_set_up(sources: usize) -> Error {
    Error::because(Reason::NoIdentity, format!("no AWS credentials: none of the {sources} sources is set up"))
        .with_hint("Give the program an identity: by EKS Pod Identity, by IRSA, or by a web identity token elsewhere.")
}

/// What it means that the source of a chain's credentials passes.
fn gone(kind: SourceKind, skipped: &Skipped) -> Error {
    let detail = skipped.detail();
    match skipped.reason() {
        // It is there, since it was: it does not answer now.
        Reason::MetadataUnreachable | Reason::MetadataHopLimit => {
            Error::because(Reason::MetadataFailing, format!("{kind} no longer answers: {detail}")).with_hint(
                "It did before. Look for what has come between since: a network policy, the instance's metadata options, the \
                 hop limit.",
            )
        }
        _ => {
            let message = format!("{kind} gave this chain its credentials, and has none any more: {detail}");
            let hint = match skipped.reason() {
                // It was one before, whatever is said to those who are new.
                Reason::MetadataNotEc2 => {
                    "It was EC2's before. Look for what answers in its place now: a proxy on this node, or a metadata service for \
                     pods."
                }
                _ => skipped
                    .hint()
                    .unwrap_or("Find out what became of it. A new chain would ask the other sources."),
            };
            Error::because(Reason::SourceGone, message).with_hint(hint)
        }
    }
}

/// What to do about credentials of another identity than was expected, by who gave them.
fn unexpected(kind: SourceKind) -> String {
    match kind {
        SourceKind::InstanceMetadata => {
            "They are the node's, which are used where nothing else is set up. Give the pod an identity of its own, by EKS Pod \
             Identity or IRSA."
                .to_owned()
        }
        SourceKind::PodIdentity => {
            "They come from EKS Pod Identity: change the role of this pod's association, or delete it and restart the pod."
                .to_owned()
        }
        kind => format!("They come from {kind}: remove or correct that source's settings."),
    }
}

fn expired_on_arrival(kind: SourceKind, expiry: SystemTime, now: SystemTime, notes: &Notes) -> Error {
    let shown = |time| {
        let seconds = DateTime::from_secs(DateTime::from(time).secs());
        seconds.fmt(Format::DateTime).unwrap_or_else(|_| "a time out of range".to_owned())
    };
    let (expiry, now) = (shown(expiry), shown(now));
    let message = format!(
        "{kind} gave credentials that have already expired: at {expiry}, and this machine's clock says {now}"
    );
    match notes.clock_skew().filter(|skew| !skew.is_tolerated()) {
        Some(skew) => Error::because(Reason::ClockSkewed, message).with_hint(format!(
            "This machine's clock is {skew}, by the clock of who gave them; set it right."
        )),
        None => Error::because(Reason::ExpiredOnArrival, message)
            .with_hint("Check this machine's clock; if it is right, try again in a minute."),
    }
}

pub(super) fn timed_out(deadline: Duration) -> Error {
    Error::because(Reason::DeadlinePassed, format!("no answer within {deadline:?}"))
        .with_hint("Try again later, or allow more time.")
}
