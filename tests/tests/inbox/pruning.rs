//! What is kept is bounded, by age and by number.

use std::time::Duration;

use events_runtime::inbox::SqliteInbox;
use events_tests::inbox::event;
use rusqlite::{Connection, params};

use crate::count;

fn database(inbox: &SqliteInbox) -> Connection {
    let db = Connection::open_in_memory().expect("a database");
    inbox.create(&db).expect("the table is made");
    db
}

fn insert(inbox: &SqliteInbox, db: &mut Connection, numbers: std::ops::Range<u128>) {
    for number in numbers {
        inbox.once(db, &event(number), |_| Ok(())).expect("no fault").expect("it is new");
    }
}

/// Makes events older than they are.
fn age(db: &Connection, inbox: &SqliteInbox, age: Duration) {
    let millis = i64::try_from(age.as_millis()).expect("an age");
    let name = inbox.name().as_str();
    db.execute(
        "UPDATE events_inbox SET handled_at = handled_at - ?1 WHERE consumer_group = ?2",
        params![millis, name],
    )
    .expect("aged");
}

/// The numbers of the events that are remembered, under every name.
fn kept(db: &Connection) -> Vec<u128> {
    let mut ids = db.prepare("SELECT event_id FROM events_inbox ORDER BY event_id").expect("prepared");
    let numbers = ids.query_map([], |row| Ok(u128::from_be_bytes(row.get(0)?))).expect("asked");
    numbers.map(|number| number.expect("a number")).collect()
}

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn an_event_is_kept_for_its_time_and_not_longer() {
    let inbox = SqliteInbox::new("billing").expect("a name").max_age(2 * HOUR);
    let mut db = database(&inbox);
    insert(&inbox, &mut db, 0..3);
    age(&db, &inbox, HOUR);
    insert(&inbox, &mut db, 3..5);
    assert_eq!(inbox.prune(&db, 100).expect("pruned"), 0);
    assert_eq!(inbox.once(&mut db, &event(0), |_| Ok(())).expect("no fault"), None, "still known");
    age(&db, &inbox, HOUR + Duration::from_secs(1));
    assert_eq!(inbox.prune(&db, 100).expect("pruned"), 3);
    assert_eq!(kept(&db), [3, 4]);
}

#[test]
fn pruning_takes_at_most_what_it_may_and_the_oldest_first() {
    let inbox = SqliteInbox::new("billing").expect("a name").max_count(4);
    let mut db = database(&inbox);
    insert(&inbox, &mut db, 0..10);
    assert_eq!(inbox.prune(&db, 2).expect("pruned"), 2);
    assert_eq!(kept(&db), (2..10).collect::<Vec<_>>());
    assert_eq!(inbox.prune(&db, 100).expect("pruned"), 4);
    assert_eq!(inbox.prune(&db, 100).expect("pruned"), 0);
    assert_eq!(kept(&db), [6, 7, 8, 9]);
}

#[test]
fn pruning_one_inbox_leaves_the_others_alone() {
    let inbox = SqliteInbox::new("billing").expect("a name").max_age(HOUR).max_count(1);
    let other = inbox.receiver("receipts").expect("a name");
    let mut db = database(&inbox);
    insert(&inbox, &mut db, 0..5);
    insert(&other, &mut db, 10..15);
    age(&db, &other, 2 * HOUR);
    assert_eq!(inbox.prune(&db, 100).expect("pruned"), 4);
    assert_eq!(kept(&db), [4, 10, 11, 12, 13, 14]);
}

#[test]
fn inserts_alone_keep_the_table_bounded_by_age() {
    let inbox = SqliteInbox::new("billing").expect("a name").max_age(HOUR);
    let mut db = database(&inbox);
    insert(&inbox, &mut db, 0..1_000);
    age(&db, &inbox, 2 * HOUR);
    // Two leave for each that comes.
    insert(&inbox, &mut db, 1_000..1_640);
    assert_eq!(kept(&db), (1_000..1_640).collect::<Vec<_>>());
}

#[test]
fn inserts_alone_keep_the_table_bounded_by_number() {
    for max in [10_u32, 1_000, 2_000] {
        let inbox = SqliteInbox::new("billing").expect("a name").max_count(max.into());
        let mut db = database(&inbox);
        let mut most = 0;
        for from in (0..10_000).step_by(50) {
            insert(&inbox, &mut db, from..from + 50);
            most = most.max(count(&db, "events_inbox"));
        }
        let newest: Vec<_> = (10_000 - u128::from(max)..10_000).collect();
        assert!(kept(&db).ends_with(&newest), "the newest {max} are there");
        assert!(most <= max + max / 5 + 256, "{most} for {max}");
    }
}

#[test]
fn a_step_that_is_rolled_back_is_taken_again() {
    let inbox = SqliteInbox::new("billing").expect("a name").max_age(HOUR);
    let mut db = database(&inbox);
    insert(&inbox, &mut db, 0..63);
    age(&db, &inbox, 2 * HOUR);
    let failed = inbox.once(&mut db, &event(63), |_| Err::<(), _>("no".into()));
    failed.expect_err("the work failed, and the step with it");
    assert_eq!(kept(&db).len(), 63);
    insert(&inbox, &mut db, 100..164);
    assert_eq!(kept(&db), (100..164).collect::<Vec<_>>());
}

#[test]
fn however_little_is_kept_no_insert_is_pruned_by_its_own_step() {
    let billing = || SqliteInbox::new("billing").expect("a name");
    for inbox in [billing().max_count(0), billing().max_age(Duration::ZERO)] {
        let mut db = database(&inbox);
        for number in 0..200 {
            insert(&inbox, &mut db, number..number + 1);
            let again = inbox.once(&mut db, &event(number), |_| Ok(())).expect("no fault");
            assert_eq!(again, None, "{number} comes again at once");
        }
    }
}

/// Events as other services make them: their ids are in no order.
fn scattered(number: u128) -> events_runtime::EventMetadata {
    event(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

#[test]
fn one_inbox_over_two_databases_forgets_in_each_what_is_too_much_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let inbox = SqliteInbox::new("billing").expect("a name").max_count(1_000);
    for in_memory in [false, true] {
        let open = |name: &str| {
            let db = if in_memory {
                Connection::open_in_memory()
            } else {
                Connection::open(folder.path().join(name))
            };
            let db = db.expect("a database");
            db.pragma_update(None, "synchronous", "off").expect("no need to wait for the disk");
            db.execute_batch("PRAGMA journal_mode = memory").expect("set");
            inbox.create(&db).expect("the table is made");
            db
        };
        let (mut small, mut large) = (open("small.db"), open("large.db"));
        insert(&inbox, &mut small, 0..900);
        for number in 0..3_000 {
            inbox.once(&mut large, &event(number), |_| Ok(())).expect("no fault").expect("it is new");
            if number % 60 == 0 {
                insert(&inbox, &mut small, 10_000 + number..10_001 + number);
            }
        }
        assert_eq!(count(&small, "events_inbox"), 950, "nothing is too much there");
        assert!(count(&large, "events_inbox") <= 1_000 + 256, "and here it is bounded");
    }
}

#[test]
fn databases_that_take_turns_are_both_bounded() {
    let inbox = SqliteInbox::new("billing").expect("a name").max_count(10);
    let (mut first, mut second) = (database(&inbox), database(&inbox));
    for number in 0..1_000 {
        insert(&inbox, &mut first, number..number + 1);
        insert(&inbox, &mut second, number..number + 1);
    }
    assert!(count(&first, "events_inbox") <= 10 + 64);
    assert!(count(&second, "events_inbox") <= 10 + 64);
}

#[test]
fn inserts_that_are_rolled_back_make_the_inbox_forget_nothing() {
    let inbox = SqliteInbox::new("billing").expect("a name").max_count(1_000);
    let mut db = database(&inbox);
    insert(&inbox, &mut db, 0..960);
    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).expect("begun");
    for number in 20_000..21_000 {
        assert!(inbox.insert(&transaction, &event(number)).expect("asked").is_first());
    }
    transaction.rollback().expect("rolled back");
    insert(&inbox, &mut db, 30_000..30_040);
    assert_eq!(count(&db, "events_inbox"), 1_000);
    insert(&inbox, &mut db, 30_040..30_640);
    assert!((1_000..=1_256).contains(&count(&db, "events_inbox")), "{}", count(&db, "events_inbox"));
    assert!(kept(&db).ends_with(&(30_000..30_640).collect::<Vec<_>>()), "the newest are there");
}

#[test]
fn a_clock_that_is_set_back_makes_the_inbox_forget_the_oldest_still() {
    for max in [1, 100] {
        let inbox = SqliteInbox::new("billing").expect("a name").max_count(max);
        let mut db = database(&inbox);
        for number in 0..128 {
            inbox.once(&mut db, &scattered(number), |_| Ok(())).expect("no fault").expect("it is new");
        }
        // As if it had been an hour later then.
        db.execute("UPDATE events_inbox SET handled_at = handled_at + 3600000", []).expect("changed");
        for number in 1_000..2_000 {
            inbox.once(&mut db, &scattered(number), |_| Ok(())).expect("no fault").expect("it is new");
            for back in 0..u128::from(max.min(10)).min(number - 999) {
                let again = inbox.once(&mut db, &scattered(number - back), |_| Ok(())).expect("no fault");
                assert_eq!(again, None, "{number}, {back} back");
            }
        }
        assert!(u64::from(count(&db, "events_inbox")) <= max + 64, "the number is bounded all the while");
    }
}

#[test]
fn events_of_the_same_millisecond_are_forgotten_in_the_order_in_which_they_came() {
    let inbox = SqliteInbox::new("billing").expect("a name").max_count(4);
    let mut db = database(&inbox);
    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).expect("begun");
    for number in 0..64 {
        assert!(inbox.insert(&transaction, &scattered(number)).expect("asked").is_first());
    }
    transaction.commit().expect("committed");
    for number in 60..64 {
        assert_eq!(inbox.once(&mut db, &scattered(number), |_| Ok(())).expect("no fault"), None, "{number}");
    }
    assert_eq!(count(&db, "events_inbox"), 4);
}
