//! Hubs: where receivers live and events meet them.
//!
//! There is one default hub per process, which holds every receiver that `#[receiver]` links.
//! Tests and libraries scope another: inside of [`Hub::scope`] and [`Hub::scope_async`] every
//! signal means that hub, so tests that run side by side never see each other's events and
//! nothing has to be reset.
//!
//! A scope is the thread's, and a guarded future's wherever it is polled. Receivers run in the
//! scope of the hub that their event was emitted in. Work that is spawned elsewhere leaves the
//! scope unless it is wrapped too: `tokio::spawn(Hub::current().scope_async(work))`.

mod dispatch;
mod executor;
pub(crate) mod hooks;
mod identity;
mod report;
mod roster;
mod scope;
mod slots;
mod surroundings;
mod task;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock, Weak};

pub(crate) use executor::block;
pub(crate) use hooks::{AnyEvent, Observer, Outbound};
use identity::Identity;
pub(crate) use roster::{Disconnect, Roster};
pub use scope::Scoped;
pub(crate) use slots::SlotIndex;
use slots::Slots;
use surroundings::Around;

use crate::metadata::MetadataError;
use crate::receiver::linked;
use crate::{Emission, EmitOptions, PublicSignal, StrictError};

/// Where receivers live and events meet them. A handle: clones are the same hub.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    slots: Slots,
    around: Around,
    executor: executor::Executor,
}

/// A hub that may be gone, for what it owns itself.
struct WeakHub(Weak<Inner>);

impl WeakHub {
    /// Enters the hub's scope where the hub is still there.
    fn enter(&self) -> Option<scope::Entered> {
        self.0.upgrade().map(|inner| scope::enter(Hub(inner)))
    }
}

impl Drop for Inner {
    /// What the receivers hold may emit when it is dropped. Their hub is gone by then, and the default
    /// one, or whichever is the current one, never had anything to do with them: nobody sees it.
    fn drop(&mut self) {
        if !self.slots.is_empty() {
            let _entered = scope::enter(Hub::new());
            drop(std::mem::take(&mut self.slots));
        }
    }
}

impl Hub {
    /// An empty hub: no receiver, not even the linked ones, and no bus.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            slots: Slots::default(),
            around: Around::new(Identity::of_this_program()),
            executor: executor::Executor::default(),
        }))
    }

    /// A hub of its own with every receiver that `#[receiver]` links, in the order of their
    /// files and lines.
    pub fn linked() -> Self {
        let hub = Self::new();
        linked::connect_all(&hub);
        hub
    }

    /// The process's hub: the current one wherever no other is scoped. It holds the linked
    /// receivers.
    pub fn default_hub() -> &'static Self {
        static DEFAULT: OnceLock<Hub> = OnceLock::new();
        DEFAULT.get_or_init(Self::linked)
    }

    /// The hub whose scope this is, or the default one.
    pub fn current() -> Self {
        scope::current().unwrap_or_else(|| Self::default_hub().clone())
    }

    /// Runs a function in this hub's scope: every signal means this hub.
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

    /// Wraps a future so that it is in this hub's scope whenever it runs.
    pub fn scope_async<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped::new(self.clone(), future)
    }

    /// Names the service whose events are emitted here: `source` of an event becomes this name,
    /// or `openedx/<name>/web` for Open edX's events. The default is the program's file name.
    ///
    /// # Errors
    /// [`MetadataError::Source`] when the name is empty or holds control characters.
    pub fn set_service_name(&self, name: &str) -> Result<(), MetadataError> {
        let identity = Identity::of_service(name)?;
        self.0.around.change(|surroundings| surroundings.identity = identity);
        Ok(())
    }

    /// Emits an event in this hub; see [`Signal::emit`](crate::Signal::emit).
    pub fn emit<E: PublicSignal>(&self, payload: E) -> Emission<E> {
        self.scope(|| self.emit_at(SlotIndex::of::<E>(), payload, None))
    }

    /// Emits an event in this hub; see [`Signal::emit_with`](crate::Signal::emit_with).
    pub fn emit_with<E: PublicSignal>(&self, payload: E, options: EmitOptions) -> Emission<E> {
        self.scope(|| self.emit_at(SlotIndex::of::<E>(), payload, Some(options)))
    }

    /// Emits an event in this hub; see [`Signal::emit_strict`](crate::Signal::emit_strict).
    ///
    /// # Errors
    /// A [`StrictError`] with what the receivers answered that ran.
    pub fn emit_strict<E: PublicSignal>(&self, payload: E) -> Result<Emission<E>, StrictError> {
        self.scope(|| self.emit_strict_at(SlotIndex::of::<E>(), payload, EmitOptions::default()))
    }

    /// Lets events of type `E` through again.
    pub fn enable<E: PublicSignal>(&self) {
        self.roster::<E>(SlotIndex::of::<E>()).enable();
    }

    /// Stops events of type `E`; see [`Signal::disable`](crate::Signal::disable).
    pub fn disable<E: PublicSignal>(&self) {
        self.roster::<E>(SlotIndex::of::<E>()).disable();
    }

    /// Whether events of type `E` get through.
    pub fn is_enabled<E: PublicSignal>(&self) -> bool {
        self.find_roster::<E>(SlotIndex::of::<E>()).is_none_or(Roster::is_enabled)
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

    pub(crate) fn find_roster<E: PublicSignal>(&self, slot: SlotIndex) -> Option<&Roster<E>> {
        self.0.slots.find(slot)
    }

    pub(crate) fn roster<E: PublicSignal>(&self, slot: SlotIndex) -> &Roster<E> {
        let hub = || WeakHub(Arc::downgrade(&self.0));
        self.0.slots.get(slot, || self.0.around.within(|surroundings| Roster::new(hub(), surroundings)))
    }

    /// Attaches a bus: from now on it is offered every event of local origin.
    #[doc(hidden)]
    pub fn attach(&self, outbound: &Arc<dyn Outbound>) {
        self.0.around.change(|surroundings| surroundings.outbounds.push(Arc::clone(outbound)));
    }

    /// Detaches a bus. An emission that runs at this moment may still offer its event.
    #[doc(hidden)]
    pub fn detach(&self, outbound: &Arc<dyn Outbound>) {
        self.0.around.change(|surroundings| {
            surroundings.outbounds.retain(|attached| !Arc::ptr_eq(attached, outbound));
        });
    }

    /// Lets somebody watch the events go by.
    pub(crate) fn watch(&self, observer: &Arc<dyn Observer>) {
        self.0.around.change(|surroundings| surroundings.observers.push(Arc::clone(observer)));
    }

    /// Ends [`watch`](Self::watch).
    pub(crate) fn unwatch(&self, observer: &Arc<dyn Observer>) {
        self.0.around.change(|surroundings| {
            surroundings.observers.retain(|watching| !Arc::ptr_eq(watching, observer));
        });
    }
}

impl Default for Hub {
    /// The same as [`new`](Self::new): an empty hub.
    fn default() -> Self {
        Self::new()
    }
}

/// Two handles are equal when they are of the same hub.
impl PartialEq for Hub {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Hub {}

/// A panic leaves a hub whole: its lists are replaced, never changed.
impl UnwindSafe for Hub {}
impl RefUnwindSafe for Hub {}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}
