//! The error log: a file of whole events that were not sent or became dead letters.
//!
//! A dedicated thread writes it, so that a slow or full disk blocks neither an emission nor the runtime.
//! The thread's queue is bounded, and so is the file, of which one predecessor is kept. Records that can't
//! be queued or written are counted and logged; the event's own error stays as it is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use futures_channel::oneshot;

use super::metrics::ERROR_LOG_LOST;
use crate::bus::spill;

/// The `tracing` target of events that were not sent or became dead letters: one error event each.
///
/// Fields: `topic`, `event_type`, `id`, `error`; `transport` unless it is the one of `[bus]`; for a received event also `group`, `position` and
/// `attempt`; and `record`, the JSON line that [`bus.error_log`](crate::config::BusSettings::error_log)
/// would hold, with personal data and the values of unknown headers and extensions masked. A record with
/// `"masked": true` can't be sent again; every other record can, with `produce --event`.
pub const ERROR_TARGET: &str = "events_runtime::errors";

/// The maximum number of records waiting for the disk.
const MAX_WAITING: usize = 1024;

/// The maximum time that a shutdown waits for the disk.
pub(super) const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

enum Job {
    Line(Vec<u8>),
    Flush(oneshot::Sender<()>),
}

pub(super) struct ErrorLog {
    path: PathBuf,
    jobs: SyncSender<Job>,
}

impl ErrorLog {
    /// Checks that the file can be opened for writing, and starts the writing thread. Takes no lock, since
    /// another process may hold it.
    pub(super) async fn open(path: &Path, max_bytes: u64) -> io::Result<Self> {
        let at = path.to_owned();
        spill::run_blocking(spill::DISK_TIMEOUT, move || {
            spill::open(&at).map(|file| spill::warn_of_readers(&file, &at))
        })
        .await?;
        let (jobs, waiting) = sync_channel(MAX_WAITING);
        let at = path.to_owned();
        std::thread::Builder::new()
            .name("events-error-log".to_owned())
            .spawn(move || write(&at, max_bytes, &waiting))?;
        Ok(Self { path: path.to_owned(), jobs })
    }

    /// Queues a line for the thread. Never waits.
    pub(super) fn push(&self, line: Vec<u8>) {
        let reason = match self.jobs.try_send(Job::Line(line)) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => "too many records are waiting for the disk",
            Err(TrySendError::Disconnected(_)) => "the writing thread has ended",
        };
        lost(&self.path, 1, &reason);
    }

    /// Waits until all queued lines are written, for at most `timeout` or ten seconds.
    pub(super) async fn flush(&self, timeout: Duration) {
        let deadline = tokio::time::Instant::now() + timeout.min(FLUSH_TIMEOUT);
        let (done, written) = oneshot::channel();
        let mut job = Job::Flush(done);
        while let Err(TrySendError::Full(back)) = self.jobs.try_send(job) {
            if tokio::time::Instant::now() >= deadline {
                return self.warn_unfinished();
            }
            job = back;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The thread logs failed writes itself.
        if tokio::time::timeout_at(deadline, written).await.is_err() {
            self.warn_unfinished();
        }
    }

    fn warn_unfinished(&self) {
        tracing::warn!(
            path = %self.path.display(),
            "the error log is not fully written: records still waiting are lost if the process ends now"
        );
    }
}

/// The writing thread. It writes all waiting lines in one call.
fn write(path: &Path, max_bytes: u64, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let (mut lines, mut count, mut flushed) = (Vec::new(), 0, Vec::new());
        for job in std::iter::once(first).chain(jobs.try_iter().take(MAX_WAITING)) {
            match job {
                Job::Line(line) => {
                    lines.extend_from_slice(&line);
                    count += 1;
                }
                Job::Flush(done) => flushed.push(done),
            }
        }
        if count > 0 {
            match spill::append_rotated(path, &lines, spill::LOCK_TIMEOUT, max_bytes) {
                Ok(0) => {}
                Ok(replaced) => {
                    lost(
                        path,
                        replaced,
                        &"the log is full and replaced the older file: send the events of the log before that",
                    );
                }
                Err(error) => lost(path, count, &error),
            }
        }
        for done in flushed {
            // The receiver may have stopped waiting.
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
        "failed to write events to the error log; the events themselves are not affected"
    );
}
