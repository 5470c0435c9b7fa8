//! Manifests and blobs, for artifacts.

use aws_smithy_types::body::SdkBody;
use flux_aws_auth::Endpoint;

use super::answer::digest_of_body;
use super::failure::{Subject, no_answer};
use super::link::{self, Place};
use super::origin::Origin;
use super::wire::{Answer, Request, Tries, Wire};
use super::{MANIFESTS, MAX_REDIRECTS, OciRegistry, is_redirect, path_of, refused};
use crate::error::{Error, ErrorKind};
use crate::image::{Digest, ImageName};

/// A manifest of at most 4 MiB, whose digest was computed.
pub(crate) struct Manifest {
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Digest,
}

/// A blob that is being sent.
pub(crate) struct Blob {
    wire: Wire,
    body: SdkBody,
    what: String,
    host: String,
}

impl OciRegistry {
    /// The manifest of a tag or a digest.
    pub(crate) async fn manifest(&self, image: &ImageName, reference: &str) -> Result<Manifest, Error> {
        let inner = &self.inner;
        let origin = inner.origin(image)?;
        let subject = Subject::manifest(image, &origin, reference);
        let get = async |tries: std::sync::Arc<Tries>| {
            let place = format!("/v2/{}/manifests/{reference}", image.repository());
            let request = inner.request("GET", subject, place, MANIFESTS);
            let (answer, proof) = inner.ask(subject, request, &tries).await?;
            if !answer.is_success() {
                return Err(refused(subject, &answer, &proof));
            }
            let digest = digest_of_body(subject, &answer)?;
            Ok(Manifest { bytes: answer.body, digest })
        };
        inner.in_time(subject, get).await
    }

    /// Begins to read a blob. Registries keep blobs elsewhere, as ECR does in S3, and send their clients there: they are followed
    /// without the proof that was for the registry.
    pub(crate) async fn blob(&self, image: &ImageName, digest: &Digest) -> Result<Blob, Error> {
        let inner = &self.inner;
        let origin = inner.origin(image)?;
        let subject = Subject { is_blob: true, ..Subject::manifest(image, &origin, digest.as_str()) };
        let get = async |tries: std::sync::Arc<Tries>| {
            let place = format!("/v2/{}/blobs/{digest}", image.repository());
            let request = inner.request("GET", subject, place, ANYTHING);
            let (answer, proof) = inner.ask(subject, request, &tries).await?;
            if is_redirect(answer.status) {
                return follow(&inner.wire, subject, answer, &tries).await;
            }
            if !answer.is_success() {
                return Err(refused(subject, &answer, &proof));
            }
            Ok((answer, origin.clone()))
        };
        let (answer, at) = inner.in_time(subject, get).await?;
        Ok(Blob {
            wire: inner.wire.clone(),
            body: answer.stream.unwrap_or_else(SdkBody::empty),
            what: subject.to_string(),
            host: at.authority(),
        })
    }
}

impl Blob {
    /// The next piece; `None` when the sender says that it was all.
    pub(crate) async fn next(&mut self) -> Result<Option<impl AsRef<[u8]> + Send + use<>>, Error> {
        let piece = self.wire.next_piece(&mut self.body).await;
        piece.map_err(|unanswered| no_answer(unanswered, &self.host, &format!("for {}", self.what)))
    }
}

/// Goes where a registry sends its clients for a blob, and on from there. What stands in such an address is a secret: who has it
/// may read the blob.
async fn follow(
    wire: &Wire,
    subject: Subject<'_>,
    mut answer: Answer,
    tries: &Tries,
) -> Result<(Answer, Origin), Error> {
    let mut at = subject.origin.clone();
    let mut path = String::new();
    for _ in 0..MAX_REDIRECTS {
        let location = answer.header("location").unwrap_or_default().to_owned();
        let nowhere = || subject.senseless(&answer, "a redirect without a usable address");
        (at, path) = match link::resolve(&at, path_of(&path), &location) {
            Place::Here(place) => (at, place),
            Place::Elsewhere(_) => absolute(&at, &location).ok_or_else(nowhere)?,
            Place::Nowhere => return Err(nowhere()),
        };
        check(subject, &answer, &at)?;
        let request = Request {
            method: "GET",
            origin: at.clone(),
            path_and_query: path.clone(),
            accept: ANYTHING,
            authorization: None,
            form: None,
            max_bytes: MAX_REFUSAL_BYTES,
            is_streamed: true,
        };
        let what = format!("for {subject}");
        answer =
            wire.send(&request, tries).await.map_err(|error| no_answer(error, &at.authority(), &what))?;
        if answer.is_success() {
            return Ok((answer, at));
        }
        if !is_redirect(answer.status) {
            let message = format!("{} answered {what} with HTTP {}", at.authority(), answer.status);
            let kind = if answer.status >= 500 { ErrorKind::Unavailable } else { ErrorKind::InvalidResponse };
            return Err(Error::new(kind, message)
                .with_hint("That is where the registry keeps it: check proxies, and the policy of a VPC endpoint for S3."));
        }
    }
    let message = format!("{} redirects the request for {subject} too many times", subject.registry());
    Err(Error::new(ErrorKind::InvalidResponse, message))
}

/// Origin, path and query of an address that is elsewhere.
fn absolute(at: &Origin, location: &str) -> Option<(Origin, String)> {
    let url =
        if location.starts_with("//") { format!("{}:{location}", at.scheme()) } else { location.to_owned() };
    let (origin, rest) = Origin::of_url(&url)?;
    let rest = rest.split('#').next().unwrap_or_default();
    Some((origin, if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }))
}

/// Nobody is sent to an address that is not public but the registry's own clients on the registry's own machine; and from TLS,
/// nobody to where there is none.
fn check(subject: Subject<'_>, answer: &Answer, at: &Origin) -> Result<(), Error> {
    let registry = subject.origin;
    let is_as_safe = at.scheme() == "https" || registry.scheme() == "http";
    let is_allowed = at == registry || (registry.is_loopback() && at.is_loopback()) || {
        let host = at.authority();
        Endpoint::token_service("redirect", &format!("https://{host}"), &host, &[]).is_ok()
    };
    if is_as_safe && is_allowed {
        return Ok(());
    }
    Err(subject.senseless(answer, format!("a redirect to {at}, which is not followed")))
}

const ANYTHING: &str = "*/*";
/// Of an answer that is not a blob.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;
