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
    /// Connects the receiver if there is a target, and returns its event type. One function for both, so that
    /// the compiler reports an error in the signal once.
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

/// All linked receivers by file and line: the linker's order is unspecified.
pub(crate) fn all() -> Vec<&'static LinkedReceiver> {
    let mut all: Vec<_> = inventory::iter::<LinkedReceiver>.into_iter().collect();
    all.sort_by_key(|receiver| (receiver.file, receiver.line, receiver.name));
    all
}

/// Connects all linked receivers. If two receivers of an event have the same name, which
/// [`Registry::linked`](crate::Registry::linked) reports as an error, neither replaces the other: the name of
/// the second gets its file and line as a suffix.
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
            "two receivers have the same name; rename one of them with `name = \"…\"`"
        );
        receiver.connect(hub, format!("{name} ({file}:{line})").into());
    }
}
