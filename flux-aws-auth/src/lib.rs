//! AWS credentials the way Flux CD finds them, with every choice explained: the right identity or a clear error, never
//! silently another identity.
//!
//! A program in (or beside) Kubernetes gets its identity from EKS Pod Identity, from OIDC federation (IRSA on EKS, web
//! identity elsewhere), from an access key, or from the node. This crate asks for it in that order, takes the first that is set
//! up, refreshes it, and says what it looked at.
//!
//! ```no_run
//! use flux_aws_auth::{Chain, Error};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Error> {
//!     let chain = Chain::builder().build(); // a credentials provider for any aws-sdk-* client
//!     let resolved = chain.resolve().await?;
//!     println!("{}", resolved.report()); // which source, whose identity, and why not the others
//!     println!("AWS says: {}", chain.caller_identity().await?);
//!     Ok(())
//! }
//! ```
//!
//! The report, in a pod with IRSA:
//!
//! ```text
//! Credentials from web identity (IRSA): role arn:aws:iam::111122223333:role/flux, session image-reflector-controller.flux-system.eu-west-1.fluxcd.io, for 60 min
//!   1. EKS Pod Identity        skipped, PodIdentityNotActive: not active in this pod
//!   2. web identity (IRSA)     provided in 0 ms
//!   3. access keys             not reached
//!   4. node metadata (IMDSv2)  not reached
//! ```
//!
//! # Guides
//!
//! * [Set up identity on EKS and elsewhere](guide::identity): which identity, and what to create at AWS and in Kubernetes.
//! * [Troubleshooting](guide::troubleshooting): what each code means, and what to do; also for errors of the AWS SDKs and of Flux.
//! * Testing one's own code, without network, cluster and waiting: `test_util`, with the feature `test-util`.
//!
//! # The types
//!
//! ```text
//!  Environment ─► sources ─► Chain ─┬─► Resolved: credentials, Principal, report
//!                              ▲    └─► Error:    kind, reason, hint, report
//!  Identity, Resource ─► Authenticator
//! ```
//!
//! * [`Environment`] is what the sources know of the process: variables and files.
//! * [`Chain`] asks [sources](source) in [order](SourceOrder) and holds the credentials while they are good. Made by a
//!   [`ChainBuilder`], in which everything that touches the world can be replaced.
//! * [`Resolved`] is the answer: credentials, the [`Principal`] they belong to, and the [`ChainReport`].
//! * [`Error`] is the answer when there is none. It has a [kind](ErrorKind) for the program, a stable [`Reason`] for conditions and
//!   alerts, a [hint](Error::hint) for people, the cause, and the same report.
//! * [`Authenticator`] is the front door of a program with tenants: it gives the credentials of an [`Identity`] for a [`Resource`].
//! * [`Identity`] is whose permissions are used: the controller's own, or an object's, by a ServiceAccount (of which
//!   [`ServiceAccountTokens`] gets tokens) or by an access key in a Secret ([`AccessKeySecret`]). A chain without an authenticator
//!   takes them too: [`ServiceAccountRole`].
//!
//! Beside them: [`RoleHop`] assumes a further role, [`Integration`] tells what Flux supports, [`doctor`] finds what is wrong in a
//! pod without asking anybody, [`iam`] writes and judges policy documents, and [`cache`] holds whatever else expires.
//!
//! # What it does not do
//!
//! It does not read AWS profiles, does no single sign-on and starts no process: those belong to `aws-config`, whose
//! provider can be a link of a chain, as a [`NamedProvider`](source::NamedProvider). It never falls back from an error. It grants
//! nothing: what it writes about policies is for people and their tools to apply.
//!
//! # Contracts
//!
//! * **Identity.** The first source that is set up decides. Its failure ends the chain; only "not set up" moves on, and the node's
//!   role is the last resort. The source that gave a chain its first credentials is the only one asked from then on. An object's
//!   identity is the only source of its chain, whatever else the builder is told. With [`ChainBuilder::expect_account`] or
//!   [`ChainBuilder::expect_role`], AWS is asked whose the credentials are before anybody gets them.
//! * **Refresh.** Credentials are replaced in the background from the middle of their life on, and served until they expire,
//!   but no longer when AWS refuses the identity: see [`Chain::resolve`]. Token files are read again at every exchange.
//! * **Retry.** Each exchange makes at most three requests; a ServiceAccount token that was not accepted is read again for the
//!   next. A [start-up](source::PodIdentity::with_start_up_grace) of the Pod Identity agent and an
//!   [outage](source::InstanceMetadata#static-stability) of the node's metadata service are ridden out. Who comes while credentials
//!   are being asked for shares the outcome.
//! * **Time limits.** Each request has [limits](Chain#limits) for connecting, answering and the whole; one deadline covers the
//!   chain, 20 seconds unless set. A metadata address where nobody answers costs about one second.
//! * **Cancellation.** Dropping a future loses nothing. No caller's going, no task's end and no runtime that stands still leaves
//!   others waiting: see [`cache`].
//! * **Secrets.** No secret, token, proxy's password or query of a URL is in a `Debug`, a `Display`, an error or the `tracing`
//!   output of this crate, at any level. The AWS SDK's own `trace` output can show responses: keep the targets
//!   `aws_smithy_runtime` and `aws_sdk_sts` above `trace`. An address is [checked](Endpoint) before a token is sent to it.
//! * **Time, waiting and HTTP** come from the builder, so tests need no clock and no network. Of the process, only
//!   [`Environment`] reads; [`NoProcessEnvironment`] holds other SDK clients to that, and [`AnswerLimit`] to answers of a sensible
//!   length. There are two HTTP clients: the one for AWS goes the way that the environment says ([`HttpClientBuilder`]), the one
//!   for what is on the node uses no proxy and no certificates of anybody's own.
//!
//! # Features
//!
//! None is on by default. TLS is rustls with ring, and the timers are tokio's.
//!
//! * `kube` gets ServiceAccounts and their tokens from the Kubernetes API, over the program's own `kube::Client`:
//!   `kube::KubeTokens`. About fifty crates more, unless the program has them already.
//! * `sops` reads the Secret of a Kustomization's decryption: `AccessKeySecret::sops`. A parser for YAML more.
//! * `assume-role-annotation` reads the annotation by which a ServiceAccount asks for a further role:
//!   `AuthenticatorBuilder::assume_role_annotation`. The same parser.
//! * `test-util` has stand-ins for the tests of your own program, and a clock that they move: `test_util`, and the guide
//!   [Testing your own code](https://docs.rs/flux-ecr-reflect/latest/flux_ecr_reflect/guide/testing/). No crate more.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer_limit;
mod arn;
mod authenticator;
pub mod cache;
mod chain;
mod clock_skew;
mod connection;
pub mod doctor;
mod endpoint;
mod environment;
mod error;
mod expectation;
pub mod guide;
mod http_clients;
pub mod iam;
mod identity;
mod integration;
#[cfg(feature = "kube")]
#[cfg_attr(docsrs, doc(cfg(feature = "kube")))]
pub mod kube;
mod no_process_environment;
mod partition;
mod principal;
mod reason;
mod report;
mod resource;
mod retry;
mod role_hop;
mod secret;
mod service_account;
mod session_name;
pub mod source;
mod sts;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod test_util;
mod text;
mod token;

pub use answer_limit::AnswerLimit;
pub use arn::RoleArn;
pub use authenticator::{Authenticator, AuthenticatorBuilder, IdentityCredentials};
pub use chain::{Chain, ChainBuilder, Resolved, SourceOrder};
pub use clock_skew::ClockSkew;
pub use connection::ConnectionFailure;
pub use endpoint::Endpoint;
pub use environment::Environment;
pub use error::{BoxError, Error, ErrorKind};
pub use http_clients::{HttpClientBuilder, Proxy, http_client};
pub use identity::Identity;
pub use integration::{Combination, FluxVersion, Integration, Level, Support};
pub use no_process_environment::NoProcessEnvironment;
pub use partition::Partition;
pub use principal::Principal;
pub use reason::Reason;
pub use report::{ChainReport, SourceReport, SourceResult};
pub use resource::Resource;
pub use role_hop::RoleHop;
pub use secret::AccessKeySecret;
pub use service_account::{
    ROLE_ARN_ANNOTATION, ServiceAccount, ServiceAccountRef, ServiceAccountRole, ServiceAccountToken,
    ServiceAccountTokens, TokenRequest,
};
pub use source::{CredentialSource, SourceKind};
pub use sts::CallerIdentity;
