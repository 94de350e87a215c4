//! The spill file: what a shutdown could not send, kept for `produce --from-spill`.
//!
//! A line of JSON for each event, with the whole message:
//!
//! ```json
//! {"spill":1,"topic":"dev-orders","key":"c1","headers":[["ce_id","0190…"]],"data_base64":"DgJj"}
//! ```
//!
//! Topic is the name at the broker, key and header values are text or, where they are no text,
//! `{"base64":"…"}`, and no key is `null`. Lines stand on their own, each with the version of its
//! form, so that a file can grow whichever version wrote the lines before.
//!
//! The file holds what the events hold, personal data included: it is made for its owner alone. Whoever
//! reads or changes it locks it, so that several processes can share a path.

mod file;
mod line;
#[cfg(feature = "cli")]
mod read;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) use file::{LOCK_AT_MOST, append_rotated, open, warn_of_readers};
pub(super) use line::Octets;
#[cfg(feature = "cli")]
pub(crate) use read::{Damage, LINE_AT_MOST, SpillFile, Unread, event_of_line};

use super::error::{ShutdownError, Undelivered};

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

/// How long a disk may take that does not answer.
pub(super) const DISK_AT_MOST: Duration = Duration::from_secs(10);

/// Calls what blocks on a thread for it, and waits so long at most. The call itself can't be ended.
pub(super) async fn off_the_runtime<T: Send + 'static>(
    at_most: Duration,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::time::timeout(at_most, tokio::task::spawn_blocking(work)).await {
        Ok(done) => done.map_err(io::Error::other)?,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the disk did not answer within {at_most:?}; what it was given may be written still"),
        )),
    }
}

/// Writes lines to the end of a spill file: all of them or, where it fails, none.
fn append(path: &Path, lines: &[u8], at_most: Duration) -> io::Result<()> {
    warn_of_readers(&open(path)?, path);
    file::append(path, lines, at_most)
}

fn encode(events: &[Undelivered]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for event in events {
        line::encode(event, &mut lines)?;
    }
    Ok(lines)
}
