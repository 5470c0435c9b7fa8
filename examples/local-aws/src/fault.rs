//! What goes wrong on purpose.

mod injection;
mod outcome;

use std::time::Duration;

pub use self::injection::Injection;
pub(crate) use self::injection::{Faults, Met};
pub(crate) use self::outcome::answer;

/// Something that goes wrong with requests to a [`Service`](crate::Service), once
/// [injected](crate::LocalAws::inject).
///
/// A fault says what goes wrong, with which requests, and how often. Unless it is told otherwise it befalls every
/// request of its service until it is [removed](Injection::remove). A request meets one fault at most, the first injected
/// of those that befall it, so that faults injected one after the other make a script; a fault of the clock comes in
/// addition.
///
/// ```
/// # async fn script() -> Result<(), local_aws::Error> {
/// use std::time::Duration;
/// use local_aws::{Fault, LocalAws, Service};
///
/// let aws = LocalAws::builder().start().await?;
/// let throttled = aws.inject(Service::Sts, Fault::throttle().on("AssumeRole").times(2));
/// aws.inject(Service::Sts, Fault::reset().on("AssumeRole").once());
/// aws.inject(Service::Registry, Fault::status(429).retry_after(Duration::from_secs(3)).mentioning("apps/mainapp"));
/// // … AssumeRole is throttled twice, then the connection is cut, then it is answered.
/// assert_eq!(throttled.hits(), 0);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    effect: Effect,
    retry_after: Option<Duration>,
    operation: Option<String>,
    mentioning: Option<String>,
    skipped: u64,
    times: Option<u64>,
}

/// What a fault does to a request.
#[derive(Clone, Debug)]
enum Effect {
    Status(u16),
    Error { status: u16, code: String, message: String },
    Throttle,
    Delay(Duration),
    Hold,
    Reset,
    CutBody,
    Garbage,
    Huge(u64),
    Redirect(String),
    ContentType(String),
    Clock(ClockError),
}

/// How far, and to which side, a service's clock is off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ClockError {
    Ahead(Duration),
    Behind(Duration),
}

impl Fault {
    /// An error of this HTTP status, in the service's format and with the code it usually has there.
    pub fn status(status: u16) -> Self {
        Self::new(Effect::Status(status))
    }

    /// An error with this code and message, in the service's format: `IDPCommunicationError` of STS, say. The metadata
    /// service's errors have neither.
    pub fn error(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Effect::Error { status, code: code.into(), message: message.into() })
    }

    /// The service's own way of saying that there are too many requests: status 400 with a `Throttling` code from STS and
    /// ECR, 429 from the registry, the Pod Identity agent and Kubernetes, 503 from the metadata service. Kubernetes alone says when
    /// to come again: in a second.
    pub fn throttle() -> Self {
        Self::new(Effect::Throttle)
    }

    /// The request waits this long, by the machine's clock, and is then answered as ever.
    pub fn delay(time: Duration) -> Self {
        Self::new(Effect::Delay(time))
    }

    /// The request waits until the fault is [removed](Injection::remove), and is then answered as ever.
    pub fn hold() -> Self {
        Self::new(Effect::Hold)
    }

    /// The connection is reset before a byte of an answer; the service does not see the request.
    pub fn reset() -> Self {
        Self::new(Effect::Reset)
    }

    /// The service does what is asked, and half of the body that its answer's `Content-Length` announces arrives before
    /// the connection ends.
    pub fn cut_body() -> Self {
        Self::new(Effect::CutBody)
    }

    /// Status 200 and the right content type over a body that is neither JSON nor XML nor text.
    pub fn garbage() -> Self {
        Self::new(Effect::Garbage)
    }

    /// Status 200 and the right content type over a body of this many bytes, whose length is not announced.
    pub fn huge(bytes: u64) -> Self {
        Self::new(Effect::Huge(bytes))
    }

    /// Status 307, which keeps method and body, to another address.
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::new(Effect::Redirect(location.into()))
    }

    /// The right answer under another content type.
    pub fn content_type(value: impl Into<String>) -> Self {
        Self::new(Effect::ContentType(value.into()))
    }

    /// The service's clock is this far ahead: its `Date` header, the times it judges signatures and tokens by, and those
    /// of the tokens and credentials it gives out.
    pub fn clock_ahead(by: Duration) -> Self {
        Self::new(Effect::Clock(ClockError::Ahead(by)))
    }

    /// The service's clock is this far behind, as [`clock_ahead`](Self::clock_ahead) has it.
    pub fn clock_behind(by: Duration) -> Self {
        Self::new(Effect::Clock(ClockError::Behind(by)))
    }

    fn new(effect: Effect) -> Self {
        Self { effect, retry_after: None, operation: None, mentioning: None, skipped: 0, times: None }
    }

    /// With a `Retry-After` header of this many whole seconds, on an answer that there is.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// Only for this operation, as [`LocalAws::requests`](crate::LocalAws::requests) names it after the colon.
    #[must_use]
    pub fn on(mut self, operation: impl Into<String>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Only for requests whose path, query or body has this text, percent-encoded or not: a namespace, a role's ARN.
    #[must_use]
    pub fn mentioning(mut self, text: impl Into<String>) -> Self {
        self.mentioning = Some(text.into());
        self
    }

    /// Not for the first `requests` that it would befall.
    #[must_use]
    pub fn after(mut self, requests: u64) -> Self {
        self.skipped = requests;
        self
    }

    /// For this many requests, and then no more.
    #[must_use]
    pub fn times(mut self, requests: u64) -> Self {
        self.times = Some(requests);
        self
    }

    /// For one request, and then no more.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }
}
