//! Start positions of groups, seek, status and removal.

use std::time::{Duration, SystemTime};

use crate::{ConnectOptions, ErrorKind, Retention, StartPosition};

use super::{
    Fixture, ack, can, connect, group, member, message, named, nothing, receive, receive_one, send,
    subscribe, subscription, texts, topic, with_retention,
};

/// A new service receives all messages that are still stored.
pub async fn a_group_starts_at_the_earliest_message_by_default(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0), message("key", 1)]).await;
    let mut consumer = member(&*transport, "billing").await;
    let deliveries = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&deliveries), ["key#0", "key#1"]);
    ack(deliveries).await;
}

/// Earlier messages are skipped.
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

/// The time is compared with the storage time.
pub async fn a_group_starts_at_a_time(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_group_starts_at_a_time", |can| can.start_at_time) {
        return;
    }
    send(&*transport, &[message("key", 0)]).await;
    // Stores have a resolution of one millisecond: let two pass by the store's clock.
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

/// A position is inclusive; a position of another kind of store is an error.
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

/// After a restart, the group continues from its own position.
pub async fn the_start_position_counts_only_once(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let latest = subscription("billing").start(StartPosition::Latest);
    let consumer = subscribe(&*transport, latest.clone()).await;
    consumer.close().await.expect("the consumer leaves");
    // Sent while the group had no member.
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

/// The group's position, regardless of later settled messages.
pub async fn a_status_names_the_earliest_unsettled_message(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..5).map(|i| message(&format!("k{i}"), i)).collect();
    let positions = send(&*transport, &batch).await;
    let next = async || {
        let groups = transport.groups(&topic()).await.expect("the groups are listed");
        groups.iter().find(|status| status.group.as_str() == "billing").expect("it is there").next
    };
    let mut consumer = member(&*transport, "billing").await;
    assert_eq!(next().await, Some(positions[0]));
    let mut deliveries = receive(&mut *consumer, 4).await;
    let (second, third) = (deliveries.remove(1), deliveries.remove(1));
    ack(deliveries).await;
    assert_eq!(next().await, Some(positions[1]), "held");
    second.retry(Duration::ZERO).await.expect("it waits");
    assert_eq!(next().await, Some(positions[1]), "waiting");
    ack(vec![receive_one(&mut *consumer).await, third]).await;
    // Either of the two may come first.
    while let Some(delivery) = consumer.receive(1, Duration::ZERO).await.expect("it receives").pop() {
        ack(vec![delivery]).await;
    }
    assert_eq!(next().await, None, "all is settled");
    let more = send(&*transport, &[message("key", 5)]).await;
    assert_eq!(next().await, Some(more[0]), "not delivered");
}

/// The group's old progress is gone.
pub async fn a_removed_group_comes_back_as_new(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0), message("key", 1)]).await;
    let mut audit = member(&*transport, "audit").await;
    ack(receive(&mut *audit, 1).await).await;
    let mut consumer = member(&*transport, "billing").await;
    ack(receive(&mut *consumer, 2).await).await;
    consumer.close().await.expect("the consumer leaves");
    transport.remove_group(&topic(), &group("billing")).await.expect("the group is removed");
    let groups = transport.groups(&topic()).await.expect("the groups are listed");
    assert_eq!(groups.iter().map(|status| status.group.as_str()).collect::<Vec<_>>(), ["audit"]);
    let mut consumer = member(&*transport, "billing").await;
    let deliveries = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&deliveries), ["key#0", "key#1"]);
    assert!(deliveries.iter().all(|delivery| delivery.attempt() == 1));
    ack(deliveries).await;
    let rest = receive(&mut *audit, 1).await;
    assert_eq!(texts(&rest), ["key#1"], "other groups keep their position");
    ack(rest).await;
}

/// Messages that only the removed group had not settled may be trimmed.
pub async fn a_removed_group_holds_back_no_retention(fixture: &dyn Fixture) {
    let none = ConnectOptions::new().retention(Retention::unlimited().max_count(1));
    let transport = with_retention(fixture, &none);
    if !can(&*transport, "a_removed_group_holds_back_no_retention", |can| can.trim) {
        return;
    }
    let mut consumer = member(&*transport, "billing").await;
    let batch: Vec<_> = (0..5).map(|i| message("key", i)).collect();
    send(&*transport, &batch).await;
    drop(receive(&mut *consumer, 2).await);
    let held = receive(&mut *consumer, 2).await;
    assert_eq!(transport.trim().await.expect("the store is trimmed").removed, 0);
    transport.remove_group(&topic(), &group("billing")).await.expect("the group is removed");
    assert_eq!(transport.trim().await.expect("the store is trimmed").removed, 4);
    drop(held);
}

/// Their calls return errors and do not affect a new group of the same name.
pub async fn members_of_a_removed_group_lose_what_they_hold(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..4).map(|i| message(&format!("k{i}"), i)).collect();
    send(&*transport, &batch).await;
    let mut consumer = member(&*transport, "billing").await;
    let mut held = receive(&mut *consumer, 4).await;
    transport.remove_group(&topic(), &group("billing")).await.expect("the group is removed");
    let error = held.remove(0).ack().await.expect_err("the lease is lost");
    assert_eq!(error.kind(), ErrorKind::LeaseLost, "{error}");
    assert_eq!(held[0].renew().await.expect_err("nothing to renew").kind(), ErrorKind::LeaseLost);
    let error = consumer.receive(1, Duration::ZERO).await.expect_err("the group is gone");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains("`billing`"), "{error}");

    let mut anew = member(&*transport, "billing").await;
    let again = receive(&mut *anew, 4).await;
    let error = held.remove(0).ack().await.expect_err("the lease is lost");
    assert_eq!(error.kind(), ErrorKind::LeaseLost, "{error}");
    // Dropped without an outcome: no message is redelivered by it.
    drop(held);
    ack(again).await;
    nothing(&mut *anew).await;
}

/// A misspelt name is an error.
pub async fn an_absent_group_cannot_be_removed(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0)]).await;
    for topic in [topic(), named("absent")] {
        let error = transport.remove_group(&topic, &group("billing")).await.expect_err("it does not exist");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}
