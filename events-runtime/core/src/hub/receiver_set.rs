//! The receivers of one event type in one hub.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;

use super::emitted_ids::EmittedIds;
use super::state::{HubState, StateHolder};
use super::{WeakHub, report};
use crate::event::{Event, Origin};
use crate::receiver::{Connection, Disconnect, ReceiverError, ReceiverOutput, Response, Responses};
use events_support::error_chain::Quiet;

pub(super) type ReceiverFuture = Pin<Box<dyn Future<Output = Result<(), ReceiverError>> + Send>>;
type Call<E> = dyn Fn(&Event<E>) -> Result<(), ReceiverError> + Send + Sync;
pub(super) type AsyncCall<E> = dyn Fn(Arc<Event<E>>) -> ReceiverFuture + Send + Sync;

/// The receivers of one event type in one hub, and whether the event type is enabled.
///
/// The lists are copied on write. An emission iterates over the lists as they were when it began, without a
/// lock, so receivers may connect and disconnect receivers.
pub(crate) struct ReceiverSet<E> {
    this: Weak<Self>,
    hub: WeakHub,
    snapshot: ArcSwap<Snapshot<E>>,
    /// Locked by a writer. Holds the last serial number.
    writing: Mutex<u64>,
    emitted: Arc<EmittedIds>,
}

/// Everything that an emission reads: the receivers in order, and the hub's state. Loaded once and never
/// modified.
pub(super) struct Snapshot<E> {
    pub(super) enabled: bool,
    /// All receivers, whatever events they take.
    all: Entries<E>,
    /// The receivers that run when this process emits an event. A list of their own, so that an emission
    /// compares nothing.
    pub(super) local: Selected<E>,
    /// The receivers that run when a bus delivers an event.
    pub(super) bus: Selected<E>,
    /// Set if a receiver is in both selections.
    pub(super) emitted: Option<Arc<EmittedIds>>,
    /// The last serial number.
    pub(super) serial: u64,
    pub(super) state: Arc<HubState>,
}

/// Receivers in order.
struct Entries<E> {
    synchronous: Vec<Entry<Call<E>>>,
    asynchronous: Vec<Entry<AsyncCall<E>>>,
}

/// The receivers of events of one origin, in order.
pub(super) struct Selected<E> {
    synchronous: Vec<Entry<Call<E>>>,
    pub(super) asynchronous: Vec<Entry<AsyncCall<E>>>,
    /// The responses if all sync receivers succeed.
    all_ok: Arc<[Response]>,
    /// Whether an emission shares its event, with an async receiver or an observer.
    pub(super) shares_event: bool,
}

pub(super) struct Entry<F: ?Sized> {
    pub(super) name: Arc<str>,
    settings: ReceiverSettings,
    serial: u64,
    pub(super) run: Arc<F>,
}

/// The settings of a receiver.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReceiverSettings {
    pub(crate) order: i32,
    /// The origin of the events that it takes; `None`: both.
    pub(crate) from: Option<Origin>,
}

impl<E: Send + Sync + 'static> ReceiverSet<E> {
    pub(super) fn new(hub: WeakHub, state: Arc<HubState>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            hub,
            snapshot: ArcSwap::from_pointee(Snapshot::new(state)),
            writing: Mutex::new(0),
            emitted: Arc::default(),
        })
    }

    pub(crate) fn enable(&self) {
        self.write(|snapshot| snapshot.enabled = true);
    }

    pub(crate) fn disable(&self) {
        self.write(|snapshot| snapshot.enabled = false);
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.snapshot.load().enabled
    }

    pub(super) fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot<E>>> {
        self.snapshot.load()
    }

    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let snapshot = self.snapshot.load();
        let Entries { synchronous, asynchronous } = &snapshot.all;
        names(synchronous, asynchronous)
    }

    /// Whether a receiver takes the events that a bus delivers, or a recorder records them.
    pub(crate) fn handles_bus_events(&self) -> bool {
        let snapshot = self.snapshot.load();
        let Selected { synchronous, asynchronous, .. } = &snapshot.bus;
        !synchronous.is_empty() || !asynchronous.is_empty() || snapshot.state.is_recorded()
    }

    pub(crate) fn names_from(&self, origin: Origin) -> Vec<Arc<str>> {
        let snapshot = self.snapshot.load();
        let Selected { synchronous, asynchronous, .. } = snapshot.of(origin);
        names(synchronous, asynchronous)
    }

    pub(crate) fn connect<F, R>(&self, name: Arc<str>, settings: ReceiverSettings, receiver: F) -> Connection
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
        self.add(name, settings, |all, entry| {
            let former = all.remove_by_name(&entry.name);
            insert(&mut all.synchronous, former.synchronous, entry.with(run));
        })
    }

    pub(crate) fn connect_async<F, Fut>(
        &self,
        name: Arc<str>,
        settings: ReceiverSettings,
        receiver: F,
    ) -> Connection
    where
        F: Fn(Arc<Event<E>>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: ReceiverOutput,
    {
        let receiver = Arc::new(Quiet::new(receiver));
        let run: Arc<AsyncCall<E>> = Arc::new(move |event| {
            let receiver = Arc::clone(&receiver);
            // The receiver is called on the executor too, so that its work before the first `await` does not
            // delay the emitter.
            Box::pin(async move {
                match receiver.get() {
                    Some(receiver) => receiver(event).await.into_result(),
                    None => Ok(()),
                }
            })
        });
        self.add(name, settings, |all, entry| {
            let former = all.remove_by_name(&entry.name);
            insert(&mut all.asynchronous, former.asynchronous, entry.with(run));
        })
    }

    fn add(
        &self,
        name: Arc<str>,
        settings: ReceiverSettings,
        add: impl FnOnce(&mut Entries<E>, Entry<()>),
    ) -> Connection {
        let serial = self.write(|snapshot| {
            let serial = snapshot.serial;
            let entry = Entry { name: Arc::clone(&name), settings, serial, run: Arc::new(()) };
            add(&mut snapshot.all, entry);
            serial
        });
        Connection::new(Weak::clone(&self.this) as Weak<dyn Disconnect>, name, serial)
    }

    pub(crate) fn disconnect(&self, name: &str) -> bool {
        self.write(|snapshot| snapshot.all.retain(|entry_name, _| entry_name != name))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Snapshot<E>) -> T) -> T {
        let mut serial = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        *serial += 1;
        let mut snapshot = Snapshot::clone(&self.snapshot.load());
        snapshot.serial = *serial;
        let result = change(&mut snapshot);
        snapshot.select(&self.emitted);
        let old = self.snapshot.swap(Arc::new(snapshot));
        drop(serial);
        // This may drop a receiver, whose values may emit, connect or disconnect when they are dropped: hence
        // without the lock and in the scope of the hub.
        let _entered = self.hub.enter();
        drop(old);
        result
    }
}

impl<E: Send + Sync + 'static> Disconnect for ReceiverSet<E> {
    fn disconnect_serial(&self, serial: u64) -> bool {
        self.write(|snapshot| snapshot.all.retain(|_, entry_serial| entry_serial != serial))
    }
}

impl<E: Send + Sync + 'static> StateHolder for ReceiverSet<E> {
    fn set_state(&self, state: &Arc<HubState>) {
        self.write(|snapshot| snapshot.state = Arc::clone(state));
    }
}

/// The former positions of a receiver.
#[derive(Default)]
struct FormerPosition {
    synchronous: Option<usize>,
    asynchronous: Option<usize>,
}

impl<E> Snapshot<E> {
    fn new(state: Arc<HubState>) -> Self {
        let all = Entries { synchronous: Vec::new(), asynchronous: Vec::new() };
        let (local, bus) = (all.select(Origin::Local, &state), all.select(Origin::Bus, &state));
        Self { enabled: true, all, local, bus, emitted: None, serial: 0, state }
    }

    fn of(&self, origin: Origin) -> &Selected<E> {
        match origin {
            Origin::Local => &self.local,
            Origin::Bus => &self.bus,
        }
    }

    /// Computes what follows from the receivers and the state.
    fn select(&mut self, emitted: &Arc<EmittedIds>) {
        self.local = self.all.select(Origin::Local, &self.state);
        self.bus = self.all.select(Origin::Bus, &self.state);
        let has_both = self.of_both_origins().next().is_some();
        self.emitted = has_both.then(|| Arc::clone(emitted));
    }

    /// The names and serial numbers of the receivers that take events of both origins.
    pub(super) fn of_both_origins(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        let synchronous =
            self.all.synchronous.iter().map(|entry| (&entry.name, entry.serial, entry.settings));
        let asynchronous =
            self.all.asynchronous.iter().map(|entry| (&entry.name, entry.serial, entry.settings));
        let entries = synchronous.chain(asynchronous);
        entries.filter(|(.., settings)| settings.from.is_none()).map(|(name, serial, _)| (name, serial))
    }
}

impl<E> Selected<E> {
    /// Runs all sync receivers.
    pub(super) fn run(&self, event: &Event<E>) -> Responses {
        for (at, entry) in self.synchronous.iter().enumerate() {
            if let Err(error) = (entry.run)(event) {
                return Responses::Owned(self.run_after_failure(event, at, error));
            }
        }
        Responses::AllOk(Arc::clone(&self.all_ok))
    }

    #[cold]
    fn run_after_failure(&self, event: &Event<E>, failed: usize, error: ReceiverError) -> Vec<Response> {
        let mut responses = self.responses_to_failure(event, failed, error);
        for entry in self.synchronous.iter().skip(failed + 1) {
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
        for (at, entry) in self.synchronous.iter().enumerate() {
            if let Err(error) = (entry.run)(event) {
                return Err(self.responses_to_failure(event, at, error));
            }
        }
        Ok(Responses::AllOk(Arc::clone(&self.all_ok)))
    }

    fn responses_to_failure(&self, event: &Event<E>, failed: usize, error: ReceiverError) -> Vec<Response> {
        let mut responses = Vec::with_capacity(self.synchronous.len());
        let names = self.synchronous.iter().map(|entry| Arc::clone(&entry.name));
        responses.extend(names.take(failed).map(|name| Response::new(name, Ok(()))));
        if let Some(entry) = self.synchronous.get(failed) {
            report::receiver_failed(event.origin(), event.metadata(), &entry.name, &error);
            responses.push(Response::new(Arc::clone(&entry.name), Err(error)));
        }
        responses
    }
}

impl<E> Entries<E> {
    fn select(&self, origin: Origin, state: &HubState) -> Selected<E> {
        let synchronous = selected(&self.synchronous, origin);
        let asynchronous = selected(&self.asynchronous, origin);
        Selected {
            all_ok: synchronous.iter().map(|entry| Response::new(Arc::clone(&entry.name), Ok(()))).collect(),
            shares_event: !asynchronous.is_empty() || state.is_observed(),
            synchronous,
            asynchronous,
        }
    }

    /// Removes the receiver of this name and returns its former position.
    fn remove_by_name(&mut self, name: &str) -> FormerPosition {
        let former = FormerPosition {
            synchronous: self.synchronous.iter().position(|entry| *entry.name == *name),
            asynchronous: self.asynchronous.iter().position(|entry| *entry.name == *name),
        };
        self.retain(|entry_name, _| entry_name != name);
        former
    }

    /// Keeps the receivers for whose name and serial number the predicate is true. Returns whether any was
    /// removed.
    fn retain(&mut self, keep: impl Fn(&str, u64) -> bool) -> bool {
        let before = self.synchronous.len() + self.asynchronous.len();
        self.synchronous.retain(|entry| keep(&entry.name, entry.serial));
        self.asynchronous.retain(|entry| keep(&entry.name, entry.serial));
        self.synchronous.len() + self.asynchronous.len() != before
    }
}

impl Entry<()> {
    fn with<F: ?Sized>(self, run: Arc<F>) -> Entry<F> {
        Entry { name: self.name, settings: self.settings, serial: self.serial, run }
    }
}

fn names<A: ?Sized, B: ?Sized>(synchronous: &[Entry<A>], asynchronous: &[Entry<B>]) -> Vec<Arc<str>> {
    let synchronous = synchronous.iter().map(|entry| &entry.name);
    synchronous.chain(asynchronous.iter().map(|entry| &entry.name)).cloned().collect()
}

/// The receivers that take events of an origin.
fn selected<F: ?Sized>(entries: &[Entry<F>], origin: Origin) -> Vec<Entry<F>> {
    let takes = |entry: &&Entry<F>| entry.settings.from.is_none_or(|from| from == origin);
    entries.iter().filter(takes).cloned().collect()
}

/// Inserts an entry at its former position if the order allows it, else after the entries of equal order.
fn insert<F: ?Sized>(entries: &mut Vec<Entry<F>>, former: Option<usize>, entry: Entry<F>) {
    let order = entry.settings.order;
    let first = entries.partition_point(|other| other.settings.order < order);
    let last = entries.partition_point(|other| other.settings.order <= order);
    let at = former.map_or(last, |at| at.clamp(first, last));
    entries.insert(at, entry);
}

impl<F: ?Sized> Clone for Entry<F> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            settings: self.settings,
            serial: self.serial,
            run: Arc::clone(&self.run),
        }
    }
}

impl<E> Clone for Snapshot<E> {
    fn clone(&self) -> Self {
        Self {
            enabled: self.enabled,
            all: self.all.clone(),
            local: self.local.clone(),
            bus: self.bus.clone(),
            emitted: self.emitted.clone(),
            serial: self.serial,
            state: Arc::clone(&self.state),
        }
    }
}

impl<E> Clone for Entries<E> {
    fn clone(&self) -> Self {
        Self { synchronous: self.synchronous.clone(), asynchronous: self.asynchronous.clone() }
    }
}

impl<E> Clone for Selected<E> {
    fn clone(&self) -> Self {
        Self {
            synchronous: self.synchronous.clone(),
            asynchronous: self.asynchronous.clone(),
            all_ok: Arc::clone(&self.all_ok),
            shares_event: self.shares_event,
        }
    }
}
