//! The inbox in `SQLite`: a redelivered event changes the receiver's database once.

mod dedup;
mod killed;
mod pruning;
mod simulated;
mod transactions;

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

/// A connection as a service opens it: WAL mode and a busy timeout.
fn open(path: &Path) -> Connection {
    let db = Connection::open(path).expect("the file opens");
    db.busy_timeout(Duration::from_secs(20)).expect("a timeout");
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).expect("WAL");
    db
}

fn count(db: &Connection, table: &str) -> u32 {
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a number")
}
