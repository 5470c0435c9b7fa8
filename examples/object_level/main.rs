//! Two tenants with a role each in one program, and one that may not: whose credentials does whose object get? No AWS account and
//! no cluster needed: an embedded AWS plays both.
//!
//! ```console
//! $ cargo run --example object_level
//! ```
//!
//! The controller has an identity of its own, which may read everything. No tenant gets it.

mod program;

use std::error::Error;
use std::io;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    program::run(&mut io::stdout()).await
}
