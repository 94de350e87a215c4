//! The events that a shutdown could not send, and how to keep them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::flush::{events_were, last};
use super::spill::{DISK_TIMEOUT, LOCK_TIMEOUT, append, encode, run_blocking};
use super::topic_queue::TopicQueue;
use super::undelivered::Undelivered;

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
