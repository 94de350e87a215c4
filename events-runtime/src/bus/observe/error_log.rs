//! The error log: whole events that were not sent or were given up, in a file.
//!
//! A thread of its own writes it, so that a slow or a full disk blocks neither an emission nor the
//! runtime. What waits for it is bounded, and so is the file, of which one predecessor is kept; what finds no place, or can't be written, is counted and
//! told, and its event's own error is what it would have been.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use futures_channel::oneshot;

use super::metrics::ERROR_LOG_LOST;
use crate::bus::spill;

/// The `tracing` target of events that were not sent or were given up: an error event for each.
///
/// Fields: `topic`, `event_type`, `id`, `error`, of a received one `group`, `position` and `attempt`,
/// and `record`: the JSON line that [`bus.error_log`](crate::config::BusSettings::error_log) would
/// take, with personal data masked, and the values of headers and extensions that no envelope knows. A
/// record that says `"masked": true` can't be sent again; every other one can, by `produce --event`.
pub const ERROR_TARGET: &str = "events_runtime::errors";

/// So many records may wait for the disk.
const WAITING_AT_MOST: usize = 1024;

/// How long a shutdown waits for the disk.
pub(super) const FLUSH_AT_MOST: Duration = Duration::from_secs(10);

enum Job {
    Line(Vec<u8>),
    Flush(oneshot::Sender<()>),
}

pub(super) struct ErrorLog {
    path: PathBuf,
    jobs: SyncSender<Job>,
}

impl ErrorLog {
    /// Makes sure that the file can be opened for writing, and starts the thread that writes. It takes no
    /// lock: another process may hold that.
    pub(super) async fn open(path: &Path, max_bytes: u64) -> io::Result<Self> {
        let at = path.to_owned();
        spill::off_the_runtime(spill::DISK_AT_MOST, move || {
            spill::open(&at).map(|file| spill::warn_of_readers(&file, &at))
        })
        .await?;
        let (jobs, waiting) = sync_channel(WAITING_AT_MOST);
        let at = path.to_owned();
        std::thread::Builder::new()
            .name("events-error-log".to_owned())
            .spawn(move || write(&at, max_bytes, &waiting))?;
        Ok(Self { path: path.to_owned(), jobs })
    }

    /// Gives a line to the thread. Never waits.
    pub(super) fn push(&self, line: Vec<u8>) {
        let reason = match self.jobs.try_send(Job::Line(line)) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => "too many wait for the disk",
            Err(TrySendError::Disconnected(_)) => "its thread has ended",
        };
        lost(&self.path, 1, &reason);
    }

    /// Waits until what was given to the thread is written, so long at most: ten seconds or less.
    pub(super) async fn flush(&self, at_most: Duration) {
        let deadline = tokio::time::Instant::now() + at_most.min(FLUSH_AT_MOST);
        let (done, written) = oneshot::channel();
        let mut job = Job::Flush(done);
        while let Err(TrySendError::Full(back)) = self.jobs.try_send(job) {
            if tokio::time::Instant::now() >= deadline {
                return self.unfinished();
            }
            job = back;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Where writing failed, the thread tells it.
        if tokio::time::timeout_at(deadline, written).await.is_err() {
            self.unfinished();
        }
    }

    fn unfinished(&self) {
        tracing::warn!(
            path = %self.path.display(),
            "the error log is not written yet: what waits for it is missing there if the process ends now"
        );
    }
}

/// The thread: all that waits goes to the disk at once.
fn write(path: &Path, max_bytes: u64, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let (mut lines, mut count, mut flushed) = (Vec::new(), 0, Vec::new());
        for job in std::iter::once(first).chain(jobs.try_iter().take(WAITING_AT_MOST)) {
            match job {
                Job::Line(line) => {
                    lines.extend_from_slice(&line);
                    count += 1;
                }
                Job::Flush(done) => flushed.push(done),
            }
        }
        if count > 0 {
            match spill::append_rotated(path, &lines, spill::LOCK_AT_MOST, max_bytes) {
                Ok(0) => {}
                Ok(replaced) => {
                    lost(
                        path,
                        replaced,
                        &"the log is full, and the older file has made way: send it in time",
                    );
                }
                Err(error) => lost(path, count, &error),
            }
        }
        for done in flushed {
            // Nobody may be waiting any more.
            let _ = done.send(());
        }
    }
}

fn lost(path: &Path, events: u64, reason: &dyn std::fmt::Display) {
    metrics::counter!(ERROR_LOG_LOST).increment(events);
    tracing::error!(
        path = %path.display(),
        events,
        %reason,
        "events are missing in the error log; what became of them is unchanged"
    );
}
