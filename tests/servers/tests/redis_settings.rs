//! The settings of Open edX's consumers, and entries that its programs hold.

use std::time::Duration;

use events_runtime::transport::{
    ConnectOptions, Consumer, Delivery, ErrorKind, Message, Position, Retention, Transport, connect,
};
use events_server_tests::RedisServer;
use events_server_tests::orders::{billing, orders};

const LONG: Duration = Duration::from_secs(20);

fn transport(server: &RedisServer, query: &str) -> Box<dyn Transport> {
    connect(&format!("{}{query}", server.url()), &ConnectOptions::new()).expect("the URL is understood")
}

async fn consumer(server: &RedisServer, query: &str) -> Box<dyn Consumer> {
    transport(server, query).consumer(billing()).await.expect("a consumer")
}

async fn send(server: &RedisServer, texts: &[&str]) -> Vec<Position> {
    let producer = transport(server, "").producer().await.expect("a producer");
    let batch: Vec<_> = texts.iter().map(|text| Message::new((*text).to_owned()).with_key("k")).collect();
    producer.send(&orders(), &batch).await.into_iter().map(|sent| sent.expect("stored")).collect()
}

async fn one(consumer: &mut dyn Consumer) -> Delivery {
    consumer.receive(1, LONG).await.expect("messages are received").pop().expect("a message")
}

async fn nothing(consumer: &mut dyn Consumer) {
    let none = consumer.receive(1, Duration::from_millis(50)).await.expect("the call succeeds");
    assert!(none.is_empty(), "{none:?}");
}

fn text(delivery: &Delivery) -> &[u8] {
    &delivery.message().data
}

fn ask<T: redis::FromRedisValue>(raw: &mut redis::Connection, words: &[&str]) -> T {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query(raw).expect("the server does so")
}

#[tokio::test]
async fn strict_openedx_acknowledges_even_if_receivers_fail() {
    let server = RedisServer::start();
    send(&server, &["1", "2", "3"]).await;
    let mut consumer = consumer(&server, "?ack=strict-openedx").await;
    one(&mut *consumer).await.retry(Duration::ZERO).await.expect("stored");
    one(&mut *consumer).await.reject("poison").await.expect("stored");
    // A stopping program did not settle the event.
    one(&mut *consumer).await.release().await.expect("stored");
    let last = one(&mut *consumer).await;
    assert_eq!(text(&last), b"3");
    last.ack().await.expect("stored");
    nothing(&mut *consumer).await;
    let topics = transport(&server, "").topics().await.expect("listed");
    assert_eq!(topics.len(), 1, "there is no dead letter: {topics:?}");
}

#[tokio::test]
async fn without_the_backlog_each_start_skips_earlier_messages() {
    let server = RedisServer::start();
    send(&server, &["1"]).await;
    let mut first = consumer(&server, "?check_backlog=false").await;
    nothing(&mut *first).await;
    first.close().await.expect("it leaves");
    send(&server, &["2"]).await;
    let mut second = consumer(&server, "?check_backlog=false").await;
    nothing(&mut *second).await;
    second.close().await.expect("it leaves");
    send(&server, &["3"]).await;
    let mut third = consumer(&server, "").await;
    let delivery = one(&mut *third).await;
    assert_eq!(text(&delivery), b"3", "the group goes on where it stands");
    delivery.ack().await.expect("stored");
}

#[tokio::test]
async fn a_start_continues_after_the_last_read_entry() {
    let server = RedisServer::start();
    let positions = send(&server, &["1", "2", "3"]).await;
    let mut consumer = consumer(&server, &format!("?last_read_msg_id={}", positions[1])).await;
    let delivery = one(&mut *consumer).await;
    assert_eq!(text(&delivery), b"3");
    delivery.ack().await.expect("stored");
    nothing(&mut *consumer).await;
}

#[tokio::test]
async fn a_consumer_takes_over_entries_of_its_predecessor_at_once() {
    let server = RedisServer::start();
    let mut raw = server.connection();
    send(&server, &["1", "2"]).await;
    ask::<()>(&mut raw, &["XGROUP", "CREATE", "orders", "billing", "0-0"]);
    ask::<redis::Value>(
        &mut raw,
        &["XREADGROUP", "GROUP", "billing", "lms-1", "COUNT", "1", "STREAMS", "orders", ">"],
    );
    let mut other = consumer(&server, "").await;
    let second = one(&mut *other).await;
    assert_eq!(text(&second), b"2", "what another holds is left to it");
    second.ack().await.expect("stored");
    let mut named = consumer(&server, "?consumer_name=lms-1").await;
    let first = one(&mut *named).await;
    assert_eq!((text(&first), first.attempt()), (&b"1"[..], 2));
    let members: Vec<std::collections::HashMap<String, redis::Value>> =
        ask(&mut raw, &["XINFO", "CONSUMERS", "orders", "billing"]);
    assert!(format!("{members:?}").contains("lms-1"));
    first.ack().await.expect("stored");
    let pending: (u64, redis::Value, redis::Value, redis::Value) =
        ask(&mut raw, &["XPENDING", "orders", "billing"]);
    assert_eq!(pending.0, 0, "Redis's own list agrees");
}

#[tokio::test]
async fn entries_of_foreign_clients_are_claimed_after_their_idle_time() {
    let server = RedisServer::start();
    let mut raw = server.connection();
    send(&server, &["1", "2", "3"]).await;
    ask::<()>(&mut raw, &["XGROUP", "CREATE", "orders", "billing", "0-0"]);
    ask::<redis::Value>(
        &mut raw,
        &["XREADGROUP", "GROUP", "billing", "python", "COUNT", "2", "STREAMS", "orders", ">"],
    );
    let mut consumer = consumer(&server, "?claim_msgs_older_than=200").await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let delivery = one(&mut *consumer).await;
        seen.push((String::from_utf8_lossy(text(&delivery)).into_owned(), delivery.attempt()));
        delivery.ack().await.expect("stored");
    }
    seen.sort();
    assert_eq!(seen, [("1".to_owned(), 2), ("2".to_owned(), 2), ("3".to_owned(), 1)]);
    nothing(&mut *consumer).await;
}

#[tokio::test]
async fn a_duration_beyond_the_clock_is_accepted() {
    let server = RedisServer::start();
    send(&server, &["1"]).await;
    let mut consumer = consumer(&server, "?claim_msgs_older_than=18446744073709551615").await;
    one(&mut *consumer).await.ack().await.expect("stored");
}

/// Retention applies, but never to messages that a group has not settled.
#[tokio::test]
async fn retention_keeps_unsettled_messages() {
    let server = RedisServer::start();
    let ten = ConnectOptions::new().retention(Retention::unlimited().max_count(10));
    let transport = connect(&server.url(), &ten).expect("the URL is understood");
    let producer = transport.producer().await.expect("a producer");
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    let batch: Vec<_> = (0..500).map(|n| Message::new(n.to_string())).collect();
    for _ in 0..6 {
        for sent in producer.send(&orders(), &batch).await {
            sent.expect("stored");
        }
    }
    let messages = || async { transport.topics().await.expect("listed")[0].messages };
    assert_eq!(messages().await, 3000, "nothing was settled");
    let mut left = 3000;
    while left > 0 {
        let deliveries = consumer.receive(1000, LONG).await.expect("messages are received");
        left -= deliveries.len();
        for acked in events_runtime::transport::ack_all(deliveries).await {
            acked.expect("stored");
        }
    }
    transport.trim().await.expect("trimmed");
    assert_eq!(messages().await, 10);
}

#[tokio::test]
async fn members_that_leave_remove_their_names_and_lose_nothing() {
    let server = RedisServer::start();
    send(&server, &["1", "2"]).await;
    let mut first = consumer(&server, "").await;
    let held = one(&mut *first).await;
    one(&mut *first).await.retry(Duration::ZERO).await.expect("stored");
    drop(held);
    first.close().await.expect("it leaves");
    let mut raw = server.connection();
    let names: Vec<std::collections::HashMap<String, redis::Value>> =
        ask(&mut raw, &["XINFO", "CONSUMERS", "orders", "billing"]);
    assert!(!format!("{names:?}").contains("events-runtime:"), "{names:?}");
    let mut second = consumer(&server, "").await;
    for wanted in [&b"1"[..], b"2"] {
        let delivery = one(&mut *second).await;
        assert_eq!((text(&delivery), delivery.attempt()), (wanted, 2));
        delivery.ack().await.expect("stored");
    }
}

#[test]
fn wrong_settings_say_what_to_write() {
    for (url, wanted) in [
        ("redis://", "redis://host:6379/0"),
        ("redis://h:port", "user:password"),
        ("redis://h?ack=never", "strict-openedx"),
        ("redis://h?check_backlog=yes", "`true` or `false`"),
        ("redis://h?last_read_msg_id=7", "1526919030474-55"),
        ("redis://h?claim_msgs_older_than=soon", "a duration with its unit"),
        ("redis://h?ca=/nowhere", "rediss:"),
        ("rediss://h?ca=/nowhere", "can't read the `ca` file"),
        ("redis://h?on_lost=cry", "`recover-topic`"),
        ("redis://h?colour=red", "unknown setting `colour`"),
        ("redis+sentinel://h:26379", "the master's name"),
        ("redis+cluster://h:6379/1", "database 0"),
        ("redis+cluster://h:6379,:6379", "some nodes of the cluster"),
        ("redis+cluster://", "the host is missing"),
    ] {
        let error = connect(url, &ConnectOptions::new()).err().expect("it is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url}: {error}");
        assert!(error.to_string().contains(wanted), "{url}: {error}");
    }
}

/// Otherwise the mistake would only show at the first connection.
#[test]
fn a_ca_file_without_a_valid_certificate_is_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    let begin = "-----BEGIN CERTIFICATE-----\n";
    for (text, wanted) in [
        (String::new(), "contains no certificate"),
        ("hello".to_owned(), "contains no certificate"),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned(),
            "contains no certificate",
        ),
        (format!("{begin}AAAA\n"), "is malformed"),
        (format!("{begin}AAAA\n-----END CERTIFICATE-----\n"), "contains an invalid certificate"),
    ] {
        let file = folder.path().join("own.pem");
        std::fs::write(&file, &text).expect("a file");
        let url = format!("rediss://h:6379/0?ca={}", file.display());
        let error = connect(&url, &ConnectOptions::new()).err().expect("it is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(wanted) && error.to_string().contains("PEM"), "{text}: {error}");
    }
}
