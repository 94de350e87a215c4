//! Why an inbox could not be used.

use crate::BoxError;
use crate::transport::NameError;
use events_support::error_chain::sources;

/// Why an inbox could not be used. Nothing was remembered, and the work must not be committed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// The inbox's name is not that of a consumer group.
    #[error("the inbox's name can't be used")]
    Name(#[from] NameError),
    /// The table's name is none that both databases take without quotes.
    #[error(
        "the inbox's table can't be `{table}`: use 1 to 50 lower-case letters, digits and `_`, and no digit first"
    )]
    Table {
        /// The name.
        table: String,
    },
    /// The schema's name is none that Postgres takes without quotes.
    #[error(
        "the inbox's schema can't be `{schema}`: use 1 to 50 lower-case letters, digits and `_`, and no digit first"
    )]
    Schema {
        /// The name.
        schema: String,
    },
    /// The connection is in no transaction: the event would count as handled before it is.
    #[error(
        "inbox `{inbox}`: the connection is in no transaction, so the event would count as handled before the work is done: begin one with `BEGIN IMMEDIATE` (`transaction_with_behavior(TransactionBehavior::Immediate)`)"
    )]
    NoTransaction {
        /// The inbox's name.
        inbox: String,
    },
    /// The table is not there.
    #[error(
        "inbox `{inbox}`: there is no table `{table}`: call `create` when the program starts, or run that statement in a migration"
    )]
    NoTable {
        /// The inbox's name.
        inbox: String,
        /// The table's name.
        table: String,
        /// What the database said.
        source: BoxError,
    },
    /// Another connection of the `SQLite` file writes. Retryable.
    #[error(
        "inbox `{inbox}`: another connection kept the file's write lock: try the whole transaction again, with `BEGIN IMMEDIATE` and a longer `busy_timeout`"
    )]
    Busy {
        /// The inbox's name.
        inbox: String,
        /// What the database said.
        source: BoxError,
    },
    /// The `SQLite` transaction began by reading, and another connection has written since
    /// (`SQLITE_BUSY_SNAPSHOT`). Retryable.
    #[error(
        "inbox `{inbox}`: the transaction began by reading and another connection has written since: begin it with `BEGIN IMMEDIATE` (`transaction_with_behavior(TransactionBehavior::Immediate)`), which waits for the lock first"
    )]
    StaleSnapshot {
        /// The inbox's name.
        inbox: String,
        /// What the database said.
        source: BoxError,
    },
    /// Another Postgres transaction won: a serialization failure (40001) or a deadlock (40P01), such as
    /// where another member has handled the event since this transaction began, at `REPEATABLE READ` or
    /// `SERIALIZABLE`. Retryable.
    #[error(
        "inbox `{inbox}`: another transaction won: roll this one back and try it again, or let the event come again"
    )]
    Conflict {
        /// The inbox's name.
        inbox: String,
        /// What the database said.
        source: BoxError,
    },
    /// A statement waited too long for a lock, took too long, or was cancelled (Postgres' `lock_timeout`
    /// and `statement_timeout`; an interrupt of `SQLite`). Retryable.
    #[error(
        "inbox `{inbox}`: a statement was ended before it was done: roll back and try the whole transaction again"
    )]
    TimedOut {
        /// The inbox's name.
        inbox: String,
        /// What the database said.
        source: BoxError,
    },
    /// The database can't serve at present: its disk is full or fails, it only reads, it has no memory or
    /// no connection left, or it refuses the user. Retryable, after somebody has looked at it.
    #[error(
        "inbox `{inbox}`: the database can't serve at present: see the cause, mend it, and try the whole transaction again"
    )]
    Unavailable {
        /// The inbox's name.
        inbox: String,
        /// What the database said.
        source: BoxError,
    },
    /// The transaction was rolled back although the work reported no error: a statement of it failed, and
    /// it went on. The event is not remembered.
    #[error(
        "inbox `{inbox}`: the transaction was rolled back although the work reported success: return the error of a statement that fails, or set a savepoint before it"
    )]
    RolledBack {
        /// The inbox's name.
        inbox: String,
        /// What the database said, where it said something.
        source: Option<BoxError>,
    },
    /// The connection is closed, or the server ends. Retryable, with another connection.
    #[error("inbox `{inbox}`: the connection to the database is gone: connect again")]
    Disconnected {
        /// The inbox's name.
        inbox: String,
        /// What the driver said.
        source: BoxError,
    },
    /// The database refused otherwise.
    #[error("inbox `{inbox}`: the database refused: see the cause")]
    Database {
        /// The inbox's name.
        inbox: String,
        /// What the database said.
        source: BoxError,
    },
    /// The work given to `once` failed. It was rolled back, and the event with it.
    #[error("the work failed and was rolled back")]
    Work(#[source] BoxError),
}

impl InboxError {
    /// Whether the whole transaction may succeed when it is tried again.
    ///
    /// A receiver on the bus need not: it returns the error, and the event comes again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy { .. }
            | Self::StaleSnapshot { .. }
            | Self::Conflict { .. }
            | Self::TimedOut { .. }
            | Self::Unavailable { .. }
            | Self::Disconnected { .. } => true,
            Self::Work(cause) => sources(&**cause).any(is_transient),
            Self::Name(_)
            | Self::Table { .. }
            | Self::Schema { .. }
            | Self::RolledBack { .. }
            | Self::NoTransaction { .. }
            | Self::NoTable { .. }
            | Self::Database { .. } => false,
        }
    }
}

/// Whether an error within the work is one of the databases' that another attempt mends.
fn is_transient(error: &(dyn std::error::Error + 'static)) -> bool {
    let inbox = error.downcast_ref::<InboxError>().is_some_and(InboxError::is_retryable);
    #[cfg(feature = "inbox-sqlite")]
    let inbox = inbox || error.downcast_ref().is_some_and(super::sqlite::is_transient);
    #[cfg(feature = "inbox-postgres")]
    let inbox = inbox || error.downcast_ref().is_some_and(super::postgres::is_transient);
    inbox
}
