//! The clock of both sides, which runs faster than the machine's, and waiting, which does not.

use std::time::{Duration, SystemTime};

use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use aws_smithy_async::time::TimeSource;
use local_aws::Clock;
use tokio::time::MissedTickBehavior;

/// So many seconds of theirs pass in one of the machine's: a session of an hour lasts a minute, and a signature's five
/// minutes last longer than any request.
pub(crate) const SPEED: u32 = 60;

/// The clients' view of the account's clock.
#[derive(Clone, Debug)]
pub(crate) struct Time(pub(crate) Clock);

impl TimeSource for Time {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

/// Drives the clock, until dropped.
pub(crate) async fn run(clock: Clock) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last = ticks.tick().await;
    loop {
        let now = ticks.tick().await;
        clock.advance((now - last) * (SPEED - 1));
        last = now;
    }
}

pub(crate) async fn pause(time: Duration) {
    TokioSleep::new().sleep(time).await;
}
