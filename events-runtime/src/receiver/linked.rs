//! Receivers that `#[receiver]` links into the program.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ReceiverOptions, ReceiverOutput};
use crate::hub::Hub;
use crate::{Event, PublicSignal, Signal};

/// A receiver that `#[receiver]` links into the program. All `const`.
#[derive(Debug, Clone, Copy)]
pub struct LinkedReceiver {
    /// The receiver's name.
    pub name: &'static str,
    /// The event type that it receives.
    pub event_type: fn() -> &'static str,
    /// The file of the function.
    pub file: &'static str,
    /// The line of the attribute.
    pub line: u32,
    /// Connects it in a hub, under this name.
    pub connect: fn(&Hub, Arc<str>),
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
        let first = *known.entry(((receiver.event_type)(), receiver.name)).or_insert(receiver);
        if std::ptr::eq(first, receiver) {
            (receiver.connect)(hub, receiver.name.into());
            continue;
        }
        let LinkedReceiver { name, file, line, .. } = receiver;
        tracing::error!(
            receiver = name,
            first = format_args!("{}:{}", first.file, first.line),
            second = format_args!("{file}:{line}"),
            "two receivers have one name; give one of them another with `name = \"…\"`"
        );
        (receiver.connect)(hub, format!("{name} ({file}:{line})").into());
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
}

impl<E> Parameter<E> for Event<E> {
    fn of(event: &Self) -> &Self {
        event
    }
}

/// What an async linked receiver may take by value: the event of its signal, shared.
#[diagnostic::on_unimplemented(
    message = "this receiver's parameter is not the event of its signal",
    label = "the signal is one of `{E}`: take `&Event<{E}>` or `Arc<Event<{E}>>`",
    note = "`#[receiver(ORDER_PLACED)]` goes on a function that takes `&Event<OrderPlaced>`"
)]
pub trait AsyncParameter<E> {
    /// The parameter of an event.
    fn of(event: Arc<Event<E>>) -> Self;
}

impl<E> AsyncParameter<E> for Arc<Event<E>> {
    fn of(event: Self) -> Self {
        event
    }
}

/// The event type of a signal, which `Signal::event_type` tells of too; here without the method,
/// which a user's trait could shadow.
pub fn event_type<E: PublicSignal>(_: &Signal<E>) -> &'static str {
    E::EVENT_TYPE
}

/// Connects a linked receiver.
pub fn link<E, P, R, F>(options: ReceiverOptions<'_, E>, receiver: F)
where
    E: PublicSignal,
    P: Parameter<E>,
    R: ReceiverOutput,
    F: Fn(&P) -> R + Send + Sync + 'static,
{
    options.connect(move |event| receiver(P::of(event)));
}

/// Connects an async linked receiver.
pub fn link_async<E, P, R, F, Fut>(options: ReceiverOptions<'_, E>, receiver: F)
where
    E: PublicSignal,
    P: AsyncParameter<E>,
    R: ReceiverOutput,
    F: Fn(P) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
{
    options.connect_async(move |event| receiver(P::of(event)));
}
