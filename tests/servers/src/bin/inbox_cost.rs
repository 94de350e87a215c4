//! Compares the cost of an insert into an inbox with that of the service's own insert, in `SQLite` and
//! Postgres: `cargo run --release -p events-server-tests --bin inbox_cost`.
//!
//! Prints medians of interleaved rounds. A round is one transaction of many inserts, measured without begin
//! and commit, into tables with 100,000 rows.

use std::time::{Duration, Instant};

use events_runtime::inbox::{PostgresInbox, SqliteInbox};
use events_runtime::{BoxError, EventMetadata};
use events_server_tests::Postgres;
use events_tests::inbox::event;
use rusqlite::TransactionBehavior;
use tokio_postgres::types::Type;
use uuid::Uuid;

const HELD: usize = 100_000;
const TURNS: usize = 41;
const SQLITE_INSERTS: u32 = 2_000;
const POSTGRES_INSERTS: u32 = 500;

/// New events, as created by the bus.
fn events(count: u32) -> Vec<EventMetadata> {
    (0..count).map(|_| event(Uuid::now_v7().as_u128())).collect()
}

#[derive(Default)]
struct Turns(Vec<Duration>);

impl Turns {
    fn add(&mut self, begun: Instant, inserts: u32) {
        self.0.push(begun.elapsed() / inserts);
    }

    fn median(&mut self) -> Duration {
        self.0.sort_unstable();
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }
}

fn sqlite() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let mut db = rusqlite::Connection::open(folder.path().join("cost.db"))?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    db.execute_batch("CREATE TABLE receipts (id INTEGER PRIMARY KEY, event BLOB)")?;
    let inbox = SqliteInbox::new("billing")?;
    inbox.create(&db)?;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for _ in 0..HELD {
        let event = event(Uuid::now_v7().as_u128());
        let _first = inbox.insert(&transaction, &event)?;
        transaction.execute("INSERT INTO receipts (event) VALUES (?1)", [event.id().as_bytes()])?;
    }
    transaction.commit()?;
    let (mut first, mut again, mut own) = (Turns::default(), Turns::default(), Turns::default());
    for _ in 0..TURNS {
        let events = events(SQLITE_INSERTS);
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let begun = Instant::now();
        for event in &events {
            assert!(inbox.insert(&transaction, event)?.is_first());
        }
        first.add(begun, SQLITE_INSERTS);
        let begun = Instant::now();
        for event in &events {
            assert!(inbox.insert(&transaction, event)?.is_duplicate());
        }
        again.add(begun, SQLITE_INSERTS);
        let begun = Instant::now();
        for event in &events {
            let mut insert = transaction.prepare_cached("INSERT INTO receipts (event) VALUES (?1)")?;
            insert.execute([event.id().as_bytes()])?;
        }
        own.add(begun, SQLITE_INSERTS);
        transaction.commit()?;
    }
    println!(
        "SQLite: first {:?}, duplicate {:?}, a row of one's own {:?}",
        first.median(),
        again.median(),
        own.median()
    );
    Ok(())
}

async fn postgres() -> Result<(), BoxError> {
    let server = Postgres::start();
    let mut client = server.connect().await;
    client.batch_execute("CREATE TABLE receipts (id bigserial PRIMARY KEY, event uuid)").await?;
    let inbox = PostgresInbox::new("billing")?;
    inbox.create(&client).await?;
    let held = i32::try_from(HELD)?;
    let fill = "INSERT INTO events_inbox SELECT 'billing', gen_random_uuid() FROM generate_series(1, $1)";
    client.execute(fill, &[&held]).await?;
    client.execute("INSERT INTO receipts (event) SELECT event_id FROM events_inbox", &[]).await?;
    client.batch_execute("VACUUM ANALYZE").await?;
    let (mut first, mut again, mut own, mut nothing) =
        (Turns::default(), Turns::default(), Turns::default(), Turns::default());
    for _ in 0..TURNS {
        let events = events(POSTGRES_INSERTS);
        let transaction = client.transaction().await?;
        let begun = Instant::now();
        for event in &events {
            assert!(inbox.insert(&transaction, event).await?.is_first());
        }
        first.add(begun, POSTGRES_INSERTS);
        let begun = Instant::now();
        for event in &events {
            assert!(inbox.insert(&transaction, event).await?.is_duplicate());
        }
        again.add(begun, POSTGRES_INSERTS);
        let begun = Instant::now();
        for event in &events {
            let insert = "INSERT INTO receipts (event) VALUES ($1)";
            transaction.execute_typed(insert, &[(&event.id(), Type::UUID)]).await?;
        }
        own.add(begun, POSTGRES_INSERTS);
        let begun = Instant::now();
        for _ in &events {
            transaction.execute_typed("SELECT 1", &[]).await?;
        }
        nothing.add(begun, POSTGRES_INSERTS);
        transaction.commit().await?;
    }
    println!(
        "Postgres: first {:?}, duplicate {:?}, a row of one's own {:?}, `SELECT 1` {:?}",
        first.median(),
        again.median(),
        own.median(),
        nothing.median()
    );
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    sqlite()?;
    postgres().await
}
