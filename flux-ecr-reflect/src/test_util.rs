//! Stand-ins for a registry, so that the tests of a program need no network and no patience.
//!
//! A program takes them by the feature `test-util`, for its tests alone:
//!
//! ```toml
//! [dev-dependencies]
//! flux-ecr-reflect = { version = "0.1", features = ["test-util"] }
//! ```
//!
//! A [`FakeRegistry`] takes the place of all registries of a [`Reflector`](crate::Reflector), a [`Fault`] has its requests fail or
//! take time, and a [`ManualClock`] moves push times, ages and timeouts. The reflector is the real one, with its pages, exclusions,
//! digests and errors. For code that has only an error to decide on there are [`fake_error`] and [`fake_denial`].
//!
//! The [guide](crate::guide::testing) has a whole test of a controller, with the stand-ins for credentials, which are in
//! [`flux_aws_auth::test_util`].
//!
//! ```
//! use std::time::Duration;
//!
//! use flux_ecr_reflect::test_util::{Fault, FakeRegistry, ManualClock};
//! use flux_ecr_reflect::{ErrorKind, ImageName, ImageTask, Reflector};
//! use flux_policy::Policy;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = ManualClock::new();
//! let registry = FakeRegistry::new().with_clock(&clock);
//! let image: ImageName = "ghcr.io/org/app".parse()?;
//! registry.push(&image, "1.0.0")?;
//!
//! let reflector = Reflector::builder()
//!     .tag_source(registry.clone())
//!     .time_source(clock.clone())
//!     .sleep_impl(clock.clone())
//!     .build()?;
//! let task = ImageTask::new(image, Policy::semver("1.x")?).with_timeout(Duration::from_secs(20));
//! assert!(reflector.update(&task).await?.is_new());
//!
//! registry.fail(Fault::delay(Duration::from_secs(60)));
//! let error = clock.run(reflector.update(&task)).await.unwrap_err();
//! assert_eq!((error.kind(), clock.elapsed().as_secs()), (ErrorKind::Unavailable, 20));
//! # Ok(())
//! # }
//! ```
//!
//! These types are held to the same rules of versions as the rest of the crate. What they say in words (messages, and what
//! [`requests`](FakeRegistry::requests) tells) is for people to read in a failed test.

mod fault;
mod registry;

pub use fault::{Fault, fake_denial, fake_error};
pub use flux_aws_auth::test_util::ManualClock;
pub use registry::FakeRegistry;
