//! The thread that syncs the log to the disk, for `synchronous=full`.
//!
//! SQLite would sync inside the transaction, while it holds the write lock: no process could claim a
//! message meanwhile. Instead, transactions are committed as with `synchronous=normal`, and durable
//! requests are completed after `fdatasync` of the log, which covers all transactions committed before.
//! This is the only difference between `full` and `normal`, see `sqlite3WalFrames`: both sync the header
//! of the log, and checkpoints.
//!
//! An error of `fdatasync` is reported only once: the system then considers the pages clean, and the next
//! call succeeds although they are not on the disk. Later frames of the log can't be recovered without
//! them. So after an error nothing is durable until the file is reopened, which checkpoints the log.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::config::Config;
use super::error::TxnError;
use super::writer::Job;
use events_transport::{ErrorKind, TransportError};

/// Sends committed requests to the thread.
pub(super) struct LogSyncer {
    committed: Sender<Vec<Box<dyn Job>>>,
}

impl LogSyncer {
    /// Starts the thread. The writer's connection must be open, so that the log exists.
    pub(super) fn start(config: &Config) -> Result<Self, TransportError> {
        let failed = |error: io::Error| {
            let message = "can't open the `-wal` file, or can't start the sync thread";
            TransportError::new(ErrorKind::Unavailable, "open", &config.url, message).with_source(error)
        };
        let log = open_log(&config.path).map_err(failed)?;
        let (committed, queue) = channel();
        let url = config.url.clone();
        std::thread::Builder::new()
            .name("events-fsync".to_owned())
            .spawn(move || run(|| log.sync_data(), &queue, &url))
            .map_err(failed)?;
        Ok(Self { committed })
    }

    /// Completes requests after their transaction is synced.
    pub(super) fn complete_when_synced(&self, jobs: Vec<Box<dyn Job>>) {
        // If the thread has ended, the reply channels are dropped, which reports it.
        drop(self.committed.send(jobs));
    }
}

/// Opens the log, which is named after the target if `path` is a symbolic link.
fn open_log(path: &Path) -> io::Result<File> {
    let path = path.canonicalize()?;
    let mut log = path.clone().into_os_string();
    log.push("-wal");
    let log = File::options().write(true).open(log)?;
    // The directory entries must be durable too.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(log)
}

fn run(mut sync: impl FnMut() -> io::Result<()>, queue: &Receiver<Vec<Box<dyn Job>>>, url: &str) {
    let mut failed = None;
    while let Ok(mut jobs) = queue.recv() {
        for more in queue.try_iter() {
            jobs.extend(more);
        }
        if failed.is_none() {
            failed = sync().err().map(|error| sync_error(error, url));
        }
        for job in jobs {
            job.complete(failed.clone().map_or(Ok(()), |error| Err(TxnError::Transport(error))), url);
        }
    }
}

fn sync_error(error: io::Error, url: &str) -> TransportError {
    let message = "can't sync the log to the disk: recent writes may not survive a power failure; \
                   check the disk and the system log, then restart every program that has the file open";
    TransportError::new(ErrorKind::Unavailable, "write to", url, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use rusqlite::Connection;

    use super::*;
    use crate::txn::Txn;

    type Seen = Arc<Mutex<Vec<String>>>;

    /// A committed request that records its reply.
    struct Noted(&'static str, Seen);

    impl Job for Noted {
        fn durable(&self) -> bool {
            true
        }

        fn generation(&self) -> Option<u64> {
            None
        }

        fn try_read(&mut self, _: &Connection) -> Result<bool, TxnError> {
            Ok(false)
        }

        fn run(&mut self, _: &mut Txn<'_>) -> Result<(), TxnError> {
            Ok(())
        }

        fn complete(self: Box<Self>, outcome: Result<(), TxnError>, url: &str) {
            let line = match outcome {
                Ok(()) => format!("{} stored", self.0),
                Err(error) => {
                    let error = error.convert("write to", url);
                    assert_eq!(error.kind(), ErrorKind::Unavailable);
                    assert!(error.to_string().contains("restart"), "{error}");
                    format!("{} refused", self.0)
                }
            };
            self.1.lock().unwrap().push(line);
        }
    }

    /// Runs one round of the loop per sync result. The queue of the next round is filled during the sync.
    fn rounds(outcomes: Vec<io::Result<()>>) -> Vec<String> {
        let seen = Seen::default();
        let (jobs, queue) = channel::<Vec<Box<dyn Job>>>();
        let mut names = ["first", "second", "third"].into_iter();
        let mut send = {
            let seen = seen.clone();
            move |jobs: &Sender<Vec<Box<dyn Job>>>| {
                if let Some(name) = names.next() {
                    jobs.send(vec![Box::new(Noted(name, seen.clone()))]).unwrap();
                }
            }
        };
        send(&jobs);
        let mut outcomes = outcomes.into_iter();
        let mut jobs = Some(jobs);
        let noted = seen.clone();
        run(
            || {
                noted.lock().unwrap().push("sync".to_owned());
                let outcome = outcomes.next().unwrap();
                // The last outcome sends the remaining requests and closes the queue.
                if outcome.is_err() || outcomes.len() == 0 {
                    let jobs = jobs.take().unwrap();
                    send(&jobs);
                    send(&jobs);
                } else {
                    send(jobs.as_ref().unwrap());
                }
                outcome
            },
            &queue,
            "sqlite://events.db",
        );
        let seen = seen.lock().unwrap();
        seen.clone()
    }

    #[test]
    fn a_reply_waits_for_the_sync() {
        let seen = rounds(vec![Ok(()), Ok(()), Ok(())]);
        assert_eq!(seen, ["sync", "first stored", "sync", "second stored", "sync", "third stored"]);
    }

    #[test]
    fn after_a_failed_sync_all_requests_fail() {
        // The second sync would succeed, as on Linux.
        let seen = rounds(vec![Err(io::Error::other("the disk is gone")), Ok(()), Ok(())]);
        assert_eq!(seen, ["sync", "first refused", "second refused", "third refused"]);
    }
}
