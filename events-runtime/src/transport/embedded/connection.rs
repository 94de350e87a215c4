//! One file, opened once per process and shared by all its handles.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot, watch};

use super::super::{BoxFuture, ErrorKind, TransportError};
use super::config::{Config, Synchronous};
use super::error::TxnError;
use super::file_identity::{FileIdentity, FileState};
use super::notify::ChangeNotifier;
use super::schema::{open_reader, open_writer};
use super::syncer::LogSyncer;
use super::txn::Txn;
use super::writer::{Job, Writer};
use events_support::error_chain::chain;

/// The files that are open, for as long as somebody holds them.
static OPEN: Mutex<Option<HashMap<PathBuf, Weak<Database>>>> = Mutex::new(None);

/// So many connections read at once, and are kept for it. A new one reads the definitions of all tables
/// first, of which each topic has one: a thousand consumers that start together must not open a thousand.
const READERS: usize = 8;

pub(super) struct Database {
    config: Arc<Config>,
    jobs: Sender<Box<dyn Job>>,
    changed: Arc<ChangeNotifier>,
    waiters: Arc<AtomicUsize>,
    /// Each with the generation that it reads.
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

    /// The same file once more. Two promises for one file would make one of them a lie.
    fn shared_with(self: Arc<Self>, config: &Config) -> Result<Arc<Self>, TransportError> {
        if self.config.agrees_with(config) {
            return Ok(self);
        }
        Err(TransportError::new(
            ErrorKind::Invalid,
            "open",
            &config.url,
            "the file is open in this process with other settings: open it with the same everywhere",
        ))
    }

    fn start(config: Config) -> Result<Self, TransportError> {
        let conn = open_writer(&config)?;
        if config.synchronous == Synchronous::Full {
            empty_log(&conn, &config);
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
                let message = "the system gives no thread to write with";
                TransportError::new(ErrorKind::Unavailable, "open", &config.url, message).with_source(error)
            },
        )?;
        let reading = Arc::new(Semaphore::new(READERS));
        Ok(Self { config, jobs, changed, waiters, readers: Mutex::default(), reading, identity })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Which file is open.
    pub(super) fn identity(&self) -> &Arc<FileIdentity> {
        &self.identity
    }

    /// Counts what may let some consumer of a topic go on.
    pub(super) fn changes(&self, topic: i64) -> watch::Receiver<u64> {
        self.changed.of(topic)
    }

    /// Says that somebody waits, until dropped: other processes' writes are looked for meanwhile.
    pub(super) fn waiting(&self) -> WaitGuard {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        WaitGuard(self.waiters.clone())
    }

    /// Writes durably. Submitted when called; the future waits for the answer.
    pub(super) fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        run: impl FnMut(&mut Txn<'_>) -> Result<T, TxnError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, TransportError>> {
        self.submit(operation, None, true, |_| Ok(None), run, |result| result)
    }

    /// Writes what need not survive the loss of power, unless `look` finds the answer by reading.
    ///
    /// `finish` makes the answer of what `look` or `run` found, once that stands: what the outcome
    /// of a transaction owns must not exist before the transaction is committed.
    pub(super) fn submit<T: Send + 'static, A: Send + 'static>(
        &self,
        operation: &'static str,
        generation: Option<u64>,
        durable: bool,
        look: impl FnMut(&Connection) -> Result<Option<T>, TxnError> + Send + 'static,
        run: impl FnMut(&mut Txn<'_>) -> Result<T, TxnError> + Send + 'static,
        finish: impl FnOnce(T) -> A + Send + 'static,
    ) -> BoxFuture<'static, Result<A, TransportError>> {
        let (reply, answer) = oneshot::channel();
        let task = Task { operation, generation, durable, look, run, finish, result: None, reply };
        // Where the thread is gone, the reply goes with the task, and the answer tells.
        drop(self.jobs.send(Box::new(task)));
        let url = self.config.url.clone();
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(closed(operation, &url))) })
    }

    /// Reads, on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, TxnError> + Send + 'static,
    ) -> Result<T, TransportError> {
        if self.identity.look(&self.config.path) != FileState::Unchanged {
            // The writer opens what stands there now, or tells that nothing does.
            self.write(operation, |_| Ok(())).await?;
        }
        let database = self.clone();
        let Ok(permit) = self.reading.clone().acquire_owned().await else {
            return Err(closed(operation, &self.config.url));
        };
        let reading = tokio::task::spawn_blocking(move || {
            // Kept to the end of the work, which goes on where nobody waits for it any more.
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

/// The log may hold what the disk once refused: behind it nothing would be durable. Whoever reads
/// or writes meanwhile is not waited for; then the next checkpoint does it.
pub(super) fn empty_log(conn: &Connection, config: &Config) {
    if let Err(error) = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        let error = TxnError::from(error).convert("tidy the log of", &config.url);
        tracing::warn!(
            error = chain(&error),
            "the log of a SQLite file could not be emptied when it was opened"
        );
    }
}

fn closed(operation: &'static str, url: &str) -> TransportError {
    TransportError::new(ErrorKind::Closed, operation, url, "the transport or its runtime was shut down")
}

/// Somebody waits for messages.
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
    look: L,
    run: R,
    finish: F,
    /// Plain data: dropped where the transaction is rolled back.
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

    fn look(&mut self, conn: &Connection) -> Result<bool, TxnError> {
        self.result = (self.look)(conn)?;
        Ok(self.result.is_some())
    }

    fn run(&mut self, txn: &mut Txn<'_>) -> Result<(), TxnError> {
        self.result = None;
        self.result = Some((self.run)(txn)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), TxnError>, url: &str) {
        let answer = match (outcome, self.result) {
            (Ok(()), Some(result)) => Ok((self.finish)(result)),
            (Ok(()), None) => Err(closed(self.operation, url)),
            (Err(error), _) => Err(error.convert(self.operation, url)),
        };
        // Nobody may wait any more; what the answer holds is given back by its own drop.
        drop(self.reply.send(answer));
    }
}
