//! Signals: the handles that emit events and connect receivers.

pub(crate) mod linked;
mod receiver_options;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub use receiver_options::ReceiverOptions;

pub use crate::hub::delivery::{
    Acknowledged, AcknowledgementError, Delivered, DeliveryError, Received, ReceptionError, SendError,
    TopicOutcome,
};
pub use crate::hub::emission::{AnyEmission, Emission, StrictError};
pub use crate::hub::emit_options::EmitOptions;

use crate::hub::{Hub, ReceiverSet, TypeIndex};
use crate::receiver::ReceiverOutput;
use crate::{Connection, Event, Origin, PublicSignal};

/// The handle of an event definition, to emit events and to connect receivers.
///
/// The derive macro `PublicSignal` writes one `static` per event. A handle holds no receivers: they are in a
/// [`Hub`], and every method here uses the [current one](Hub::current). Two handles of one event type are the
/// same signal.
pub struct Signal<E> {
    /// The [`TypeIndex`] of the event, looked up once.
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
    /// Emits an event: runs the sync receivers in order, starts the async receivers and queues the event for
    /// the bus. Never waits for the latter two.
    ///
    /// A receiver that fails or panics doesn't stop the others; its error is in the emission. While the
    /// signal is [disabled](Self::disable), nothing happens.
    #[doc(alias("publish", "send", "dispatch", "send_event"))]
    #[inline]
    pub fn emit(&self, payload: E) -> Emission<E> {
        Hub::with_current(|hub| hub.emit_at(self.type_index(), payload, None))
    }

    /// [`emit`](Self::emit) with metadata of the caller.
    pub fn emit_with(&self, payload: E, options: EmitOptions) -> Emission<E> {
        Hub::with_current(|hub| hub.emit_at(self.type_index(), payload, Some(options)))
    }

    /// [`emit`](Self::emit), but stops at the first sync receiver that fails or panics: no later receiver
    /// runs, no async receiver starts, and the event is not sent.
    ///
    /// # Errors
    /// A [`StrictError`] with the responses of the receivers that ran.
    pub fn emit_strict(&self, payload: E) -> Result<Emission<E>, StrictError> {
        self.emit_strict_with(payload, EmitOptions::default())
    }

    /// [`emit_strict`](Self::emit_strict) with metadata of the caller.
    ///
    /// # Errors
    /// A [`StrictError`] with the responses of the receivers that ran.
    pub fn emit_strict_with(&self, payload: E, options: EmitOptions) -> Result<Emission<E>, StrictError> {
        Hub::with_current(|hub| hub.emit_strict_at(self.type_index(), payload, options))
    }

    /// Connects a receiver, which runs within [`emit`](Self::emit).
    ///
    /// The name identifies the receiver within its signal: another receiver with the same name replaces the
    /// first and keeps its position in the order. A closure that ends in a bare `Ok(())` must name its error
    /// type.
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

    /// Connects an async receiver, which [`emit`](Self::emit) starts without waiting for it.
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

    /// Connects a receiver with further options: a position in the order, the origin of its events, or a given
    /// hub.
    pub fn receiver(&self, name: impl Into<Arc<str>>) -> ReceiverOptions<'_, E> {
        ReceiverOptions::new(self, name.into())
    }

    /// Disconnects the receiver of this name. Returns `false` if there is none.
    #[doc(alias = "unsubscribe")]
    pub fn disconnect(&self, name: &str) -> bool {
        Hub::with_current(|hub| {
            hub.find_receivers::<E>(self.type_index()).is_some_and(|receivers| receivers.disconnect(name))
        })
    }

    /// Enables events of this type again in the current hub.
    pub fn enable(&self) {
        Hub::with_current(|hub| hub.receivers::<E>(self.type_index()).enable());
    }

    /// Disables events of this type in the current hub, including those that a bus delivers: no receiver runs
    /// and nothing is sent. A consumer leaves the events in their topic until the type is enabled again.
    pub fn disable(&self) {
        Hub::with_current(|hub| hub.receivers::<E>(self.type_index()).disable());
    }

    /// Whether events of this type are enabled in the current hub.
    pub fn is_enabled(&self) -> bool {
        Hub::with_current(|hub| {
            hub.find_receivers::<E>(self.type_index()).is_none_or(ReceiverSet::is_enabled)
        })
    }

    /// The names of the receivers connected in the current hub: the sync ones in the order they
    /// run, then the async ones. Includes those that take events of one [origin](ReceiverOptions::from) only.
    pub fn receivers(&self) -> Vec<Arc<str>> {
        Hub::with_current(|hub| {
            hub.find_receivers::<E>(self.type_index()).map(ReceiverSet::names).unwrap_or_default()
        })
    }

    /// The names of the receivers that run for events of this origin, in the same order.
    pub fn receivers_from(&self, origin: Origin) -> Vec<Arc<str>> {
        Hub::with_current(|hub| {
            hub.find_receivers::<E>(self.type_index())
                .map(|receivers| receivers.names_from(origin))
                .unwrap_or_default()
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
