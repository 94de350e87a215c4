//! The topic, group and transport of most tests.

use ::redis::Value;
use events_runtime::transport::{ConnectOptions, ConsumerGroup, Subscription, Topic, Transport, connect};

use crate::RedisServer;

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

/// Checks that the group [`billing`] has no entry pending or parked, and that no stale state of it is stored.
///
/// # Panics
/// If it has.
pub fn assert_all_settled(server: &RedisServer) {
    let pending: (u64, Value, Value, Value) = server.ask(&["XPENDING", "orders", "billing"]);
    assert_eq!(pending.0, 0, "all is acknowledged");
    let mut left: Vec<String> = server.ask(&["KEYS", "{orders}:billing:*"]);
    left.retain(|key| {
        !["sole", "wake", "first"].iter().any(|name| key.ends_with(name)) && !key.contains(":answer:")
    });
    assert!(left.is_empty(), "{left:?}");
}
