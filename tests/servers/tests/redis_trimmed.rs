//! Entries that another client trims before groups have settled them, as Open edX's producers do: they are
//! skipped and counted.

use std::time::Duration;

use events_runtime::transport::{ConnectOptions, Consumer, Message, Retention, Transport, connect};
use events_server_tests::RedisServer;
use events_server_tests::orders::{billing, orders, transport};
use events_tests::values::Values;

const LONG: Duration = Duration::from_secs(20);
const PENDING: &str = "events_trimmed_pending_total{topic=orders}";
const UNREAD: &str = "events_trimmed_unread_total{topic=orders}";
const UNSETTLED: &str = "events_trimmed_unsettled_total{topic=orders}";

async fn send(transport: &dyn Transport, texts: &[&str]) {
    let producer = transport.producer().await.expect("a producer");
    let batch: Vec<_> = texts.iter().map(|text| Message::new((*text).to_owned()).with_key("k")).collect();
    for sent in producer.send(&orders(), &batch).await {
        sent.expect("it is stored");
    }
}

/// As `XADD … MAXLEN`, which Open edX's producers use.
fn trim_to(server: &RedisServer, length: u64) -> u64 {
    let mut raw = server.connection();
    redis::cmd("XTRIM").arg("orders").arg("MAXLEN").arg("=").arg(length).query(&mut raw).expect("it trims")
}

/// Receives and acknowledges these messages, and no others.
async fn expect(consumer: &mut dyn Consumer, wanted: &[&str]) {
    let mut got = Vec::new();
    while got.len() < wanted.len() {
        for delivery in consumer.receive(10, LONG).await.expect("messages are received") {
            got.push(String::from_utf8_lossy(&delivery.message().data).into_owned());
            delivery.ack().await.expect("the acknowledgement is stored");
        }
    }
    assert_eq!(got, wanted);
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
    send(&*transport, &["1", "2", "3"]).await;
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
    send(&*transport, &["1", "2", "3", "4", "5", "6", "7"]).await;
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    for delivery in consumer.receive(2, LONG).await.expect("messages are received") {
        delivery.ack().await.expect("the acknowledgement is stored");
    }
    assert_eq!(trim_to(&server, 2), 5);
    expect(&mut *consumer, &["6", "7"]).await;
    values.assert(UNREAD, 3.0);
    send(&*transport, &["8"]).await;
    expect(&mut *consumer, &["8"]).await;
    // Trimming settled entries is not reported.
    send(&*transport, &["9"]).await;
    assert_eq!(trim_to(&server, 1), 3);
    expect(&mut *consumer, &["9"]).await;
    values.assert(UNREAD, 3.0);
    // All entries, twice before the next claim.
    send(&*transport, &["10", "11"]).await;
    assert_eq!(trim_to(&server, 0), 3);
    send(&*transport, &["12", "13"]).await;
    assert_eq!(trim_to(&server, 1), 1);
    expect(&mut *consumer, &["13"]).await;
    values.assert(UNREAD, 6.0);
    assert!(values.get(PENDING).is_nan(), "none was in hand");
    assert_eq!(lag(&*transport).await, 0);
}

/// Entries trimmed before the group was created are not counted.
#[tokio::test]
async fn a_group_that_never_read_misses_only_entries_trimmed_since_its_creation() {
    let (values, server) = (Values::default(), RedisServer::start());
    let _guard = metrics::set_default_local_recorder(&values);
    let transport = transport(&server.url());
    send(&*transport, &["1", "2", "3", "4", "5"]).await;
    assert_eq!(trim_to(&server, 3), 2);
    let first = transport.consumer(billing()).await.expect("a consumer");
    first.close().await.expect("it leaves");
    assert_eq!(trim_to(&server, 1), 2);
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    expect(&mut *consumer, &["5"]).await;
    values.assert(UNREAD, 2.0);
}

/// It is lost to the group as a trimmed one, and later entries are counted correctly.
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
    send(&*transport, &["4", "5"]).await;
    assert_eq!(trim_to(&server, 1), 3);
    expect(&mut *consumer, &["5"]).await;
    values.assert(UNREAD, 2.0);
}

/// Entries dropped by our retention are counted by its own metric only.
#[tokio::test]
async fn entries_dropped_by_retention_are_counted_once() {
    let (values, server) = (Values::default(), RedisServer::start());
    let _guard = metrics::set_default_local_recorder(&values);
    let two = ConnectOptions::new().retention(Retention::unlimited().max_count(2).drop_unsettled());
    let transport = connect(&server.url(), &two).expect("the URL is understood");
    send(&*transport, &["1", "2", "3", "4", "5"]).await;
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    let held = consumer.receive(1, LONG).await.expect("messages are received");
    let trimmed = transport.trim().await.expect("it is trimmed");
    assert_eq!((trimmed.removed, trimmed.unsettled), (3, 3));
    for delivery in held {
        // Its message was removed, so the acknowledgement may fail.
        drop(delivery.ack().await);
    }
    expect(&mut *consumer, &["4", "5"]).await;
    values.assert(UNSETTLED, 3.0);
    assert!(values.get(UNREAD).is_nan() && values.get(PENDING).is_nan(), "nobody else trimmed");
}
