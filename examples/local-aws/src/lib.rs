//! An embedded AWS for examples and end-to-end tests: an account, a region, an EKS cluster and one of its nodes, on
//! loopback ports.
//!
//! It is strict where AWS is strict, so that what works here has a reason to work there: signatures are verified, tokens
//! are checked for signature, issuer, audience, subject and time, trust and permission policies are evaluated with IAM's
//! rules, page tokens are good for their own listing only, and the metadata service has no version 1.
//!
//! ```
//! # fn main() -> Result<(), local_aws::Error> {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use local_aws::{LocalAws, Repository, Role, TagStyle};
//!
//! let aws = LocalAws::builder()
//!     .role(
//!         Role::new("reflector")
//!             .trust(r#"{"Version": "2012-10-17", "Statement": {
//!                 "Effect": "Allow",
//!                 "Principal": {"Service": "pods.eks.amazonaws.com"},
//!                 "Action": ["sts:AssumeRole", "sts:TagSession"]}}"#)
//!             .permissions(r#"{"Version": "2012-10-17", "Statement": {
//!                 "Effect": "Allow", "Action": "ecr:ListImages", "Resource": "*"}}"#),
//!     )
//!     .pod_identity_association("flux-system", "image-reflector-controller", "reflector")
//!     .repository(Repository::generated("apps/mainapp", 200_000, TagStyle::Semver))
//!     .start()
//!     .await?;
//!
//! assert!(aws.ecr_url().starts_with("http://127.0.0.1:"));
//! assert!(aws.requests().is_empty());
//! aws.stop().await;
//! # Ok(()) })
//! # }
//! ```
//!
//! # What there is
//!
//! | service | operations |
//! |---|---|
//! | instance metadata, version 2 | token, region, zone, instance id, identity document, role credentials |
//! | EKS Pod Identity agent | credentials for an associated ServiceAccount |
//! | STS | `AssumeRole`, `AssumeRoleWithWebIdentity`, `GetCallerIdentity` |
//! | ECR API | `GetAuthorizationToken`, `ListImages`, `DescribeImages`, `BatchGetImage` |
//! | registry | `/v2/`, tags, manifests, blobs (by way of a signed link, as with ECR); pushes, under ECR's permissions |
//! | ECR Public API | `GetAuthorizationToken`, `DescribeImageTags`, `DescribeImages`, in `us-east-1` |
//! | public registry | the same as the registry, under a Bearer token that `/token/` gives to anybody |
//! | generic registry | the same again, for users of its own: Basic, or Bearer tokens from a service on another port |
//! | Kubernetes API | a ServiceAccount, and a token of it (TokenRequest), under role-based access control |
//! | token issuer | discovery document, keys, and tokens from [`Issuer::token`] |
//!
//! Requests are counted, and each service can be told to [fail](Fault): with an error, late, cut, with a body that is not
//! right, by a clock that is not. A repository's [listings](Listing) can be dealt out oddly, and its tags
//! [moved](LocalAws::retag) and [deleted](LocalAws::untag) meanwhile.
//!
//! # What there is not
//!
//! Anything that writes but a push; repositories that a push creates; signatures and referrers of images; other
//! partitions than `aws`; TLS; managed session policies; multi-factor authentication; policy
//! variables; conditions other than on strings and ARNs. A request or a document with one of these is refused, never half
//! understood.

mod builder;
mod clock;
mod cloud;
mod connection;
mod credentials;
mod distribution;
mod ecr;
mod ecr_public;
mod error;
mod fault;
mod gate;
mod generic_registry;
mod iam;
mod imds;
mod issuer;
mod json_protocol;
mod kubernetes;
mod local_aws;
mod meter;
mod oidc;
mod pod_identity;
mod public_registry;
mod random;
mod registry;
mod repository;
mod seal;
mod server;
mod service;
mod sigv4;
mod sts;
mod wire;

pub use builder::{Builder, EXAMPLE_ISSUER};
pub use clock::Clock;
pub use credentials::{AccessKey, KeyOwner};
pub use error::Error;
pub use fault::{Fault, Injection};
pub use generic_registry::GenericRegistry;
pub use iam::{Role, User};
pub use imds::ImdsMode;
pub use issuer::{Issuer, ServiceAccountToken};
pub use kubernetes::{Kubernetes, Rbac, ServiceAccount};
pub use local_aws::LocalAws;
pub use repository::{Artifact, Links, Listing, Repository, TagScheme, TagStyle};
pub use service::Service;
