//! Stand-ins for what credentials come from, so that the tests of a program need no network, no cluster and no patience.
//!
//! A program takes them by the feature `test-util`, for its tests alone:
//!
//! ```toml
//! [dev-dependencies]
//! flux-aws-auth = { version = "0.1", features = ["test-util"] }
//! ```
//!
//! | to test | replace | by |
//! |---|---|---|
//! | what becomes of a program when credentials come, expire or fail | the sources of a [`Chain`](crate::Chain) | [`FakeCredentialSource`] |
//! | whose credentials a tenant gets | the Kubernetes API of an [`Authenticator`](crate::Authenticator) | [`FakeServiceAccounts`] |
//! | the same from end to end, roles and their trust included | STS, as the HTTP client | [`FakeSts`] |
//! | what happens in an hour | clock and timers | [`ManualClock`] |
//!
//! The environment needs no stand-in: [`Environment::empty`](crate::Environment::empty) and its `with_…` methods are values. In the
//! place of credentials alone, [`Credentials`](aws_credential_types::Credentials) are a provider themselves, so what takes any
//! `ProvideCredentials` takes them.
//!
//! # A pod with IRSA, for some hours
//!
//! The chain is the real one; what it reads and whom it asks is the test's:
//!
//! ```
//! use std::time::Duration;
//!
//! use flux_aws_auth::test_util::{FakeSts, ManualClock, service_account_token};
//! use flux_aws_auth::{Chain, Environment, ErrorKind, ServiceAccountRef, TokenRequest};
//!
//! const ROLE: &str = "arn:aws:iam::111122223333:role/image-reflector";
//! const HOUR: Duration = Duration::from_secs(3600);
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), flux_aws_auth::Error> {
//! let clock = ManualClock::new();
//! let account = ServiceAccountRef::new("flux-system", "image-reflector-controller");
//! let token = service_account_token(&TokenRequest::new(&account, "sts.amazonaws.com"), clock.now() + 24 * HOUR);
//! let environment = Environment::empty()
//!     .with_var("AWS_REGION", "eu-west-1")
//!     .with_var("AWS_ROLE_ARN", ROLE)
//!     .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token")
//!     .with_file("/var/run/token", token.as_str());
//!
//! let sts = FakeSts::new().with_role_of(ROLE.parse()?, account);
//! let chain = Chain::builder()
//!     .environment(environment)
//!     .http_client(sts.clone())
//!     .time_source(clock.clone())
//!     .sleep_impl(clock.clone())
//!     .build();
//! let first = chain.resolve().await?;
//!
//! // Past half of the session's hour: the old credentials serve on, and new ones are asked for in the background.
//! clock.let_pass(Duration::from_secs(2100)).await;
//! assert_eq!(chain.resolve().await?.expiry(), first.expiry());
//! clock.let_pass(Duration::from_secs(1)).await;
//! assert!(chain.resolve().await?.expiry() > first.expiry());
//! assert_eq!(sts.requests().len(), 2);
//!
//! // The role is gone. Nothing else is tried in its place.
//! sts.remove_role(&ROLE.parse()?);
//! clock.let_pass(2 * HOUR).await;
//! assert_eq!(clock.run(chain.resolve()).await.unwrap_err().kind(), ErrorKind::AccessDenied);
//! # Ok(())
//! # }
//! ```
//!
//! These types are held to the same rules of versions as the rest of the crate. What they say in words (messages, and what
//! [`requests`](FakeSts::requests) tells) is for people to read in a failed test.

mod clock;
mod service_accounts;
mod source;
mod sts;
mod token;

pub use clock::ManualClock;
pub use service_accounts::FakeServiceAccounts;
pub use source::{FakeCredentialSource, FakeOutcome};
pub use sts::FakeSts;
pub use token::service_account_token;
