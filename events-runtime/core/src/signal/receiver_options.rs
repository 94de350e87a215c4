//! Options of a receiver that is to be connected.

use std::fmt;
use std::sync::Arc;

use super::Signal;
use crate::hub::{Hub, ReceiverSettings};
use crate::receiver::ReceiverOutput;
use crate::{Connection, Event, Origin, PublicSignal};

/// Options of a receiver to be connected: see [`Signal::receiver`].
#[must_use = "nothing is connected before `connect` or `connect_async`"]
pub struct ReceiverOptions<'a, E> {
    signal: &'a Signal<E>,
    name: Arc<str>,
    settings: ReceiverSettings,
    hub: Option<&'a Hub>,
}

impl<'a, E: PublicSignal> ReceiverOptions<'a, E> {
    pub(crate) fn new(signal: &'a Signal<E>, name: Arc<str>) -> Self {
        Self { signal, name, settings: ReceiverSettings::default(), hub: None }
    }

    /// The receiver's position in the order: lower numbers run first, equal ones in the order of connection.
    /// The default is 0.
    pub fn order(mut self, order: i32) -> Self {
        self.settings.order = order;
        self
    }

    /// The origin of the events that the receiver takes. The default is both: in a process that emits an
    /// event and also consumes its topic, the receiver then runs twice, in `emit` and on delivery.
    ///
    /// ```
    /// # use events_runtime::{Event, Hub, Origin, PublicSignal};
    /// # #[derive(PublicSignal)]
    /// # #[public_signal(event_type = "org.acme.orders.order.placed.v1")]
    /// # struct OrderPlaced { number: u32 }
    /// # Hub::new().scope(|| {
    /// // Runs once for each event, on delivery: with retries, and in one process of the consumer group.
    /// ORDER_PLACED.receiver("receipt").from(Origin::Bus).connect(|event| println!("{}", event.number));
    /// # assert!(ORDER_PLACED.emit(OrderPlaced { number: 1 }).responses().is_empty());
    /// # });
    /// ```
    pub fn from(mut self, origin: Origin) -> Self {
        self.settings.from = Some(origin);
        self
    }

    /// The hub in which to connect, instead of the current one.
    pub fn hub(mut self, hub: &'a Hub) -> Self {
        self.hub = Some(hub);
        self
    }

    /// Connects the receiver; see [`Signal::connect`].
    pub fn connect<F, R>(self, receiver: F) -> Connection
    where
        F: Fn(&Event<E>) -> R + Send + Sync + 'static,
        R: ReceiverOutput,
    {
        let (signal, name, settings) = (self.signal, self.name, self.settings);
        Hub::with_current_or(self.hub, |hub| {
            hub.receivers::<E>(signal.type_index()).connect(name, settings, receiver)
        })
    }

    /// Connects an async receiver; see [`Signal::connect_async`].
    pub fn connect_async<F, Fut>(self, receiver: F) -> Connection
    where
        F: Fn(Arc<Event<E>>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: ReceiverOutput,
    {
        let (signal, name, settings) = (self.signal, self.name, self.settings);
        Hub::with_current_or(self.hub, |hub| {
            hub.receivers::<E>(signal.type_index()).connect_async(name, settings, receiver)
        })
    }
}

impl<E: PublicSignal> fmt::Debug for ReceiverOptions<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverOptions")
            .field("signal", self.signal)
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
