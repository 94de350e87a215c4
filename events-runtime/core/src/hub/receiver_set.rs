//! The receivers of one event type in one hub.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;

use super::state::{HubState, StateHolder};
use super::{WeakHub, report};
use crate::event::Event;
use crate::receiver::{Connection, Disconnect, ReceiverError, ReceiverOutput, Response, Responses};
use events_support::error_chain::Quiet;

pub(super) type ReceiverFuture = Pin<Box<dyn Future<Output = Result<(), ReceiverError>> + Send>>;
type Call<E> = dyn Fn(&Event<E>) -> Result<(), ReceiverError> + Send + Sync;
pub(super) type Start<E> = dyn Fn(Arc<Event<E>>) -> ReceiverFuture + Send + Sync;

/// The receivers of one event type in one hub, and whether its events get through.
///
/// The list is copied on write: an emission walks the list as it was when it began, without a
/// lock, so receivers may connect and disconnect from inside.
pub(crate) struct ReceiverSet<E> {
    this: Weak<Self>,
    hub: WeakHub,
    snapshot: ArcSwap<Snapshot<E>>,
    /// One writer at a time; holds the last serial number given out.
    writing: Mutex<u64>,
}

/// All that an emission needs to know: the receivers, sync and async, each in order, and what is
/// around them. Read at once and never changed.
pub(super) struct Snapshot<E> {
    pub(super) enabled: bool,
    sync: Vec<Entry<Call<E>>>,
    pub(super) starts: Vec<Entry<Start<E>>>,
    /// The responses when all sync receivers succeed.
    all_ok: Arc<[Response]>,
    pub(super) state: Arc<HubState>,
}

pub(super) struct Entry<F: ?Sized> {
    pub(super) name: Arc<str>,
    order: i32,
    serial: u64,
    pub(super) run: Arc<F>,
}

impl<E: Send + Sync + 'static> ReceiverSet<E> {
    pub(super) fn new(hub: WeakHub, state: Arc<HubState>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            hub,
            snapshot: ArcSwap::from_pointee(Snapshot::new(state)),
            writing: Mutex::new(0),
        })
    }

    pub(crate) fn enable(&self) {
        self.write(|snapshot, _| snapshot.enabled = true);
    }

    pub(crate) fn disable(&self) {
        self.write(|snapshot, _| snapshot.enabled = false);
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.snapshot.load().enabled
    }

    pub(super) fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot<E>>> {
        self.snapshot.load()
    }

    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let snapshot = self.snapshot.load();
        let sync = snapshot.sync.iter().map(|entry| &entry.name);
        let starts = snapshot.starts.iter().map(|entry| &entry.name);
        sync.chain(starts).cloned().collect()
    }

    pub(crate) fn connect<F, R>(&self, name: Arc<str>, order: i32, receiver: F) -> Connection
    where
        F: Fn(&Event<E>) -> R + Send + Sync + 'static,
        R: ReceiverOutput,
    {
        let receiver = Quiet::new(receiver);
        let run: Arc<Call<E>> = Arc::new(move |event: &Event<E>| {
            let Some(receiver) = receiver.get() else { return Ok(()) };
            catch_unwind(AssertUnwindSafe(|| receiver(event).into_result()))
                .unwrap_or_else(|panic| Err(ReceiverError::from_panic(panic)))
        });
        self.add(name, order, |snapshot, entry| {
            let place = snapshot.make_room(&entry.name);
            insert(&mut snapshot.sync, place.sync, entry.with(run));
        })
    }

    pub(crate) fn connect_async<F, Fut>(&self, name: Arc<str>, order: i32, receiver: F) -> Connection
    where
        F: Fn(Arc<Event<E>>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: ReceiverOutput,
    {
        let receiver = Arc::new(Quiet::new(receiver));
        let run: Arc<Start<E>> = Arc::new(move |event| {
            let receiver = Arc::clone(&receiver);
            // The call is made on the executor too: what it does before its first `await` is
            // not the emitter's time.
            Box::pin(async move {
                match receiver.get() {
                    Some(receiver) => receiver(event).await.into_result(),
                    None => Ok(()),
                }
            })
        });
        self.add(name, order, |snapshot, entry| {
            let place = snapshot.make_room(&entry.name);
            insert(&mut snapshot.starts, place.starts, entry.with(run));
        })
    }

    fn add(&self, name: Arc<str>, order: i32, add: impl FnOnce(&mut Snapshot<E>, Entry<()>)) -> Connection {
        let serial = self.write(|snapshot, serial| {
            let entry = Entry { name: Arc::clone(&name), order, serial, run: Arc::new(()) };
            add(snapshot, entry);
            serial
        });
        Connection::new(Weak::clone(&self.this) as Weak<dyn Disconnect>, name, serial)
    }

    pub(crate) fn disconnect(&self, name: &str) -> bool {
        self.write(|snapshot, _| snapshot.retain(|entry_name, _| entry_name != name))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Snapshot<E>, u64) -> T) -> T {
        let mut serial = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        *serial += 1;
        let mut snapshot = Snapshot::clone(&self.snapshot.load());
        let result = change(&mut snapshot, *serial);
        snapshot.all_ok =
            snapshot.sync.iter().map(|entry| Response::new(Arc::clone(&entry.name), Ok(()))).collect();
        let old = self.snapshot.swap(Arc::new(snapshot));
        drop(serial);
        // May drop a receiver and with it the user's values, which may come back here, and may emit:
        // in the scope that the receiver ran in.
        let _entered = self.hub.enter();
        drop(old);
        result
    }
}

impl<E: Send + Sync + 'static> Disconnect for ReceiverSet<E> {
    fn disconnect_serial(&self, serial: u64) -> bool {
        self.write(|snapshot, _| snapshot.retain(|_, entry_serial| entry_serial != serial))
    }
}

impl<E: Send + Sync + 'static> StateHolder for ReceiverSet<E> {
    fn surround(&self, state: &Arc<HubState>) {
        self.write(|snapshot, _| snapshot.state = Arc::clone(state));
    }
}

/// Where a receiver of the same name was.
#[derive(Default)]
struct Place {
    sync: Option<usize>,
    starts: Option<usize>,
}

impl<E> Snapshot<E> {
    fn new(state: Arc<HubState>) -> Self {
        Self { enabled: true, sync: Vec::new(), starts: Vec::new(), all_ok: Arc::new([]), state }
    }

    /// Runs all sync receivers.
    pub(super) fn run(&self, event: &Event<E>) -> Responses {
        for (at, entry) in self.sync.iter().enumerate() {
            if let Err(error) = (entry.run)(event) {
                return Responses::Own(self.run_after_failure(event, at, error));
            }
        }
        Responses::AllOk(Arc::clone(&self.all_ok))
    }

    #[cold]
    fn run_after_failure(&self, event: &Event<E>, failed: usize, error: ReceiverError) -> Vec<Response> {
        let mut responses = self.responses_to_failure(event, failed, error);
        for entry in self.sync.iter().skip(failed + 1) {
            let result = (entry.run)(event);
            if let Err(error) = &result {
                report::receiver_failed(event.origin(), event.metadata(), &entry.name, error);
            }
            responses.push(Response::new(Arc::clone(&entry.name), result));
        }
        responses
    }

    /// Runs the sync receivers up to the first that fails.
    pub(super) fn run_strict(&self, event: &Event<E>) -> Result<Responses, Vec<Response>> {
        for (at, entry) in self.sync.iter().enumerate() {
            if let Err(error) = (entry.run)(event) {
                return Err(self.responses_to_failure(event, at, error));
            }
        }
        Ok(Responses::AllOk(Arc::clone(&self.all_ok)))
    }

    fn responses_to_failure(&self, event: &Event<E>, failed: usize, error: ReceiverError) -> Vec<Response> {
        let mut responses = Vec::with_capacity(self.sync.len());
        let names = self.sync.iter().map(|entry| Arc::clone(&entry.name));
        responses.extend(names.take(failed).map(|name| Response::new(name, Ok(()))));
        if let Some(entry) = self.sync.get(failed) {
            report::receiver_failed(event.origin(), event.metadata(), &entry.name, &error);
            responses.push(Response::new(Arc::clone(&entry.name), Err(error)));
        }
        responses
    }

    /// Takes a receiver of this name away and tells where it was.
    fn make_room(&mut self, name: &str) -> Place {
        let place = Place {
            sync: self.sync.iter().position(|entry| *entry.name == *name),
            starts: self.starts.iter().position(|entry| *entry.name == *name),
        };
        self.retain(|entry_name, _| entry_name != name);
        place
    }

    /// Keeps what the predicate says of name and serial number; whether any went.
    fn retain(&mut self, keep: impl Fn(&str, u64) -> bool) -> bool {
        let before = self.sync.len() + self.starts.len();
        self.sync.retain(|entry| keep(&entry.name, entry.serial));
        self.starts.retain(|entry| keep(&entry.name, entry.serial));
        self.sync.len() + self.starts.len() != before
    }
}

impl Entry<()> {
    fn with<F: ?Sized>(self, run: Arc<F>) -> Entry<F> {
        Entry { name: self.name, order: self.order, serial: self.serial, run }
    }
}

/// Puts an entry in its old place where the order allows, else behind its equals.
fn insert<F: ?Sized>(entries: &mut Vec<Entry<F>>, place: Option<usize>, entry: Entry<F>) {
    let first = entries.partition_point(|other| other.order < entry.order);
    let last = entries.partition_point(|other| other.order <= entry.order);
    let at = place.map_or(last, |place| place.clamp(first, last));
    entries.insert(at, entry);
}

impl<F: ?Sized> Clone for Entry<F> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            order: self.order,
            serial: self.serial,
            run: Arc::clone(&self.run),
        }
    }
}

impl<E> Clone for Snapshot<E> {
    fn clone(&self) -> Self {
        Self {
            enabled: self.enabled,
            sync: self.sync.clone(),
            starts: self.starts.clone(),
            all_ok: Arc::clone(&self.all_ok),
            state: Arc::clone(&self.state),
        }
    }
}
