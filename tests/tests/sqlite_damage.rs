//! Damaged fields of a SQLite file: each affects at most its own message, and stops no consumer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use events_runtime::envelope::Envelope;
use events_runtime::transport::{
    ConnectOptions, Delivery, ErrorKind, Message, Retention, Transport, connect,
};
use events_tests::conformance::{ack, member, message, nothing, receive, send, texts, topic};
use rusqlite::Connection;

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("events.db");
        Self { _folder: folder, path }
    }

    fn open(&self) -> Box<dyn Transport> {
        connect(&format!("sqlite://{}", self.path.display()), &ConnectOptions::new()).expect("the file opens")
    }

    fn damage(&self, sql: &str) {
        damage(&self.path, sql);
    }
}

/// Writes a value that the library never writes.
fn damage(path: &Path, sql: &str) {
    let conn = Connection::open(path).expect("the file opens");
    conn.busy_timeout(Duration::from_secs(20)).expect("a timeout");
    conn.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn refused(delivery: &Delivery) -> bool {
    Envelope::from_message(delivery.message()).is_err()
}

#[tokio::test]
async fn a_damaged_field_makes_its_message_unreadable_and_no_other() {
    for sql in [
        "UPDATE messages_1 SET headers = x'ff' WHERE seq = 2",
        "UPDATE messages_1 SET headers = x'ffffffffffffffffffffffff' WHERE seq = 2",
        "UPDATE messages_1 SET headers = x'05' WHERE seq = 2",
        "UPDATE messages_1 SET headers = x'01ff00' WHERE seq = 2",
        "UPDATE messages_1 SET headers = CAST(headers || x'ff' AS BLOB) WHERE seq = 2",
    ] {
        let place = Place::new();
        let transport = place.open();
        let mut consumer = member(&*transport, "billing").await;
        let batch: Vec<_> = (0..3).map(|i| message("key", i)).collect();
        send(&*transport, &batch).await;
        place.damage(sql);
        let mut deliveries = receive(&mut *consumer, 3).await;
        assert_eq!(texts(&deliveries), ["key#0", "key#1", "key#2"], "{sql}");
        let unreadable = deliveries.remove(1);
        assert!(refused(&unreadable), "{sql}");
        assert!(unreadable.message().headers.get("sqlite_headers").is_some(), "the damaged value is kept");
        unreadable.reject("it is damaged").await.expect("it becomes a dead letter");
        ack(deliveries).await;
        nothing(&mut *consumer).await;
        let letters = transport.topics().await.expect("the topics are listed");
        assert_eq!(letters.iter().map(|status| status.messages).collect::<Vec<_>>(), [3, 1]);
    }
}

#[tokio::test]
async fn a_damaged_number_of_a_waiting_message_stops_no_consumer() {
    for sql in [
        "UPDATE pending SET attempts = -5",
        "UPDATE pending SET attempts = 9223372036854775807",
        "UPDATE pending SET losses = 9223372036854775807, attempts = 9223372036854775807",
        "UPDATE pending SET since = 9223372036854775807, ready = -9223372036854775807",
        "UPDATE pending SET alone = 7",
        "UPDATE messages_1 SET time = -9223372036854775808",
        "UPDATE messages_1 SET time = 9223372036854775807",
    ] {
        let place = Place::new();
        let transport = place.open();
        let mut consumer = member(&*transport, "billing").await;
        send(&*transport, &[message("key", 0), message("other", 1)]).await;
        for delivery in receive(&mut *consumer, 2).await {
            delivery.retry(Duration::ZERO).await.expect("it is released");
        }
        place.damage(sql);
        let mut found = Vec::new();
        while found.len() < 2 {
            let more = receive(&mut *consumer, 1).await;
            found.extend(texts(&more));
            ack(more).await;
        }
        found.sort();
        assert_eq!(found, ["key#0", "other#1"], "{sql}");
    }
}

#[tokio::test]
async fn the_messages_of_a_damaged_claim_are_redelivered() {
    for sql in [
        "UPDATE claims SET until = -9223372036854775808",
        "UPDATE claims SET until = 9223372036854775807",
        "UPDATE claims SET until = 0, lease = 9223372036854775807",
        "UPDATE claims SET until = 0, first = -9223372036854775808, last = 9223372036854775807",
        "UPDATE claims SET until = 0, member = 3, made = 9223372036854775807",
        // The damaged claim already holds a waiting message.
        "UPDATE claims SET until = 0; INSERT INTO pending(grp, seq, key, attempts, ready) VALUES (1, 1, x'6b6579', 1, 0)",
    ] {
        let place = Place::new();
        let transport = place.open();
        let mut first = member(&*transport, "billing").await;
        send(&*transport, &[message("key", 0)]).await;
        let held = receive(&mut *first, 1).await;
        place.damage(sql);
        // A lease with an impossibly late end is first shortened to the lease time.
        place.damage("UPDATE claims SET lease = min(lease, 100)");
        let mut second = member(&*transport, "billing").await;
        let again = receive(&mut *second, 1).await;
        assert_eq!(texts(&again), ["key#0"], "{sql}");
        ack(again).await;
        drop(held);
        let groups = transport.groups(&topic()).await.expect("the groups are listed");
        assert_eq!(groups[0].lag, 0, "{sql}");
    }
}

#[tokio::test]
async fn a_damaged_cursor_stops_no_group() {
    for sql in [
        "UPDATE groups SET cursor = 9223372036854775807",
        "UPDATE groups SET cursor = -7",
        "UPDATE groups SET cursor = -9223372036854775808",
    ] {
        let place = Place::new();
        let transport = place.open();
        let mut consumer = member(&*transport, "billing").await;
        send(&*transport, &[message("key", 0)]).await;
        ack(receive(&mut *consumer, 1).await).await;
        place.damage(sql);
        nothing_new(&mut *consumer).await;
        send(&*transport, &[message("key", 1)]).await;
        let deliveries = receive(&mut *consumer, 1).await;
        assert_eq!(texts(&deliveries), ["key#1"], "{sql}");
        ack(deliveries).await;
        transport.groups(&topic()).await.expect("the groups are listed");
    }
}

#[tokio::test]
async fn a_damaged_retention_counter_stops_nothing() {
    for sql in [
        "UPDATE topics SET trimmed = 9223372036854775807",
        "UPDATE topics SET trimmed = 9223372036854775806",
        "UPDATE topics SET trimmed = -9223372036854775808",
        "UPDATE topics SET trimmed = 0; UPDATE groups SET cursor = 9223372036854775807",
        "UPDATE topics SET trimmed = 0; UPDATE claims SET first = -9223372036854775808, last = 9223372036854775807",
    ] {
        for retention in [
            Retention::unlimited().max_age(Duration::ZERO),
            Retention::unlimited().max_count(1).drop_unsettled(),
        ] {
            let place = Place::new();
            let options = ConnectOptions::new().retention(retention);
            let url = format!("sqlite://{}", place.path.display());
            let transport = connect(&url, &options).expect("the file opens");
            let mut consumer = member(&*transport, "billing").await;
            send(&*transport, &[message("key", 0), message("other", 1)]).await;
            let held = receive(&mut *consumer, 1).await;
            place.damage(sql);
            transport.trim().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            transport.topics().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            drop(held);
            send(&*transport, &[message("key", 2)]).await;
        }
    }
}

/// Settled messages may be redelivered, and are settled again.
async fn nothing_new(consumer: &mut dyn events_runtime::transport::Consumer) {
    loop {
        let again = consumer.receive(10, Duration::ZERO).await.expect("the call succeeds");
        if again.is_empty() {
            return;
        }
        ack(again).await;
    }
}

#[tokio::test]
async fn a_damaged_name_hides_no_other_and_is_reported_by_the_check() {
    let place = Place::new();
    let transport = place.open();
    let mut consumer = member(&*transport, "billing").await;
    drop(member(&*transport, "audit").await);
    send(&*transport, &[message("key", 0)]).await;
    let producer = transport.producer().await.expect("a producer");
    let other = events_tests::conformance::named("other");
    producer.send(&other, &[Message::new("x")]).await.remove(0).expect("it is stored");
    transport.check().await.expect("the file is sound");
    place.damage("UPDATE topics SET name = 'no such name' WHERE name = 'other'");
    place.damage("UPDATE groups SET name = CAST(x'ff' AS TEXT) WHERE name = 'audit'");
    let topics = transport.topics().await.expect("the topics are listed");
    assert_eq!(topics.iter().map(|status| status.topic.as_str()).collect::<Vec<_>>(), ["orders"]);
    let groups = transport.groups(&topic()).await.expect("the groups are listed");
    assert_eq!(groups.iter().map(|status| status.group.as_str()).collect::<Vec<_>>(), ["billing"]);
    transport.trim().await.expect("the store is trimmed");
    ack(receive(&mut *consumer, 1).await).await;
    let error = transport.check().await.expect_err("two names are damaged");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("names in the file: 2"), "{error}");
}
