//! What limits retries, and what does not.

use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};

/// No allowance for retries.
///
/// The AWS SDK gives one to all clients of a process that ask one service in one region, and they get it back with their
/// successes. Credentials succeed once or twice an hour, so it would be used up by one outage, or by one tenant's, and then
/// no chain of the program would try again. Here a call is tried three times, pauses grow from call to call, and there is
/// the deadline.
pub(crate) fn unmetered() -> RetryPartition {
    RetryPartition::custom(env!("CARGO_PKG_NAME")).token_bucket(TokenBucket::unlimited()).build()
}
