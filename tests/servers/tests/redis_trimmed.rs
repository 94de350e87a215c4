//! Entries trimmed without regard to the groups, as Open edX's producers do: nothing waits for them, and each
//! is counted.

use std::time::Duration;

use events_runtime::transport::{ConnectOptions, Consumer, Message, Retention, Transport, connect};
use events_server_tests::RedisServer;
use events_server_tests::orders::{billing, expect_texts, orders, send_texts, transport};
use events_tests::values::Values;

const LONG: Duration = Duration::from_secs(20);
const PENDING: &str = "events_trimmed_pending_total{topic=orders}";
const UNREAD: &str = "events_trimmed_unread_total{topic=orders}";
const UNSETTLED: &str = "events_trimmed_unsettled_total{topic=orders}";

/// As `XADD … MAXLEN` does with every entry of Open edX.
fn trim_to(server: &RedisServer, length: u64) -> u64 {
    let mut raw = server.connection();
    redis::cmd("XTRIM").arg("orders").arg("MAXLEN").arg("=").arg(length).query(&mut raw).expect("it trims")
}

/// Acknowledges these, and asserts that nothing else is received.
async fn expect(consumer: &mut dyn Consumer, wanted: &[&str]) {
    expect_texts(consumer, wanted).await;
    let none = consumer.receive(1, Duration::from_millis(50)).await.expect("the call succeeds");
    assert!(none.is_empty(), "{none:?}");
}

async fn lag(transport: &dyn Transport) -> u64 {
    transport.groups(&orders()).await.expect("the groups are listed")[0].lag
}

#[tokio::test]
async fn trimmed_entries_in_flight_are_skipped_and_counted() {
    let (values, server) = (Values::default(), RedisServer::start());
    let _guard = metrics::set_default_local_recorder(&values);
    let transport = transport(&server.url());
    send_texts(&*transport, &["1", "2", "3"]).await;
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    drop(consumer.receive(2, LONG).await.expect("messages are received"));
    assert_eq!(trim_to(&server, 1), 2);
    expect(&mut *consumer, &["3"]).await;
    values.assert(PENDING, 2.0);
    assert!(values.get(UNREAD).is_nan(), "they had been read");
    assert_eq!(lag(&*transport).await, 0);
}

#[tokio::test]
async fn trimmed_unread_entries_are_reported_once() {
    let (values, server) = (Values::default(), RedisServer::start());
    let _guard = metrics::set_default_local_recorder(&values);
    let transport = transport(&server.url());
    send_texts(&*transport, &["1", "2", "3", "4", "5", "6", "7"]).await;
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    for delivery in consumer.receive(2, LONG).await.expect("messages are received") {
        delivery.ack().await.expect("the acknowledgement is stored");
    }
    assert_eq!(trim_to(&server, 2), 5);
    expect(&mut *consumer, &["6", "7"]).await;
    values.assert(UNREAD, 3.0);
    send_texts(&*transport, &["8"]).await;
    expect(&mut *consumer, &["8"]).await;
    // Trimming settled entries is not reported.
    send_texts(&*transport, &["9"]).await;
    assert_eq!(trim_to(&server, 1), 3);
    expect(&mut *consumer, &["9"]).await;
    values.assert(UNREAD, 3.0);
    // All entries, twice before any member reads.
    send_texts(&*transport, &["10", "11"]).await;
    assert_eq!(trim_to(&server, 0), 3);
    send_texts(&*transport, &["12", "13"]).await;
    assert_eq!(trim_to(&server, 1), 1);
    expect(&mut *consumer, &["13"]).await;
    values.assert(UNREAD, 6.0);
    assert!(values.get(PENDING).is_nan(), "none was in flight");
    assert_eq!(lag(&*transport).await, 0);
}

/// A group misses entries trimmed after its creation, not those trimmed before.
#[tokio::test]
async fn a_group_that_never_read_has_missed_only_entries_trimmed_since_its_creation() {
    let (values, server) = (Values::default(), RedisServer::start());
    let _guard = metrics::set_default_local_recorder(&values);
    let transport = transport(&server.url());
    send_texts(&*transport, &["1", "2", "3", "4", "5"]).await;
    assert_eq!(trim_to(&server, 3), 2);
    let first = transport.consumer(billing()).await.expect("a consumer");
    first.close().await.expect("it leaves");
    assert_eq!(trim_to(&server, 1), 2);
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    expect(&mut *consumer, &["5"]).await;
    values.assert(UNREAD, 2.0);
}

/// It is lost to the group like a trimmed one, and the counts of later entries are right.
#[tokio::test]
async fn an_entry_that_was_deleted_before_the_group_read_it_is_counted_too() {
    let (values, server) = (Values::default(), RedisServer::start());
    let _guard = metrics::set_default_local_recorder(&values);
    let transport = transport(&server.url());
    let producer = transport.producer().await.expect("a producer");
    let batch: Vec<_> = ["1", "2", "3"].map(Message::new).into();
    let positions: Vec<_> =
        producer.send(&orders(), &batch).await.into_iter().map(|sent| sent.expect("it is stored")).collect();
    let mut raw = server.connection();
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    redis::cmd("XDEL").arg("orders").arg(positions[1].to_string()).exec(&mut raw).expect("it is deleted");
    expect(&mut *consumer, &["1", "3"]).await;
    values.assert(UNREAD, 1.0);
    send_texts(&*transport, &["4", "5"]).await;
    assert_eq!(trim_to(&server, 1), 3);
    expect(&mut *consumer, &["5"]).await;
    values.assert(UNREAD, 2.0);
}

/// Entries dropped by our own retention are counted by it only.
#[tokio::test]
async fn entries_dropped_by_retention_are_counted_once() {
    let (values, server) = (Values::default(), RedisServer::start());
    let _guard = metrics::set_default_local_recorder(&values);
    let two = ConnectOptions::new().retention(Retention::unlimited().max_count(2).drop_unsettled());
    let transport = connect(&server.url(), &two).expect("the URL is understood");
    send_texts(&*transport, &["1", "2", "3", "4", "5"]).await;
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    let held = consumer.receive(1, LONG).await.expect("messages are received");
    let trimmed = transport.trim().await.expect("it is trimmed");
    assert_eq!((trimmed.removed, trimmed.unsettled), (3, 3));
    for delivery in held {
        // Its message is gone; the call may return an error.
        drop(delivery.ack().await);
    }
    expect(&mut *consumer, &["4", "5"]).await;
    values.assert(UNSETTLED, 3.0);
    assert!(values.get(UNREAD).is_nan() && values.get(PENDING).is_nan(), "only retention trimmed");
}
