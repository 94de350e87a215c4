//! What a shutdown could not send, and how it is kept.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::flush::last;
use super::spill::{DISK_AT_MOST, LOCK_AT_MOST, append, encode, off_the_runtime};
use super::topic_queue::TopicQueue;
use super::undelivered::Undelivered;

/// Events that were not acknowledged when a shutdown's time had passed. Those that were under way at
/// that moment may be stored all the same: send the same messages again, with the ids they have.
#[derive(Debug, thiserror::Error)]
#[error("{} events were not acknowledged before the time was over{}", .undelivered.len(), last(.last_error.as_ref()))]
pub struct ShutdownError {
    pub(super) undelivered: Vec<Undelivered>,
    pub(super) last_error: Option<String>,
}

impl ShutdownError {
    /// What the queues gave back when they ended.
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

/// Why the events of a shutdown are not in the spill file. The file is as it was before.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} events could not be written to `{}`; they are in this error still: spill it to another path",
    .shutdown.undelivered().len(), .path.display()
)]
pub struct SpillError {
    path: PathBuf,
    #[source]
    source: io::Error,
    shutdown: ShutdownError,
}

impl SpillError {
    /// The shutdown with its events, to spill elsewhere.
    #[must_use]
    pub fn into_shutdown(self) -> ShutdownError {
        self.shutdown
    }
}

impl ShutdownError {
    /// Writes the events to a spill file, behind those that are there already, and gives their
    /// number. `produce --from-spill` sends them, with the ids they have.
    ///
    /// When it returns, they are on the disk. The file is made where it is missing, readable by its
    /// owner alone; its folder must be there. One that is there keeps its mode.
    ///
    /// Blocks for the disk, and at most ten seconds for the file's lock. In async code,
    /// [`EventBus::shutdown_or_spill`](super::EventBus::shutdown_or_spill) blocks no thread of the
    /// runtime.
    ///
    /// # Errors
    /// A [`SpillError`] that holds the events, where the file can't be written: it is none, or no regular
    /// one, or another process holds its lock.
    pub fn spill(self, path: impl AsRef<Path>) -> Result<usize, SpillError> {
        let path = path.as_ref();
        let written = encode(&self.undelivered).and_then(|lines| append(path, &lines, LOCK_AT_MOST));
        self.spilled(path, written)
    }

    /// The same, off the runtime's threads and with another bound to the wait for the lock.
    pub(super) async fn spill_within(self, path: &Path, at_most: Duration) -> Result<usize, SpillError> {
        let written = match encode(&self.undelivered) {
            Ok(lines) => {
                let at = path.to_owned();
                off_the_runtime(at_most.saturating_add(DISK_AT_MOST), move || append(&at, &lines, at_most))
                    .await
            }
            Err(error) => Err(error),
        };
        self.spilled(path, written)
    }

    fn spilled(self, path: &Path, written: io::Result<()>) -> Result<usize, SpillError> {
        match written {
            Ok(()) => Ok(self.undelivered.len()),
            Err(source) => Err(SpillError { path: path.to_owned(), source, shutdown: self }),
        }
    }
}
