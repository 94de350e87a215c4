//! A SQLite file, opened once per process and shared by all handles: one writer thread and a pool of
//! connections for reads.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot, watch};

use super::config::{Config, Synchronous};
use super::error::TxnError;
use super::file_identity::{FileIdentity, FileState};
use super::notify::ChangeNotifier;
use super::schema::{open_reader, open_writer};
use super::syncer::LogSyncer;
use super::txn::Txn;
use super::writer::{Job, Writer};
use events_support::error_chain::chain;
use events_transport::{BoxFuture, ErrorKind, TransportError};

/// The open files.
static OPEN: Mutex<Option<HashMap<PathBuf, Weak<Database>>>> = Mutex::new(None);

/// The size of the pool of read connections. A new connection first reads the schema, with one table per
/// topic: a thousand consumers that start at once must not open a thousand connections.
const READERS: usize = 8;

pub(super) struct Database {
    config: Arc<Config>,
    jobs: Sender<Box<dyn Job>>,
    changed: Arc<ChangeNotifier>,
    waiters: Arc<AtomicUsize>,
    /// Idle read connections, each with the generation of its file.
    readers: Mutex<Vec<(u64, Connection)>>,
    reading: Arc<Semaphore>,
    identity: Arc<FileIdentity>,
}

impl Database {
    pub(super) fn open(config: Config) -> Result<Arc<Self>, TransportError> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.get_or_insert_default();
        open.retain(|_, database| database.strong_count() > 0);
        if let Some(database) =
            config.path.canonicalize().ok().and_then(|path| open.get(&path)).and_then(Weak::upgrade)
        {
            return database.shared_with(&config);
        }
        let database = Arc::new(Self::start(config)?);
        let path = database.config.path.canonicalize().unwrap_or_else(|_| database.config.path.clone());
        open.insert(path, Arc::downgrade(&database));
        Ok(database)
    }

    /// Shares the file if the settings allow it: a file has one durability guarantee.
    fn shared_with(self: Arc<Self>, config: &Config) -> Result<Arc<Self>, TransportError> {
        if self.config.is_compatible_with(config) {
            return Ok(self);
        }
        Err(TransportError::new(
            ErrorKind::Invalid,
            "open",
            &config.url,
            "this process has opened the file with different settings: use the same settings everywhere",
        ))
    }

    fn start(config: Config) -> Result<Self, TransportError> {
        let conn = open_writer(&config)?;
        if config.synchronous == Synchronous::Full {
            checkpoint(&conn, &config);
        }
        let (jobs, queue) = channel();
        let changed = Arc::new(ChangeNotifier::default());
        let waiters = Arc::new(AtomicUsize::new(0));
        let config = Arc::new(config);
        let syncer = match config.synchronous {
            Synchronous::Full => Some(LogSyncer::start(&config)?),
            Synchronous::Normal | Synchronous::Off => None,
        };
        let identity = Arc::new(FileIdentity::of(&config.path));
        let writer = Writer::new(
            identity.clone(),
            conn,
            config.clone(),
            queue,
            changed.clone(),
            waiters.clone(),
            syncer,
        );
        std::thread::Builder::new().name("events-sqlite".to_owned()).spawn(move || writer.run()).map_err(
            |error| {
                let message = "can't start the writer thread";
                TransportError::new(ErrorKind::Unavailable, "open", &config.url, message).with_source(error)
            },
        )?;
        let reading = Arc::new(Semaphore::new(READERS));
        Ok(Self { config, jobs, changed, waiters, readers: Mutex::default(), reading, identity })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The identity of the open file.
    pub(super) fn identity(&self) -> &Arc<FileIdentity> {
        &self.identity
    }

    /// Changes when consumers of a topic may find more messages.
    pub(super) fn changes(&self, topic: i64) -> watch::Receiver<u64> {
        self.changed.of(topic)
    }

    /// Registers a waiting consumer until dropped. Writes of other processes are polled meanwhile.
    pub(super) fn wait_guard(&self) -> WaitGuard {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        WaitGuard(self.waiters.clone())
    }

    /// Writes durably. The write is queued when this is called; the future waits for its result.
    pub(super) fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        run: impl FnMut(&mut Txn<'_>) -> Result<T, TxnError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, TransportError>> {
        self.submit(operation, None, true, |_| Ok(None), run, |result| result)
    }

    /// Queues a request: `try_read`, which may answer it without a transaction, then `run`.
    ///
    /// `finish` converts the result once the transaction is committed. Values that act on drop must be
    /// created there, since a transaction may be rolled back and run again. If the request fails, `finish` is dropped
    /// first; then the requester gets the error, and the next request runs.
    pub(super) fn submit<T: Send + 'static, A: Send + 'static>(
        &self,
        operation: &'static str,
        generation: Option<u64>,
        durable: bool,
        try_read: impl FnMut(&Connection) -> Result<Option<T>, TxnError> + Send + 'static,
        run: impl FnMut(&mut Txn<'_>) -> Result<T, TxnError> + Send + 'static,
        finish: impl FnOnce(T) -> A + Send + 'static,
    ) -> BoxFuture<'static, Result<A, TransportError>> {
        let (reply, answer) = oneshot::channel();
        let task = Task { operation, generation, durable, try_read, run, finish, result: None, reply };
        // If the writer thread has ended, the reply channel is dropped, which reports it.
        drop(self.jobs.send(Box::new(task)));
        let url = self.config.url.clone();
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(closed(operation, &url))) })
    }

    /// Reads on a blocking thread.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, TxnError> + Send + 'static,
    ) -> Result<T, TransportError> {
        if self.identity.check(&self.config.path) != FileState::Unchanged {
            // The writer opens the new file, or fails if there is none.
            self.write(operation, |_| Ok(())).await?;
        }
        let database = self.clone();
        let Ok(permit) = self.reading.clone().acquire_owned().await else {
            return Err(closed(operation, &self.config.url));
        };
        let reading = tokio::task::spawn_blocking(move || {
            // Held until the read completes, even if the future is dropped.
            let _permit = permit;
            let generation = database.identity.generation();
            database.readers().retain(|(of, _)| *of == generation);
            let idle = database.readers().pop();
            let conn = match idle {
                Some((_, conn)) => conn,
                None => open_reader(&database.config)?,
            };
            let result = read(&conn).map_err(|error| error.convert(operation, &database.config.url));
            database.readers().push((generation, conn));
            result
        });
        reading.await.unwrap_or_else(|_| Err(closed(operation, &self.config.url)))
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Connection)>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checkpoints the log: it may contain frames whose sync failed, and nothing after them would be durable.
/// Does not wait for concurrent readers and writers; a later checkpoint then completes it.
pub(super) fn checkpoint(conn: &Connection, config: &Config) {
    if let Err(error) = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        let error = TxnError::from(error).convert("checkpoint", &config.url);
        tracing::warn!(error = chain(&error), "could not checkpoint the log of a SQLite file on opening");
    }
}

fn closed(operation: &'static str, url: &str) -> TransportError {
    TransportError::new(ErrorKind::Closed, operation, url, "the transport or its runtime was shut down")
}

/// Registers a waiting consumer until dropped.
pub(super) struct WaitGuard(Arc<AtomicUsize>);

impl Drop for WaitGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A request made of closures.
struct Task<L, R, F, T, A> {
    operation: &'static str,
    generation: Option<u64>,
    durable: bool,
    try_read: L,
    run: R,
    finish: F,
    /// Discarded if the transaction is rolled back.
    result: Option<T>,
    reply: oneshot::Sender<Result<A, TransportError>>,
}

impl<L, R, F, T, A> Job for Task<L, R, F, T, A>
where
    L: FnMut(&Connection) -> Result<Option<T>, TxnError> + Send,
    R: FnMut(&mut Txn<'_>) -> Result<T, TxnError> + Send,
    F: FnOnce(T) -> A + Send,
    T: Send,
    A: Send,
{
    fn durable(&self) -> bool {
        self.durable
    }

    fn generation(&self) -> Option<u64> {
        self.generation
    }

    fn try_read(&mut self, conn: &Connection) -> Result<bool, TxnError> {
        self.result = (self.try_read)(conn)?;
        Ok(self.result.is_some())
    }

    fn run(&mut self, txn: &mut Txn<'_>) -> Result<(), TxnError> {
        self.result = None;
        self.result = Some((self.run)(txn)?);
        Ok(())
    }

    fn complete(self: Box<Self>, outcome: Result<(), TxnError>, url: &str) {
        let answer = match (outcome, self.result) {
            (Ok(()), Some(result)) => Ok((self.finish)(result)),
            (outcome, _) => {
                // Before the requester knows.
                drop(self.finish);
                Err(match outcome {
                    Ok(()) => closed(self.operation, url),
                    Err(error) => error.convert(self.operation, url),
                })
            }
        };
        // If the requester stopped waiting, the answer is dropped, which releases what it holds.
        drop(self.reply.send(answer));
    }
}
