//! The spill file: events that a shutdown could not send, kept for `produce --from-spill`.
//!
//! One line of JSON per event, with the whole message:
//!
//! ```json
//! {"spill":1,"topic":"dev-orders","key":"c1","headers":[["ce_id","0190…"]],"data_base64":"DgJj"}
//! ```
//!
//! The topic is its full name; `transport` names its transport unless that is the one of `[bus]`. Key and header values are text, or `{"base64":"…"}` if they are not UTF-8; a
//! missing key is `null`. Each line has its own format version, so lines of different versions can be in
//! one file.
//!
//! The file holds whole events, personal data included, so it is created for its owner only. Every reader
//! and writer locks it, so that several processes can share a path.

mod decode;
mod file;
mod line;
mod read;
mod record;

use std::io;
use std::path::Path;
use std::time::Duration;

pub(super) use file::{LOCK_TIMEOUT, append_rotated, open, warn_of_readers};
pub(super) use line::Octets;
pub use read::{Damage, LINE_AT_MOST, SpillFile, event_of_line};
pub(super) use record::{Record, VERSION};

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

pub(super) fn encode(events: &[Undelivered]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for event in events {
        line::encode(event, &mut lines)?;
    }
    Ok(lines)
}
