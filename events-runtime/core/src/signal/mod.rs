//! Signals: the handles that events are emitted by and receivers are connected to.

pub(crate) mod linked;
mod receiver_options;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub use receiver_options::ReceiverOptions;

pub use crate::hub::delivery::{Delivered, DeliveryError, SendError, TopicOutcome};
pub use crate::hub::emission::{AnyEmission, Emission, StrictError};
pub use crate::hub::emit_options::EmitOptions;

use crate::hub::{Hub, ReceiverSet, TypeIndex};
use crate::receiver::ReceiverOutput;
use crate::{Connection, Event, PublicSignal};

/// The handle of an event definition: events are emitted by it, receivers are connected to it.
///
/// The derive macro `PublicSignal` writes one `static` per event. A handle holds no receivers:
/// they live in a [`Hub`], and every method here means the [current one](Hub::current). Two
/// handles of one event type are the same signal.
pub struct Signal<E> {
    /// Where a hub keeps this event's receivers: looked up once.
    index: AtomicU32,
    event: PhantomData<fn() -> E>,
}

impl<E> Signal<E> {
    /// The handle of event `E`.
    pub const fn new() -> Self {
        Self { index: AtomicU32::new(TypeIndex::UNKNOWN), event: PhantomData }
    }
}

impl<E> Default for Signal<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: PublicSignal> Signal<E> {
    /// Emits an event: runs the sync receivers in order, starts the async ones, hands the event
    /// to the bus. Never blocks on the latter two.
    ///
    /// A receiver that fails or panics doesn't stop the others; the emission tells. While the
    /// signal is [disabled](Self::disable), nothing happens.
    #[doc(alias("publish", "send", "dispatch", "send_event"))]
    #[inline]
    pub fn emit(&self, payload: E) -> Emission<E> {
        Hub::with_current(|hub| hub.emit_at(self.type_index(), payload, None))
    }

    /// [`emit`](Self::emit) with metadata that is not made up by the hub.
    pub fn emit_with(&self, payload: E, options: EmitOptions) -> Emission<E> {
        Hub::with_current(|hub| hub.emit_at(self.type_index(), payload, Some(options)))
    }

    /// [`emit`](Self::emit), but stops at the first sync receiver that fails or panics: no later
    /// receiver runs, no async one starts, no bus takes the event.
    ///
    /// # Errors
    /// A [`StrictError`] with what the receivers answered that ran.
    pub fn emit_strict(&self, payload: E) -> Result<Emission<E>, StrictError> {
        self.emit_strict_with(payload, EmitOptions::default())
    }

    /// [`emit_strict`](Self::emit_strict) with metadata that is not made up by the hub.
    ///
    /// # Errors
    /// A [`StrictError`] with what the receivers answered that ran.
    pub fn emit_strict_with(&self, payload: E, options: EmitOptions) -> Result<Emission<E>, StrictError> {
        Hub::with_current(|hub| hub.emit_strict_at(self.type_index(), payload, options))
    }

    /// Connects a receiver, which runs within [`emit`](Self::emit).
    ///
    /// The name tells receivers of a signal apart: connecting another one under the same name
    /// replaces the first, in its place in the order. A closure that ends in a bare `Ok(())`
    /// must name its error type.
    ///
    /// The receiver stays connected when the [`Connection`] is dropped.
    #[doc(alias("subscribe", "listen", "on"))]
    pub fn connect<F, R>(&self, name: impl Into<Arc<str>>, receiver: F) -> Connection
    where
        F: Fn(&Event<E>) -> R + Send + Sync + 'static,
        R: ReceiverOutput,
    {
        self.receiver(name).connect(receiver)
    }

    /// Connects an async receiver, which [`emit`](Self::emit) starts and does not wait for.
    ///
    /// It runs on the tokio runtime that the event is emitted on or, outside of one, on the
    /// hub's own executor.
    #[doc(alias = "subscribe")]
    pub fn connect_async<F, Fut>(&self, name: impl Into<Arc<str>>, receiver: F) -> Connection
    where
        F: Fn(Arc<Event<E>>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: ReceiverOutput,
    {
        self.receiver(name).connect_async(receiver)
    }

    /// A receiver to be connected with a place in the order, or in a given hub.
    pub fn receiver(&self, name: impl Into<Arc<str>>) -> ReceiverOptions<'_, E> {
        ReceiverOptions::new(self, name.into())
    }

    /// Disconnects the receiver of this name; `false` where there is none.
    #[doc(alias = "unsubscribe")]
    pub fn disconnect(&self, name: &str) -> bool {
        Hub::with_current(|hub| {
            hub.find_receivers::<E>(self.type_index()).is_some_and(|receivers| receivers.disconnect(name))
        })
    }

    /// Lets events through again.
    pub fn enable(&self) {
        Hub::with_current(|hub| hub.receivers::<E>(self.type_index()).enable());
    }

    /// Stops events of this type in the current hub, also those that a bus delivers: no receiver
    /// runs and no bus takes them.
    pub fn disable(&self) {
        Hub::with_current(|hub| hub.receivers::<E>(self.type_index()).disable());
    }

    /// Whether events of this type get through in the current hub.
    pub fn is_enabled(&self) -> bool {
        Hub::with_current(|hub| {
            hub.find_receivers::<E>(self.type_index()).is_none_or(ReceiverSet::is_enabled)
        })
    }

    /// The names of the receivers connected in the current hub: the sync ones in the order they
    /// run, then the async ones.
    pub fn receivers(&self) -> Vec<Arc<str>> {
        Hub::with_current(|hub| {
            hub.find_receivers::<E>(self.type_index()).map(ReceiverSet::names).unwrap_or_default()
        })
    }

    /// The event type, such as `org.acme.orders.order.placed.v1`.
    pub fn event_type(&self) -> &'static str {
        E::EVENT_TYPE
    }

    pub(crate) fn type_index(&self) -> TypeIndex {
        if let Some(index) = TypeIndex::known(self.index.load(Ordering::Relaxed)) {
            return index;
        }
        let index = TypeIndex::of::<E>();
        self.index.store(index.get(), Ordering::Relaxed);
        index
    }
}

impl<E: PublicSignal> fmt::Debug for Signal<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signal").field(&E::EVENT_TYPE).finish()
    }
}

#[cfg(test)]
mod tests;
