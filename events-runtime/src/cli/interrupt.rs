//! Ctrl-C, and what service managers send, for commands that finish what is under way.

use std::io;

use tokio::sync::watch;

use super::output;

/// Waits for Ctrl-C or for SIGTERM, by which systemd, containers and `timeout` end a program. Both are heard
/// from the first poll on.
pub(super) async fn told_to_stop() -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            told = tokio::signal::ctrl_c() => told,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Whether the user wants the command to stop.
pub(super) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on: the first Ctrl-C asks the command to stop, the second ends the program.
    pub(super) fn listen() -> Self {
        let (told, interrupt) = watch::channel(false);
        tokio::spawn(async move {
            if told_to_stop().await.is_ok() {
                output::tell("stopping when what is under way is stored; Ctrl-C again ends at once");
                told.send_replace(true);
                if told_to_stop().await.is_ok() {
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
