//! Where a group begins.

use std::time::SystemTime;

use events_runtime::transport::{ErrorKind, StartPosition};

use super::{
    Fixture, ack, can, connect, group, member, message, nothing, receive, receive_one, send, subscribe,
    subscription, texts, topic,
};

/// A new service misses nothing that is still there.
pub async fn a_group_starts_at_the_earliest_message_by_default(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0), message("key", 1)]).await;
    let mut consumer = member(&*transport, "billing").await;
    let deliveries = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&deliveries), ["key#0", "key#1"]);
    ack(deliveries).await;
}

/// What was there before is passed over.
pub async fn a_group_at_latest_gets_only_what_comes_later(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0)]).await;
    let latest = subscription("billing").start(StartPosition::Latest);
    let mut consumer = subscribe(&*transport, latest).await;
    nothing(&mut *consumer).await;
    send(&*transport, &[message("key", 1)]).await;
    let deliveries = receive(&mut *consumer, 1).await;
    assert_eq!(texts(&deliveries), ["key#1"]);
    ack(deliveries).await;
}

/// A time is compared with the time of storing.
pub async fn a_group_starts_at_a_time(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_group_starts_at_a_time", |can| can.start_at_time) {
        return;
    }
    send(&*transport, &[message("key", 0)]).await;
    // Stores keep milliseconds: let two pass by the clock that they read.
    let before = SystemTime::now();
    while before.elapsed().unwrap_or_default().as_millis() < 2 {
        tokio::task::yield_now().await;
    }
    let time = SystemTime::now();
    send(&*transport, &[message("key", 1)]).await;
    let at = subscription("billing").start(StartPosition::Time(time));
    let mut consumer = subscribe(&*transport, at).await;
    let deliveries = receive(&mut *consumer, 1).await;
    assert_eq!(texts(&deliveries), ["key#1"]);
    assert!(deliveries[0].time() >= before);
    ack(deliveries).await;
}

/// A position is inclusive; one of another kind of store is refused.
pub async fn a_group_starts_at_a_position(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_group_starts_at_a_position", |can| can.start_at_position) {
        return;
    }
    let batch: Vec<_> = (0..3).map(|i| message("key", i)).collect();
    let positions = send(&*transport, &batch).await;
    let at = subscription("billing").start(StartPosition::At(positions[1]));
    let mut consumer = subscribe(&*transport, at).await;
    let deliveries = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&deliveries), ["key#1", "key#2"]);
    ack(deliveries).await;
    let foreign = ["42", "42-0", "4:2"]
        .map(|text| text.parse().expect("a position"))
        .into_iter()
        .find(|position| std::mem::discriminant(position) != std::mem::discriminant(&positions[0]))
        .expect("two other kinds");
    let other = subscription("other").start(StartPosition::At(foreign));
    let error = transport.consumer(other).await.err().expect("it is refused");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

/// A restart goes on where the group stands.
pub async fn the_start_position_counts_only_once(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let latest = subscription("billing").start(StartPosition::Latest);
    let consumer = subscribe(&*transport, latest.clone()).await;
    consumer.close().await.expect("the consumer leaves");
    // Sent while no member was there.
    send(&*transport, &[message("key", 0)]).await;
    let mut consumer = subscribe(&*transport, latest).await;
    ack(receive(&mut *consumer, 1).await).await;
    consumer.close().await.expect("the consumer leaves");
    let mut consumer = member(&*transport, "billing").await;
    nothing(&mut *consumer).await;
}

/// Replay in place.
pub async fn a_group_can_be_moved_back(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_group_can_be_moved_back", |can| can.seek) {
        return;
    }
    let batch: Vec<_> = (0..3).map(|i| message("key", i)).collect();
    let positions = send(&*transport, &batch).await;
    let mut consumer = member(&*transport, "billing").await;
    ack(receive(&mut *consumer, 2).await).await;
    let held = receive_one(&mut *consumer).await;
    transport
        .seek(&topic(), &group("billing"), StartPosition::At(positions[1]))
        .await
        .expect("the group is moved");
    let error = held.ack().await.expect_err("the lease is lost");
    assert_eq!(error.kind(), ErrorKind::LeaseLost);
    let again = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&again), ["key#1", "key#2"]);
    assert!(again.iter().all(|delivery| delivery.attempt() == 1));
    ack(again).await;
    nothing(&mut *consumer).await;
}

/// Skipping, retries included.
pub async fn a_group_can_be_moved_forward(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_group_can_be_moved_forward", |can| can.seek) {
        return;
    }
    let batch: Vec<_> = (0..3).map(|i| message("key", i)).collect();
    send(&*transport, &batch).await;
    let mut consumer = member(&*transport, "billing").await;
    drop(receive_one(&mut *consumer).await);
    transport.seek(&topic(), &group("billing"), StartPosition::Latest).await.expect("the group is moved");
    nothing(&mut *consumer).await;
    send(&*transport, &[message("key", 3)]).await;
    let deliveries = receive(&mut *consumer, 1).await;
    assert_eq!(texts(&deliveries), ["key#3"]);
    ack(deliveries).await;
}
