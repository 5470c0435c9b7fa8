//! The IAM policy documents that a set-up needs, and what is wrong with those that do not work.
//!
//! A role needs two documents: a *trust policy*, which says who may assume it ([`PodIdentityTrust`], [`OidcTrust`], [`RoleTrust`]),
//! and a *permission policy*, which says what it may do ([`PermissionPolicy`], or a [`ManagedPolicy`] of AWS's own). Where the
//! resource has a policy of its own ([`ResourcePolicy`]), that can take the second one's place, and across accounts both
//! are needed. Each is printed by `Display` for the console, Terraform or the `aws` command, and on one line by
//! [`PolicyDocument::to_json`] for a program; the text depends on nothing but what went in. The guide
//! [Set up identity](crate::guide::identity) shows how each of these tools takes it.
//!
//! Everything is named by its ARN, so each document is right for the partition its resources are in.
//!
//! ```
//! use flux_aws_auth::ServiceAccountRef;
//! use flux_aws_auth::iam::{OidcProvider, OidcTrust, PermissionPolicy};
//!
//! let role = "arn:aws:iam::111122223333:role/tenant-reader".parse()?;
//! let issuer = OidcProvider::for_role(&role, "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE")?;
//! let trust = OidcTrust::new(&issuer, &ServiceAccountRef::new("tenant", "reader"))?.document();
//! assert!(trust.to_json().contains("system:serviceaccount:tenant:reader"));
//!
//! let apps = "arn:aws:ecr:eu-west-1:111122223333:repository/apps/*".parse()?;
//! println!("{}", PermissionPolicy::ecr([apps])?.minimal());
//! # Ok::<(), flux_aws_auth::Error>(())
//! ```
//!
//! [`lint`] tells why a policy that somebody else wrote does not reach a repository.
//!
//! # Two forms
//!
//! Permissions come as [`flux_documented`](PermissionPolicy::flux_documented), the actions that Flux's page lists
//! ([Flux on AWS]), for a role that Flux itself uses too, and as [`minimal`](PermissionPolicy::minimal), the actions that
//! reading takes and no more.
//!
//! [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#authorization

mod arn;
mod document;
pub mod lint;
mod managed;
mod oidc;
mod permission;
mod repository;
mod resource;
mod resource_policy;
mod trust;
mod wildcard;

pub use document::PolicyDocument;
pub use managed::ManagedPolicy;
pub use oidc::OidcProvider;
pub use permission::PermissionPolicy;
pub use repository::{RepositoryArn, RepositoryPattern};
pub use resource::{BucketArn, ClusterArn, KeyArn, PrincipalArn};
pub use resource_policy::ResourcePolicy;
pub use trust::{OidcTrust, PodIdentityTrust, RoleTrust};
