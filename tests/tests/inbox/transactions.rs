//! The inbox within the receiver's own transaction.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use events_runtime::inbox::{Arrival, InboxError, SqliteInbox};
use events_tests::chain;
use events_tests::inbox::event;
use rusqlite::{Connection, TransactionBehavior};

use crate::{count, open};

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
    inbox: SqliteInbox,
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("billing.db");
    let inbox = SqliteInbox::new("billing").expect("a name");
    let db = open(&path);
    inbox.create(&db).expect("the table is made");
    inbox.create(&db).expect("it is there already");
    db.execute_batch("CREATE TABLE receipts (number INTEGER)").expect("the service's own table");
    Place { _folder: folder, path, inbox }
}

#[test]
fn the_event_is_remembered_where_the_work_is_committed_and_forgotten_where_it_is_rolled_back() {
    let Place { path, inbox, .. } = &place();
    let mut db = open(path);
    for (commits, expected) in [(false, Arrival::First), (true, Arrival::First), (true, Arrival::Duplicate)] {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).expect("begun");
        assert_eq!(inbox.insert(&transaction, &event(1)).expect("asked"), expected);
        if commits {
            transaction.commit().expect("committed");
        }
    }
    assert_eq!(count(&db, "events_inbox"), 1);
}

#[test]
fn once_does_the_work_once_and_a_failed_work_leaves_nothing_behind() {
    let Place { path, inbox, .. } = &place();
    let mut db = open(path);
    let failed = inbox.once(&mut db, &event(1), |transaction| {
        transaction.execute("INSERT INTO receipts VALUES (1)", [])?;
        Err::<(), _>("the printer is out of paper".into())
    });
    let error = failed.expect_err("the work failed");
    assert_eq!(chain(&error), "the work failed and was rolled back: the printer is out of paper");
    assert!(!error.is_retryable());
    assert_eq!((count(&db, "receipts"), count(&db, "events_inbox")), (0, 0));
    for expected in [Some("done"), None, None] {
        let done = inbox.once(&mut db, &event(1), |transaction| {
            transaction.execute("INSERT INTO receipts VALUES (1)", [])?;
            Ok("done")
        });
        assert_eq!(done.expect("no fault"), expected);
    }
    assert_eq!((count(&db, "receipts"), count(&db, "events_inbox")), (1, 1));
}

#[test]
fn each_receiver_has_an_inbox_of_its_own_name_and_its_own_events() {
    let Place { path, inbox, .. } = &place();
    let mut db = open(path);
    let receipts = inbox.receiver("receipts").expect("a name");
    let stock = inbox.receiver("stock").expect("a name");
    assert_eq!(receipts.name().as_str(), "billing.receipts");
    for inbox in [inbox, &receipts, &stock] {
        assert_eq!(inbox.once(&mut db, &event(1), |_| Ok(())).expect("no fault"), Some(()));
        assert_eq!(inbox.once(&mut db, &event(1), |_| Ok(())).expect("no fault"), None);
        assert_eq!(inbox.once(&mut db, &event(2), |_| Ok(())).expect("no fault"), Some(()));
    }
}

/// What a second member is told that has asked while the first one's transaction was open.
fn second_member(first_commits: bool) -> Arrival {
    let Place { path, inbox, .. } = &place();
    let mut first = open(path);
    let transaction = first.transaction_with_behavior(TransactionBehavior::Immediate).expect("begun");
    assert!(inbox.insert(&transaction, &event(1)).expect("asked").is_first());
    let (told, answer) = mpsc::channel();
    std::thread::scope(|threads| {
        threads.spawn(move || {
            let mut second = open(path);
            let transaction =
                second.transaction_with_behavior(TransactionBehavior::Immediate).expect("begun");
            told.send(inbox.insert(&transaction, &event(1)).expect("asked")).expect("somebody listens");
        });
        // It can't be told anything before the first has ended, however long that takes.
        answer.recv_timeout(Duration::from_millis(300)).expect_err("the second waits");
        if first_commits {
            transaction.commit().expect("committed");
        } else {
            transaction.rollback().expect("rolled back");
        }
        answer.recv_timeout(Duration::from_secs(20)).expect("the second goes on")
    })
}

#[test]
fn a_second_member_waits_for_the_first_and_is_told_how_that_ended() {
    assert_eq!(second_member(true), Arrival::Duplicate);
    assert_eq!(second_member(false), Arrival::First);
}

#[test]
fn an_insert_outside_of_a_transaction_is_refused() {
    let Place { path, inbox, .. } = &place();
    let db = open(path);
    let error = inbox.insert(&db, &event(1)).expect_err("no transaction");
    assert!(matches!(&error, InboxError::NoTransaction { inbox } if inbox == "billing"), "{error:?}");
    assert!(error.to_string().contains("BEGIN IMMEDIATE"), "{error}");
    assert!(!error.is_retryable());
    assert_eq!(count(&db, "events_inbox"), 0);
    db.execute_batch("BEGIN IMMEDIATE").expect("begun by hand");
    assert!(inbox.insert(&db, &event(1)).expect("asked").is_first());
    db.execute_batch("COMMIT").expect("committed");
}

#[test]
fn a_transaction_that_began_by_reading_is_told_to_begin_immediately() {
    let Place { path, inbox, .. } = &place();
    let (mut db, mut other) = (open(path), open(path));
    let reading = db.transaction_with_behavior(TransactionBehavior::Deferred).expect("begun");
    assert_eq!(count(&reading, "receipts"), 0);
    inbox.once(&mut other, &event(2), |_| Ok(())).expect("the other writes");
    let error = inbox.insert(&reading, &event(1)).expect_err("its snapshot is old");
    assert!(matches!(&error, InboxError::StaleSnapshot { .. }), "{error:?}");
    assert!(error.to_string().contains("BEGIN IMMEDIATE"), "{error}");
    assert!(error.is_retryable());
}

#[test]
fn a_lock_that_is_not_given_up_is_an_error_that_another_attempt_mends() {
    let Place { path, inbox, .. } = &place();
    let mut holder = open(path);
    let held = holder.transaction_with_behavior(TransactionBehavior::Immediate).expect("begun");
    let mut db = Connection::open(path).expect("the file opens");
    db.busy_timeout(Duration::from_millis(1)).expect("a timeout");
    let error = inbox.once(&mut db, &event(1), |_| Ok(())).expect_err("the lock is held");
    assert!(matches!(&error, InboxError::Busy { .. }) && error.is_retryable(), "{error:?}");
    drop(held);
    assert_eq!(inbox.once(&mut db, &event(1), |_| Ok(())).expect("the lock is free"), Some(()));
    // The same error within the work, behind the receiver's own.
    let busy = || InboxError::Work(Box::new(error));
    assert!(busy().is_retryable());
}

#[test]
fn a_table_that_was_not_made_is_named() {
    let mut db = Connection::open_in_memory().expect("a database");
    let inbox = SqliteInbox::new("billing").expect("a name").table("seen").expect("a name");
    let error = inbox.once(&mut db, &event(1), |_| Ok(())).expect_err("no table");
    assert!(matches!(&error, InboxError::NoTable { table, .. } if table == "seen"), "{error:?}");
    assert_eq!(
        error.to_string(),
        "inbox `billing`: table `seen` does not exist: call `create` when the program starts, or run that statement in a migration"
    );
}

#[test]
fn the_statements_as_text_share_the_table() {
    let Place { path, inbox, .. } = &place();
    let mut db = open(path);
    let statements = inbox.statements().clone();
    let id = event(1).id();
    let by_hand = |db: &Connection| {
        db.execute(&statements.insert, rusqlite::params!["billing", id.as_bytes()]).expect("inserted")
    };
    assert_eq!((by_hand(&db), by_hand(&db)), (1, 0));
    assert_eq!(inbox.once(&mut db, &event(1), |_| Ok(())).expect("no fault"), None);
    let found = db.prepare(&statements.contains).expect("prepared");
    let mut found = found;
    assert!(found.exists(rusqlite::params!["billing", id.as_bytes()]).expect("asked"));
    assert!(!found.exists(rusqlite::params!["billing.receipts", id.as_bytes()]).expect("asked"));
}

#[test]
fn a_transaction_that_a_statement_has_rolled_back_is_no_success() {
    let Place { path, inbox, .. } = &place();
    let mut db = open(path);
    db.execute_batch(
        "CREATE TABLE unique_receipts (number INTEGER UNIQUE ON CONFLICT ROLLBACK); INSERT INTO unique_receipts VALUES (1)",
    )
    .expect("a table that rolls back");
    let tolerated = |transaction: &rusqlite::Transaction<'_>| {
        transaction.execute("INSERT INTO unique_receipts VALUES (1)", []).expect_err("it is there");
    };
    let swallowed = inbox.once(&mut db, &event(1), |transaction| {
        tolerated(transaction);
        Ok(())
    });
    let begun_again = inbox.once(&mut db, &event(1), |transaction| {
        tolerated(transaction);
        transaction.execute_batch("BEGIN IMMEDIATE; INSERT INTO receipts VALUES (2)")?;
        Ok(())
    });
    let by_hand = inbox.once(&mut db, &event(1), |transaction| Ok(transaction.execute_batch("ROLLBACK")?));
    for outcome in [swallowed, begun_again, by_hand] {
        let error = outcome.expect_err("the event is not remembered");
        assert!(matches!(&error, InboxError::RolledBack { .. }) && !error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains("savepoint"), "{error}");
    }
    assert_eq!((count(&db, "receipts"), count(&db, "events_inbox")), (0, 0));
    assert_eq!(inbox.once(&mut db, &event(1), |_| Ok(())).expect("no fault"), Some(()));
}

#[test]
fn those_who_commit_themselves_commit_by_the_inbox_which_checks() {
    let Place { path, inbox, .. } = &place();
    let mut db = open(path);
    for expected in [Arrival::First, Arrival::Duplicate] {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).expect("begun");
        assert_eq!(inbox.insert(&transaction, &event(1)).expect("asked"), expected);
        inbox.commit(transaction, &event(1)).expect("committed");
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).expect("begun");
    assert!(inbox.insert(&transaction, &event(2)).expect("asked").is_first());
    transaction.execute_batch("ROLLBACK").expect("rolled back");
    let error = inbox.commit(transaction, &event(2)).expect_err("it is rolled back");
    assert!(matches!(error, InboxError::RolledBack { .. }), "{error:?}");
    assert_eq!(count(&db, "events_inbox"), 1);
}

#[test]
fn a_file_that_can_not_be_written_for_a_while_is_an_error_that_another_attempt_mends() {
    let Place { path, inbox, .. } = &place();
    let mut db = open(path);
    db.pragma_update(None, "query_only", true).expect("as if the disk were mounted for reading");
    let error = inbox.once(&mut db, &event(1), |_| Ok(())).expect_err("it only reads");
    assert!(matches!(&error, InboxError::Unavailable { .. }) && error.is_retryable(), "{error:?}");
    db.pragma_update(None, "query_only", false).expect("as it was");
    assert_eq!(inbox.once(&mut db, &event(1), |_| Ok(())).expect("no fault"), Some(()));
}
