//! The thread that writes: one per file and process.
//!
//! Requests that come while a transaction is under way share the next one. While consumers wait
//! and there is nothing to do, the thread asks SQLite whether another process wrote, which costs
//! microseconds, at growing intervals.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::super::TransportError;
use super::config::{Config, Synchronous};
use super::connection::empty_log;
use super::error::TxnError;
use super::file_identity::{FileIdentity, FileState, gone, no_log, replaced};
use super::notify::{ChangeDetector, ChangeNotifier};
use super::schema::{in_transaction, open_writer};
use super::syncer::LogSyncer;
use super::trim::{Schedule, free_pages};
use super::txn::Txn;
use events_support::error_chain::{caught, chain};

/// A request to the writer.
pub(super) trait Job: Send {
    /// Whether the answer waits until the log is on the disk.
    fn durable(&self) -> bool;

    /// The opening of the file that it belongs to, where it means nothing in another.
    fn generation(&self) -> Option<u64>;

    /// Answers by reading alone where that is possible: `true` where it was.
    fn look(&mut self, conn: &Connection) -> Result<bool, TxnError>;

    /// Does the work. May be called again after its transaction was rolled back.
    fn run(&mut self, txn: &mut Txn<'_>) -> Result<(), TxnError>;

    /// Tells the outcome once it stands.
    fn answer(self: Box<Self>, outcome: Result<(), TxnError>, url: &str);
}

/// So many requests share one transaction at most.
const BATCH: usize = 1_024;
/// The shortest pause between two looks at what other processes wrote.
const MIN_POLL: Duration = Duration::from_millis(1);
/// The pause between two tries at the write lock.
const LOCK_PAUSE: Duration = Duration::from_micros(200);
/// For so long after another process wrote, the lock is left free for a moment after each
/// transaction: SQLite's lock has no queue, and who writes without pause starves the others.
const NEIGHBOURLY: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    identity: Arc<FileIdentity>,
    conn: Connection,
    config: Arc<Config>,
    jobs: Receiver<Box<dyn Job>>,
    changed: Arc<ChangeNotifier>,
    waiters: Arc<AtomicUsize>,
    /// SQLite's mark of what others wrote, as last seen.
    version: i64,
    detector: ChangeDetector,
    neighbour: Option<Instant>,
    /// Where answers wait for the disk.
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
            version: 0,
            detector: ChangeDetector::default(),
            neighbour: None,
            syncer,
            schedule: Schedule::default(),
        }
    }

    /// Works until nobody can send requests any more.
    pub(super) fn run(mut self) {
        // The lock is waited for here, not in SQLite, whose waits grow to 100 ms.
        if let Err(error) = self.conn.busy_timeout(Duration::ZERO) {
            tracing::warn!(error = chain(&error), "the waiting time of a SQLite connection could not be set");
        }
        while let Some(job) = self.next() {
            let mut batch = vec![job];
            batch.extend(self.jobs.try_iter().take(BATCH - 1));
            self.guard(|writer| writer.process(batch));
            self.guard(Self::trim);
            self.guard(|writer| {
                writer.see_others();
            });
            if self.neighbour.is_some_and(|seen| seen.elapsed() < NEIGHBOURLY) {
                std::thread::sleep(LOCK_PAUSE + LOCK_PAUSE / 2);
            }
        }
    }

    /// A panic, which a number in a damaged file may cause, ends the requests that meet it and not the
    /// thread, whose end would be that of the transport.
    fn guard(&mut self, work: impl FnOnce(&mut Self)) {
        if let Err(panic) = caught(|| work(self)) {
            tracing::error!(
                file = self.config.url,
                panic,
                "a request to a SQLite file panicked and is not done: this is a bug, or the file is damaged"
            );
            if !self.conn.is_autocommit() {
                // What fails here is met by the next transaction.
                let _ = self.conn.execute_batch("ROLLBACK");
            }
        }
    }

    fn next(&mut self) -> Option<Box<dyn Job>> {
        let mut pause = MIN_POLL;
        loop {
            if self.waiters.load(Ordering::SeqCst) == 0 {
                // Who begins to wait sends a request first.
                return self.jobs.recv().ok();
            }
            match self.jobs.recv_timeout(pause) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    if self.identity.look(&self.config.path) != FileState::Unchanged {
                        // Their next request tells them.
                        self.wake();
                    }
                    pause =
                        if self.see_others() { MIN_POLL } else { (pause * 2).min(self.config.poll_interval) };
                }
            }
        }
    }

    /// Wakes the consumers where another process wrote.
    fn see_others(&mut self) -> bool {
        let version = self
            .conn
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut pragma| pragma.query_row([], |row| row.get(0)));
        match version {
            Ok(version) if version != self.version => {
                let first = std::mem::replace(&mut self.version, version) == 0;
                if !first {
                    self.neighbour = Some(Instant::now());
                }
                if self.detector.look(&self.conn, &self.changed).is_err() {
                    // Their own requests meet the fault and tell it.
                    self.wake();
                }
                true
            }
            // A request will meet the same fault and tell it.
            _ => false,
        }
    }

    fn wake(&self) {
        self.changed.wake_all();
    }

    fn process(&mut self, batch: Vec<Box<dyn Job>>) {
        if let Err(error) = self.follow() {
            return self.refuse(batch, error);
        }
        let mut work = Vec::with_capacity(batch.len());
        let generation = self.identity.generation();
        for mut job in batch {
            if job.generation().is_some_and(|of| of != generation) {
                job.answer(Err(replaced(&self.config.url)), &self.config.url);
                continue;
            }
            match job.look(&self.conn) {
                Ok(true) => job.answer(Ok(()), &self.config.url),
                Ok(false) => work.push(job),
                Err(error) if error.is_busy() => work.push(job),
                Err(error) => job.answer(Err(error), &self.config.url),
            }
        }
        if work.is_empty() {
            return;
        }
        match self.commit(&mut work) {
            Ok(()) => self.answer(work),
            // One of them may be what fails all: each by itself.
            Err(error) if work.len() > 1 && !error.is_busy() => {
                for mut job in work {
                    match self.commit(std::slice::from_mut(&mut job)) {
                        Ok(()) => self.answer(vec![job]),
                        Err(error) => job.answer(Err(error), &self.config.url),
                    }
                }
            }
            Err(error) => self.refuse(work, error),
        }
    }

    fn refuse(&self, jobs: Vec<Box<dyn Job>>, error: TxnError) {
        let error: TransportError = error.convert("write to", &self.config.url);
        for job in jobs {
            job.answer(Err(TxnError::Transport(error.clone())), &self.config.url);
        }
    }

    /// Sees to it that the file at the path is the one that is open.
    fn follow(&mut self) -> Result<(), TxnError> {
        let found = self.identity.look(&self.config.path);
        match found {
            FileState::Unchanged => return Ok(()),
            FileState::Missing => return Err(gone(&self.config.url)),
            FileState::LogMissing => self.keep_log(),
            FileState::Replaced => {}
        }
        // Nothing of an old log goes into what stands there now.
        self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // The old one first, that the two never share the index beside the file.
        self.conn = Connection::open_in_memory()?;
        if found == FileState::Replaced {
            self.identity.move_log();
        }
        self.schedule = Schedule::default();
        let conn = open_writer(&self.config)?;
        conn.busy_timeout(Duration::ZERO)?;
        if self.config.synchronous == Synchronous::Full {
            empty_log(&conn, &self.config);
            self.syncer = Some(LogSyncer::start(&self.config)?);
        }
        self.conn = conn;
        self.version = 0;
        self.detector = ChangeDetector::default();
        self.identity.opened(&self.config.path);
        if found == FileState::Replaced {
            tracing::error!(
                file = self.config.url,
                "another file stands at the path of a SQLite bus than the one that was open: it was opened in its place"
            );
        }
        self.wake();
        Ok(())
    }

    /// Brings what the log holds into the file, where the log was taken away from beside it.
    fn keep_log(&self) {
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
            "the log of a SQLite bus or its index was taken away while it was open: the file is opened anew; `kept` says whether all that was acknowledged is in it"
        );
    }

    /// Does all of them in one transaction, waiting for the lock as long as the settings say.
    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), TxnError> {
        let started = Instant::now();
        loop {
            match self.attempt(jobs) {
                Err(error) if error.is_busy() && started.elapsed() < self.config.busy_timeout => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                other => return other,
            }
        }
    }

    /// Answers committed requests, those that must survive the loss of power once they do.
    fn answer(&self, jobs: Vec<Box<dyn Job>>) {
        match self.identity.look(&self.config.path) {
            FileState::Unchanged => {}
            // Written to a file that was moved meanwhile: nobody else will see it.
            FileState::Missing => return self.refuse(jobs, gone(&self.config.url)),
            FileState::Replaced => return self.refuse(jobs, replaced(&self.config.url)),
            FileState::LogMissing => return self.refuse(jobs, no_log(&self.config.url)),
        }
        let Some(syncer) = &self.syncer else {
            return self.answer_now(jobs);
        };
        let (durable, others): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.durable());
        self.answer_now(others);
        if !durable.is_empty() {
            syncer.answer_when_stored(durable);
        }
    }

    fn answer_now(&self, jobs: Vec<Box<dyn Job>>) {
        for job in jobs {
            job.answer(Ok(()), &self.config.url);
        }
    }

    fn attempt(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), TxnError> {
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
                // Some faults, a full disk among them, end the transaction by themselves.
                if !self.conn.is_autocommit() {
                    self.conn.execute_batch("ROLLBACK")?;
                }
                Err(error)
            }
        }
    }

    /// Applies retention to one topic that is due, in short transactions between the requests.
    fn trim(&mut self) {
        let Some(topic) = self.schedule.next() else {
            return;
        };
        let done = in_transaction(&self.conn, "BEGIN IMMEDIATE", || {
            Txn::new(&self.conn).trim(&topic, &self.config.retention)
        });
        match done {
            Ok(portion) => {
                portion.tell(&topic);
                // What failed waits for the next trim.
                let frees = !portion.is_full() && free_pages(&self.conn).unwrap_or(false);
                if portion.is_full() || frees {
                    self.schedule.again(topic);
                }
            }
            Err(error) => {
                // It comes again with the topic's next messages.
                if !error.is_busy() {
                    let error = error.convert("trim", &self.config.url);
                    tracing::warn!(%topic, error = chain(&error), "retention could not be applied");
                }
            }
        }
    }
}
