//! Servers and clients that nobody here wrote, for tests that must not agree with themselves: started on a free port of
//! loopback, ended when the value is dropped.
//!
//! What is missing is installed below cargo's target directory, from PyPI, or by `apt-get`. Each needs `python3` with `venv`.
//! None reads this process's environment, but for the `PATH`.
//!
//! ```no_run
//! # fn main() -> Result<(), interop::Error> {
//! use interop::Ministack;
//! use serde_json::json;
//!
//! let aws = Ministack::start()?;
//! let bucket = json!({ "Bucket": "config", "CreateBucketConfiguration": { "LocationConstraint": aws.region() } });
//! aws.boto3().root("s3", "create_bucket", &bucket)?;
//! # Ok(()) }
//! ```
#![allow(
    clippy::disallowed_methods,
    reason = "it starts processes, and waits for them; nothing of it is in a published crate"
)]

mod boto3;
mod debian;
mod docker_registry;
mod microburst;
mod ministack;
mod moto;
mod python;
mod server;

pub use boto3::{Boto3, Caller, Refusal};
pub use docker_registry::{ArtifactFiles, DockerRegistry, Format};
pub use microburst::Microburst;
pub use ministack::Ministack;
pub use moto::Moto;
pub use python::Python;
pub use server::{Server, isolated};

/// Why something was not installed, did not start or did not answer.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
