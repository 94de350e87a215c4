//! The topic, group and transport of most tests.

use events_runtime::transport::{ConnectOptions, ConsumerGroup, Subscription, Topic, Transport, connect};

/// The topic of most tests.
///
/// # Panics
/// Never: the name is valid.
#[must_use]
pub fn orders() -> Topic {
    Topic::new("orders").expect("a name")
}

/// The group of most tests.
///
/// # Panics
/// Never: the name is valid.
#[must_use]
pub fn billing() -> Subscription {
    Subscription::new(orders(), ConsumerGroup::new("billing").expect("a name"))
}

/// The transport of a URL.
///
/// # Panics
/// If the URL is invalid.
#[must_use]
pub fn transport(url: &str) -> Box<dyn Transport> {
    connect(url, &ConnectOptions::new()).expect("a valid URL")
}
