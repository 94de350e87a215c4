//! Hubs: the connected receivers and the attached buses.
//!
//! Each process has one default hub, with every receiver that `#[receiver]` links. Tests and libraries scope
//! another one: inside [`Hub::scope`] and [`Hub::scope_async`] every signal uses that hub. Parallel tests
//! never see each other's events, and nothing has to be reset.
//!
//! A scope belongs to a thread, or to a future wherever it is polled. Receivers run in the scope of the hub
//! in which their event was emitted. Spawned work leaves the scope unless it is wrapped too:
//! `Hub::current().scope_spawn(work)` with tokio, or `spawn(Hub::current().scope_async(work))`.

pub(crate) mod delivery;
mod dispatch;
pub(crate) mod emission;
pub(crate) mod emit_options;
mod emitted_ids;
mod executor;
pub(crate) mod frozen;
mod identity;
pub(crate) mod linked;
mod receiver_set;
mod report;
mod scope;
pub(crate) mod state;
mod task;
mod type_table;
pub(crate) mod unit;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock, Weak};

use emission::{Emission, StrictError};
use emit_options::EmitOptions;
pub(crate) use executor::block;
use frozen::Frozen;
use identity::Identity;
pub(crate) use receiver_set::{ReceiverSet, ReceiverSettings};
pub use scope::Scoped;
use state::{Observer, Outbound, SharedState};
pub(crate) use type_table::TypeIndex;
use type_table::TypeTable;

use crate::PublicSignal;
use crate::metadata::MetadataError;

/// Holds the connected receivers and the attached buses. A handle: clones are the same hub.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    types: TypeTable,
    state: SharedState,
    executor: executor::Executor,
}

/// A weak handle, for values that the hub owns.
struct WeakHub(Weak<Inner>);

impl WeakHub {
    /// Enters the hub's scope if the hub still exists.
    fn enter(&self) -> Option<scope::Entered> {
        self.0.upgrade().map(|inner| scope::enter(Hub(inner)))
    }
}

impl Drop for Inner {
    /// Values that receivers hold may emit when they are dropped. Their hub no longer exists and the current
    /// hub is unrelated, so such an event goes to an empty hub.
    fn drop(&mut self) {
        if !self.types.is_empty() {
            let _entered = scope::enter(Hub::new());
            drop(std::mem::take(&mut self.types));
        }
    }
}

impl Hub {
    /// An empty hub: without receivers, even linked ones, and without a bus.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            types: TypeTable::default(),
            state: SharedState::new(Identity::of_this_program()),
            executor: executor::Executor::default(),
        }))
    }

    /// A new hub with every receiver that `#[receiver]` links, in the order of their files and lines.
    pub fn linked() -> Self {
        let hub = Self::new();
        linked::connect_all(&hub);
        hub
    }

    /// The default hub of the process, with the linked receivers. It is the current hub outside of any scope.
    pub fn default_hub() -> &'static Self {
        static DEFAULT: OnceLock<Hub> = OnceLock::new();
        DEFAULT.get_or_init(Self::linked)
    }

    /// The hub of the current scope, or the default hub.
    pub fn current() -> Self {
        scope::current().unwrap_or_else(|| Self::default_hub().clone())
    }

    /// Runs a function in this hub's scope: every signal uses this hub.
    ///
    /// ```
    /// use events_runtime::Hub;
    ///
    /// let hub = Hub::new();
    /// assert!(hub.scope(|| Hub::current() == hub));
    /// ```
    pub fn scope<R>(&self, run: impl FnOnce() -> R) -> R {
        let _entered = scope::enter(self.clone());
        run()
    }

    /// Wraps a future so that it is in this hub's scope whenever it is polled.
    pub fn scope_async<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped::new(self.clone(), future)
    }

    /// `tokio::spawn` in this hub's scope: the future emits into this hub whichever thread polls it. A bare
    /// `tokio::spawn` leaves the scope.
    ///
    /// Needs tokio, which the feature `bus` of `events-runtime` brings. On another runtime, wrap the future
    /// with [`scope_async`](Self::scope_async) and spawn it there.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as `tokio::spawn` does.
    #[cfg(feature = "tokio")]
    #[track_caller]
    pub fn scope_spawn<F>(&self, future: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        tokio::spawn(self.scope_async(future))
    }

    /// Sets the name of the service that emits in this hub. The `source` of an event is this name, or
    /// `openedx/<name>/web` for events of the profile `openedx`. The default is the program's file name.
    ///
    /// # Errors
    /// [`MetadataError::Source`] if the name is empty or holds control characters.
    pub fn set_service_name(&self, name: &str) -> Result<(), MetadataError> {
        let identity = Identity::of_service(name)?;
        self.0.state.change(|state| state.identity = identity);
        Ok(())
    }

    /// Emits an event in this hub; see [`Signal::emit`](crate::Signal::emit).
    pub fn emit<E: PublicSignal>(&self, payload: E) -> Emission<E> {
        self.scope(|| self.emit_at(TypeIndex::of::<E>(), payload, None))
    }

    /// Emits an event in this hub; see [`Signal::emit_with`](crate::Signal::emit_with).
    pub fn emit_with<E: PublicSignal>(&self, payload: E, options: EmitOptions) -> Emission<E> {
        self.scope(|| self.emit_at(TypeIndex::of::<E>(), payload, Some(options)))
    }

    /// Emits an event in this hub; see [`Signal::emit_strict`](crate::Signal::emit_strict).
    ///
    /// # Errors
    /// A [`StrictError`] with the responses of the receivers that ran.
    pub fn emit_strict<E: PublicSignal>(&self, payload: E) -> Result<Emission<E>, StrictError> {
        self.scope(|| self.emit_strict_at(TypeIndex::of::<E>(), payload, EmitOptions::default()))
    }

    /// Enables events of type `E` again.
    pub fn enable<E: PublicSignal>(&self) {
        self.receivers::<E>(TypeIndex::of::<E>()).enable();
    }

    /// Disables events of type `E`; see [`Signal::disable`](crate::Signal::disable).
    pub fn disable<E: PublicSignal>(&self) {
        self.receivers::<E>(TypeIndex::of::<E>()).disable();
    }

    /// Whether events of type `E` are enabled.
    pub fn is_enabled<E: PublicSignal>(&self) -> bool {
        self.find_receivers::<E>(TypeIndex::of::<E>()).is_none_or(ReceiverSet::is_enabled)
    }

    #[inline]
    pub(crate) fn with_current<R>(run: impl FnOnce(&Self) -> R) -> R {
        match scope::current() {
            Some(hub) => run(&hub),
            None => run(Self::default_hub()),
        }
    }

    pub(crate) fn with_current_or<R>(hub: Option<&Self>, run: impl FnOnce(&Self) -> R) -> R {
        match hub {
            Some(hub) => run(hub),
            None => Self::with_current(run),
        }
    }

    pub(crate) fn find_receivers<E: PublicSignal>(&self, index: TypeIndex) -> Option<&ReceiverSet<E>> {
        self.0.types.find(index)
    }

    pub(crate) fn receivers<E: PublicSignal>(&self, index: TypeIndex) -> &ReceiverSet<E> {
        let hub = || WeakHub(Arc::downgrade(&self.0));
        self.0.types.get(index, || self.0.state.share_with(|state| ReceiverSet::new(hub(), state)))
    }

    /// Attaches a bus, which is offered every later event of local origin.
    #[doc(hidden)]
    pub fn attach(&self, outbound: &Arc<dyn Outbound>) {
        self.0.state.change(|state| state.outbounds.push(Arc::clone(outbound)));
    }

    /// Detaches a bus. An emission that is already running may still offer it its event.
    #[doc(hidden)]
    pub fn detach(&self, outbound: &Arc<dyn Outbound>) {
        self.0.state.change(|state| {
            state.outbounds.retain(|attached| !Arc::ptr_eq(attached, outbound));
        });
    }

    /// Attaches an observer.
    pub(crate) fn watch(&self, observer: &Arc<dyn Observer>) {
        self.0.state.change(|state| state.observers.push(Arc::clone(observer)));
    }

    /// Attaches an observer that belongs to the recorder of another hub.
    pub(crate) fn watch_from_outside(&self, observer: &Arc<dyn Observer>) {
        self.0.state.change(|state| state.bystanders.push(Arc::clone(observer)));
    }

    /// Fixes the metadata of later events.
    pub(crate) fn freeze(&self, frozen: &Arc<Frozen>) {
        self.0.state.change(|state| state.frozen.push(Arc::clone(frozen)));
    }

    /// Ends [`freeze`](Self::freeze).
    pub(crate) fn unfreeze(&self, frozen: &Arc<Frozen>) {
        self.0.state.change(|state| state.frozen.retain(|other| !Arc::ptr_eq(other, frozen)));
    }

    /// Detaches an observer.
    pub(crate) fn unwatch(&self, observer: &Arc<dyn Observer>) {
        self.0.state.change(|state| {
            for observers in [&mut state.observers, &mut state.bystanders] {
                observers.retain(|watching| !Arc::ptr_eq(watching, observer));
            }
        });
    }
}

impl Default for Hub {
    /// The same as [`new`](Self::new): an empty hub.
    fn default() -> Self {
        Self::new()
    }
}

/// Handles of the same hub are equal.
impl PartialEq for Hub {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Hub {}

/// A panic leaves a hub consistent: its lists are replaced, never modified.
impl UnwindSafe for Hub {}
impl RefUnwindSafe for Hub {}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}
