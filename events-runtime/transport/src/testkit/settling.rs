//! The outcomes of a delivery.

use std::time::{Duration, Instant};

use crate::{ErrorKind, Message, Subscription};

use super::{
    Fixture, ack, can, connect, group, member, message, nothing, receive, receive_one, send, subscribe,
    subscription, texts, topic,
};

/// Not to the same member, nor to another, nor to a new one.
pub async fn an_acknowledged_message_never_comes_again(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0)]).await;
    let mut consumer = member(&*transport, "billing").await;
    receive_one(&mut *consumer).await.ack().await.expect("the acknowledgement is stored");
    nothing(&mut *consumer).await;
    consumer.close().await.expect("the consumer leaves");
    let mut later = member(&*transport, "billing").await;
    nothing(&mut *later).await;
}

/// Acknowledgements need not follow the order of the messages.
pub async fn messages_are_acknowledged_in_any_order(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..12).map(|i| message(&format!("k{i}"), i)).collect();
    send(&*transport, &batch).await;
    let mut consumer = member(&*transport, "billing").await;
    let mut deliveries = receive(&mut *consumer, 12).await;
    // Out of order, all but the third.
    for index in [5, 5, 8, 0, 0] {
        deliveries.remove(index).ack().await.expect("the acknowledgement is stored");
    }
    let third = deliveries.remove(0);
    assert_eq!(texts(std::slice::from_ref(&third)), ["k2#2"]);
    ack(deliveries).await;
    nothing(&mut *consumer).await;
    drop(third);
    let again = receive_one(&mut *consumer).await;
    assert_eq!(texts(std::slice::from_ref(&again)), ["k2#2"]);
    ack(vec![again]).await;
    nothing(&mut *consumer).await;
}

/// A receiver that panics or drops its delivery loses nothing.
pub async fn a_dropped_delivery_comes_back_with_the_same_id_and_a_raised_attempt(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0)]).await;
    let mut consumer = member(&*transport, "billing").await;
    for attempt in 1..=4 {
        let delivery = receive_one(&mut *consumer).await;
        assert_eq!(delivery.attempt(), attempt);
        assert_eq!(delivery.message(), &message("key", 0));
        drop(delivery);
    }
    let delivery = receive_one(&mut *consumer).await;
    assert_eq!(delivery.attempt(), 5);
    ack(vec![delivery]).await;
    nothing(&mut *consumer).await;
}

/// The delay is a lower bound.
pub async fn a_retry_comes_back_not_before_its_time(fixture: &dyn Fixture) {
    const AFTER: Duration = Duration::from_millis(150);
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0)]).await;
    let mut consumer = member(&*transport, "billing").await;
    let delivery = receive_one(&mut *consumer).await;
    let settled = Instant::now();
    delivery.retry(AFTER).await.expect("the retry is stored");
    let again = receive_one(&mut *consumer).await;
    // Stores have a resolution of one millisecond.
    assert!(settled.elapsed() + Duration::from_millis(2) >= AFTER, "it was redelivered too early");
    assert_eq!(again.attempt(), 2);
    ack(vec![again]).await;
}

/// A release is not an attempt.
pub async fn a_released_delivery_comes_back_with_the_same_attempt(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0)]).await;
    let mut consumer = member(&*transport, "billing").await;
    for _ in 0..3 {
        let delivery = receive_one(&mut *consumer).await;
        assert_eq!(delivery.attempt(), 1);
        delivery.release().await.expect("the release is stored");
    }
    drop(receive_one(&mut *consumer).await);
    let delivery = receive_one(&mut *consumer).await;
    assert_eq!(delivery.attempt(), 2);
    ack(vec![delivery]).await;
}

/// A message that waits for something other than its receivers is not at fault. Its key waits with it.
pub async fn a_postponed_delivery_comes_back_not_before_its_time_with_the_same_attempt(
    fixture: &dyn Fixture,
) {
    const AFTER: Duration = Duration::from_millis(150);
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0), message("other", 0), message("key", 1)]).await;
    let mut consumer = member(&*transport, "billing").await;
    let mut deliveries = receive(&mut *consumer, 3).await;
    let behind = deliveries.remove(2);
    let postponed = Instant::now();
    deliveries.remove(0).postpone(AFTER).await.expect("the outcome is stored");
    behind.release().await.expect("the release is stored");
    ack(deliveries).await;
    for _ in 0..3 {
        let again = receive_one(&mut *consumer).await;
        assert_eq!((texts(std::slice::from_ref(&again)), again.attempt()), (vec!["key#0".to_owned()], 1));
        again.postpone(Duration::ZERO).await.expect("the outcome is stored");
    }
    // Stores have a resolution of one millisecond.
    assert!(postponed.elapsed() + Duration::from_millis(2) >= AFTER, "it was redelivered too early");
    let both = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&both), ["key#0", "key#1"]);
    assert!(both.iter().all(|delivery| delivery.attempt() == 1), "{both:?}");
    ack(both).await;
}

/// A rejected message is kept, with the reason.
pub async fn a_rejected_message_goes_to_the_dead_letter_topic_with_reason_and_headers(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let sent = Message::new("poison")
        .with_key("key")
        .with_header("ce_id", "1")
        .with_header("mine", "kept")
        .with_header("mine", "twice");
    let positions = send(&*transport, std::slice::from_ref(&sent)).await;
    let mut consumer = member(&*transport, "billing").await;
    drop(receive_one(&mut *consumer).await);
    receive_one(&mut *consumer)
        .await
        .reject("the datum is truncated")
        .await
        .expect("the rejection is stored");
    nothing(&mut *consumer).await;

    let dead = topic().dead_letter(&group("billing")).expect("a valid topic");
    let mut reader = subscribe(&*transport, Subscription::new(dead, group("repair"))).await;
    let letter = receive_one(&mut *reader).await;
    let message = letter.message();
    assert_eq!(message.data, sent.data);
    assert_eq!(message.key, sent.key);
    let original: Vec<_> = sent.headers.iter().collect();
    let kept: Vec<_> = message.headers.iter().take(original.len()).collect();
    assert_eq!(kept, original);
    for (name, value) in [
        ("dlq_reason", "the datum is truncated"),
        ("dlq_topic", "orders"),
        ("dlq_group", "billing"),
        ("dlq_attempts", "2"),
        ("dlq_position", &*positions[0].to_string()),
    ] {
        assert_eq!(message.headers.get(name).expect(name), value, "{name}");
    }
    ack(vec![letter]).await;
}

/// Headers of an earlier failure are replaced.
pub async fn a_dead_letter_rejected_again_has_its_last_failure(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0)]).await;
    let mut consumer = member(&*transport, "billing").await;
    let first = receive_one(&mut *consumer).await;
    first.reject("first").await.expect("the rejection is stored");
    let dead = topic().dead_letter(&group("billing")).expect("a valid topic");
    let mut reader = subscribe(&*transport, Subscription::new(dead.clone(), group("repair"))).await;
    let second = receive_one(&mut *reader).await;
    second.reject("second").await.expect("the rejection is stored");
    let second_dead = dead.dead_letter(&group("repair")).expect("a valid topic");
    let mut reader = subscribe(&*transport, Subscription::new(second_dead, group("repair"))).await;
    let letter = receive_one(&mut *reader).await;
    let reasons: Vec<_> = letter.message().headers.get_all("dlq_reason").collect();
    assert_eq!(reasons, ["second"]);
    ack(vec![letter]).await;
}

/// A hanging member loses its messages when its lease ends.
pub async fn an_expired_lease_is_taken_over(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "an_expired_lease_is_taken_over", |can| can.takeover) {
        return;
    }
    let batch: Vec<_> = (0..3).map(|i| message("key", i)).collect();
    send(&*transport, &batch).await;
    let short = subscription("billing").lease(Duration::from_millis(80));
    let mut hanging = subscribe(&*transport, short).await;
    let mut held = receive(&mut *hanging, 3).await;
    ack(held.drain(..1).collect()).await;

    let mut other = member(&*transport, "billing").await;
    let taken = receive(&mut *other, 2).await;
    assert_eq!(texts(&taken), ["key#1", "key#2"]);
    // The store does not know on which of the two the member hangs.
    let attempt = if transport.capability().isolates { 1 } else { 2 };
    assert!(taken.iter().all(|delivery| delivery.attempt() == attempt), "{taken:?}");
    ack(taken).await;
    drop(held);
    nothing(&mut *other).await;
}

/// A late acknowledgement returns an error.
pub async fn a_late_acknowledgement_is_an_error_and_the_message_is_not_lost(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_late_acknowledgement_is_an_error", |can| can.takeover) {
        return;
    }
    send(&*transport, &[message("key", 0)]).await;
    let short = subscription("billing").lease(Duration::from_millis(50));
    let mut slow = subscribe(&*transport, short).await;
    let late = receive_one(&mut *slow).await;
    let mut other = member(&*transport, "billing").await;
    let taken = receive_one(&mut *other).await;
    let error = late.renew().await.expect_err("the lease is lost");
    assert_eq!(error.kind(), ErrorKind::LeaseLost);
    let error = late.ack().await.expect_err("the lease is lost");
    assert_eq!(error.kind(), ErrorKind::LeaseLost, "{error}");
    drop(taken);
    let again = receive_one(&mut *other).await;
    assert_eq!(again.attempt(), 3);
    ack(vec![again]).await;
}

/// A slow receiver keeps its delivery.
pub async fn a_renewed_lease_is_not_taken_over(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    // Where members own partitions, the group rebalances while the other member joins.
    let shortest = Duration::from_millis(if transport.capability().assigns { 3_000 } else { 400 });
    let lease = (Duration::from_millis(400) * fixture.patience()).max(shortest);
    if !can(&*transport, "a_renewed_lease_is_not_taken_over", |can| can.takeover) {
        return;
    }
    send(&*transport, &[message("key", 0), message("other", 0)]).await;
    let mut slow = subscribe(&*transport, subscription("billing").lease(lease)).await;
    let mut held = receive(&mut *slow, 2).await;
    let mut other = member(&*transport, "billing").await;
    let started = Instant::now();
    while started.elapsed() < lease * 2 {
        for delivery in &held {
            delivery.renew().await.expect("the lease is renewed");
        }
        let none = other.receive(1, lease / 8).await.expect("the call succeeds");
        assert!(none.is_empty(), "taken over: {none:?}");
    }
    let last = held.remove(1);
    ack(held).await;
    ack(vec![last]).await;
    nothing(&mut *other).await;
}
