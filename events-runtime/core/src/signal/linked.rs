//! What the expansion of `#[receiver]` calls to connect a linked receiver.

use std::sync::Arc;

use super::{ReceiverOptions, Signal};
use crate::hub::linked::Target;
use crate::receiver::ReceiverOutput;
use crate::{Connection, Event, Origin, PublicSignal};

/// The parameter of a linked receiver by reference: the event of its signal.
#[diagnostic::on_unimplemented(
    message = "this receiver's parameter is not the event of its signal",
    label = "the signal is one of `{E}`: take `&Event<{E}>`",
    note = "`#[receiver(ORDER_PLACED)]` goes on a function that takes `&Event<OrderPlaced>`"
)]
pub trait Parameter<E> {
    /// The parameter of an event.
    fn of(event: &Event<E>) -> &Self;
    /// The parameter of a shared event.
    fn of_shared(event: Arc<Event<E>>) -> Arc<Self>;
}

impl<E> Parameter<E> for Event<E> {
    fn of(event: &Self) -> &Self {
        event
    }

    fn of_shared(event: Arc<Self>) -> Arc<Self> {
        event
    }
}

/// The parameter of an async linked receiver by value: the shared event of its signal.
#[diagnostic::on_unimplemented(
    message = "this receiver's parameter is not the event of its signal",
    label = "the signal is one of `{E}`: take `&Event<{E}>` or `Arc<Event<{E}>>`",
    note = "`#[receiver(ORDER_PLACED)]` goes on a function that takes `&Event<OrderPlaced>`"
)]
pub trait SharedParameter<E> {
    /// The parameter of an event.
    fn of(event: Arc<Event<E>>) -> Self;
}

impl<E> SharedParameter<E> for Arc<Event<E>> {
    fn of(event: Self) -> Self {
        event
    }
}

/// Connects a linked receiver to its signal if there is a target.
#[derive(Debug)]
pub struct Link<'a, E: PublicSignal> {
    signal: &'a Signal<E>,
    target: Option<Target<'a>>,
    order: i32,
    from: Option<Origin>,
}

impl<'a, E: PublicSignal> Link<'a, E> {
    /// A receiver of a signal.
    pub fn new(signal: &'a Signal<E>, target: Option<Target<'a>>, order: i32) -> Self {
        Self { signal, target, order, from: None }
    }

    /// The origin of the events that it takes.
    #[must_use]
    pub fn from(mut self, origin: Origin) -> Self {
        self.from = Some(origin);
        self
    }

    fn connect(self, connect: impl FnOnce(ReceiverOptions<'a, E>) -> Connection) -> &'static str {
        if let Some((hub, name)) = self.target {
            let options = self.signal.receiver(name).order(self.order).hub(hub);
            connect(match self.from {
                Some(origin) => options.from(origin),
                None => options,
            });
        }
        E::EVENT_TYPE
    }

    /// Connects a function.
    pub fn sync<P, R, F>(self, receiver: F) -> &'static str
    where
        P: Parameter<E>,
        R: ReceiverOutput,
        F: Fn(&P) -> R + Send + Sync + 'static,
    {
        self.connect(|options| options.connect(move |event| receiver(P::of(event))))
    }

    /// Connects an async function that takes a reference.
    pub fn by_reference<P, R, F, Fut>(self, receiver: F) -> &'static str
    where
        P: Parameter<E>,
        R: ReceiverOutput,
        F: Fn(Arc<P>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        self.connect(|options| options.connect_async(move |event| receiver(P::of_shared(event))))
    }

    /// Connects an async function that takes a shared event.
    pub fn shared<P, R, F, Fut>(self, receiver: F) -> &'static str
    where
        P: SharedParameter<E>,
        R: ReceiverOutput,
        F: Fn(P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        self.connect(|options| options.connect_async(move |event| receiver(P::of(event))))
    }
}
