//! The spill file: events that a shutdown could not send, kept for `produce --from-spill`.
//!
//! One [record](super::record) per event, with the whole message. The file holds whole events, personal data included, so it is created for its owner only. Every reader
//! and writer locks it, so that several processes can share a path.

mod file;
mod read;

use std::io;
use std::path::Path;
use std::time::Duration;

pub(super) use file::{LOCK_TIMEOUT, append_rotated, open, warn_of_readers};
pub use read::{Damage, LINE_AT_MOST, SpillFile};

use jiff::Timestamp;

use super::record::{FailureKind, Record};
use super::undelivered::Undelivered;

/// The timeout for a disk that does not answer.
pub(super) const DISK_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs blocking work on a blocking thread, and waits for at most `timeout`. The work itself can't be
/// cancelled.
pub(super) async fn run_blocking<T: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::time::timeout(timeout, tokio::task::spawn_blocking(work)).await {
        Ok(done) => done.map_err(io::Error::other)?,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the disk did not answer within {timeout:?}; the data may still be written"),
        )),
    }
}

/// Appends lines to a spill file: all of them, or none if it fails.
pub(super) fn append(path: &Path, lines: &[u8], timeout: Duration) -> io::Result<()> {
    warn_of_readers(&open(path)?, path);
    file::append(path, lines, timeout)
}

/// The events as lines.
pub(super) fn encode(events: &[Undelivered]) -> String {
    let logged = Timestamp::now().to_string();
    let mut lines = String::new();
    for event in events {
        let record = Record {
            logged: logged.clone(),
            transport: event.transport.named().map(str::to_owned),
            ..Record::new(FailureKind::NotSent, Some(event.topic.to_string())).with_message(&event.message)
        };
        lines.push_str(&record.line());
        lines.push('\n');
    }
    lines
}
