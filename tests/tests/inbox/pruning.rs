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

const HOUR: Duration = Duration::from_hours(1);

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
