//! Why a program has no answer, told in the same words by each example.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::terminal::style::BAD;
use crate::terminal::{Screen, document, painted, visible};

/// An error, what it is about, and with its causes and the next thing to do where it knows one. `?` makes one of any error.
///
/// ```
/// use examples::failure::Failure;
///
/// let error = flux_policy::Policy::semver(">=six").unwrap_err();
/// let failure = Failure::about("policy.yaml", error);
/// assert!(failure.to_string().starts_with("policy.yaml: "));
/// assert_eq!(failure.to_json()["error"]["what"], "policy.yaml");
/// ```
#[derive(Debug)]
pub struct Failure {
    what: Option<String>,
    error: Box<dyn Error + Send + Sync>,
}

impl Failure {
    /// That `error` is about this: a file, a part of the job.
    pub fn about(what: impl fmt::Display, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { what: Some(what.to_string()), error: error.into() }
    }

    /// The error itself.
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.error
    }

    /// For machines: `what`, `message`, `causes` and `hint` below `error`.
    pub fn to_json(&self) -> Value {
        json!({ "error": {
            "what": self.what,
            "message": self.error.to_string(),
            "causes": causes(&*self.error).map(ToString::to_string).collect::<Vec<_>>(),
            "hint": hint(&*self.error),
        }})
    }

    /// For people, in colour.
    pub fn painted(&self) -> String {
        let text = painted(self);
        let what = self.what.as_deref().map(visible).unwrap_or_default();
        match text.strip_prefix(&*what) {
            Some(rest) if !what.is_empty() => format!("{BAD}{what}{BAD:#}{rest}"),
            _ => text,
        }
    }

    /// Tells it, to people on standard error and to machines as the one document on standard output, and gives the exit code: 2.
    /// Of an output that nobody reads any more, nothing is told.
    pub fn tell(&self, to_machines: bool) -> ExitCode {
        let is_closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        if !self.error.downcast_ref().is_some_and(is_closed) {
            // Where this cannot be written, nothing can.
            let _ = if to_machines {
                writeln!(io::stdout(), "{}", document(&self.to_json()))
            } else {
                write!(Screen::stderr(), "{}", self.painted())
            };
        }
        ExitCode::from(2)
    }
}

/// Several lines: the message, its causes, and what to do.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(what) = &self.what {
            write!(f, "{what}: ")?;
        }
        writeln!(f, "{}", self.error)?;
        for cause in causes(&*self.error) {
            writeln!(f, "  Cause: {cause}")?;
        }
        hint(&*self.error).map_or(Ok(()), |hint| writeln!(f, "  What to do: {hint}"))
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { what: None, error: error.into() }
    }
}

/// What an error comes from, the nearest first.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// The next thing to do, by the first of an error and its causes that knows it.
pub fn hint<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a str> {
    std::iter::once(error).chain(causes(error)).find_map(hint_of)
}

fn hint_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a str> {
    let of_auth = error.downcast_ref::<flux_aws_auth::Error>().and_then(flux_aws_auth::Error::hint);
    let of_reflect =
        || error.downcast_ref::<flux_ecr_reflect::Error>().and_then(flux_ecr_reflect::Error::hint);
    let of_policy = || error.downcast_ref::<flux_policy::Error>().and_then(flux_policy::Error::hint);
    of_auth.or_else(of_reflect).or_else(of_policy)
}
