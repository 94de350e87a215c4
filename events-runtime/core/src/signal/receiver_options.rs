//! Options of a receiver that is to be connected.

use std::fmt;
use std::sync::Arc;

use super::Signal;
use crate::hub::Hub;
use crate::receiver::ReceiverOutput;
use crate::{Connection, Event, PublicSignal};

/// Options of a receiver to be connected: see [`Signal::receiver`].
#[must_use = "nothing is connected before `connect` or `connect_async`"]
pub struct ReceiverOptions<'a, E> {
    signal: &'a Signal<E>,
    name: Arc<str>,
    order: i32,
    hub: Option<&'a Hub>,
}

impl<'a, E: PublicSignal> ReceiverOptions<'a, E> {
    pub(crate) fn new(signal: &'a Signal<E>, name: Arc<str>) -> Self {
        Self { signal, name, order: 0, hub: None }
    }

    /// The receiver's position in the order: lower numbers run first, equal ones in the order of connection.
    /// The default is 0.
    pub fn order(mut self, order: i32) -> Self {
        self.order = order;
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
        let (signal, name, order) = (self.signal, self.name, self.order);
        Hub::with_current_or(self.hub, |hub| {
            hub.receivers::<E>(signal.type_index()).connect(name, order, receiver)
        })
    }

    /// Connects an async receiver; see [`Signal::connect_async`].
    pub fn connect_async<F, Fut>(self, receiver: F) -> Connection
    where
        F: Fn(Arc<Event<E>>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: ReceiverOutput,
    {
        let (signal, name, order) = (self.signal, self.name, self.order);
        Hub::with_current_or(self.hub, |hub| {
            hub.receivers::<E>(signal.type_index()).connect_async(name, order, receiver)
        })
    }
}

impl<E: PublicSignal> fmt::Debug for ReceiverOptions<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverOptions")
            .field("signal", self.signal)
            .field("name", &self.name)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}
