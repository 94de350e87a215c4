//! Receivers that `#[receiver]` links into the program.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Connection, ReceiverOptions, ReceiverOutput};
use crate::hub::Hub;
use crate::{Event, PublicSignal, Signal};

/// A receiver that `#[receiver]` links into the program. All `const`.
#[derive(Debug, Clone, Copy)]
pub struct LinkedReceiver {
    /// The receiver's name.
    pub name: &'static str,
    /// The file of the function.
    pub file: &'static str,
    /// The line of the attribute.
    pub line: u32,
    /// Connects it in a hub, under a name; tells the event type, also where it is to connect
    /// nowhere. One function, so that the compiler says once what is wrong with a signal.
    pub link: fn(Option<Place<'_>>) -> &'static str,
}

/// Where a linked receiver is to be connected, and under which name.
pub type Place<'a> = (&'a Hub, Arc<str>);

impl LinkedReceiver {
    /// The event type that it receives.
    pub(crate) fn event_type(&self) -> &'static str {
        (self.link)(None)
    }

    fn connect(&self, hub: &Hub, name: Arc<str>) {
        (self.link)(Some((hub, name)));
    }
}

inventory::collect!(LinkedReceiver);

/// All linked receivers by file and line: the linker has no order that one could rely on.
pub(crate) fn all() -> Vec<&'static LinkedReceiver> {
    let mut all: Vec<_> = inventory::iter::<LinkedReceiver>.into_iter().collect();
    all.sort_by_key(|receiver| (receiver.file, receiver.line, receiver.name));
    all
}

/// Connects all linked receivers. Of two with one name on one event, which
/// [`Registry::linked`](crate::Registry::linked) reports, none replaces the other: the later one
/// gets its place in the source as a further name.
pub(crate) fn connect_all(hub: &Hub) {
    let mut known = HashMap::new();
    for receiver in all() {
        let first = *known.entry((receiver.event_type(), receiver.name)).or_insert(receiver);
        if std::ptr::eq(first, receiver) {
            receiver.connect(hub, receiver.name.into());
            continue;
        }
        let LinkedReceiver { name, file, line, .. } = receiver;
        tracing::error!(
            receiver = name,
            first = format_args!("{}:{}", first.file, first.line),
            second = format_args!("{file}:{line}"),
            "two receivers have one name; give one of them another with `name = \"…\"`"
        );
        receiver.connect(hub, format!("{name} ({file}:{line})").into());
    }
}

/// What a linked receiver may take by reference: the event of its signal.
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

/// What an async linked receiver may take by value: the event of its signal, shared.
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

/// A linked receiver on its way into a hub, or nowhere.
#[derive(Debug)]
pub struct Link<'a, E: PublicSignal> {
    signal: &'a Signal<E>,
    place: Option<Place<'a>>,
    order: i32,
}

impl<'a, E: PublicSignal> Link<'a, E> {
    /// A receiver of a signal.
    pub fn new(signal: &'a Signal<E>, place: Option<Place<'a>>, order: i32) -> Self {
        Self { signal, place, order }
    }

    fn connect(self, connect: impl FnOnce(ReceiverOptions<'a, E>) -> Connection) -> &'static str {
        if let Some((hub, name)) = self.place {
            connect(self.signal.receiver(name).order(self.order).hub(hub));
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
