//! The topic, the group and the transport of most tests.

use std::time::Duration;

use events_runtime::transport::{
    ConnectOptions, Consumer, ConsumerGroup, Message, Subscription, Topic, Transport, connect,
};

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

/// The transport of this URL.
///
/// # Panics
/// If the URL is invalid.
#[must_use]
pub fn transport(url: &str) -> Box<dyn Transport> {
    connect(url, &ConnectOptions::new()).expect("the URL is understood")
}

/// Sends messages with these texts and the key `k`.
///
/// # Panics
/// If one is not stored.
pub async fn send_texts(transport: &dyn Transport, texts: &[&str]) {
    let producer = transport.producer().await.expect("a producer");
    let batch: Vec<_> = texts.iter().map(|text| Message::new((*text).to_owned()).with_key("k")).collect();
    for sent in producer.send(&orders(), &batch).await {
        sent.expect("the message is stored");
    }
}

/// Receives messages with these texts, in this order, and acknowledges them.
///
/// # Panics
/// If other messages are received, or none for half a minute.
pub async fn expect_texts(consumer: &mut dyn Consumer, expected: &[&str]) {
    let mut received = Vec::new();
    while received.len() < expected.len() {
        let deliveries = consumer.receive(10, Duration::from_secs(30)).await.expect("messages are received");
        assert!(!deliveries.is_empty(), "only {received:?} of {expected:?}");
        for delivery in deliveries {
            received.push(String::from_utf8_lossy(&delivery.message().data).into_owned());
            delivery.ack().await.expect("the acknowledgement is stored");
        }
    }
    assert_eq!(received, expected);
}
