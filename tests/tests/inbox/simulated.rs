//! The whole bus under the simulator's faults, with receivers that use an inbox.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use events_runtime::inbox::{InboxError, SqliteInbox};
use events_runtime::testing::sim::{self, Faults, Sim};
use events_runtime::{BoxError, Event, Hub, PublicSignal};
use rusqlite::Connection;

/// A customer paid.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.inbox.bill.paid.v1", key = customer)]
struct BillPaid {
    customer: u32,
    amount: u32,
}

const EVENTS: u32 = 20;
const CUSTOMERS: u32 = 3;

/// A service's database, and the number of calls of its receivers.
struct Ledger {
    db: Connection,
    calls: u32,
}

impl Ledger {
    fn new() -> Arc<Mutex<Self>> {
        let db = Connection::open_in_memory().expect("a database");
        db.execute_batch("CREATE TABLE entries (receiver TEXT, amount INTEGER)").expect("a table");
        SqliteInbox::new("ledger").expect("a name").create(&db).expect("a table");
        Arc::new(Mutex::new(Self { db, calls: 0 }))
    }

    /// The number of rows of each amount.
    fn entries(&self, receiver: &str) -> BTreeMap<u32, u32> {
        let mut entries = self
            .db
            .prepare("SELECT amount, count(*) FROM entries WHERE receiver = ?1 GROUP BY amount")
            .expect("prepared");
        let rows = entries.query_map([receiver], |row| Ok((row.get(0)?, row.get(1)?))).expect("asked");
        rows.map(|row| row.expect("a row")).collect()
    }
}

/// Inserts the amount, then fails every third time, so that the insert must be rolled back.
fn enter(ledger: &mut Ledger, inbox: &SqliteInbox, event: &Event<BillPaid>) -> Result<(), BoxError> {
    ledger.calls += 1;
    let fails = ledger.calls.is_multiple_of(3);
    inbox.once(&mut ledger.db, event.metadata(), |transaction| {
        let entry = (inbox.name().as_str(), event.amount);
        transaction.execute("INSERT INTO entries VALUES (?1, ?2)", entry)?;
        if fails { Err("the connection broke".into()) } else { Ok(()) }
    })?;
    Ok(())
}

async fn run(sim: &Sim, hub: &Hub) {
    let wire = sim.wire(hub).await;
    for amount in 0..EVENTS {
        wire.emit(BillPaid { customer: amount % CUSTOMERS, amount });
    }
    wire.drain_with(|consume| consume.batch_size(5).max_attempts(1_000)).await;
}

#[test]
fn two_receivers_change_the_database_once_for_each_event_under_200_seeds_of_every_fault() {
    let calls = Mutex::new(0);
    sim::check(0..200, Faults::all(), async |sim| {
        let (hub, ledger) = (Hub::new(), Ledger::new());
        let group = SqliteInbox::new("ledger").expect("a name");
        for name in ["totals", "receipts"] {
            let (inbox, ledger) = (group.receiver(name).expect("a name"), Arc::clone(&ledger));
            hub.scope(|| {
                BILL_PAID.connect(name, move |event: &Event<BillPaid>| {
                    enter(&mut ledger.lock().expect("no panic"), &inbox, event)
                });
            });
        }
        run(sim, &hub).await;
        let once: BTreeMap<_, _> = (0..EVENTS).map(|amount| (amount, 1)).collect();
        let ledger = ledger.lock().expect("no panic");
        assert_eq!(ledger.entries("ledger.totals"), once);
        assert_eq!(ledger.entries("ledger.receipts"), once);
        *calls.lock().expect("no panic") += ledger.calls;
    });
    let calls = calls.into_inner().expect("no panic");
    println!("{} events for two receivers, called {calls} times", 200 * EVENTS);
    assert!(calls > 200 * EVENTS * 2, "the faults struck");
}

#[test]
fn the_same_receiver_without_an_inbox_does_not_pass() {
    let failure = sim::find(0..50, Faults::none().lose_ack(0.2).redeliver(0.2), async |sim| {
        let (hub, ledger) = (Hub::new(), Ledger::new());
        let shared = Arc::clone(&ledger);
        hub.scope(|| {
            BILL_PAID.connect("totals", move |event: &Event<BillPaid>| {
                let ledger = shared.lock().expect("no panic");
                ledger.db.execute("INSERT INTO entries VALUES ('totals', ?1)", [event.amount]).map(|_| ())
            });
        });
        run(sim, &hub).await;
        let once: BTreeMap<_, _> = (0..EVENTS).map(|amount| (amount, 1)).collect();
        assert_eq!(ledger.lock().expect("no panic").entries("totals"), once);
    });
    failure.expect("an event was entered twice");
}

#[test]
fn two_receivers_of_one_name_would_share_what_they_have_handled() {
    let inbox = SqliteInbox::new("ledger").expect("a name");
    let ledger = Ledger::new();
    let mut ledger = ledger.lock().expect("no panic");
    let event = events_tests::inbox::event(1);
    let twin = SqliteInbox::new("ledger").expect("a name");
    let enter = |inbox: &SqliteInbox, ledger: &mut Ledger| -> Result<Option<()>, InboxError> {
        inbox.once(&mut ledger.db, &event, |_| Ok(()))
    };
    assert_eq!(enter(&inbox, &mut ledger).expect("no error"), Some(()));
    assert_eq!(enter(&twin, &mut ledger).expect("no error"), None);
}
