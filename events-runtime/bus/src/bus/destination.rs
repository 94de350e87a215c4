//! A topic on one of the bus's transports.

use metrics::Label;

use events_transport::{Topic, TransportName};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Destination {
    /// The full name, with the prefix.
    pub(super) topic: Topic,
    pub(super) transport: TransportName,
}

impl Destination {
    /// The labels of its metrics.
    pub(super) fn labels(&self) -> Vec<Label> {
        labels(&self.topic, &self.transport)
    }
}

/// The label `topic`, and `transport` unless it is the one of `[bus]`.
pub(super) fn labels(topic: &Topic, transport: &TransportName) -> Vec<Label> {
    let topic = Label::new("topic", topic.to_string());
    let transport = transport.named().map(|name| Label::new("transport", name.to_owned()));
    std::iter::once(topic).chain(transport).collect()
}
