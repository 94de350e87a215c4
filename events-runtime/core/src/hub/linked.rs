//! Receivers that `#[receiver]` links into the program.

use std::collections::HashMap;
use std::sync::Arc;

use super::Hub;

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
    pub link: fn(Option<Target<'_>>) -> &'static str,
}

/// Where to connect a linked receiver, and under which name.
pub(crate) type Target<'a> = (&'a Hub, Arc<str>);

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
