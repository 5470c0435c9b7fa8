//! What Flux CD's image-reflector-controller does with Amazon ECR, as a library: read all tags of an image,
//! record them as a scan, and pick the image a policy wants. Tags come with their digests, a listing is
//! complete or it is an error, and picking takes the memory of one page.
//!
//! ```
//! use flux_ecr_reflect::{ImageName, Reflection, Reflector};
//! use flux_policy::Policy;
//! # use aws_credential_types::provider::ProvideCredentials;
//! # use aws_smithy_runtime_api::client::http::HttpClient;
//! # use aws_smithy_http_client::test_util::infallible_client_fn;
//!
//! async fn update(
//!     credentials: impl ProvideCredentials + 'static,
//!     http_client: impl HttpClient + 'static,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let reflector = Reflector::builder().credentials(credentials).http_client(http_client).build()?;
//!     let image: ImageName = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse()?;
//!     let policy = Policy::semver(">=1.0.0")?;
//!
//!     let Reflection { scan, latest, .. } = reflector.reflect(&image, &policy).await?;
//!     println!("{scan}"); // successful scan: found 2 tags with checksum 559481729
//!     match latest.image_ref() {
//!         Some(image) => println!("{image}"), // …/apps/mainapp:1.10.0@sha256:0000…
//!         None => println!("no tag fits: {}", latest.decision()),
//!     }
//! #   assert_eq!(scan.to_string(), "successful scan: found 2 tags with checksum 559481729");
//! #   assert_eq!(latest.image_ref().and_then(|image| image.tag()).map(|tag| tag.as_str()), Some("1.10.0"));
//!     Ok(())
//! }
//! # let digest = format!("sha256:{:064}", 0);
//! # let id = |tag| format!(r#"{{"imageTag":"{tag}","imageDigest":"{digest}"}}"#);
//! # let body = format!(r#"{{"imageIds":[{},{}]}}"#, id("1.9.0"), id("1.10.0"));
//! # let client = infallible_client_fn(move |_| http::Response::new(body.clone()));
//! # use aws_credential_types::Credentials;
//! # let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "docs");
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(update(credentials, client))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The types
//!
//! * [`ImageName`] is Flux's `.spec.image`, [`ImageRef`] what is written back: name, [`Tag`] and [`Digest`].
//! * [`EcrRegistry`] is what a host of private ECR says: account, region, partition, FIPS, dual-stack. A host
//!   that only looks like one is refused before anything is sent to it.
//! * [`Reflector`] is the front door. [`scan`](Reflector::scan), [`latest_image`](Reflector::latest_image)
//!   and [`reflect`](Reflector::reflect) are one walk over the tags, looked at in three ways. Private ECR is asked through
//!   the ECR API, every other registry through the distribution API.
//! * [`ImageTask`] is an image to keep up to date, with Flux's rules for [digests](DigestReflection) and
//!   [status](ImageStatus): one by [`update`](Reflector::update), many at once by [`update_all`](Reflector::update_all), all
//!   policies of one image by [`update_from`](Reflector::update_from) a single scan.
//! * [`Scan`] is the set of tags with Flux's count, checksum, latest tags and message, compact, saved to a file and read
//!   back, and compared with an older one: see [`scan`]. [`LatestImage`] is the policy's choice with its
//!   [`Decision`](flux_policy::Decision).
//! * [`Pages`] is the same walk in one's own hands: every tag with its digest, and resumed at a [`Cursor`] where need be.
//!   It tells [facts of the images](ImageFacts) too, such as when they were pushed, if [asked to](Detail); and what is no image
//!   but an [`Accessory`] of one.
//! * [`Preflight`] tells beforehand what an identity may not do with an image, and whose policy is to be changed: [`Denial`].
//! * [`TagSource`] is where pages come from; registries unless another is given. [`OciRegistry`] is one for every registry that
//!   speaks the distribution API.
//! * [`LoginSource`] is who a registry of the distribution API is asked as: a [`RegistryLogin`] for Amazon ECR, private and
//!   public, a [`DockerConfig`] for others, or one of one's own.
//! * [`RegistryTransport`] is the way to a registry as an ImageRepository describes it: proxy, certificates, timeout.
//! * [`Throttle`] slows down where a registry asks for it: one limit per host and API, shared by all repositories.
//!
//! # What it does not do
//!
//! It finds no credentials: it takes any provider of the AWS SDK's kind. It writes nothing to a registry, and pulls nothing
//! from one but artifacts, where that feature is on. It keeps a scan only in the file that it is told to, and says
//! [when to scan](scan::should_scan) without waiting for it.
//!
//! # Contracts
//!
//! * **Complete or an error.** A page that fails, an answer without a list, a cursor that comes back, a tag that is none:
//!   each ends the listing with an [`Error`] that knows its page and cursor. No partial list is ever handed out for a whole
//!   one; who wants to see pages as they come takes [`Reflector::pages`].
//! * **Bounded.** Per page: 20 s to load credentials; then 3 s to connect, 15 s to read, 30 s a try, five tries, 90 s in
//!   all; both once more if AWS does not accept the credentials. Where ECR throttles, a page is asked for five times, and waits
//!   its turn for 60 s at most: see [`Throttle`]. Per listing: 100,000 pages, of ECR 64 MiB each.
//! * **Retries.** The AWS SDK tries failures again out of one allowance that all its clients of ECR in the process share, so that
//!   an outage is not made worse by retries; that is left as it is. Throttling does not draw on it: what a busy registry refuses
//!   waits in the [`Throttle`], and takes no retry away from another.
//! * **Cancellation.** Dropping a future abandons its listing and leaves nothing behind. Futures are `Send`.
//! * **Secrets.** No credential, token or signature appears in `Debug`, `Display`, errors, or this crate's
//!   `tracing` (target `flux_ecr_reflect`) at any level. The AWS SDK's own output at trace level shows
//!   requests and responses, but for the logins that ECR gives: enable it only by name, with a filter such as `warn,flux_ecr_reflect=trace`.
//! * **The process.** Environment variables and files are not read, with these exceptions. The SDK reads
//!   `LOG_SENSITIVE_BODIES` and `LOG_SIGNABLE_BODY` for its own trace output, and, when a reflector is built, the file
//!   that `SMITHY_CLIENT_SDK_CUSTOM_PARTITION` names: it must be readable and valid, or the SDK panics; where requests go it
//!   does not decide. The default HTTP client takes its root certificates from the operating system, or from
//!   `SSL_CERT_FILE` and `SSL_CERT_DIR`.
//! * **Waiting** takes a tokio runtime with time enabled, unless [`sleep_impl`](ReflectorBuilder::sleep_impl)
//!   is set.
//!
//! # Features
//!
//! * `artifacts`: [`artifact`](https://docs.rs/flux-ecr-reflect/latest/flux_ecr_reflect/artifact/), which pulls OCI artifacts as Flux's
//!   OCIRepository does. Off by default, because of tar, gzip and the model of manifests that come with it.
//! * `manifest`: `ImageTask::from_manifests`, which reads what is wanted from Flux's ImagePolicy and ImageRepository. Off by default,
//!   because of the YAML that comes with it.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod accessory;
#[cfg(feature = "artifacts")]
#[cfg_attr(docsrs, doc(cfg(feature = "artifacts")))]
pub mod artifact;
mod denial;
mod docker_config;
mod error;
mod image;
mod login;
mod oci;
mod pages;
mod preflight;
mod reflect;
mod registry;
pub mod scan;
mod tags;
mod throttle;
mod transport;

pub use self::accessory::Accessory;
pub use self::denial::Denial;
pub use self::docker_config::DockerConfig;
pub use self::error::{Error, ErrorKind};
pub use self::image::{Digest, ImageName, ImageRef, Tag};
pub use self::login::{Login, LoginKind, LoginSource, RegistryLogin, RegistryLoginBuilder};
pub use self::oci::{OciRegistry, OciRegistryBuilder};
pub use self::pages::{Listing, PageProgress, Pages};
pub use self::preflight::Preflight;
pub use self::reflect::{
    DigestReflection, DigestStep, ImageStatus, ImageTask, ImageUpdate, LatestImage, Reflection, Reflector,
    ReflectorBuilder, Report, Updates,
};
pub use self::registry::{EcrRegistry, RegistryKind};
pub use self::scan::{Scan, Tags};
pub use self::tags::{Access, Caller, Cursor, Detail, ImageFacts, PageRequest, TagEntry, TagPage, TagSource};
pub use self::throttle::{Permit, RegistryApi, Throttle};
pub use self::transport::{RegistryTransport, RegistryTransportBuilder};
