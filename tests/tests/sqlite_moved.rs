//! A SQLite file that is removed, renamed or replaced under a running process.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, ErrorKind, Transport, TransportError, connect};
use events_tests::conformance::{ack, member, message, receive, send, texts, topic};

fn open(path: &Path) -> Box<dyn Transport> {
    connect(&format!("sqlite://{}", path.display()), &ConnectOptions::new()).expect("the file opens")
}

fn beside(path: &Path, end: &str) -> PathBuf {
    PathBuf::from(format!("{}{end}", path.display()))
}

/// Moves the file with what stands beside it.
fn rename(from: &Path, to: &Path) {
    for end in ["", "-wal", "-shm"] {
        std::fs::rename(beside(from, end), beside(to, end)).expect("it is renamed");
    }
}

async fn send_one(transport: &dyn Transport, id: usize) -> Result<(), TransportError> {
    let producer = transport.producer().await?;
    producer.send(&topic(), &[message("key", id)]).await.remove(0).map(drop)
}

#[tokio::test]
async fn nothing_is_acknowledged_into_a_file_that_is_gone_and_the_same_file_put_back_is_used_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, away) = (folder.path().join("events.db"), folder.path().join("away.db"));
    let transport = open(&path);
    let mut consumer = member(&*transport, "billing").await;
    send(&*transport, &[message("key", 0)]).await;
    rename(&path, &away);
    let error = send_one(&*transport, 1).await.expect_err("there is no file");
    assert_eq!(error.kind(), ErrorKind::Replaced);
    assert!(error.is_retryable(), "the queue is kept and consumers wait");
    assert!(error.to_string().contains("removed or renamed"), "{error}");
    let error = consumer.receive(1, Duration::from_secs(60)).await.expect_err("there is no file");
    assert_eq!(error.kind(), ErrorKind::Replaced);
    assert_eq!(transport.topics().await.expect_err("there is no file").kind(), ErrorKind::Replaced);
    assert!(!path.exists(), "nothing was made in its place");
    rename(&away, &path);
    send_one(&*transport, 1).await.expect("the file is back");
    let deliveries = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&deliveries), ["key#0", "key#1"]);
    ack(deliveries).await;
}

#[tokio::test]
async fn a_consumer_that_waits_is_told_that_its_file_was_removed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("events.db");
    let transport = open(&path);
    let mut consumer = member(&*transport, "billing").await;
    let removing = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        for end in ["", "-wal", "-shm"] {
            std::fs::remove_file(beside(&path, end)).expect("it is removed");
        }
    };
    let (received, ()) = tokio::join!(consumer.receive(1, Duration::from_secs(10 * 60)), removing);
    assert_eq!(received.expect_err("there is no file").kind(), ErrorKind::Replaced);
}

#[tokio::test]
async fn a_file_that_takes_the_place_of_another_is_opened_and_its_groups_go_on_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, other) = (folder.path().join("events.db"), folder.path().join("other.db"));
    let transport = open(&path);
    let mut consumer = member(&*transport, "billing").await;
    send(&*transport, &[message("old", 0), message("old", 1)]).await;
    let held = receive(&mut *consumer, 1).await;
    {
        let another = open(&other);
        drop(member(&*another, "audit").await);
        drop(member(&*another, "billing").await);
        send(&*another, &[message("new", 0)]).await;
    }
    let merged = rusqlite::Connection::open(&other).expect("the file opens");
    merged.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("the log is emptied");
    drop(merged);
    for end in ["-wal", "-shm"] {
        drop(std::fs::remove_file(beside(&path, end)));
    }
    std::fs::rename(&other, &path).expect("it is renamed over");
    for delivery in held {
        let error = delivery.ack().await.expect_err("it was held in the file that is gone");
        assert_eq!(error.kind(), ErrorKind::Replaced);
    }
    send_one(&*transport, 1).await.expect("the new file takes messages");
    let deliveries = receive(&mut *consumer, 2).await;
    assert_eq!(texts(&deliveries), ["new#0", "key#1"]);
    ack(deliveries).await;
    // Another program sees all of it.
    let seen = rusqlite::Connection::open(&path).expect("the file opens");
    let count: i64 =
        seen.query_row("SELECT count(*) FROM messages_1", [], |row| row.get(0)).expect("a count");
    assert_eq!(count, 2);
    transport.check().await.expect("the file is sound");
}

/// How many messages another program finds.
fn seen_by_others(path: &Path) -> i64 {
    let other = rusqlite::Connection::open(path).expect("the file opens");
    other.query_row("SELECT count(*) FROM messages_1", [], |row| row.get(0)).expect("a count")
}

#[tokio::test]
async fn a_log_that_is_taken_away_from_beside_its_file_takes_nothing_with_it() {
    for ends in [&["-wal"][..], &["-shm"], &["-wal", "-shm"]] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("events.db");
        let transport = open(&path);
        let mut consumer = member(&*transport, "billing").await;
        send(&*transport, &[message("key", 0), message("key", 1)]).await;
        for end in ends {
            std::fs::remove_file(beside(&path, end)).expect("it is removed");
        }
        send_one(&*transport, 2).await.expect("the file takes messages");
        assert_eq!(seen_by_others(&path), 3, "{ends:?}");
        let deliveries = receive(&mut *consumer, 3).await;
        assert_eq!(texts(&deliveries), ["key#0", "key#1", "key#2"], "{ends:?}");
        ack(deliveries).await;
        transport.check().await.expect("the file is sound");
    }
}

#[tokio::test]
async fn a_file_that_is_moved_and_linked_to_takes_its_log_with_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, moved) = (folder.path().join("events.db"), folder.path().join("moved.db"));
    let transport = open(&path);
    send(&*transport, &[message("key", 0)]).await;
    std::fs::rename(&path, &moved).expect("it is renamed");
    std::os::unix::fs::symlink(&moved, &path).expect("a link");
    send_one(&*transport, 1).await.expect("the file takes messages");
    assert_eq!(seen_by_others(&path), 2);
    transport.check().await.expect("the file is sound");
}

#[tokio::test]
async fn a_consumer_that_waits_goes_on_after_the_log_was_taken_away() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("events.db");
    let transport = open(&path);
    let mut consumer = member(&*transport, "billing").await;
    let removing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for end in ["-wal", "-shm"] {
            std::fs::remove_file(beside(&path, end)).expect("it is removed");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let another = rusqlite::Connection::open(&path).expect("the file opens");
        another
            .execute_batch("INSERT INTO messages_1 VALUES (1, 0, NULL, x'', x'01')")
            .expect("another program writes");
    };
    let receiving = async {
        loop {
            match consumer.receive(1, Duration::from_secs(60)).await {
                Ok(deliveries) if deliveries.is_empty() => {}
                Ok(deliveries) => return deliveries,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Replaced),
            }
        }
    };
    let (deliveries, ()) = tokio::join!(receiving, removing);
    assert_eq!(deliveries.len(), 1);
    ack(deliveries).await;
}

#[tokio::test]
async fn a_log_that_is_left_beside_another_file_does_not_spoil_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, backup) = (folder.path().join("events.db"), folder.path().join("backup.db"));
    let transport = open(&path);
    send(&*transport, &[message("key", 0)]).await;
    let other = rusqlite::Connection::open(&path).expect("the file opens");
    other.execute("VACUUM INTO ?1", [backup.to_str().expect("a text")]).expect("a backup");
    drop(other);
    send(&*transport, &(1..200).map(|id| message("key", id)).collect::<Vec<_>>()).await;
    std::fs::rename(&backup, &path).expect("the backup takes the file's place");
    send_one(&*transport, 200).await.expect("the backup takes messages");
    assert_eq!(seen_by_others(&path), 2, "the one in the backup, and the one after it");
    transport.check().await.expect("the file is sound");
    assert!(beside(&path, "-wal.old").exists(), "what was in the log is kept");
}

#[tokio::test]
async fn a_file_that_is_emptied_is_made_anew() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("events.db");
    let transport = open(&path);
    send(&*transport, &[message("key", 0)]).await;
    std::fs::File::options().write(true).truncate(true).open(&path).expect("it is emptied");
    send_one(&*transport, 1).await.expect("the file takes messages");
    assert_eq!(seen_by_others(&path), 1);
    transport.check().await.expect("the file is sound");
}
