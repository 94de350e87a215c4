//! Ctrl-C for commands that finish what is under way.

use tokio::sync::watch;

use super::output;

/// Whether the user wants the command to stop.
pub(super) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on: the first Ctrl-C asks the command to stop, the second ends the program.
    pub(super) fn listen() -> Self {
        let (told, interrupt) = watch::channel(false);
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                output::tell("stopping when what is under way is stored; Ctrl-C again ends at once");
                told.send_replace(true);
                if tokio::signal::ctrl_c().await.is_ok() {
                    std::process::exit(1);
                }
            }
            // Without signals nobody interrupts.
            std::future::pending::<()>().await;
        });
        Self(interrupt)
    }

    /// Whether it was asked for.
    pub(super) fn is_told(&self) -> bool {
        *self.0.borrow()
    }

    /// Lets a Ctrl-C that came come through, in a command that never waits: the first turn is the signal's,
    /// the second one that of the task that hears it.
    pub(super) async fn hear(&self) {
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
    }

    /// Ready when it is asked for.
    pub(super) async fn told(&mut self) {
        // The task lives as long as the runtime.
        let _ = self.0.wait_for(|told| *told).await;
    }
}
