//! AWS credentials the way Flux CD finds them, with every choice explained.
//!
//! A program in (or beside) Kubernetes gets its identity from EKS Pod Identity, from OIDC federation (IRSA on EKS, web
//! identity elsewhere), from an access key, or from the node. This crate asks for it in a fixed order, gives either the
//! right identity or a clear error, and says what it looked at.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), flux_aws_auth::Error> {
//! use flux_aws_auth::Chain;
//!
//! let chain = Chain::builder().build();
//! let resolved = chain.resolve().await?;
//! println!("{}", resolved.report()); // which source, whose identity, and why not the others
//! # Ok(())
//! # }
//! ```
//!
//! A [`Chain`] implements [`ProvideCredentials`](aws_credential_types::provider::ProvideCredentials): give it to any
//! `aws-sdk-*` client, which then has credentials that refresh.
//!
//! # The types
//!
//! * [`Chain`] asks [sources](source) in [order](SourceOrder) and holds the credentials while they are good. Made by a
//!   [`ChainBuilder`], in which everything that touches the world can be replaced.
//! * [`Environment`] is what the sources know of the process: variables and files. Nothing else reads the process;
//!   [`NoProcessEnvironment`] holds other SDK clients to that, and [`AnswerLimit`] to answers of a sensible length.
//! * [`Resolved`] is the answer: credentials, the [`Principal`] they belong to, and the [`ChainReport`].
//! * [`Error`] is the answer when there is none. It has a [kind](ErrorKind), a [hint](Error::hint), the cause, and the
//!   same report.
//! * [`Reason`] is a stable code for each outcome of a source, for conditions, metrics and alerts.
//! * [`cache`] is what a chain holds its credentials with, for whatever else expires.
//! * [`Authenticator`] is the front door of a program with tenants: it gives the credentials of an [`Identity`], the
//!   controller's own or an object's, for a [`Resource`].
//! * [`ServiceAccountRole`] is the identity of a tenant's object by itself: the role of a Kubernetes ServiceAccount, over any
//!   [`ServiceAccountTokens`]. [`AccessKeySecret`] is the other one: an access key in a Kubernetes Secret.
//! * [`RoleHop`] is a further role, assumed with the credentials of any of these.
//! * [`Integration`] tells which of these identities Flux supports for what, since when, and why not the others.
//! * [`doctor`] says what is set up here, what is wrong with it, and what to do, without asking anybody.
//! * [`iam`] prints the policy documents that a role needs, and says why one that somebody else wrote does not work.
//!
//! # What it does not do
//!
//! It does not read AWS profiles, does no single sign-on and starts no process: those belong to `aws-config`, whose
//! provider can be a link of a chain, as a [`NamedProvider`](source::NamedProvider). It never falls back: see below.
//!
//! # Contracts
//!
//! * **The first source that is set up decides.** Its failure ends the chain; only "not set up" moves on, and the node's
//!   role is the last resort. An object-level identity is the only source of its chain, whatever else
//!   the builder is told.
//! * **A chain stays who it is.** The source that gave its first credentials is the only one asked from then on.
//! * **Certain, if asked.** With [`ChainBuilder::expect_account`] or [`ChainBuilder::expect_role`], AWS is asked whose the
//!   credentials are before anybody gets them.
//! * **Bounded.** Each request has limits for connecting, answering and the whole; one deadline covers the chain (20
//!   seconds unless set). A metadata address where nobody answers costs about one second.
//! * **Tried again where that can help.** Each exchange makes at most three requests; a ServiceAccount token that was not
//!   accepted is read anew for the next. A [start-up](source::PodIdentity::with_start_up_grace) of the Pod Identity agent and an
//!   [outage](source::InstanceMetadata#static-stability) of the node's metadata service are ridden out.
//! * **Refresh.** Credentials are replaced in the background from the middle of their life on, and served until they expire,
//!   but no longer when AWS refuses the identity; see [`Chain::resolve`]. Token files are read again at every exchange.
//! * **One request for all.** Who comes while credentials are being asked for shares the outcome. No caller's going, no task's
//!   end and no runtime that stands still leaves the others waiting; see [`cache`].
//! * **Secrets.** No secret, token, proxy's password or query of a URL is in a `Debug`, a `Display`, an error or the `tracing`
//!   output of this crate, at any level. The AWS SDK's own `trace` output can show responses: keep the targets
//!   `aws_smithy_runtime` and `aws_sdk_sts` above `trace`. An address is checked before a token is sent to it.
//! * **Time, waiting and HTTP** come from the builder, so tests need no clock and no network.
//!
//! # Network
//!
//! There are two HTTP clients. The one for AWS goes the way that the environment says, unless the builder is given another:
//! see [`HttpClientBuilder`]. The one for what is on the node, the Pod Identity agent and the instance metadata service, uses
//! no proxy and no certificates of anybody's own.
//!
//! | variable | decides | read |
//! |---|---|---|
//! | `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, in lower case too | the [`Proxy`], and what is reached without it | when a chain is built |
//! | `AWS_CA_BUNDLE` | the file with the root certificates | when a chain is built |
//! | `AWS_REGION`, else `AWS_DEFAULT_REGION` | the region whose STS is asked, before the [`Resource`]'s; not for an object's identity | at every exchange |
//! | `AWS_ENDPOINT_URL_STS`, else `AWS_ENDPOINT_URL` | another address of STS | at every exchange |
//! | `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` | whether those two count | at every exchange |
//! | `AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT` | STS's hosts with FIPS 140 cryptography, or with IPv6 | at every exchange |
//!
//! All are read through [`Environment`]. What is wrong with one is an error at the first use that names it.
//!
//! A call to STS connects within three seconds and is answered within five, body included; it is tried up to three times, with
//! random pauses, within fifteen seconds and the chain's deadline. When it fails, [`ConnectionFailure`] tells a name that is
//! not found from a refused connection, a proxy that wants a password, or a certificate that this machine's clock takes for
//! expired. Who may name which address is at [`Endpoint`].
//!
//! # Features
//!
//! * `assume-role-annotation` reads the annotation by which a ServiceAccount asks for a further role, with a parser for YAML:
//!   `AuthenticatorBuilder::assume_role_annotation`.
//! * `kube` gets ServiceAccounts and their tokens from the Kubernetes API, over the program's own `kube::Client`:
//!   `kube::KubeTokens`.
//! * `sops` reads the Secret of a Kustomization's decryption, with a parser for YAML: `AccessKeySecret::sops`.
//!
//! TLS is rustls with ring, and the timers are tokio's.
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
