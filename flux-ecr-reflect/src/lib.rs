//! What Flux CD's image-reflector-controller does with Amazon ECR, as a library: read all tags of an image,
//! record them as a scan, and pick the image a policy wants. Tags come with their digests, a listing is
//! complete or it is an error, and picking takes the memory of one page.
//!
//! ```no_run
//! use flux_aws_auth::Chain;
//! use flux_ecr_reflect::Reflector;
//! use flux_policy::Policy;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let reflector = Reflector::builder().credentials(Chain::builder().region("eu-west-1").build()).build()?;
//!     let image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse()?;
//!     let latest = reflector.latest_image(&image, &Policy::semver(">=1.0.0")?).await?;
//!     println!("{}", latest.decision());
//!     println!("{}", latest.image_ref().ok_or("no tag fits")?);
//!     Ok(())
//! }
//! ```
//!
//! ```text
//! 1.10.0 is the highest version in ">=1.0.0"
//!   next: 1.9.0
//!   3 tags: 2 eligible, 1 left out
//!     1 not a version: latest
//! 111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp:1.10.0@sha256:0000…
//! ```
//!
//! # Guides
//!
//! * [From Flux in Go to Rust](guide::from_go): fluxcd/pkg/auth and image-reflector-controller, type by type.
//! * [Scaling out](guide::scaling_out): what is shared and what it costs; quotas, replicas, shards, and what to watch.
//! * [Testing your own code](guide::testing): a registry, credentials and a clock that do as a test says.
//! * Of the other crates: [set up identity](flux_aws_auth::guide::identity),
//!   [troubleshooting](flux_aws_auth::guide::troubleshooting), [the range language](flux_policy::guide::range_language).
//!
//! # The types
//!
//! ```text
//! credentials or LoginSource ─┐               ┌─ scan() ──────────────► Scan
//! ImageName ──────────────────┼─► Reflector ──┼─ latest_image(policy) ► LatestImage: ImageRef and Decision
//! TagSource (the registry) ───┘               └─ update(ImageTask) ───► ImageUpdate
//! ```
//!
//! * [`Reflector`] is the front door. [`scan`](Reflector::scan), [`latest_image`](Reflector::latest_image)
//!   and [`reflect`](Reflector::reflect) are one walk over the tags, looked at in three ways. Private ECR is asked through
//!   the ECR API, every other registry through the distribution API.
//! * [`ImageName`] is Flux's `.spec.image`, [`ImageRef`] what is written back: name, [`Tag`] and [`Digest`].
//! * [`LatestImage`] is the policy's choice with its [`Decision`](flux_policy::Decision) and its [`Report`].
//! * [`Scan`] is the set of tags with Flux's count, checksum, latest tags and message, compact, saved to a file and read
//!   back, and compared with an older one: see [`scan`].
//! * [`ImageTask`] is an image to keep up to date, with Flux's rules for [digests](DigestReflection) and
//!   [status](ImageStatus): one by [`update`](Reflector::update), many at once by [`update_all`](Reflector::update_all), all
//!   policies of one image by [`update_from`](Reflector::update_from) a single scan.
//! * [`TagSource`] is where pages come from; registries unless another is given. [`OciRegistry`] is one for every registry that
//!   speaks the distribution API, asked as a [`LoginSource`] says: a [`RegistryLogin`] for Amazon ECR, private and public, a
//!   [`DockerConfig`] for others, or one of your own.
//!
//! Beside them: [`Pages`] are the same walk in your own hands, with every [digest](TagEntry) and [fact](ImageFacts).
//! [`Preflight`] tells beforehand what an identity may not do with an image, and whose policy is to be changed: [`Denial`].
//! [`EcrRegistry`] is what a host of private ECR says, [`Accessory`] what is beside an image, [`RegistryTransport`] the way to a
//! registry as an ImageRepository describes it, [`Throttle`] the limit of each host and API.
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
//! * **Refresh.** Credentials are [held and replaced](ReflectorBuilder::credentials) before they expire, in the middle of a listing
//!   if need be, and so are [logins](RegistryLogin).
//! * **Retries.** What may pass is tried again; throttling waits in the [`Throttle`], and takes no retry away from another. See
//!   [what a page may take](Reflector#what-a-page-may-take).
//! * **Bounded.** Each page has limits for credentials, connecting, reading and waiting, and each listing has 100,000 pages.
//! * **Cancellation.** Dropping a future abandons its listing and leaves nothing behind. Futures are `Send`.
//! * **Secrets.** No credential, token or signature appears in `Debug`, `Display`, errors, or this crate's
//!   `tracing` (target `flux_ecr_reflect`) at any level. The AWS SDK's own output at trace level shows
//!   requests and responses, but for the logins that ECR gives: enable it only by name, with a filter such as
//!   `warn,flux_ecr_reflect=trace`.
//! * **Time.** Clock, timers and HTTP client come from the [builder](ReflectorBuilder); unless given they are the system's,
//!   tokio's, with time enabled, and rustls.
//! * **The process.** Environment variables and files are not read, with
//!   [these exceptions](ReflectorBuilder#what-is-read-of-the-process).
//!
//! # Features
//!
//! * `artifacts`: [`artifact`](https://docs.rs/flux-ecr-reflect/latest/flux_ecr_reflect/artifact/), which pulls OCI artifacts
//!   as Flux's OCIRepository does. Off by default, because of tar, gzip and the model of manifests that come with it.
//! * `manifest`: `ImageTask::from_manifests`, which reads what is wanted from Flux's ImagePolicy and ImageRepository. Off by
//!   default, because of the YAML that comes with it.
//! * `test-util`: stand-ins for the tests of your own program, a registry among them: `test_util`. It turns on the same feature of
//!   `flux-aws-auth`, and brings no crate.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod accessory;
#[cfg(feature = "artifacts")]
#[cfg_attr(docsrs, doc(cfg(feature = "artifacts")))]
pub mod artifact;
mod denial;
mod docker_config;
mod error;
pub mod guide;
mod image;
mod login;
mod oci;
mod pages;
mod preflight;
mod reflect;
mod registry;
pub mod scan;
mod tags;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod test_util;
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
