//! When to stop.

use tokio::sync::watch;

/// Says that the watch is to end, and why. Whoever says it first is the reason.
#[derive(Clone, Debug)]
pub(crate) struct Stopper(watch::Sender<Option<&'static str>>);

/// Waits for a [`Stopper`].
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<Option<&'static str>>);

/// The two ends.
pub(crate) fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(None);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    pub(crate) fn stop(&self, reason: &'static str) {
        self.0.send_if_modified(|said| {
            let is_first = said.is_none();
            said.get_or_insert(reason);
            is_first
        });
    }
}

impl Stop {
    /// The reason, when there is one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn wait(&mut self) -> &'static str {
        let said = self.0.wait_for(Option::is_some).await.map(|reason| *reason);
        match said {
            Ok(reason) => reason.unwrap_or_default(),
            // Nobody is left who could say it.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Stops at ctrl-c and SIGTERM. The second one ends the process at once.
pub(crate) async fn at_signals(stopper: Stopper) {
    let mut signals = Signals::listen();
    stopper.stop(signals.next().await);
    signals.next().await;
    std::process::exit(INTERRUPTED);
}

/// What a shell makes of a program that ctrl-c has ended: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

#[cfg(unix)]
struct Signals(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};

        Self(signal(SignalKind::terminate()).ok())
    }

    async fn next(&mut self) -> &'static str {
        let terminated = async {
            match &mut self.0 {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminated => "SIGTERM",
            reason = ctrl_c() => reason,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) -> &'static str {
        ctrl_c().await
    }
}

async fn ctrl_c() -> &'static str {
    match tokio::signal::ctrl_c().await {
        Ok(()) => "ctrl-c",
        // Where there are no signals, nobody can send one.
        Err(_) => std::future::pending().await,
    }
}
