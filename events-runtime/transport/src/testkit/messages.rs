//! Messages are received as they were sent.

use crate::{Delivery, Message};

use super::{
    Fixture, ack, connect, member, message, named, receive, receive_one, send, send_to, texts, topic,
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
