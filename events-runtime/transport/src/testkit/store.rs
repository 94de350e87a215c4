//! The whole store: retention, listings, checks.

use crate::{ConnectOptions, ErrorKind, Retention, StartPosition, Subscription, Topic};

use super::values::Values;
use super::{
    Fixture, ack, can, connect, group, member, message, named, nothing, receive, send, subscribe,
    subscription, texts, topic, with_retention,
};

/// Retention limits do not apply to unsettled messages.
pub async fn retention_never_drops_what_a_group_has_not_settled(fixture: &dyn Fixture) {
    let two = ConnectOptions::new().retention(Retention::unlimited().max_count(2));
    let transport = with_retention(fixture, &two);
    if !can(&*transport, "retention_never_drops_what_a_group_has_not_settled", |can| can.trim) {
        return;
    }
    let mut consumer = member(&*transport, "billing").await;
    let batch: Vec<_> = (0..10).map(|i| message("key", i)).collect();
    send(&*transport, &batch).await;
    let mut deliveries = receive(&mut *consumer, 6).await;
    ack(deliveries.drain(..3).collect()).await;
    let trimmed = transport.trim().await.expect("the store is trimmed");
    assert_eq!((trimmed.removed, trimmed.unsettled), (3, 0));
    drop(deliveries);
    let rest = receive(&mut *consumer, 7).await;
    let expected: Vec<_> = (3..10).map(|i| format!("key#{i}")).collect();
    assert_eq!(texts(&rest), expected);
    ack(rest).await;
    let trimmed = transport.trim().await.expect("the store is trimmed");
    assert_eq!(trimmed.removed, 5);
    let mut late = member(&*transport, "late").await;
    let kept = receive(&mut *late, 2).await;
    assert_eq!(texts(&kept), ["key#8", "key#9"]);
    ack(kept).await;
}

/// If configured, retention drops unsettled messages, and reports how many.
pub async fn retention_drops_unsettled_messages_only_if_configured_and_counts_them(fixture: &dyn Fixture) {
    let two = Retention::unlimited().max_count(2).drop_unsettled();
    let transport = with_retention(fixture, &ConnectOptions::new().topic_retention(topic(), two));
    if !can(&*transport, "retention_drops_unsettled_messages_only_when_told", |can| can.trim) {
        return;
    }
    let mut consumer = member(&*transport, "billing").await;
    // A store may also apply retention when it is opened and written to.
    send(&*transport, &[message("first", 0)]).await;
    ack(receive(&mut *consumer, 1).await).await;
    let batch: Vec<_> = (0..10).map(|i| message("key", i)).collect();
    send(&*transport, &batch).await;
    let mut deliveries = receive(&mut *consumer, 4).await;
    ack(deliveries.drain(..1).collect()).await;
    let trimmed = transport.trim().await.expect("the store is trimmed");
    assert_eq!((trimmed.removed, trimmed.unsettled), (9, 7));
    drop(deliveries);
    let rest = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&rest), ["key#8", "key#9"]);
    ack(rest).await;
    nothing(&mut *consumer).await;
}

/// An emptied topic continues its numbering, so that groups do not skip new messages.
pub async fn positions_are_never_used_twice(fixture: &dyn Fixture) {
    let none = ConnectOptions::new().retention(Retention::unlimited().max_count(0));
    let transport = with_retention(fixture, &none);
    if !can(&*transport, "positions_are_never_used_twice", |can| can.trim) {
        return;
    }
    let mut consumer = member(&*transport, "billing").await;
    let first = send(&*transport, &[message("key", 0), message("key", 1)]).await;
    ack(receive(&mut *consumer, 2).await).await;
    let trimmed = transport.trim().await.expect("the store is trimmed");
    assert_eq!(trimmed.removed, 2);
    let second = send(&*transport, &[message("key", 2)]).await;
    assert!(second[0] > first[1], "{second:?} after {first:?}");
    ack(receive(&mut *consumer, 1).await).await;
}

/// A misspelt name is an error.
pub async fn an_absent_topic_is_not_found(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let absent = named("absent");
    let error = transport.groups(&absent).await.expect_err("there is no such topic");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("absent"), "{error}");
    if transport.capability().seek {
        let moved = transport.seek(&absent, &group("billing"), StartPosition::Earliest).await;
        assert_eq!(moved.expect_err("there is no such topic").kind(), ErrorKind::NotFound);
    }
    assert!(transport.topics().await.expect("the topics are listed").is_empty());
}

/// `doctor` prints the result.
pub async fn a_sound_store_passes_its_check(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &[message("key", 0)]).await;
    let health = transport.check().await.expect("the store is sound");
    assert!(!health.facts.is_empty());
}

/// With counts, and first and last positions.
pub async fn topics_are_listed_with_their_messages(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let positions = send(&*transport, &[message("key", 0), message("key", 1)]).await;
    drop(member(&*transport, "billing").await);
    super::send_to(&*transport, &named("audit"), &[message("key", 0)]).await;
    let topics = transport.topics().await.expect("the topics are listed");
    let names: Vec<_> = topics.iter().map(|status| status.topic.as_str()).collect();
    assert_eq!(names, ["audit", "orders"]);
    assert_eq!(topics[1].messages, 2);
    assert_eq!(topics[1].first, Some(positions[0]));
    assert_eq!(topics[1].last, Some(positions[1]));
}

/// An operator may not have seen them yet.
pub async fn dead_letters_are_not_trimmed_unless_their_own_retention_says_so(fixture: &dyn Fixture) {
    let letters = topic().dead_letter(&group("billing")).expect("a valid topic");
    kept(fixture, subscription("billing"), &letters).await;
}

/// A dead-letter topic is recognized by its content, not by its name.
pub async fn dead_letters_are_not_trimmed_whatever_their_topic_is_called(fixture: &dyn Fixture) {
    let letters = named("given-up");
    kept(fixture, subscription("billing").dead_letter(letters.clone()), &letters).await;
}

/// Has a group reject messages, and trims all topics to nothing.
async fn kept(fixture: &dyn Fixture, subscription: Subscription, letters: &Topic) {
    let none = ConnectOptions::new().retention(Retention::unlimited().max_count(0));
    let transport = with_retention(fixture, &none);
    if !can(&*transport, "dead_letters_are_not_trimmed", |can| can.trim) {
        return;
    }
    let mut consumer = subscribe(&*transport, subscription).await;
    send(&*transport, &[message("key", 0), message("key", 1)]).await;
    for delivery in receive(&mut *consumer, 2).await {
        delivery.reject("it is poison").await.expect("the rejection is stored");
    }
    transport.trim().await.expect("the store is trimmed");
    let topics = transport.topics().await.expect("the topics are listed");
    let of = |name: &Topic| topics.iter().find(|status| status.topic == *name).map(|status| status.messages);
    assert_eq!((of(&topic()), of(letters)), (Some(0), Some(2)));
}

/// A limit for the dead-letter topic itself applies, and unread dead letters are counted.
pub async fn dead_letters_that_their_own_retention_drops_unread_are_counted(fixture: &dyn Fixture) {
    let letters = topic().dead_letter(&group("billing")).expect("a valid topic");
    let one = ConnectOptions::new().topic_retention(letters.clone(), Retention::unlimited().max_count(1));
    let transport = with_retention(fixture, &one);
    if !can(&*transport, "dead_letters_that_their_own_retention_drops_unread", |can| can.trim) {
        return;
    }
    let mut consumer = member(&*transport, "billing").await;
    let batch: Vec<_> = (0..4).map(|i| message("key", i)).collect();
    send(&*transport, &batch).await;
    for delivery in receive(&mut *consumer, 4).await {
        delivery.reject("it is poison").await.expect("the rejection is stored");
    }
    let values = Values::default();
    let mut trimming = metrics::with_local_recorder(&values, || transport.trim());
    let trimmed = std::future::poll_fn(|context| {
        metrics::with_local_recorder(&values, || trimming.as_mut().poll(context))
    });
    let trimmed = trimmed.await.expect("the store is trimmed");
    assert_eq!((trimmed.removed, trimmed.unsettled, trimmed.unread), (3, 0, 3));
    values.assert(&format!("events_trimmed_unread_total{{topic={letters}}}"), 3.0);
}
