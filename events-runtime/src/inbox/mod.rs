//! The inbox: the ids of the events that a receiver has handled, kept in the receiver's own database.
//!
//! The bus delivers at least once. After a crash, a lost acknowledgement or a dead letter that is sent
//! again, an event comes a second time, with the id that it had. A receiver that writes the id into its
//! inbox in the same transaction as its own work handles each event once: id and work are committed
//! together or not at all, and a second delivery finds the id there. The pattern is known as the
//! inbox, the idempotent consumer or the idempotent receiver.
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
//! `commit` of either inbox makes sure that the transaction is still the one of the insert. A database
//! may have rolled it back by itself: Postgres makes a `ROLLBACK` of the `COMMIT` where a statement has
//! failed before, and reports success; `SQLite`'s `ON CONFLICT ROLLBACK` ends the transaction at once. Work
//! that tolerates an error must set a savepoint before the statement that may fail. Those who commit by
//! another driver run `intact` of the Postgres statements, or `contains` of `SQLite`'s, before.
//!
//! # What is exactly once, and what not
//! What the receiver writes in the transaction happens once for each event and inbox. What it does
//! beside it (a mail, a call of another service) may happen again where the transaction is rolled back
//! or the process dies before the commit.
//!
//! # One inbox for each receiver
//! The key is the inbox's name and the event's id. Two receivers of one event need inboxes of two
//! names, or the second would find the event handled by the first. The name is a
//! [`ConsumerGroup`](crate::transport::ConsumerGroup)'s; `receiver` makes one of a group's inbox:
//! `billing` becomes `billing.receipts`. All of them share one table.
//!
//! # How long an id is kept
//! Seven days unless `max_age` says otherwise; `max_count` sets a bound to the number as well, of which
//! the stricter counts. **It must be longer than the longest time after which an event can come
//! again**: the topic's retention where groups are set back or events replayed, the time that dead
//! letters lie before they are sent again, all pauses between attempts. An event that comes after its
//! id was forgotten is handled again. To handle old events again on purpose, take another name.
//!
//! Forgetting needs no cron job: every 64th insert of an inbox into a database also removes what is too
//! old, at most 128 rows, in the same transaction. What is beyond `max_count` is removed likewise, in
//! portions of 128 rows, or of a 64th of the number where that is more (at most 16,384). Age is measured
//! by the database's clock, which all members share. Where that clock is set back, new rows get times
//! right behind the newest one's, so that `max_count` still forgets the oldest; they are kept for as much
//! longer as the clock was ahead. `prune` removes more at once.
//!
//! # Without a transaction
//! [`Consume::dedup`](crate::bus::Consume::dedup) asks [`SeenEvents`] before an event goes to the
//! receivers, and tells it after all have succeeded. It is for receivers whose work is in no database.
//! A crash between the two is a duplicate.

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

/// What an inbox knew of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "a duplicate must not be handled again"]
pub enum Arrival {
    /// The event was not there. It is now, as soon as the transaction is committed: do the work.
    First,
    /// The event was handled before: do nothing, and succeed.
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
