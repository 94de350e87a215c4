//! Errors of SQLite files: they are reported, and stored messages are kept.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, ErrorKind, Message, Transport, TransportError, connect};
use events_tests::conformance::{ack, member, message, named, receive, send, texts, topic};
use rusqlite::Connection;

fn url(path: &Path, query: &str) -> String {
    format!("sqlite://{}{query}", path.display())
}

fn open(path: &Path, query: &str) -> Result<Box<dyn Transport>, TransportError> {
    connect(&url(path, query), &ConnectOptions::new())
}

fn refused(path: &Path) -> TransportError {
    open(path, "?busy_timeout=50ms").err().expect("the file is refused")
}

async fn send_one(transport: &dyn Transport, message: Message) -> Result<(), TransportError> {
    let producer = transport.producer().await?;
    producer.send(&topic(), &[message]).await.remove(0).map(drop)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[tokio::test]
async fn a_lock_held_too_long_is_an_error_that_can_be_retried() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let transport = open(&path, "?busy_timeout=50ms").expect("the file opens");
    send(&*transport, &[message("key", 0)]).await;
    let other = Connection::open(&path).expect("the file opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock is taken");
    let error = send_one(&*transport, message("key", 1)).await.expect_err("the file is locked");
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.is_retryable());
    assert!(error.to_string().contains("busy_timeout"), "{error}");
    other.execute_batch("COMMIT").expect("the lock is released");
    send_one(&*transport, message("key", 2)).await.expect("the message is stored");
    let mut consumer = member(&*transport, "billing").await;
    let deliveries = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&deliveries), ["key#0", "key#2"]);
    ack(deliveries).await;
}

/// A file that another program locks again and again, longer than this one waits.
struct Contended {
    folder: tempfile::TempDir,
    ends: Arc<AtomicBool>,
    /// How often the lock was held.
    locked: Arc<AtomicUsize>,
}

impl Contended {
    fn start() -> Self {
        let found = Self { folder: folder(), ends: Arc::default(), locked: Arc::default() };
        drop(open(&found.path(), "").expect("the file opens"));
        let other = Connection::open(found.path()).expect("the file opens");
        other.busy_timeout(Duration::from_secs(5)).expect("it waits");
        let (ends, locked) = (Arc::clone(&found.ends), Arc::clone(&found.locked));
        std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                other.execute_batch("BEGIN IMMEDIATE").expect("the lock is taken");
                std::thread::sleep(Duration::from_millis(8));
                other.execute_batch("COMMIT").expect("the lock is released");
                locked.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        found
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("events.db")
    }
}

impl Drop for Contended {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_under_way_keep_each_key_in_order_while_another_program_locks_the_file() {
    let file = Contended::start();
    let transport = open(&file.path(), "?busy_timeout=1ms&synchronous=normal").expect("the file opens");
    let producer = transport.producer().await.expect("a producer");
    let mut failed = 0;
    let mut sent: Vec<Message> = (0..600).map(|i| message(&format!("key-{}", i % 5), i / 5)).collect();
    while !sent.is_empty() {
        let now = std::mem::take(&mut sent);
        let (now, later) = now.split_at(now.len().min(60));
        let calls: Vec<_> = now.chunks(15).map(|batch| producer.send(&topic(), batch)).collect();
        for (call, batch) in calls.into_iter().zip(now.chunks(15)) {
            let results = call.await;
            failed += usize::from(results.iter().any(Result::is_err));
            let again = results.into_iter().zip(batch).filter(|(result, _)| result.is_err());
            sent.extend(again.map(|(_, message)| message.clone()));
        }
        sent.extend_from_slice(later);
    }
    assert!(
        failed > 0,
        "no call has failed, the file was locked {} times",
        file.locked.load(Ordering::Relaxed)
    );
    let mut stored = HashMap::<_, Vec<_>>::new();
    let raw = Connection::open(file.path()).expect("the file opens");
    let mut all = raw.prepare("SELECT key, data FROM messages_1 ORDER BY seq").expect("the table exists");
    let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("it is read");
    for row in rows {
        let (key, data): (Vec<u8>, Vec<u8>) = row.expect("a row");
        stored.entry(key).or_default().push(data);
    }
    assert_eq!(stored.len(), 5);
    for (key, of_key) in stored {
        let key = String::from_utf8_lossy(&key);
        let expected: Vec<_> = (0..120).map(|i| format!("{key}#{i}").into_bytes()).collect();
        assert_eq!(of_key, expected, "each once and in order");
    }
}

#[tokio::test]
async fn the_wait_for_a_lock_can_be_unlimited() {
    let folder = folder();
    let longest =
        open(&folder.path().join("events.db"), "?busy_timeout=213503982334d&poll_interval=213503982334d");
    send(&*longest.expect("the file opens"), &[message("key", 0)]).await;
}

#[tokio::test]
async fn a_lock_that_ends_in_time_is_waited_for() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let transport = open(&path, "?busy_timeout=20s").expect("the file opens");
    let other = Connection::open(&path).expect("the file opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock is taken");
    let producer = transport.producer().await.expect("a producer");
    let mut sending = producer.send(&topic(), &[message("key", 0)]);
    let early = tokio::time::timeout(Duration::from_millis(100), &mut sending).await;
    assert!(early.is_err(), "the message can't be stored while another holds the lock");
    other.execute_batch("COMMIT").expect("the lock is released");
    sending.await.remove(0).expect("the message is stored");
}

#[test]
fn a_file_locked_when_it_is_opened_is_an_error() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let other = Connection::open(&path).expect("the file opens");
    other.execute_batch("BEGIN EXCLUSIVE").expect("the lock is taken");
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
}

#[test]
fn a_file_that_is_not_a_database_is_unchanged() {
    let folder = folder();
    let path = folder.path().join("notes.txt");
    let text = "not a database, but somebody's notes\n".repeat(100);
    std::fs::write(&path, &text).expect("the file is written");
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(std::fs::read_to_string(&path).expect("the file is there"), text);
}

#[test]
fn the_database_of_another_program_is_unchanged() {
    let folder = folder();
    let path = folder.path().join("other.db");
    let other = Connection::open(&path).expect("the file opens");
    other.execute_batch("CREATE TABLE theirs(x); INSERT INTO theirs VALUES (1)").expect("a table");
    drop(other);
    let before = std::fs::read(&path).expect("the file is there");
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("another program"), "{error}");
    assert_eq!(std::fs::read(&path).expect("the file is there"), before);
}

#[test]
fn a_file_of_another_version_is_refused() {
    let folder = folder();
    let path = folder.path().join("events.db");
    drop(open(&path, "").expect("the file opens"));
    let other = Connection::open(&path).expect("the file opens");
    other.pragma_update(None, "user_version", 99).expect("the version is set");
    drop(other);
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Version);
    assert!(error.to_string().contains("99"), "{error}");
}

#[tokio::test]
async fn a_file_of_the_first_version_is_migrated_with_its_content() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let transport = open(&path, "").expect("the file opens");
    send(&*transport, &[message("key", 0), message("key", 1), message("other", 2)]).await;
    let mut first = member(&*transport, "billing").await;
    let mut held = receive(&mut *first, 3).await;
    ack(held.drain(2..).collect()).await;
    for delivery in held {
        delivery.retry(Duration::ZERO).await.expect("it is released");
    }
    drop((first, transport));
    let older = Connection::open(&path).expect("the file opens");
    older
        .execute_batch(
            "DROP INDEX pending_alone; DROP INDEX pending_since; ALTER TABLE pending DROP COLUMN since;
             ALTER TABLE claims DROP COLUMN made; ALTER TABLE claims DROP COLUMN shared;
             ALTER TABLE pending DROP COLUMN losses;
             ALTER TABLE pending DROP COLUMN alone; PRAGMA user_version = 1;",
        )
        .expect("it is changed to version 1");
    drop(older);

    let transport = open(&path, "").expect("the file opens");
    let mut member = member(&*transport, "billing").await;
    let again = receive(&mut *member, 2).await;
    assert_eq!(texts(&again), ["key#0", "key#1"]);
    assert!(again.iter().all(|delivery| delivery.attempt() == 2), "{again:?}");
    ack(again).await;
    transport.check().await.expect("the file is sound");
    let brought = Connection::open(&path).expect("the file opens");
    let version: i64 = brought.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a version");
    assert_eq!(version, 2);
}

#[tokio::test]
async fn a_damaged_file_is_reported_by_the_check() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let transport = open(&path, "").expect("the file opens");
    let batch: Vec<_> = (0..500).map(|i| message("key", i)).collect();
    send(&*transport, &batch).await;
    transport.check().await.expect("the file is sound");
    drop(transport);
    let tidy = Connection::open(&path).expect("the file opens");
    tidy.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("the log is emptied");
    drop(tidy);
    let mut bytes = std::fs::read(&path).expect("the file is there");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xA5);
    let damaged = folder.path().join("damaged.db");
    std::fs::write(&damaged, &bytes).expect("the file is written");
    let error = match open(&damaged, "") {
        Err(error) => error,
        Ok(transport) => transport.check().await.expect_err("the file is damaged"),
    };
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains(".recover"), "{error}");
}

#[tokio::test]
async fn a_full_file_rejects_sends_and_keeps_its_messages() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let query = "?max_pages=120&retention_count=0";
    let transport = open(&path, query).expect("the file opens");
    let mut consumer = member(&*transport, "billing").await;
    let large = |i: usize| Message::new(format!("{i:0>2000}")).with_key("key");
    let mut stored = 0;
    let error = loop {
        match send_one(&*transport, large(stored)).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1_000, "the file is never full");
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(error.is_retryable());
    // A message that does not fit does not fail another that does.
    let expected: Vec<_> = (0..stored).map(|i| format!("{i:0>2000}")).collect();
    let deliveries = receive(&mut *consumer, stored).await;
    assert_eq!(texts(&deliveries), expected);
    ack(deliveries).await;
    let trimmed = transport.trim().await.expect("the store is trimmed");
    assert_eq!(trimmed.removed, stored as u64);
    send_one(&*transport, large(stored)).await.expect("space is free again");
    transport.check().await.expect("the file is sound");
}

#[tokio::test]
async fn one_message_too_many_fails_alone() {
    let folder = folder();
    let transport = open(&folder.path().join("events.db"), "?max_pages=300").expect("the file opens");
    let producer = transport.producer().await.expect("a producer");
    // Submitted together, so that they may share a transaction.
    let small = producer.send(&named("small"), &[Message::new("x")]);
    let huge = producer.send(&named("huge"), &[Message::new(vec![0; 4_000_000])]);
    let last = producer.send(&named("small"), &[Message::new("y")]);
    small.await.remove(0).expect("the message is stored");
    assert_eq!(huge.await.remove(0).expect_err("no space is left").kind(), ErrorKind::Full);
    last.await.remove(0).expect("the message is stored");
}

/// A claim whose transaction was rolled back by another request is made again, for the same member.
#[tokio::test]
async fn a_claim_that_shares_a_transaction_with_a_refused_send_is_held() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let transport = open(&path, "?max_pages=300&busy_timeout=60s").expect("the file opens");
    let mut consumer = member(&*transport, "billing").await;
    send(&*transport, &[message("key", 0)]).await;
    let producer = transport.producer().await.expect("a producer");
    let other = Connection::open(&path).expect("the file opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock is taken");
    // The writer waits for the lock with the first request; later requests share the next transaction.
    let mut first = producer.send(&named("small"), &[Message::new("x")]);
    let early = tokio::time::timeout(Duration::from_millis(100), &mut first).await;
    assert!(early.is_err(), "the message can't be stored while another holds the lock");
    let deliveries = {
        let mut receiving = std::pin::pin!(receive(&mut *consumer, 1));
        let early = tokio::time::timeout(Duration::from_millis(100), &mut receiving).await;
        assert!(early.is_err(), "nothing can be claimed while another holds the lock");
        let huge = producer.send(&named("huge"), &[Message::new(vec![0; 4_000_000])]);
        other.execute_batch("COMMIT").expect("the lock is released");
        let (deliveries, huge) = tokio::join!(receiving, huge);
        let error = huge.into_iter().next().and_then(Result::err).expect("no space is left");
        assert_eq!(error.kind(), ErrorKind::Full);
        deliveries
    };
    first.await.remove(0).expect("the message is stored");
    // A wrong release would have happened by now.
    send_one(&*transport, message("other", 1)).await.expect("the message is stored");
    let groups = transport.groups(&topic()).await.expect("the groups are listed");
    assert_eq!(groups.iter().map(|group| group.in_flight).collect::<Vec<_>>(), [1]);
    ack(deliveries).await;
}

/// After the clock is set back, stored times are in the future.
#[tokio::test]
async fn a_delay_ends_in_time_although_the_clock_was_set_back() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let transport = open(&path, "").expect("the file opens");
    let mut consumer = member(&*transport, "billing").await;
    send(&*transport, &[message("key", 0), message("key", 1)]).await;
    for delivery in receive(&mut *consumer, 1).await {
        delivery.retry(Duration::from_millis(50)).await.expect("it is redelivered");
    }
    let hours = 3 * 3_600_000;
    let other = Connection::open(&path).expect("the file opens");
    let moved = other.execute("UPDATE pending SET ready = ready + ?1, since = since + ?1", [hours]);
    assert_eq!(moved.expect("the pause is moved"), 1);
    drop(other);
    let again = tokio::time::timeout(Duration::from_secs(20), receive(&mut *consumer, 2)).await;
    let deliveries = again.expect("the pause does not last for hours");
    assert_eq!(texts(&deliveries), ["key#0", "key#1"]);
    ack(deliveries).await;
}

/// A receive is cancelled during its claim, and the next one starts at once.
#[tokio::test]
async fn a_cancelled_receive_lets_no_later_message_of_a_key_overtake() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let transport = open(&path, "?busy_timeout=60s").expect("the file opens");
    let mut consumer = member(&*transport, "billing").await;
    send(&*transport, &[message("key", 0), message("key", 1)]).await;
    let other = Connection::open(&path).expect("the file opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock is taken");
    let early = tokio::time::timeout(Duration::from_millis(100), receive(&mut *consumer, 1)).await;
    assert!(early.is_err(), "nothing can be claimed while another holds the lock");
    let deliveries = {
        let mut receiving = std::pin::pin!(receive(&mut *consumer, 1));
        let early = tokio::time::timeout(Duration::from_millis(100), &mut receiving).await;
        assert!(early.is_err(), "nothing can be claimed while another holds the lock");
        other.execute_batch("COMMIT").expect("the lock is released");
        receiving.await
    };
    assert_eq!(texts(&deliveries), ["key#0"]);
    assert_eq!(deliveries[0].attempt(), 1, "undelivered claims do not count");
    ack(deliveries).await;
    let deliveries = receive(&mut *consumer, 1).await;
    assert_eq!(texts(&deliveries), ["key#1"]);
    ack(deliveries).await;
}

/// Retention also applies in a program that sends a few messages and exits.
#[tokio::test]
async fn retention_is_applied_by_the_first_send_after_opening() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let batch: Vec<_> = (0..10).map(|i| message("key", i)).collect();
    let transport = open(&path, "?retention_count=3").expect("the file opens");
    send(&*transport, &batch).await;
    // The trim runs between requests: the next request completes after it.
    transport.check().await.expect("the file is sound");
    let topics = transport.topics().await.expect("the topics are listed");
    assert_eq!(topics.iter().map(|topic| topic.messages).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_missing_folder_is_an_error_that_says_so() {
    let folder = folder();
    let error = refused(&folder.path().join("absent/events.db"));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("its folder exists"), "{error}");
}

#[test]
fn one_file_has_one_set_of_settings() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let _transport = open(&path, "").expect("the file opens");
    let error = open(&path, "?synchronous=off").err().expect("the settings differ");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("different settings"), "{error}");
    open(&path, "?synchronous=full").expect("the settings are the same");
}

#[test]
fn a_wrong_setting_is_an_error_that_names_it() {
    let folder = folder();
    let path = folder.path().join("events.db");
    for (query, named) in [
        ("?synchronous=sometimes", "`full`, `normal` or `off`"),
        ("?busy_timeout=5", "busy_timeout=5"),
        ("?sync=full", "`sync`"),
        ("?retention_count=many", "retention_count=many"),
    ] {
        let error = open(&path, query).err().expect("the setting is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(named), "{error}");
    }
    assert!(!path.exists(), "nothing was made");
}

#[tokio::test]
async fn a_topic_that_another_process_has_marked_as_dead_letters_is_not_trimmed() {
    let folder = folder();
    let path = folder.path().join("events.db");
    let transport = open(&path, "?retention_count=1").expect("the file opens");
    let producer = transport.producer().await.expect("a producer");
    let given_up = named("given-up");
    for number in 0..2 {
        // Retention is applied after the first one, long before it is again.
        producer.send(&given_up, &[message("key", number)]).await.remove(0).expect("it is stored");
    }
    let other = Connection::open(&path).expect("the file opens");
    other
        .execute_batch(
            "CREATE TABLE dead_letter_topics(name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
             INSERT INTO dead_letter_topics VALUES ('given-up');",
        )
        .expect("the topic is marked");
    transport.trim().await.expect("the store is trimmed");
    let topics = transport.topics().await.expect("the topics are listed");
    assert_eq!(topics[0].messages, 2);
}
