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
use std::path::Path;
use std::time::Duration;

pub(super) use file::{LOCK_AT_MOST, append_rotated, open, warn_of_readers};
pub(super) use line::Octets;
#[cfg(feature = "cli")]
pub(crate) use read::{Damage, LINE_AT_MOST, SpillFile, Unread, event_of_line};

use super::undelivered::Undelivered;

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
pub(super) fn append(path: &Path, lines: &[u8], at_most: Duration) -> io::Result<()> {
    warn_of_readers(&open(path)?, path);
    file::append(path, lines, at_most)
}

pub(super) fn encode(events: &[Undelivered]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for event in events {
        line::encode(event, &mut lines)?;
    }
    Ok(lines)
}
