//! One file, opened once per process and shared by all its handles.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot, watch};

use super::super::{BoxFuture, ErrorKind, TransportError};
use super::changes::Changes;
use super::fault::Fault;
use super::presence::{Found, Presence};
use super::schema::{open_reader, open_writer};
use super::settings::{Settings, Synchronous};
use super::syncer::Syncer;
use super::txn::Txn;
use super::writer::{Job, Writer};
use events_support::error_chain::chain;

/// The files that are open, for as long as somebody holds them.
static OPEN: Mutex<Option<HashMap<PathBuf, Weak<File>>>> = Mutex::new(None);

/// So many connections read at once, and are kept for it. A new one reads the definitions of all tables
/// first, of which each topic has one: a thousand consumers that start together must not open a thousand.
const READERS: usize = 8;

pub(super) struct File {
    settings: Arc<Settings>,
    jobs: Sender<Box<dyn Job>>,
    changed: Arc<Changes>,
    waiters: Arc<AtomicUsize>,
    /// Each with the generation that it reads.
    readers: Mutex<Vec<(u64, Connection)>>,
    reading: Arc<Semaphore>,
    presence: Arc<Presence>,
}

impl File {
    pub(super) fn open(settings: Settings) -> Result<Arc<Self>, TransportError> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.get_or_insert_default();
        open.retain(|_, file| file.strong_count() > 0);
        if let Some(file) =
            settings.path.canonicalize().ok().and_then(|path| open.get(&path)).and_then(Weak::upgrade)
        {
            return file.shared_with(&settings);
        }
        let file = Arc::new(Self::start(settings)?);
        let path = file.settings.path.canonicalize().unwrap_or_else(|_| file.settings.path.clone());
        open.insert(path, Arc::downgrade(&file));
        Ok(file)
    }

    /// The same file once more. Two promises for one file would make one of them a lie.
    fn shared_with(self: Arc<Self>, settings: &Settings) -> Result<Arc<Self>, TransportError> {
        if self.settings.agrees_with(settings) {
            return Ok(self);
        }
        Err(TransportError::new(
            ErrorKind::Invalid,
            "open",
            &settings.url,
            "the file is open in this process with other settings: open it with the same everywhere",
        ))
    }

    fn start(settings: Settings) -> Result<Self, TransportError> {
        let conn = open_writer(&settings)?;
        if settings.synchronous == Synchronous::Full {
            empty_log(&conn, &settings);
        }
        let (jobs, queue) = channel();
        let changed = Arc::new(Changes::default());
        let waiters = Arc::new(AtomicUsize::new(0));
        let settings = Arc::new(settings);
        let syncer = match settings.synchronous {
            Synchronous::Full => Some(Syncer::start(&settings)?),
            Synchronous::Normal | Synchronous::Off => None,
        };
        let presence = Arc::new(Presence::of(&settings.path));
        let writer = Writer::new(
            presence.clone(),
            conn,
            settings.clone(),
            queue,
            changed.clone(),
            waiters.clone(),
            syncer,
        );
        std::thread::Builder::new().name("events-sqlite".to_owned()).spawn(move || writer.run()).map_err(
            |error| {
                let message = "the system gives no thread to write with";
                TransportError::new(ErrorKind::Unavailable, "open", &settings.url, message).with_source(error)
            },
        )?;
        let reading = Arc::new(Semaphore::new(READERS));
        Ok(Self { settings, jobs, changed, waiters, readers: Mutex::default(), reading, presence })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Which file is open.
    pub(super) fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }

    /// Counts what may let some consumer of a topic go on.
    pub(super) fn changes(&self, topic: i64) -> watch::Receiver<u64> {
        self.changed.of(topic)
    }

    /// Says that somebody waits, until dropped: other processes' writes are looked for meanwhile.
    pub(super) fn waiting(&self) -> Waiting {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        Waiting(self.waiters.clone())
    }

    /// Writes durably. Submitted when called; the future waits for the answer.
    pub(super) fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        run: impl FnMut(&mut Txn<'_>) -> Result<T, Fault> + Send + 'static,
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
        look: impl FnMut(&Connection) -> Result<Option<T>, Fault> + Send + 'static,
        run: impl FnMut(&mut Txn<'_>) -> Result<T, Fault> + Send + 'static,
        finish: impl FnOnce(T) -> A + Send + 'static,
    ) -> BoxFuture<'static, Result<A, TransportError>> {
        let (reply, answer) = oneshot::channel();
        let task = Task { operation, generation, durable, look, run, finish, result: None, reply };
        // Where the thread is gone, the reply goes with the task, and the answer tells.
        drop(self.jobs.send(Box::new(task)));
        let url = self.settings.url.clone();
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(closed(operation, &url))) })
    }

    /// Reads, on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, TransportError> {
        if self.presence.look(&self.settings.path) != Found::Same {
            // The writer opens what stands there now, or tells that nothing does.
            self.write(operation, |_| Ok(())).await?;
        }
        let file = self.clone();
        let Ok(permit) = self.reading.clone().acquire_owned().await else {
            return Err(closed(operation, &self.settings.url));
        };
        let reading = tokio::task::spawn_blocking(move || {
            // Kept to the end of the work, which goes on where nobody waits for it any more.
            let _permit = permit;
            let generation = file.presence.generation();
            file.readers().retain(|(of, _)| *of == generation);
            let idle = file.readers().pop();
            let conn = match idle {
                Some((_, conn)) => conn,
                None => open_reader(&file.settings)?,
            };
            let result = read(&conn).map_err(|fault| fault.explain(operation, &file.settings.url));
            file.readers().push((generation, conn));
            result
        });
        reading.await.unwrap_or_else(|_| Err(closed(operation, &self.settings.url)))
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Connection)>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log may hold what the disk once refused: behind it nothing would be durable. Whoever reads
/// or writes meanwhile is not waited for; then the next checkpoint does it.
pub(super) fn empty_log(conn: &Connection, settings: &Settings) {
    if let Err(error) = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        let error = Fault::from(error).explain("tidy the log of", &settings.url);
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
pub(super) struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
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
    L: FnMut(&Connection) -> Result<Option<T>, Fault> + Send,
    R: FnMut(&mut Txn<'_>) -> Result<T, Fault> + Send,
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

    fn look(&mut self, conn: &Connection) -> Result<bool, Fault> {
        self.result = (self.look)(conn)?;
        Ok(self.result.is_some())
    }

    fn run(&mut self, txn: &mut Txn<'_>) -> Result<(), Fault> {
        self.result = None;
        self.result = Some((self.run)(txn)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), Fault>, url: &str) {
        let answer = match (outcome, self.result) {
            (Ok(()), Some(result)) => Ok((self.finish)(result)),
            (Ok(()), None) => Err(closed(self.operation, url)),
            (Err(fault), _) => Err(fault.explain(self.operation, url)),
        };
        // Nobody may wait any more; what the answer holds is given back by its own drop.
        drop(self.reply.send(answer));
    }
}
