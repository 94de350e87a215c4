//! Shuts a bus down, and keeps the events that could not be sent.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::event_bus::EventBus;
use super::flush::{events_were, last};
use super::observe::Failure;
use super::record::FailureKind;
use super::sender::Phase;
use super::spill::{DISK_TIMEOUT, LOCK_TIMEOUT, append, encode, run_blocking};
use super::topic_queue::TopicQueue;
use super::undelivered::Undelivered;

impl EventBus {
    /// Stops accepting events and sends the queued ones, for at most `timeout`.
    ///
    /// Concurrent calls all return when the shutdown has ended; a call after that does nothing. If the
    /// future is dropped, the bus keeps draining. Consumers end with their own futures: end them first.
    ///
    /// # Errors
    /// A [`ShutdownError`] with the events that were not acknowledged in time. Their emissions report the
    /// error, and the error log records them.
    pub async fn shutdown(&self, timeout: Duration) -> Result<(), ShutdownError> {
        let begun = Instant::now();
        let ended = self.end(timeout).await;
        if let Err(error) = &ended {
            self.log_undelivered(error);
        }
        self.0.observe.flush_within(remaining(begun, timeout)).await;
        ended
    }

    /// Records each event that the shutdown could not send.
    fn log_undelivered(&self, error: &ShutdownError) {
        for Undelivered { topic, transport, message } in &error.undelivered {
            let reason = "not acknowledged before the bus was shut down".to_owned();
            let text = "an event was not sent";
            let failure =
                Failure { kind: FailureKind::NotSent, error: reason, topic, transport, received: None, text };
            self.0.observe.failed(&failure, message);
        }
    }

    async fn end(&self, timeout: Duration) -> Result<(), ShutdownError> {
        self.0.hub.detach(&self.0.outbound);
        let phase = &self.0.queues.phase;
        phase.send_if_modified(|phase| {
            let runs = *phase == Phase::Running;
            if runs {
                *phase = Phase::Draining;
            }
            runs
        });
        // Locked until the end, so that a second caller also waits; released if this future is dropped.
        let mut senders = self.0.senders.lock().await;
        if tokio::time::timeout(timeout, join(&mut senders)).await.is_err() {
            phase.send_replace(Phase::Abandoning);
            join(&mut senders).await;
        }
        ShutdownError::of(self.0.queues.topic_queues())
    }

    /// Like [`shutdown`](Self::shutdown), but appends the events that were not acknowledged in time to a
    /// file instead of the error log. Returns the number of events written; if it is not 0, `produce
    /// --from-spill` sends them later, with their ids.
    ///
    /// A blocking thread writes the file. The call waits for the file's lock and for the error log until
    /// the timeout has passed, and for at least one second.
    ///
    /// # Errors
    /// A [`SpillError`] that holds the events if the file can't be written, for example because another
    /// process holds its lock.
    pub async fn shutdown_or_spill(
        &self,
        timeout: Duration,
        path: impl AsRef<Path>,
    ) -> Result<usize, SpillError> {
        let begun = Instant::now();
        let ended = self.end(timeout).await;
        self.0.observe.flush_within(remaining(begun, timeout)).await;
        let Err(error) = ended else { return Ok(0) };
        let path = path.as_ref();
        let events = error.spill_within(path, remaining(begun, timeout)).await?;
        tracing::warn!(events, path = %path.display(), "unsent events were written to the spill file");
        Ok(events)
    }
}

/// The remaining time for the files of a shutdown: the rest of the timeout, and at least long enough for a
/// pending write.
fn remaining(begun: Instant, timeout: Duration) -> Duration {
    timeout.saturating_sub(begun.elapsed()).clamp(Duration::from_secs(1), LOCK_TIMEOUT)
}

/// Waits for tasks to end, and removes them from the list. A cancelled or panicked task has ended its queue
/// on drop.
pub(super) async fn join(tasks: &mut Vec<JoinHandle<()>>) {
    while let Some(task) = tasks.last_mut() {
        let _ = task.await;
        tasks.pop();
    }
}

/// Events that were not acknowledged before the timeout of a shutdown. Those in flight at that moment may
/// be stored nevertheless: send the same messages again, with their ids.
#[derive(Debug, thiserror::Error)]
#[error("{} not acknowledged in time{}", events_were(.undelivered.len()), last(.last_error.as_ref()))]
pub struct ShutdownError {
    pub(super) undelivered: Vec<Undelivered>,
    pub(super) last_error: Option<String>,
}

impl ShutdownError {
    /// Collects the events left in the queues when they ended.
    pub(super) fn of(queues: &[Arc<TopicQueue>]) -> Result<(), Self> {
        let undelivered: Vec<_> = queues.iter().flat_map(|queue| queue.take_undelivered()).collect();
        if undelivered.is_empty() {
            return Ok(());
        }
        let last_error = queues.iter().find_map(|queue| queue.circuit().last_error().map(str::to_owned));
        Err(Self { undelivered, last_error })
    }

    /// The events, topic by topic, in the order they were emitted for each.
    #[must_use]
    pub fn undelivered(&self) -> &[Undelivered] {
        &self.undelivered
    }
}

/// The events of a shutdown could not be written to the spill file. The file is unchanged, and the cause is an
/// [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error(
    "can't write {} to `{}`: spill this error, which still holds them, to another path",
    counted(.shutdown.undelivered().len()), .path.display()
)]
pub struct SpillError {
    path: PathBuf,
    #[source]
    source: io::Error,
    shutdown: ShutdownError,
}

fn counted(events: usize) -> String {
    if events == 1 { "1 event".to_owned() } else { format!("{events} events") }
}

impl SpillError {
    /// Returns the shutdown error with its events, to spill it elsewhere.
    #[must_use]
    pub fn into_shutdown(self) -> ShutdownError {
        self.shutdown
    }
}

impl ShutdownError {
    /// Appends the events to a spill file and returns their number. `produce --from-spill` sends them with
    /// their ids.
    ///
    /// The events are on the disk when this returns. A missing file is created, readable only by its owner;
    /// its folder must exist. An existing file keeps its mode.
    ///
    /// Blocks while it writes, and at most ten seconds for the file's lock. In async code, use
    /// [`EventBus::shutdown_or_spill`](super::EventBus::shutdown_or_spill), which blocks no thread of the
    /// runtime.
    ///
    /// # Errors
    /// A [`SpillError`] that holds the events, if the path is not a regular file, can't be written, or
    /// another process holds the lock.
    pub fn spill(self, path: impl AsRef<Path>) -> Result<usize, SpillError> {
        let path = path.as_ref();
        let written = append(path, encode(&self.undelivered).as_bytes(), LOCK_TIMEOUT);
        self.spilled(path, written)
    }

    /// Like [`spill`](Self::spill), on a blocking thread and with another timeout for the lock.
    pub(super) async fn spill_within(self, path: &Path, timeout: Duration) -> Result<usize, SpillError> {
        let (at, lines) = (path.to_owned(), encode(&self.undelivered));
        let write = move || append(&at, lines.as_bytes(), timeout);
        self.spilled(path, run_blocking(timeout.saturating_add(DISK_TIMEOUT), write).await)
    }

    fn spilled(self, path: &Path, written: io::Result<()>) -> Result<usize, SpillError> {
        match written {
            Ok(()) => Ok(self.undelivered.len()),
            Err(source) => Err(SpillError { path: path.to_owned(), source, shutdown: self }),
        }
    }
}
