//! Groups, their members, and their progress.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::{Consumer, Transport};

use super::{
    Fixture, LONG, ack, can, connect, member, message, nothing, receive, receive_one, send, texts, topic,
};

/// After this time, a consumer of an empty topic is waiting.
const PARKED: Duration = Duration::from_millis(100);

/// Each group has its own progress.
pub async fn two_groups_each_get_every_message(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut billing = member(&*transport, "billing").await;
    let mut audit = member(&*transport, "audit").await;
    let batch: Vec<_> = (0..20).map(|i| message("key", i)).collect();
    send(&*transport, &batch).await;
    let expected: Vec<_> = (0..20).map(|i| format!("key#{i}")).collect();
    for consumer in [&mut billing, &mut audit] {
        let deliveries = receive(&mut **consumer, 20).await;
        assert_eq!(texts(&deliveries), expected);
        ack(deliveries).await;
        nothing(&mut **consumer).await;
    }
}

/// Each message goes to one member of the group.
pub async fn competing_members_share_without_duplicates(fixture: &dyn Fixture) {
    const COUNT: usize = 400;
    let transport = connect(fixture);
    let other = connect(fixture);
    let batch: Vec<_> = (0..COUNT).map(|i| message(&format!("k{i}"), i)).collect();
    send(&*transport, &batch).await;
    let mut members = Vec::new();
    for transport in [&transport, &other, &transport] {
        members.push(member(&**transport, "billing").await);
    }
    let mut seen = BTreeSet::new();
    let begun = std::time::Instant::now();
    while seen.len() < COUNT {
        let before = seen.len();
        for member in &mut members {
            let deliveries = member.receive(7, Duration::ZERO).await.expect("messages are received");
            for text in texts(&deliveries) {
                assert!(seen.insert(text.clone()), "{text} was received twice");
            }
            ack(deliveries).await;
        }
        if seen.len() == before && transport.capability().assigns {
            // The partition may be moving to another member.
            assert!(begun.elapsed() < LONG, "only {before} of {COUNT} were received");
            tokio::time::sleep(Duration::from_millis(5)).await;
        } else if seen.len() == before {
            // Another member's claim may take a moment to become visible.
            let more = members[0].receive(7, LONG).await.expect("messages are received");
            assert!(!more.is_empty(), "only {before} of {COUNT} were received");
            seen.extend(texts(&more));
            ack(more).await;
        }
    }
    for member in &mut members {
        nothing(&mut **member).await;
    }
}

/// A waiting receive returns as soon as a message arrives.
pub async fn a_waiting_consumer_is_woken_by_a_send(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = member(&*transport, "billing").await;
    woken_by_a_send(&mut *consumer, &*transport).await;
}

/// Handles of one store see each other's messages.
pub async fn a_waiting_consumer_is_woken_through_another_handle(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let other = connect(fixture);
    let mut consumer = member(&*transport, "billing").await;
    woken_by_a_send(&mut *consumer, &*other).await;
}

/// Sends only after the consumer waits: a message that is stored before wakes no consumer.
async fn woken_by_a_send(consumer: &mut dyn Consumer, sender: &dyn Transport) {
    let mut waiting = std::pin::pin!(receive_one(consumer));
    let parked = tokio::time::timeout(PARKED, &mut waiting).await;
    assert!(parked.is_err(), "there is no message yet");
    let batch = [message("key", 0)];
    let (_, delivery) = tokio::join!(send(sender, &batch), waiting);
    assert_eq!(texts(std::slice::from_ref(&delivery)), ["key#0"]);
    ack(vec![delivery]).await;
}

/// A receive that times out is not an error.
pub async fn an_empty_topic_gives_nothing_when_the_wait_ends(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = member(&*transport, "billing").await;
    let none = consumer.receive(10, Duration::from_millis(20)).await;
    assert!(none.expect("the call succeeds").is_empty());
}

/// Services may start in any order.
pub async fn a_subscription_may_come_before_the_topic(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = member(&*transport, "billing").await;
    nothing(&mut *consumer).await;
    send(&*transport, &[message("key", 0)]).await;
    ack(receive(&mut *consumer, 1).await).await;
}

/// A receive future that is dropped (a timeout, a `select!`) loses no message.
pub async fn a_cancelled_receive_loses_nothing(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = member(&*transport, "billing").await;
    let producer = transport.producer().await.expect("a producer");
    for i in 0..20 {
        let sent = producer.send(&topic(), &[message("key", i)]);
        // The send may finish first: the receive is cancelled in many different states.
        tokio::select! {
            biased;
            sent = sent => { for sent in sent { sent.expect("the message is stored"); } }
            received = consumer.receive(10, LONG) => drop(received.expect("messages are received")),
        }
    }
    // Every message is there, including those fetched by a dropped future.
    let mut seen = BTreeSet::new();
    while seen.len() < 20 {
        for delivery in receive(&mut *consumer, 1).await {
            seen.extend(texts(std::slice::from_ref(&delivery)));
            ack(vec![delivery]).await;
        }
    }
}

/// Messages fetched by a cancelled receive are delivered before later ones.
pub async fn cancelled_receives_keep_the_order_of_each_key(fixture: &dyn Fixture) {
    const COUNT: usize = 600;
    let transport = connect(fixture);
    let batch: Vec<_> = (0..COUNT).map(|i| message(&format!("key{}", i % 3), i)).collect();
    send(&*transport, &batch).await;
    let mut consumer = member(&*transport, "billing").await;
    let mut seen: Vec<String> = Vec::new();
    let mut cancelled = 0;
    while seen.len() < COUNT {
        // From zero to longer than a call takes here.
        let patience = Duration::from_micros(fastrand::u64(0..1500));
        match tokio::time::timeout(patience, consumer.receive(fastrand::usize(1..6), LONG)).await {
            Ok(received) => {
                let received = received.expect("messages are received");
                seen.extend(texts(&received));
                ack(received).await;
            }
            Err(_) => cancelled += 1,
        }
        // On a slow machine, no call would be fast enough.
        if cancelled % 50 == 49 {
            let received = receive(&mut *consumer, 1).await;
            seen.extend(texts(&received));
            ack(received).await;
            cancelled += 1;
        }
    }
    for key in 0..3 {
        let of_key: Vec<_> = seen.iter().filter(|text| text.starts_with(&format!("key{key}"))).collect();
        let expected: Vec<_> = (key..COUNT).step_by(3).map(|i| format!("key{key}#{i}")).collect();
        assert!(of_key.iter().copied().eq(&expected), "key{key}: {of_key:?}");
    }
}

/// The lag counts messages in flight and undelivered ones.
pub async fn the_lag_is_what_the_group_has_not_settled(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = member(&*transport, "billing").await;
    let batch: Vec<_> = (0..10).map(|i| message("key", i)).collect();
    send(&*transport, &batch).await;
    let mut deliveries = receive(&mut *consumer, 4).await;
    ack(deliveries.drain(..1).collect()).await;
    let groups = transport.groups(&topic()).await.expect("the groups are listed");
    let [status] = groups.as_slice() else {
        panic!("expected one group, found {groups:?}");
    };
    // Where members own partitions, the store does not know what they hold.
    let in_flight = if transport.capability().assigns { status.in_flight } else { 3 };
    assert_eq!((status.lag, status.in_flight), (9, in_flight));
    assert_eq!(status.group.as_str(), "billing");
    ack(deliveries).await;
}

/// Messages and progress are in the store, not in the handle.
pub async fn reopening_keeps_messages_and_progress(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "reopening_keeps_messages_and_progress", |can| can.durable) {
        return;
    }
    let batch: Vec<_> = (0..10).map(|i| message("key", i)).collect();
    send(&*transport, &batch).await;
    let mut consumer = member(&*transport, "billing").await;
    ack(receive(&mut *consumer, 4).await).await;
    consumer.close().await.expect("the consumer leaves");
    drop(transport);

    let transport = connect(fixture);
    let mut consumer = member(&*transport, "billing").await;
    let deliveries = receive(&mut *consumer, 6).await;
    let expected: Vec<_> = (4..10).map(|i| format!("key#{i}")).collect();
    assert_eq!(texts(&deliveries), expected);
    ack(deliveries).await;
    let mut audit = member(&*transport, "audit").await;
    ack(receive(&mut *audit, 10).await).await;
}
