//! How requests to a registry fail.

use std::fmt;
use std::time::Duration;

use crate::denial::Denial;
use crate::error::{Error, ErrorKind, ResponseFacts};
use crate::image::{ImageName, ImageRef};
use crate::tags::{Detail, PageRequest};

/// What becomes of requests to a [`FakeRegistry`](super::FakeRegistry): they fail, or take time.
///
/// Of all requests, unless it is limited. Of an [`Error`] it can be made too.
///
/// ```
/// use std::time::Duration;
///
/// use flux_ecr_reflect::ErrorKind;
/// use flux_ecr_reflect::test_util::{Fault, FakeRegistry};
///
/// # fn main() -> Result<(), flux_ecr_reflect::Error> {
/// # let image = "ghcr.io/org/app".parse()?;
/// let registry = FakeRegistry::new();
/// registry.fail(Fault::error(ErrorKind::AccessDenied).of(&image)); // until it recovers
/// registry.fail(Fault::error(ErrorKind::Throttled).on_page(2).times(1)); // a listing that is cut once
/// registry.fail(Fault::delay(Duration::from_secs(30))); // everything is slow
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    error: Option<Error>,
    delay: Duration,
    image: Option<ImageName>,
    page: Option<u64>,
    left: Option<u64>,
}

impl Fault {
    /// Requests fail as [`fake_error`] says.
    pub fn error(kind: ErrorKind) -> Self {
        fake_error(kind).into()
    }

    /// Requests take this time, and then go on.
    pub fn delay(time: Duration) -> Self {
        Self { error: None, delay: time, image: None, page: None, left: None }
    }

    /// Only those for this image.
    #[must_use]
    pub fn of(self, image: &ImageName) -> Self {
        Self { image: Some(image.clone()), ..self }
    }

    /// Only those for this page of a listing, counted from 1, and none for a digest.
    #[must_use]
    pub fn on_page(self, page: u64) -> Self {
        Self { page: Some(page), ..self }
    }

    /// Only so many of them, the next ones.
    #[must_use]
    pub fn times(self, requests: u64) -> Self {
        Self { left: Some(requests), ..self }
    }

    /// How long a call takes by all of `faults`, and how it fails by the first that has an error; each that applies is used up
    /// by one.
    pub(super) fn meet(faults: &mut Vec<Self>, call: &Call<'_>) -> (Duration, Option<Error>) {
        let (mut delay, mut error) = (Duration::ZERO, None);
        for fault in faults.iter_mut().filter(|fault| fault.applies_to(call)) {
            if error.is_some() && fault.error.is_some() {
                continue;
            }
            delay += fault.delay;
            error = error.or_else(|| fault.error.clone());
            fault.left = fault.left.map(|left| left.saturating_sub(1));
        }
        faults.retain(|fault| fault.left != Some(0));
        (delay, error)
    }

    fn applies_to(&self, call: &Call<'_>) -> bool {
        let (image, page) = match call {
            Call::Page { request, number } => (request.image(), Some(*number)),
            Call::Digest(image) => (image.name(), None),
        };
        self.left != Some(0)
            && self.image.as_ref().is_none_or(|of| of == image)
            && self.page.is_none_or(|on| Some(on) == page)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { error: Some(error), ..Self::delay(Duration::ZERO) }
    }
}

/// A call of a registry.
pub(super) enum Call<'a> {
    Page { request: &'a PageRequest<'a>, number: u64 },
    Digest(&'a ImageRef),
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page { request, number } => {
                let listed = if request.detail() == Detail::Images { "images" } else { "tags" };
                write!(f, "{listed} of {}, page {number}", request.image())
            }
            Self::Digest(image) => write!(f, "digest of {image}"),
        }
    }
}

/// An error of this kind, with the HTTP status and the error code that ECR has for it, where it has one.
///
/// For code that decides by an [`Error`]. What is denied may be denied by [a policy that is named](fake_denial).
pub fn fake_error(kind: ErrorKind) -> Error {
    // https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html#API_ListImages_Errors
    let (status, code) = match kind {
        ErrorKind::AccessDenied => (400, "AccessDeniedException"),
        ErrorKind::Configuration => (400, "InvalidParameterException"),
        ErrorKind::Credentials => (400, "UnrecognizedClientException"),
        ErrorKind::NotFound => (400, "RepositoryNotFoundException"),
        ErrorKind::Throttled => (400, "ThrottlingException"),
        ErrorKind::Unavailable => (500, "ServerException"),
        _ => return Error::new(kind, MESSAGE),
    };
    let (status, code) = (Some(status), Some(code.to_owned()));
    Error::new(kind, MESSAGE).with_response(ResponseFacts { status, code, request_id: None })
}

/// An error of the kind [`ErrorKind::AccessDenied`], which says whose policy is to be changed.
pub fn fake_denial(denial: Denial) -> Error {
    fake_error(ErrorKind::AccessDenied).with_denial(Some(denial))
}

const MESSAGE: &str = "a failure that the test asked for";
