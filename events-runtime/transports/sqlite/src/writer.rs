//! The writer thread: one per file and process.
//!
//! Requests that arrive during a transaction share the next one. While consumers wait and the queue is
//! empty, the thread polls SQLite for writes of other processes at growing intervals; a poll takes
//! microseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::config::{Config, Synchronous};
use super::connection::checkpoint;
use super::error::TxnError;
use super::file_identity::{FileIdentity, FileState, log_missing_error, missing_error, replaced_error};
use super::notify::{ChangeDetector, ChangeNotifier};
use super::schema::{in_transaction, open_writer};
use super::syncer::LogSyncer;
use super::trim::{Schedule, free_pages};
use super::txn::Txn;
use events_support::error_chain::{caught, chain};
use events_transport::TransportError;

/// A request to the writer.
pub(super) trait Job: Send {
    /// Whether the reply waits until the log is synced.
    fn durable(&self) -> bool;

    /// The generation of the file that the request is valid for; `None` for any.
    fn generation(&self) -> Option<u64>;

    /// Answers the request without a transaction if possible, and returns whether it did.
    fn try_read(&mut self, conn: &Connection) -> Result<bool, TxnError>;

    /// Executes the request. Called again if the transaction is rolled back and retried.
    fn run(&mut self, txn: &mut Txn<'_>) -> Result<(), TxnError>;

    /// Sends the reply, after the commit.
    fn complete(self: Box<Self>, outcome: Result<(), TxnError>, url: &str);
}

/// The most requests per transaction.
const MAX_BATCH: usize = 1_024;
/// The shortest interval between polls for writes of other processes.
const MIN_POLL: Duration = Duration::from_millis(1);
/// The delay between attempts to take the write lock.
const LOCK_PAUSE: Duration = Duration::from_micros(200);
/// For this long after a write of another process, the lock is left free briefly after each transaction:
/// SQLite's lock is not fair, so a process that writes continuously would starve the others.
const FOREIGN_WRITE_WINDOW: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    identity: Arc<FileIdentity>,
    conn: Connection,
    config: Arc<Config>,
    jobs: Receiver<Box<dyn Job>>,
    changed: Arc<ChangeNotifier>,
    waiters: Arc<AtomicUsize>,
    /// The last seen `PRAGMA data_version`, which changes when another connection writes.
    data_version: i64,
    detector: ChangeDetector,
    last_foreign_write: Option<Instant>,
    /// Completes durable requests with `synchronous=full`.
    syncer: Option<LogSyncer>,
    schedule: Schedule,
}

impl Writer {
    pub(super) fn new(
        identity: Arc<FileIdentity>,
        conn: Connection,
        config: Arc<Config>,
        jobs: Receiver<Box<dyn Job>>,
        changed: Arc<ChangeNotifier>,
        waiters: Arc<AtomicUsize>,
        syncer: Option<LogSyncer>,
    ) -> Self {
        Self {
            identity,
            conn,
            config,
            jobs,
            changed,
            waiters,
            data_version: 0,
            detector: ChangeDetector::default(),
            last_foreign_write: None,
            syncer,
            schedule: Schedule::default(),
        }
    }

    /// Runs until all senders are dropped.
    pub(super) fn run(mut self) {
        // `commit` waits for the lock instead of SQLite, whose delays grow to 100 ms.
        if let Err(error) = self.conn.busy_timeout(Duration::ZERO) {
            tracing::warn!(error = chain(&error), "could not set the busy timeout of a SQLite connection");
        }
        while let Some(job) = self.next() {
            let mut batch = vec![job];
            batch.extend(self.jobs.try_iter().take(MAX_BATCH - 1));
            self.catch_panic(|writer| writer.process(batch));
            self.catch_panic(Self::trim);
            self.catch_panic(|writer| {
                writer.detect_foreign_writes();
            });
            if self.last_foreign_write.is_some_and(|seen| seen.elapsed() < FOREIGN_WRITE_WINDOW) {
                std::thread::sleep(LOCK_PAUSE + LOCK_PAUSE / 2);
            }
        }
    }

    /// Catches panics, which values in a corrupt file may cause: they fail the current requests rather than
    /// the whole transport.
    fn catch_panic(&mut self, work: impl FnOnce(&mut Self)) {
        if let Err(panic) = caught(|| work(self)) {
            tracing::error!(
                file = self.config.url,
                panic,
                "a request to a SQLite file panicked and was not executed: this is a bug, or the file is corrupt"
            );
            if !self.conn.is_autocommit() {
                // The next transaction reports an error that persists.
                let _ = self.conn.execute_batch("ROLLBACK");
            }
        }
    }

    fn next(&mut self) -> Option<Box<dyn Job>> {
        let mut pause = MIN_POLL;
        loop {
            if self.waiters.load(Ordering::SeqCst) == 0 {
                // A consumer that starts to wait sends a request first.
                return self.jobs.recv().ok();
            }
            match self.jobs.recv_timeout(pause) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    if self.identity.check(&self.config.path) != FileState::Unchanged {
                        // The next request of each consumer fails with the reason.
                        self.wake();
                    }
                    pause = if self.detect_foreign_writes() {
                        MIN_POLL
                    } else {
                        (pause * 2).min(self.config.poll_interval)
                    };
                }
            }
        }
    }

    /// Wakes consumers if another process wrote, and returns whether it did.
    fn detect_foreign_writes(&mut self) -> bool {
        let version = self
            .conn
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut pragma| pragma.query_row([], |row| row.get(0)));
        match version {
            Ok(version) if version != self.data_version => {
                let first = std::mem::replace(&mut self.data_version, version) == 0;
                if !first {
                    self.last_foreign_write = Some(Instant::now());
                }
                if self.detector.detect(&self.conn, &self.changed).is_err() {
                    // The next request of each consumer reports the error.
                    self.wake();
                }
                true
            }
            // The next request reports the error.
            _ => false,
        }
    }

    fn wake(&self) {
        self.changed.wake_all();
    }

    fn process(&mut self, batch: Vec<Box<dyn Job>>) {
        if let Err(error) = self.reopen_if_replaced() {
            return self.fail_all(batch, error);
        }
        let mut work = Vec::with_capacity(batch.len());
        let generation = self.identity.generation();
        for mut job in batch {
            if job.generation().is_some_and(|of| of != generation) {
                job.complete(Err(replaced_error(&self.config.url)), &self.config.url);
                continue;
            }
            match job.try_read(&self.conn) {
                Ok(true) => job.complete(Ok(()), &self.config.url),
                Ok(false) => work.push(job),
                Err(error) if error.is_busy() => work.push(job),
                Err(error) => job.complete(Err(error), &self.config.url),
            }
        }
        if work.is_empty() {
            return;
        }
        match self.commit(&mut work) {
            Ok(()) => self.complete(work),
            // One request may have failed the whole batch: run each in its own transaction.
            Err(error) if work.len() > 1 && !error.is_busy() => {
                for mut job in work {
                    match self.commit(std::slice::from_mut(&mut job)) {
                        Ok(()) => self.complete(vec![job]),
                        Err(error) => job.complete(Err(error), &self.config.url),
                    }
                }
            }
            Err(error) => self.fail_all(work, error),
        }
    }

    fn fail_all(&self, jobs: Vec<Box<dyn Job>>, error: TxnError) {
        let error: TransportError = error.convert("write to", &self.config.url);
        for job in jobs {
            job.complete(Err(TxnError::Transport(error.clone())), &self.config.url);
        }
    }

    /// Reopens the file if the one at the path is not the open one.
    fn reopen_if_replaced(&mut self) -> Result<(), TxnError> {
        let found = self.identity.check(&self.config.path);
        match found {
            FileState::Unchanged => return Ok(()),
            FileState::Missing => return Err(missing_error(&self.config.url)),
            FileState::LogMissing => self.checkpoint_lost_log(),
            FileState::Replaced => {}
        }
        // Closing must not checkpoint the old log into the new file.
        self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // Close the old connection first: both would use the same `-shm` file.
        self.conn = Connection::open_in_memory()?;
        if found == FileState::Replaced {
            self.identity.move_log();
        }
        self.schedule = Schedule::default();
        let conn = open_writer(&self.config)?;
        conn.busy_timeout(Duration::ZERO)?;
        if self.config.synchronous == Synchronous::Full {
            checkpoint(&conn, &self.config);
            self.syncer = Some(LogSyncer::start(&self.config)?);
        }
        self.conn = conn;
        self.data_version = 0;
        self.detector = ChangeDetector::default();
        self.identity.opened(&self.config.path);
        if found == FileState::Replaced {
            tracing::error!(
                file = self.config.url,
                "the file of a SQLite bus was replaced while open: opened the new file"
            );
        }
        self.wake();
        Ok(())
    }

    /// Checkpoints a log that was removed from the path while open.
    fn checkpoint_lost_log(&self) {
        let kept = self.identity.keeps_log(&self.config.path)
            && self
                .conn
                .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                    Ok(row.get::<_, i64>(0)? == 0 && row.get::<_, i64>(1)? == row.get::<_, i64>(2)?)
                })
                .unwrap_or(false);
        tracing::error!(
            file = self.config.url,
            kept,
            "the `-wal` or `-shm` file of a SQLite bus was removed while open: reopening the file; `kept` tells whether it contains all acknowledged messages"
        );
    }

    /// Executes requests in one transaction, waiting for the lock up to `busy_timeout`.
    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), TxnError> {
        let started = Instant::now();
        loop {
            match self.try_commit(jobs) {
                Err(error) if error.is_busy() && started.elapsed() < self.config.busy_timeout => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                other => return other,
            }
        }
    }

    /// Replies to committed requests; to durable ones after the log is synced.
    fn complete(&self, jobs: Vec<Box<dyn Job>>) {
        match self.identity.check(&self.config.path) {
            FileState::Unchanged => {}
            // The file was moved during the transaction, so its writes are lost to other processes.
            FileState::Missing => return self.fail_all(jobs, missing_error(&self.config.url)),
            FileState::Replaced => return self.fail_all(jobs, replaced_error(&self.config.url)),
            FileState::LogMissing => return self.fail_all(jobs, log_missing_error(&self.config.url)),
        }
        let Some(syncer) = &self.syncer else {
            return self.complete_now(jobs);
        };
        let (durable, others): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.durable());
        self.complete_now(others);
        if !durable.is_empty() {
            syncer.complete_when_synced(durable);
        }
    }

    fn complete_now(&self, jobs: Vec<Box<dyn Job>>) {
        for job in jobs {
            job.complete(Ok(()), &self.config.url);
        }
    }

    fn try_commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), TxnError> {
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut txn = Txn::new(&self.conn);
        let outcome = jobs.iter_mut().try_for_each(|job| job.run(&mut txn)).and_then(|()| {
            self.conn.prepare_cached("COMMIT")?.execute([])?;
            Ok(())
        });
        let woken = std::mem::take(&mut txn.woken);
        let appended: Vec<_> = txn.into_counts().collect();
        match outcome {
            Ok(()) => {
                for (topic, count) in appended {
                    self.schedule.appended(topic, count);
                }
                for topic in woken {
                    self.changed.wake(topic);
                }
                Ok(())
            }
            Err(error) => {
                // Some errors, such as a full disk, have rolled the transaction back already.
                if !self.conn.is_autocommit() {
                    self.conn.execute_batch("ROLLBACK")?;
                }
                Err(error)
            }
        }
    }

    /// Applies retention to one due topic, in a short transaction.
    fn trim(&mut self) {
        let Some(topic) = self.schedule.next() else {
            return;
        };
        let done = in_transaction(&self.conn, "BEGIN IMMEDIATE", || {
            Txn::new(&self.conn).trim(&topic, &self.config.retention)
        });
        match done {
            Ok(batch) => {
                batch.report(&topic);
                // After an error, the next trim tries again.
                let frees = !batch.is_full() && free_pages(&self.conn).unwrap_or(false);
                if batch.is_full() || frees {
                    self.schedule.reschedule(topic);
                }
            }
            Err(error) => {
                // The topic becomes due again with its next messages.
                if !error.is_busy() {
                    let error = error.convert("trim", &self.config.url);
                    tracing::warn!(%topic, error = chain(&error), "could not apply retention");
                }
            }
        }
    }
}
