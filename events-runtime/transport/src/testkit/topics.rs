//! One consumer of several topics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::{Consumer, Delivery, ErrorKind, Subscription, Topic, Transport};

use super::{
    Fixture, LONG, ack, can, connect, group, key_and_text, long_delay, message, named, nothing, receive,
    send_to, subscribe,
};

const TOPICS: [&str; 3] = ["orders", "payments", "returns"];

/// Subscriptions of one group to these topics.
fn subscriptions(topics: &[&str]) -> Vec<Subscription> {
    topics.iter().map(|topic| Subscription::new(named(topic), group("billing"))).collect()
}

/// A member of the group `billing` in these topics.
async fn member_of(transport: &dyn Transport, topics: &[&str]) -> Box<dyn Consumer> {
    transport.consumer_of(subscriptions(topics)).await.expect("the consumer subscribes")
}

/// The number of deliveries of each topic.
fn counts(deliveries: &[Delivery]) -> BTreeMap<Topic, usize> {
    let mut counts = BTreeMap::new();
    for delivery in deliveries {
        *counts.entry(delivery.topic().clone()).or_default() += 1;
    }
    counts
}

/// Each delivery knows its topic, and the acknowledgements of one call reach the right topics.
pub async fn one_consumer_receives_from_several_topics(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = member_of(&*transport, &TOPICS).await;
    for (index, topic) in TOPICS.into_iter().enumerate() {
        let batch: Vec<_> = (0..=index).map(|i| message(topic, i)).collect();
        send_to(&*transport, &named(topic), &batch).await;
    }
    let deliveries = receive(&mut *consumer, 6).await;
    for delivery in &deliveries {
        assert_eq!(key_and_text(delivery).0, delivery.topic().as_str());
        assert_eq!(delivery.group(), &group("billing"));
    }
    let expected: Vec<_> = TOPICS.into_iter().map(named).zip(1..).collect();
    assert_eq!(counts(&deliveries), expected.into_iter().collect());
    ack(deliveries).await;
    nothing(&mut *consumer).await;
    for topic in TOPICS {
        let groups = transport.groups(&named(topic)).await.expect("the groups are listed");
        assert_eq!(groups.iter().map(|group| group.lag).collect::<Vec<_>>(), [0], "{topic}");
    }
}

/// A waiting receive returns when a message arrives in any of the topics.
pub async fn a_consumer_of_several_topics_is_woken_by_each(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = member_of(&*transport, &TOPICS).await;
    for topic in TOPICS {
        let mut waiting = std::pin::pin!(receive(&mut *consumer, 1));
        let parked = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
        assert!(parked.is_err(), "there is no message yet");
        let (topic, batch) = (named(topic), [message("key", 0)]);
        let (_, deliveries) = tokio::join!(send_to(&*transport, &topic, &batch), waiting);
        assert_eq!(counts(&deliveries), BTreeMap::from([(topic, 1)]));
        ack(deliveries).await;
    }
}

/// Messages of the other topics come long before a full topic is empty.
pub async fn a_full_topic_does_not_starve_another(fixture: &dyn Fixture) {
    const FULL: usize = 800;
    let transport = connect(fixture);
    let batch: Vec<_> = (0..FULL).map(|i| message(&format!("k{}", i % 50), i)).collect();
    for max in [2, 9] {
        send_to(&*transport, &named("orders"), &batch).await;
        let mut consumer = member_of(&*transport, &TOPICS).await;
        for topic in ["payments", "returns"] {
            send_to(&*transport, &named(topic), &[0, 1, 2].map(|i| message("key", i))).await;
        }
        let (mut full, mut others) = (0, 0);
        while others < 6 {
            let received = consumer.receive(max, LONG).await.expect("messages are received");
            assert!(!received.is_empty() && received.len() <= max, "{} of {max}", received.len());
            let is_full = |delivery: &&Delivery| delivery.topic().as_str() == "orders";
            let of_full = received.iter().filter(is_full).count();
            (full, others) = (full + of_full, others + received.len() - of_full);
            ack(received).await;
        }
        assert!(full < FULL / 2, "{full} of the full topic came first");
        ack(receive(&mut *consumer, FULL - full).await).await;
        consumer.close().await.expect("the consumer leaves");
    }
}

/// The topics have the same keys.
pub async fn each_topic_keeps_the_order_of_its_keys(fixture: &dyn Fixture) {
    const EACH: usize = 20;
    let transport = connect(fixture);
    for topic in TOPICS {
        let batch: Vec<_> = (0..EACH).flat_map(|i| ["A", "B"].map(|key| message(key, i))).collect();
        send_to(&*transport, &named(topic), &batch).await;
    }
    let mut members = [member_of(&*transport, &TOPICS).await, member_of(&*transport, &TOPICS).await];
    let mut seen = BTreeMap::<(Topic, String), Vec<String>>::new();
    let mut count = 0;
    while count < TOPICS.len() * 2 * EACH {
        for consumer in &mut members {
            let received =
                consumer.receive(5, Duration::from_millis(1)).await.expect("messages are received");
            count += received.len();
            for delivery in &received {
                let (key, text) = key_and_text(delivery);
                seen.entry((delivery.topic().clone(), key)).or_default().push(text);
            }
            ack(received).await;
        }
    }
    assert_eq!(seen.len(), TOPICS.len() * 2);
    for ((topic, key), texts) in seen {
        let expected: Vec<_> = (0..EACH).map(|i| format!("{key}#{i}")).collect();
        assert_eq!(texts, expected, "{key} in {topic}");
    }
}

/// Neither in flight nor while it waits for a retry.
pub async fn a_key_of_one_topic_does_not_hold_it_back_in_another(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_key_of_one_topic_does_not_hold_it_back_in_another", |can| can.retries_hold_key) {
        return;
    }
    let [orders, payments] = ["orders", "payments"].map(named);
    let mut consumer = member_of(&*transport, &["orders", "payments"]).await;
    send_to(&*transport, &orders, &[message("A", 0)]).await;
    let mut held = receive(&mut *consumer, 1).await;
    send_to(&*transport, &payments, &[message("A", 0)]).await;
    let other = receive(&mut *consumer, 1).await;
    assert_eq!(counts(&other), BTreeMap::from([(payments.clone(), 1)]));
    ack(other).await;
    let held = held.remove(0);
    held.retry(long_delay(fixture)).await.expect("the retry is stored");
    send_to(&*transport, &orders, &[message("A", 1)]).await;
    send_to(&*transport, &payments, &[message("A", 1)]).await;
    let other = receive(&mut *consumer, 1).await;
    assert_eq!(counts(&other), BTreeMap::from([(payments, 1)]));
    ack(other).await;
    for text in ["A#0", "A#1"] {
        let again = receive(&mut *consumer, 1).await;
        assert_eq!(counts(&again), BTreeMap::from([(orders.clone(), 1)]));
        assert_eq!(key_and_text(&again[0]).1, text);
        ack(again).await;
    }
}

/// A receive future that is dropped at any time loses no message and no order.
pub async fn a_cancelled_receive_of_several_topics_loses_nothing(fixture: &dyn Fixture) {
    const EACH: usize = 60;
    let transport = connect(fixture);
    for topic in TOPICS {
        let batch: Vec<_> = (0..EACH).map(|i| message(&format!("k{}", i % 2), i)).collect();
        send_to(&*transport, &named(topic), &batch).await;
    }
    let mut consumer = member_of(&*transport, &TOPICS).await;
    let mut seen = BTreeMap::<(Topic, String), Vec<String>>::new();
    let mut count = 0;
    let mut calls = 0;
    while count < TOPICS.len() * EACH {
        calls += 1;
        // From zero to longer than a call takes here. On a slow machine, no call would be fast enough.
        let patience = if calls % 20 == 0 { LONG } else { Duration::from_micros(fastrand::u64(0..3000)) };
        let call = consumer.receive(fastrand::usize(1..9), LONG);
        let Ok(received) = tokio::time::timeout(patience, call).await else { continue };
        let received = received.expect("messages are received");
        count += received.len();
        for delivery in &received {
            let (key, text) = key_and_text(delivery);
            assert_eq!(delivery.attempt(), 1, "{text}");
            seen.entry((delivery.topic().clone(), key)).or_default().push(text);
        }
        ack(received).await;
    }
    for ((topic, key), texts) in seen {
        let parity = usize::from(key == "k1");
        let expected: Vec<_> = (parity..EACH).step_by(2).map(|i| format!("{key}#{i}")).collect();
        assert_eq!(texts, expected, "{key} in {topic}");
    }
}

/// After `close`, other members receive all messages that were not settled, of each topic.
pub async fn closing_a_consumer_leaves_the_groups_of_all_topics(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = member_of(&*transport, &TOPICS).await;
    for topic in TOPICS {
        send_to(&*transport, &named(topic), &[0, 1].map(|i| message("key", i))).await;
    }
    let mut seen = BTreeSet::new();
    let deliveries = receive(&mut *consumer, 2).await;
    for delivery in &deliveries {
        seen.insert((delivery.topic().clone(), key_and_text(delivery).1));
    }
    ack(deliveries).await;
    consumer.close().await.expect("the consumer leaves");
    for topic in TOPICS.map(named) {
        let mut single = subscribe(&*transport, Subscription::new(topic.clone(), group("billing"))).await;
        let left = 2 - seen.iter().filter(|(seen, _)| *seen == topic).count();
        for delivery in receive(&mut *single, left).await {
            assert!(seen.insert((topic.clone(), key_and_text(&delivery).1)), "it came twice");
            ack(vec![delivery]).await;
        }
        nothing(&mut *single).await;
    }
}

/// The group of one topic is removed: the error names the topic, and the messages of the others come.
pub async fn an_error_of_one_topic_names_it_and_the_others_continue(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = member_of(&*transport, &TOPICS).await;
    for topic in TOPICS {
        send_to(&*transport, &named(topic), &[message("key", 0)]).await;
    }
    ack(receive(&mut *consumer, 3).await).await;
    transport.remove_group(&named("payments"), &group("billing")).await.expect("the group is removed");
    let (mut errors, mut received) = (0, BTreeSet::new());
    for i in 1..6 {
        for topic in ["orders", "returns"] {
            send_to(&*transport, &named(topic), &[message("key", i)]).await;
        }
        let until = tokio::time::Instant::now() + LONG;
        while errors < i || received.len() < 2 * i {
            assert!(tokio::time::Instant::now() < until, "{errors} errors, {received:?}");
            match consumer.receive(9, Duration::from_millis(20)).await {
                Ok(deliveries) => {
                    received.extend(
                        deliveries.iter().map(|one| (one.topic().clone(), one.position().sort_key())),
                    );
                    ack(deliveries).await;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                    assert_eq!(error.subject(), "payments", "{error}");
                    errors += 1;
                }
            }
        }
    }
}

/// No topic, a topic twice, or two groups.
pub async fn subscriptions_that_do_not_fit_together_are_an_error(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut groups = subscriptions(&["orders", "payments"]);
    groups.push(Subscription::new(named("returns"), group("audit")));
    for (subscriptions, subject) in
        [(Vec::new(), ""), (subscriptions(&["orders", "payments", "orders"]), "orders"), (groups, "returns")]
    {
        let error = transport.consumer_of(subscriptions).await.err().expect("they are refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(error.subject(), subject, "{error}");
    }
}
