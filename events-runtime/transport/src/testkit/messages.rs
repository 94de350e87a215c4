//! Messages are received as they were sent.

use std::collections::HashMap;
use std::time::Duration;

use crate::{Delivery, Message};

use super::{
    Fixture, LONG, ack, can, connect, member, message, named, receive, receive_one, send, send_to, texts,
    topic,
};

/// Key, headers and data keep arbitrary bytes.
pub async fn a_message_comes_back_byte_for_byte(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let all: Vec<u8> = (0..=255).collect();
    let sent =
        Message::new(all.clone()).with_key(all.clone()).with_header("ce_id", "1").with_header("bytes", all);
    send(&*transport, std::slice::from_ref(&sent)).await;
    let mut consumer = member(&*transport, "billing").await;
    let delivery = receive_one(&mut *consumer).await;
    assert_eq!(delivery.message(), &sent);
    assert_eq!(delivery.topic(), &topic());
    assert_eq!(delivery.attempt(), 1);
    ack(vec![delivery]).await;
}

/// Empty differs from absent.
pub async fn empty_data_and_an_empty_key_are_not_absent(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch = [Message::new(""), Message::new("").with_key(""), Message::new("").with_header("empty", "")];
    send(&*transport, &batch).await;
    let mut consumer = member(&*transport, "billing").await;
    let deliveries = receive(&mut *consumer, 3).await;
    for (delivery, sent) in deliveries.iter().zip(&batch) {
        assert_eq!(delivery.message(), sent);
    }
    ack(deliveries).await;
}

/// Headers are a list, not a map.
pub async fn headers_keep_order_and_repeats(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let sent = Message::new("data")
        .with_header("z", "1")
        .with_header("a", "2")
        .with_header("z", "3")
        .with_header("Übergröße", "4");
    send(&*transport, std::slice::from_ref(&sent)).await;
    let mut consumer = member(&*transport, "billing").await;
    let delivery = receive_one(&mut *consumer).await;
    assert_eq!(delivery.message().headers, sent.headers);
    ack(vec![delivery]).await;
}

/// One megabyte.
pub async fn a_large_message_passes(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let data: Vec<u8> = (0..1_000_000_u32).map(|i| i.to_le_bytes()[0] ^ 0x5a).collect();
    send(&*transport, &[Message::new(data.clone())]).await;
    let mut consumer = member(&*transport, "billing").await;
    let delivery = receive_one(&mut *consumer).await;
    assert!(delivery.message().data == data, "the data differs");
    ack(vec![delivery]).await;
}

/// More messages than one receive returns.
pub async fn a_batch_comes_back_in_order(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..2_500).map(|i| message("key", i)).collect();
    send(&*transport, &batch).await;
    let mut consumer = member(&*transport, "billing").await;
    let deliveries = receive(&mut *consumer, batch.len()).await;
    let expected: Vec<_> = (0..2_500).map(|i| format!("key#{i}")).collect();
    assert_eq!(texts(&deliveries), expected);
    ack(deliveries).await;
}

/// The position that a send returns equals the delivery's position.
pub async fn each_message_of_a_batch_has_its_own_rising_position(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..10).map(|i| message("key", i)).collect();
    let positions = send(&*transport, &batch).await;
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    let mut consumer = member(&*transport, "billing").await;
    let deliveries = receive(&mut *consumer, 10).await;
    let received: Vec<_> = deliveries.iter().map(Delivery::position).collect();
    assert_eq!(received, positions);
    ack(deliveries).await;
}

/// A producer need not await a send before it starts the next.
pub async fn sends_started_in_order_are_stored_in_order(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let producer = transport.producer().await.expect("a producer");
    let sends: Vec<_> = (0..50).map(|i| producer.send(&topic(), &[message("key", i)])).collect();
    for send in sends.into_iter().rev() {
        for sent in send.await {
            sent.expect("the message is stored");
        }
    }
    let mut consumer = member(&*transport, "billing").await;
    let deliveries = receive(&mut *consumer, 50).await;
    let expected: Vec<_> = (0..50).map(|i| format!("key#{i}")).collect();
    assert_eq!(texts(&deliveries), expected);
    ack(deliveries).await;
}

/// Calls overlap, and what is not stored is sent again, in order, when all have answered. A message whose failure is
/// uncertain may be stored twice.
pub async fn sends_under_way_at_once_keep_each_key_in_order_over_failures(fixture: &dyn Fixture) {
    const KEYS: usize = 5;
    const EACH: usize = 200;
    let transport = connect(fixture);
    if !can(&*transport, "ordered_sends", |capability| capability.ordered_sends) {
        return;
    }
    let producer = transport.producer().await.expect("a producer");
    let mut left: Vec<Message> =
        (0..KEYS * EACH).map(|i| message(&format!("key-{}", i % KEYS), i / KEYS)).collect();
    let sent = tokio::time::timeout(LONG, async {
        while !left.is_empty() {
            let (now, later) = left.split_at(left.len().min(100));
            let calls: Vec<_> = now.chunks(25).map(|batch| producer.send(&topic(), batch)).collect();
            let mut again = Vec::new();
            for (call, batch) in calls.into_iter().zip(now.chunks(25)) {
                for (sent, message) in call.await.into_iter().zip(batch) {
                    match sent {
                        Ok(_) => {}
                        Err(error) if error.is_retryable() => again.push(message.clone()),
                        Err(error) => panic!("a message can't be sent: {error:?}"),
                    }
                }
            }
            if !again.is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            again.extend_from_slice(later);
            left = again;
        }
    });
    assert!(sent.await.is_ok(), "the messages are not stored in a minute");

    let mut consumer = member(&*transport, "billing").await;
    let mut stored: HashMap<String, Vec<String>> = HashMap::new();
    let mut count = 0;
    while count < KEYS * EACH {
        let deliveries = receive(&mut *consumer, 1).await;
        for (delivery, text) in deliveries.iter().zip(texts(&deliveries)) {
            let key = delivery.message().key.as_deref().map(String::from_utf8_lossy).expect("it has a key");
            let of_key = stored.entry(key.into_owned()).or_default();
            // Copies follow the first one.
            if !of_key.contains(&text) {
                of_key.push(text);
                count += 1;
            }
        }
        ack(deliveries).await;
    }
    for (key, texts) in stored {
        let expected: Vec<_> = (0..EACH).map(|i| format!("{key}#{i}")).collect();
        assert_eq!(texts, expected);
    }
}

/// A consumer receives messages of its own topic only.
pub async fn topics_do_not_mix(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send_to(&*transport, &named("other"), &[message("other", 0)]).await;
    send(&*transport, &[message("key", 0)]).await;
    let mut consumer = member(&*transport, "billing").await;
    let deliveries = receive(&mut *consumer, 1).await;
    assert_eq!(texts(&deliveries), ["key#0"]);
    ack(deliveries).await;
    super::nothing(&mut *consumer).await;
}
