//! The thread that forces the log to the disk.
//!
//! With `synchronous=full` SQLite would do so itself, inside the transaction, with the write lock
//! held: nobody could hand out a message meanwhile, in this process or another. So transactions are
//! committed as with `synchronous=normal`, and what must survive the loss of power is answered only
//! once `fdatasync` of the log has returned, which covers every transaction that was committed
//! before. That is all that `full` does beyond `normal`, see `sqlite3WalFrames`: the log's header is
//! forced in both, and so are the checkpoints.
//!
//! A failed `fdatasync` is told once: the system takes the pages for clean afterwards, and the next
//! call returns without an error though they never reached the disk, and what follows them in the
//! log can't be read back without them. So nothing is durable any more until the file is opened
//! anew, which empties the log by a checkpoint.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::super::{ErrorKind, TransportError};
use super::config::Config;
use super::error::TxnError;
use super::writer::Job;

/// Hands committed requests to the thread.
pub(super) struct LogSyncer {
    committed: Sender<Vec<Box<dyn Job>>>,
}

impl LogSyncer {
    /// Starts the thread. The writer's connection is open by now, so the log is there and stays.
    pub(super) fn start(config: &Config) -> Result<Self, TransportError> {
        let failed = |error: io::Error| {
            let message = "the log beside the file can't be opened, or the system gives no thread";
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

    /// Answers the requests once their transaction is on the disk.
    pub(super) fn answer_when_stored(&self, jobs: Vec<Box<dyn Job>>) {
        // Where the thread is gone, the requests go with the message, and their askers learn it.
        drop(self.committed.send(jobs));
    }
}

/// SQLite names the log after the file that a link leads to.
fn open_log(path: &Path) -> io::Result<File> {
    let path = path.canonicalize()?;
    let mut log = path.clone().into_os_string();
    log.push("-wal");
    let log = File::options().write(true).open(log)?;
    // The names of the file and of the log must survive too.
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
            failed = sync().err().map(|error| refusal(error, url));
        }
        for job in jobs {
            job.answer(failed.clone().map_or(Ok(()), |error| Err(TxnError::Transport(error))), url);
        }
    }
}

fn refusal(error: io::Error, url: &str) -> TransportError {
    let message = "the disk did not take the log: what is written since may not survive the loss of power; \
                   check the disk and the system's log, then restart every program that has the file open";
    TransportError::new(ErrorKind::Unavailable, "write to", url, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use rusqlite::Connection;

    use super::super::txn::Txn;
    use super::*;

    type Seen = Arc<Mutex<Vec<String>>>;

    /// A committed request that writes down its answer.
    struct Noted(&'static str, Seen);

    impl Job for Noted {
        fn durable(&self) -> bool {
            true
        }

        fn generation(&self) -> Option<u64> {
            None
        }

        fn look(&mut self, _: &Connection) -> Result<bool, TxnError> {
            Ok(false)
        }

        fn run(&mut self, _: &mut Txn<'_>) -> Result<(), TxnError> {
            Ok(())
        }

        fn answer(self: Box<Self>, outcome: Result<(), TxnError>, url: &str) {
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

    /// Runs a round of the loop for each outcome of a sync; the queue of the next round is filled
    /// while this one's is answered.
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
                // The last outcome closes the queue once all that is left was sent.
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
    fn an_answer_waits_for_the_disk() {
        let seen = rounds(vec![Ok(()), Ok(()), Ok(())]);
        assert_eq!(seen, ["sync", "first stored", "sync", "second stored", "sync", "third stored"]);
    }

    #[test]
    fn after_a_failed_sync_nothing_is_durable_any_more() {
        // The second sync would succeed, as Linux's does.
        let seen = rounds(vec![Err(io::Error::other("the disk is gone")), Ok(()), Ok(())]);
        assert_eq!(seen, ["sync", "first refused", "second refused", "third refused"]);
    }
}
