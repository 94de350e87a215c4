//! The thread that forces the log to the disk.
//!
//! With `synchronous=full` SQLite would do so itself, inside the transaction, with the write lock
//! held: nobody could hand out a message meanwhile, in this process or another. So transactions are
//! committed as with `synchronous=normal`, and what must survive the loss of power is answered only
//! once `fdatasync` of the log has returned, which covers every transaction that was committed
//! before. That is all that `full` does beyond `normal`, see `sqlite3WalFrames`: the log's header is
//! forced in both, and so are the checkpoints.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::super::{ErrorKind, TransportError};
use super::fault::Fault;
use super::settings::Settings;
use super::writer::Job;

/// Hands committed requests to the thread.
pub(super) struct Syncer {
    committed: Sender<Vec<Box<dyn Job>>>,
}

impl Syncer {
    /// Starts the thread. The writer's connection is open by now, so the log is there and stays.
    pub(super) fn start(settings: &Settings) -> Result<Self, TransportError> {
        let failed = |error: std::io::Error| {
            let message = "the log beside the file can't be opened, or the system gives no thread";
            TransportError::new(ErrorKind::Unavailable, "open", &settings.url, message).with_source(error)
        };
        let log = open_log(&settings.path).map_err(failed)?;
        let (committed, queue) = channel();
        let url = settings.url.clone();
        std::thread::Builder::new()
            .name("events-fsync".to_owned())
            .spawn(move || run(&log, &queue, &url))
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
fn open_log(path: &Path) -> std::io::Result<File> {
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

fn run(log: &File, queue: &Receiver<Vec<Box<dyn Job>>>, url: &str) {
    while let Ok(mut jobs) = queue.recv() {
        for more in queue.try_iter() {
            jobs.extend(more);
        }
        let error = log.sync_data().err().map(|error| {
            let message = "the disk did not take the log: what was written may not survive the loss of power; \
                           see the cause and the system's log";
            TransportError::new(ErrorKind::Unavailable, "write to", url, message).with_source(error)
        });
        for job in jobs {
            job.answer(error.clone().map_or(Ok(()), |error| Err(Fault::Refused(error))), url);
        }
    }
}
