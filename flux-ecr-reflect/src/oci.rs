//! Registries that speak the distribution API: tags page by page, and digests of single tags.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::answer::{digest_in_header, digest_of_body, path_of};
use self::authorizer::{Authorizer, Proof, Refused};
use self::failure::Subject;
use self::link::Place;
use self::origin::Origin;
use self::start::Start;
use self::wire::{Answer, Request, Tries, Wire};
use crate::error::{Error, ErrorKind};
use crate::image::{Digest, ImageName, ImageRef};
use crate::registry::RegistryKind;
use crate::tags::{Access, PageRequest, TagPage, TagSource};
use crate::throttle::RegistryApi;

mod answer;
mod authorizer;
mod builder;
mod challenge;
mod demand;
mod failure;
mod fields;
mod link;
mod origin;
#[cfg(feature = "artifacts")]
pub(crate) mod pull;
mod realm;
mod start;
mod token;
mod wire;

pub use self::builder::OciRegistryBuilder;

/// A registry that speaks the [distribution API]: Amazon ECR, public and private, Docker Hub, GitHub's, GitLab's, your own.
///
/// A [`TagSource`] for [`ReflectorBuilder::tag_source`](crate::ReflectorBuilder::tag_source), and where the [digest](Self::digest)
/// of a single tag comes from. One value serves every registry, as whoever its [logins](OciRegistryBuilder::login) say. Cheap to
/// clone; clones share what is known of registries, and their tokens.
///
/// ```
/// use flux_ecr_reflect::{Error, ImageName, OciRegistry, Reflector};
/// # use aws_smithy_runtime_api::client::http::HttpClient;
/// # use aws_smithy_http_client::test_util::infallible_client_fn;
///
/// async fn count(http_client: impl HttpClient + 'static) -> Result<usize, Error> {
///     let registry = OciRegistry::builder().http_client(http_client).build()?;
///     let reflector = Reflector::builder().tag_source(registry).build()?;
///     let image: ImageName = "public.ecr.aws/docker/library/alpine".parse()?;
///     Ok(reflector.scan(&image).await?.len())
/// }
/// # let client = infallible_client_fn(|_| http::Response::new(r#"{"tags": ["3.20", "3.21"]}"#));
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # assert_eq!(runtime.block_on(count(client))?, 2);
/// # Ok::<(), Error>(())
/// ```
///
/// # Pages
///
/// The next page is where the registry's `Link` says, as it says it, if that has the scheme, host, port and path of the list;
/// elsewhere nothing is sent, and the listing ends with an error. A [`Cursor`](crate::Cursor) holds path and query of that address,
/// and is checked again when a listing goes on from it. A page without a list of tags, with the tags of another repository, with a
/// tag that is none or a `Link` that cannot be read is an error too.
///
/// A registry must [link to the rest][listing tags], and some only cut the list. So a first page without a `Link` that is exactly
/// as long as was [asked for](OciRegistryBuilder::page_size) is not believed to be all: the tags after its last one are asked for,
/// with that tag as `last`, and so on from each page as long. This costs one request more where the list was complete. A registry
/// that then starts over ignores `last`, and one that answers 400, or 405 as [Amazon ECR does][tokens], does not know it: both have
/// given all they list, and no tag counts twice. Where a `Link` led to a page, the registry has them, and a page without one is the
/// last.
///
/// The API tells neither digests nor push times along with tags.
///
/// # Logins
///
/// A login goes to the registry that it is for or, where the registry asks for a [bearer token], to its token service. That must
/// have `https` and the registry's own host, one that is known to be of the same owner (Docker Hub's, GitLab's and
/// DigitalOcean's), or one [named before](OciRegistryBuilder::token_service); a registry on a loopback address may name another
/// loopback address. No redirect to another scheme, host or port is followed.
///
/// What a registry asks for is remembered; tokens are [cached](flux_aws_auth::cache) by image, scope and login. When one is refused
/// before its time, or ECR calls a password expired, it is let go of, and the request is made once more, if there is another then.
///
/// # Limits
///
/// Per request 3 s to connect, 15 s to the first byte of an answer, 30 s in all; up to five of them for a page, after pauses that
/// grow. Each waits for its turn in the [`Throttle`](crate::Throttle), which keeps the pauses that a registry asks for. For a
/// whole page or digest see [`timeout`](OciRegistryBuilder::timeout).
///
/// [distribution API]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
/// [listing tags]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
/// [tokens]: https://github.com/CodesWhat/drydock/pull/927
/// [bearer token]: https://distribution.github.io/distribution/spec/auth/token/
#[derive(Clone)]
pub struct OciRegistry {
    inner: Arc<Inner>,
}

struct Inner {
    wire: Wire,
    authorizer: Authorizer,
    /// In place of the hosts of images.
    endpoint: Option<Origin>,
    is_insecure: bool,
    page_size: u16,
    max_page_bytes: usize,
    timeout: Duration,
}

impl OciRegistry {
    /// A registry client with nothing set.
    pub fn builder() -> OciRegistryBuilder {
        OciRegistryBuilder::default()
    }

    /// The digest that a tag points to; of a reference without a tag, its own digest, if there is such a manifest. `None` where
    /// the registry has no such manifest.
    ///
    /// Asks with `HEAD`, which Docker Hub does not count as a pull; and with `GET` a registry that does not tell the digest then,
    /// to compute it.
    ///
    /// # Errors
    ///
    /// Whatever stopped the request: see [`ErrorKind`]. [`ErrorKind::InvalidResponse`] also for a manifest that is not of the
    /// digest that the registry says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the request.
    #[tracing::instrument(skip_all, fields(%image))]
    pub async fn digest(&self, image: &ImageRef) -> Result<Option<Digest>, Error> {
        let origin = self.inner.origin(image.name())?;
        let reference = match (image.tag(), image.digest()) {
            (Some(tag), _) => tag.as_str(),
            (None, Some(digest)) => digest.as_str(),
            (None, None) => return Ok(None),
        };
        let subject = Subject::manifest(image.name(), &origin, reference);
        self.inner.in_time(subject, |tries| self.inner.digest(subject, tries)).await
    }
}

#[async_trait]
impl TagSource for OciRegistry {
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
        let image = request.image();
        let origin = self.inner.origin(image)?;
        let subject = Subject::tags(image, &origin);
        let start = match request.cursor() {
            None => Start::First { asked: self.inner.page_size },
            // It may come from anywhere.
            Some(cursor) => Start::at(cursor, subject).ok_or_else(|| {
                let message = format!("the cursor does not belong to a listing of {image} at {origin}");
                Error::new(ErrorKind::Configuration, message)
            })?,
        };
        self.inner.in_time(subject, |tries| self.inner.page(subject, start, tries)).await
    }

    async fn digest(&self, image: &ImageRef) -> Result<Option<Digest>, Error> {
        Self::digest(self, image).await
    }
}

impl fmt::Debug for OciRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OciRegistry")
            .field("authorizer", &self.inner.authorizer)
            .field("endpoint", &self.inner.endpoint)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn origin(&self, image: &ImageName) -> Result<Origin, Error> {
        if let Some(endpoint) = &self.endpoint {
            return Ok(endpoint.clone());
        }
        // ECR knows no plain http, and who overhears a login to it can read all that its owner may.
        let is_plain = self.is_insecure && matches!(image.registry_kind(), Ok(RegistryKind::Other));
        Origin::of_host(image.registry(), !is_plain).ok_or_else(|| {
            let message = format!("registry host {:?} is not a valid host", image.registry());
            Error::new(ErrorKind::Configuration, message)
        })
    }

    async fn in_time<T: Send, F: Future<Output = Result<T, Error>> + Send>(
        &self,
        subject: Subject<'_>,
        work: impl FnOnce(Arc<Tries>) -> F,
    ) -> Result<T, Error> {
        let tries = Arc::new(Tries::default());
        let outcome = self.wire.within(self.timeout, work(tries.clone())).await;
        outcome.unwrap_or_else(|| Err(subject.not_in_time(tries.was_throttled())))
    }

    async fn page(&self, subject: Subject<'_>, start: Start, tries: Arc<Tries>) -> Result<TagPage, Error> {
        let request = self.request("GET", subject, start.place(subject), "application/json");
        let (answer, proof) = self.ask(subject, request, &tries).await?;
        let page = if answer.is_success() {
            answer::page(subject, &start, &answer)?
        } else {
            let error = refused(subject, &answer, &proof);
            if !start.is_end(answer.status, error.kind()) {
                return Err(error);
            }
            TagPage::default()
        };
        let access = Access::new(RegistryApi::Distribution, proof.caller());
        Ok(page.with_requests(tries.requests()).with_access(access))
    }

    async fn digest(&self, subject: Subject<'_>, tries: Arc<Tries>) -> Result<Option<Digest>, Error> {
        let reference = subject.reference.unwrap_or_default();
        let place = format!("/v2/{}/manifests/{reference}", subject.image.repository());
        let request = self.request("HEAD", subject, place.clone(), MANIFESTS);
        let (answer, proof) = self.ask(subject, request, &tries).await?;
        match answer.status {
            404 => return Ok(None),
            405 => {}
            _ if !answer.is_success() => return Err(refused(subject, &answer, &proof)),
            _ => {
                if let Some(digest) = digest_in_header(subject, &answer)? {
                    return Ok(Some(digest));
                }
            }
        }
        let request = self.request("GET", subject, place, MANIFESTS);
        let (answer, proof) = self.ask(subject, request, &tries).await?;
        match answer.status {
            404 => Ok(None),
            _ if !answer.is_success() => Err(refused(subject, &answer, &proof)),
            _ => digest_of_body(subject, &answer).map(Some),
        }
    }

    fn request(
        &self,
        method: &'static str,
        subject: Subject<'_>,
        place: String,
        accept: &'static str,
    ) -> Request {
        Request {
            method,
            origin: subject.origin.clone(),
            path_and_query: place,
            accept,
            authorization: None,
            form: None,
            max_bytes: if subject.reference.is_some() { MAX_MANIFEST_BYTES } else { self.max_page_bytes },
            is_streamed: subject.is_blob,
        }
    }

    /// Sends a request with the proof that the registry wants, and once more if it does not accept what was held.
    async fn ask(
        &self,
        subject: Subject<'_>,
        mut request: Request,
        tries: &Tries,
    ) -> Result<(Answer, Proof), Error> {
        let mut proof = self.authorizer.proof(subject).await?;
        let mut may_prove_anew = true;
        for _ in 1..MAX_PROOFS {
            request.authorization = proof.header();
            let answer = self.follow(subject, request.clone(), tries).await?;
            match self.authorizer.refused(subject, &proof, &answer)? {
                Some(Refused::NewDemand) => {}
                Some(Refused::SameDemand) if may_prove_anew => may_prove_anew = false,
                _ => return Ok((answer, proof)),
            }
            let new = self.authorizer.proof(subject).await?;
            if new.header() == proof.header() {
                return Ok((answer, proof));
            }
            proof = new;
        }
        request.authorization = proof.header();
        Ok((self.follow(subject, request, tries).await?, proof))
    }

    /// Sends a request, and follows redirects as far as they stay where the proof is for.
    async fn follow(
        &self,
        subject: Subject<'_>,
        mut request: Request,
        tries: &Tries,
    ) -> Result<Answer, Error> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.wire.send(&request, tries).await.map_err(|error| subject.unanswered(error))?;
            let location = answer.header("location").filter(|_| is_redirect(answer.status));
            let Some(location) = location else { return Ok(answer) };
            let path = path_of(&request.path_and_query);
            request.path_and_query = match link::resolve(subject.origin, path, location) {
                Place::Here(place) => place,
                // Blobs may be kept elsewhere. Who asked for one goes there without the proof.
                Place::Elsewhere(_) if subject.is_blob => return Ok(answer),
                Place::Elsewhere(origin) => {
                    let what = format!("a redirect to {origin}, which is not followed");
                    return Err(subject
                        .senseless(&answer, what)
                        .with_hint("If that is the registry of the image, name it in the image."));
                }
                Place::Nowhere => {
                    return Err(subject.senseless(&answer, "a redirect without a usable address"));
                }
            };
        }
        let message = format!("{} redirects the request for {subject} too many times", subject.registry());
        Err(Error::new(ErrorKind::InvalidResponse, message))
    }
}

/// What is pulled today: [OCI's][1] and Docker's manifests and lists of them.
///
/// [1]: https://github.com/opencontainers/image-spec/blob/main/media-types.md
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// What [registries must take][1].
///
/// [1]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;
const MAX_REDIRECTS: u32 = 3;
/// Nothing, what the registry then asks for, and that again.
const MAX_PROOFS: u32 = 3;

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

fn refused(subject: Subject<'_>, answer: &Answer, proof: &Proof) -> Error {
    let secrets = proof.secrets();
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    subject.refused(answer, &proof.asker(), &secrets)
}
