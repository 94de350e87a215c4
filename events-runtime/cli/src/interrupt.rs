//! Ctrl-C and SIGTERM, for commands that finish their current work before they stop.

use std::io;

use tokio::sync::watch;

use super::output;

/// Waits for Ctrl-C or SIGTERM, which systemd, containers and `timeout` send. The signal handlers
/// are installed at the first poll.
pub(super) async fn stop_signal() -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// A request to stop the command.
pub(super) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Starts listening: the first signal requests a stop, the second ends the process.
    pub(super) fn listen() -> Self {
        let (request, requested) = watch::channel(false);
        tokio::spawn(async move {
            if stop_signal().await.is_ok() {
                output::eprint("stopping after the current work is stored; press Ctrl-C again to exit now");
                request.send_replace(true);
                if stop_signal().await.is_ok() {
                    std::process::exit(1);
                }
            }
            // Keeps the channel open if signals are not available.
            std::future::pending::<()>().await;
        });
        Self(requested)
    }

    pub(super) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Lets a pending signal take effect in a command that never waits: the first yield runs the
    /// signal driver, the second the listening task.
    pub(super) async fn poll_signals(&self) {
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
    }

    /// Waits for the request.
    pub(super) async fn requested(&mut self) {
        // The sender lives as long as the runtime.
        let _ = self.0.wait_for(|requested| *requested).await;
    }
}
