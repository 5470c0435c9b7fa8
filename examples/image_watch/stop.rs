//! When to stop.

#[cfg(unix)]
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC as Listener, ctrl_c};
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

/// Stops at ctrl-c and SIGTERM, which are listened to from the call on. The second one ends the process at once.
pub(crate) fn at_signals(stopper: Stopper) -> impl Future<Output = ()> + Send {
    let mut signals = Signals::listen();
    async move {
        stopper.stop(signals.next().await);
        signals.next().await;
        std::process::exit(INTERRUPTED);
    }
}

/// What a shell makes of a program that ctrl-c has ended: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// Each is `None` where it cannot be listened to.
struct Signals {
    interrupt: Option<Listener>,
    #[cfg(unix)]
    terminate: Option<Listener>,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> Self {
        let listen = |kind| signal(kind).ok();
        Self { interrupt: listen(SignalKind::interrupt()), terminate: listen(SignalKind::terminate()) }
    }

    #[cfg(windows)]
    fn listen() -> Self {
        Self { interrupt: ctrl_c().ok() }
    }

    #[cfg(unix)]
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            () = heard(&mut self.interrupt) => "ctrl-c",
            () = heard(&mut self.terminate) => "SIGTERM",
        }
    }

    #[cfg(windows)]
    async fn next(&mut self) -> &'static str {
        heard(&mut self.interrupt).await;
        "ctrl-c"
    }
}

async fn heard(listener: &mut Option<Listener>) {
    let signal = match listener {
        Some(listener) => listener.recv().await,
        None => None,
    };
    if signal.is_none() {
        // Nothing will be heard any more.
        std::future::pending::<()>().await;
    }
}
