//! Entries with thousands of fields, dead letters that can't be stored, and claims of thousands of entries.

use std::time::Duration;

use events_runtime::transport::{
    ConsumerGroup, Delivery, ErrorKind, Message, Subscription, Topic, Transport,
};
use events_server_tests::RedisServer;
use events_server_tests::orders::{billing, orders, transport};

const LONG: Duration = Duration::from_secs(60);

fn dead_letter_topic() -> Topic {
    Topic::new("orders.billing.dlq").expect("a name")
}

async fn send(transport: &dyn Transport, batch: &[Message]) {
    let producer = transport.producer().await.expect("a producer");
    for sent in producer.send(&orders(), batch).await {
        sent.expect("it is stored");
    }
}

async fn count(transport: &dyn Transport, topic: &Topic) -> u64 {
    let topics = transport.topics().await.expect("the topics are listed");
    topics.iter().find(|status| status.topic == *topic).map_or(0, |status| status.messages)
}

async fn all(transport: &dyn Transport, subscription: Subscription, wanted: usize) -> Vec<Delivery> {
    let mut consumer = transport.consumer(subscription).await.expect("a consumer");
    let mut got = Vec::new();
    while got.len() < wanted {
        got.extend(consumer.receive(wanted - got.len(), LONG).await.expect("messages are received"));
    }
    got
}

#[tokio::test]
async fn an_entry_with_any_number_of_fields_becomes_one_dead_letter_and_fails_no_other_outcome() {
    for fields in [990, 1_010, 3_990, 4_010, 20_000] {
        let server = RedisServer::start();
        let transport = transport(&server.url());
        let mut large = Message::new("large").with_key("k");
        for number in 0..fields {
            large.headers.push(format!("h{number}"), number.to_string());
        }
        let other = |text| Message::new(text).with_key("other");
        send(
            &*transport,
            &[other("first"), large.clone(), Message::new("behind").with_key("k"), other("last")],
        )
        .await;
        let mut consumer = transport.consumer(billing()).await.expect("a consumer");
        let mut held = consumer.receive(4, LONG).await.expect("messages are received");
        assert_eq!(held.len(), 4);
        let last = held.pop().expect("four").ack();
        let behind = held.pop().expect("three");
        let outcomes = [
            held.pop().expect("two").reject("poison"),
            held.pop().expect("one").reject("wrong"),
            last,
            behind.ack(),
        ];
        for outcome in outcomes {
            outcome.await.expect("it is stored");
        }
        assert_eq!(count(&*transport, &dead_letter_topic()).await, 2, "{fields} fields");
        assert_eq!(transport.groups(&orders()).await.expect("groups")[0].lag, 0);
        let tool = ConsumerGroup::new("tool").expect("a name");
        let found = all(&*transport, Subscription::new(dead_letter_topic(), tool), 2).await;
        let letter = found.iter().find(|letter| letter.message().data == "large").expect("the letter");
        let kept = &letter.message().headers;
        for (name, value) in large.headers.iter() {
            assert_eq!(kept.get(name), Some(value), "{name}");
        }
    }
}

/// The other outcomes are stored once; the message is redelivered until its dead letter is stored.
#[tokio::test]
async fn a_dead_letter_that_can_not_be_stored_fails_no_other_outcome() {
    let server = RedisServer::start();
    let transport = transport(&server.url());
    let batch: Vec<_> = ["1", "2", "3"].map(|text| Message::new(text).with_key(text)).into();
    send(&*transport, &batch).await;
    let mut raw = server.connection();
    redis::cmd("SET").arg(&["orders.billing.dlq", "no stream"]).exec(&mut raw).expect("stored");
    let mut consumer =
        transport.consumer(billing().lease(Duration::from_millis(300))).await.expect("a consumer");
    let held = consumer.receive(3, LONG).await.expect("messages are received");
    let [first, second, third] = <[Delivery; 3]>::try_from(held).expect("three");
    let outcomes = [first.ack(), second.reject("wrong"), third.ack()];
    let mut results = Vec::new();
    for outcome in outcomes {
        results.push(outcome.await);
    }
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    let error = results[1].as_ref().expect_err("the letter is not stored");
    assert!(
        error.kind() == ErrorKind::Corrupt && error.to_string().contains("orders.billing.dlq"),
        "{error}"
    );
    redis::cmd("DEL").arg("orders.billing.dlq").exec(&mut raw).expect("deleted");
    let again =
        consumer.receive(3, LONG).await.expect("messages are received").pop().expect("it comes again");
    assert_eq!((&again.message().data[..], again.attempt()), (&b"2"[..], 1), "no attempt of the receivers");
    again.reject("wrong").await.expect("the letter is stored");
    assert_eq!(count(&*transport, &dead_letter_topic()).await, 1);
    assert_eq!(transport.groups(&orders()).await.expect("groups")[0].lag, 0);
}

fn scripts_run(raw: &mut redis::Connection) -> u64 {
    let stats: String = redis::cmd("INFO").arg("commandstats").query(raw).expect("told");
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).expect("some ran");
    line.split(',').next().expect("a number").parse().expect("a number")
}

#[tokio::test]
async fn leases_of_all_deliveries_are_renewed_by_one_call() {
    let server = RedisServer::start();
    let transport = transport(&server.url());
    let batch: Vec<_> = (0..5_000).map(|n| Message::new(n.to_string()).with_key(n.to_string())).collect();
    send(&*transport, &batch).await;
    let lease = Duration::from_secs(20);
    let mut consumer = transport.consumer(billing().lease(lease)).await.expect("a consumer");
    let mut held = Vec::new();
    while held.len() < 5_000 {
        held.extend(consumer.receive(5_000, LONG).await.expect("messages are received"));
    }
    let lost = held.pop().expect("many");
    let mut raw = server.connection();
    let before = scripts_run(&mut raw);
    let renewals: Vec<_> = held.iter().map(Delivery::renew).collect();
    for renewal in renewals {
        renewal.await.expect("it is held");
    }
    assert!(scripts_run(&mut raw) - before <= 2, "{} calls", scripts_run(&mut raw) - before);
    // Each delivery has a result of its own.
    drop(lost);
    consumer.receive(1, Duration::ZERO).await.expect("the call succeeds");
    let group = billing().group;
    transport.remove_group(&orders(), &group).await.expect("it is removed");
    for renewal in held.iter().map(Delivery::renew).collect::<Vec<_>>() {
        assert_eq!(renewal.await.expect_err("it is held no more").kind(), ErrorKind::LeaseLost);
    }
}
