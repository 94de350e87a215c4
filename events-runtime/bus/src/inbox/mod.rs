//! The inbox: the ids of handled events, stored in the receiver's own database.
//!
//! The bus delivers at least once. After a crash, a lost acknowledgement or a retried dead letter, an event
//! is delivered again with the same id. A receiver that stores the id in its inbox, in the same transaction
//! as its own work, handles each event once: id and work are committed together or not at all, and a
//! second delivery finds the id. The pattern is known as inbox, idempotent consumer or idempotent receiver.
//!
#![cfg_attr(feature = "inbox-sqlite", doc = "```")]
#![cfg_attr(not(feature = "inbox-sqlite"), doc = "```text")]
//! use events_runtime::inbox::SqliteInbox;
//! # use events_runtime::{EventMetadata, BoxError};
//! # let event = std::sync::Arc::new(Event(EventMetadata::new(
//! #     "org.acme.orders.order.placed.v1".parse()?,
//! #     "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11".parse()?,
//! #     "2023-01-02T03:04:05Z".parse()?,
//! #     events_runtime::metadata::Source::new("shop")?,
//! # )));
//! # struct Event(EventMetadata);
//! # impl Event { fn metadata(&self) -> &EventMetadata { &self.0 } }
//!
//! // At the start.
//! let mut db = rusqlite::Connection::open_in_memory()?;
//! db.execute_batch("CREATE TABLE receipts (event TEXT)")?;
//! let inbox = SqliteInbox::new("billing.receipts")?;
//! inbox.create(&db)?;
//!
//! // In the receiver, which may see the event again.
//! for _ in 0..2 {
//!     let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
//!     if inbox.insert(&transaction, event.metadata())?.is_first() {
//!         transaction.execute("INSERT INTO receipts VALUES (?1)", ["a receipt"])?;
//!     }
//!     inbox.commit(transaction, event.metadata())?;
//! }
//!
//! let receipts: u32 = db.query_row("SELECT count(*) FROM receipts", [], |row| row.get(0))?;
//! assert_eq!(receipts, 1);
//! # Ok::<(), BoxError>(())
//! ```
//!
//! `once` of either inbox does the four steps (begin, insert, work, commit) in one call.
//!
//! # Committing
//! `commit` of either inbox checks that the transaction is still the one of the insert. A database may roll
//! it back on its own: after a failed statement, Postgres turns `COMMIT` into `ROLLBACK` and reports
//! success; `SQLite`'s `ON CONFLICT ROLLBACK` ends the transaction at once. Work that tolerates an error must
//! set a savepoint before the statement that may fail. To commit with another driver, run `intact` of the
//! Postgres statements, or `contains` of `SQLite`'s, before.
//!
//! # What happens exactly once
//! What the receiver writes in the transaction happens once for each event and inbox. Other effects (a
//! mail, a call of another service) may happen again if the transaction is rolled back or the process dies
//! before the commit.
//!
//! # One inbox for each receiver
//! The key is the inbox's name and the event's id. Two receivers of one event need inboxes with different
//! names; otherwise, the second one would find the event handled by the first. The name is a
//! [`ConsumerGroup`](events_transport::ConsumerGroup)'s; `receiver` derives one from a group's inbox:
//! `billing` becomes `billing.receipts`. All inboxes share one table.
//!
//! # Retention
//! Ids are kept for seven days unless `max_age` says otherwise. `max_count` also limits their number; the
//! stricter limit applies. **Keep ids longer than the longest time after which an event can be delivered
//! again**: the topic's retention if groups are reset or events replayed, the time until dead letters are
//! sent again, and all pauses between attempts. An event delivered after its id was deleted is handled
//! again. To handle old events again on purpose, use another name.
//!
//! Pruning needs no cron job: every 64th insert of an inbox into a database also deletes rows that are too
//! old, at most 128, in the same transaction. Rows beyond `max_count` are deleted in the same way, in
//! portions of 128 rows or a 64th of the limit, whichever is more (at most 16,384). Ages are measured with
//! the database's clock, which all members share. If that clock is set back, new rows get times right after
//! the newest row's, so that `max_count` still deletes the oldest; rows are kept for as much longer as the
//! clock was ahead. `prune` deletes more in one call.
//!
//! # Without a transaction
//! [`Consume::dedup`](crate::bus::Consume::dedup) looks up an event in [`SeenEvents`] before it goes to the
//! receivers, and stores its id after all have succeeded. Use it for receivers whose work is not in a
//! database. A crash between the two causes a duplicate.

mod error;
#[cfg(feature = "inbox-postgres")]
mod postgres;
#[cfg(any(feature = "inbox-sqlite", feature = "inbox-postgres"))]
mod pruning;
mod seen;
#[cfg(any(feature = "inbox-sqlite", feature = "inbox-postgres"))]
mod settings;
#[cfg(feature = "inbox-sqlite")]
mod sqlite;

pub use error::InboxError;
#[cfg(feature = "inbox-postgres")]
pub use postgres::{PostgresInbox, PostgresSeenEvents, PostgresStatements};
pub use seen::SeenEvents;
#[cfg(feature = "inbox-sqlite")]
pub use sqlite::{SqliteInbox, SqliteSeenEvents, SqliteStatements};

/// Whether an event is new to the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "a duplicate must not be handled again"]
pub enum Arrival {
    /// The event is new, and stored once the transaction is committed: do the work.
    First,
    /// The event was handled before: skip the work and return success.
    Duplicate,
}

impl Arrival {
    /// Whether the work is to be done.
    #[must_use]
    pub const fn is_first(self) -> bool {
        matches!(self, Self::First)
    }

    /// Whether the work was done before.
    #[must_use]
    pub const fn is_duplicate(self) -> bool {
        matches!(self, Self::Duplicate)
    }
}
