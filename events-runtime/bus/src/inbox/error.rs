//! Errors of the inboxes.

use events_core::BoxError;
use events_support::error_chain::sources;
use events_transport::NameError;

/// The reason why an inbox could not be used. Nothing was stored, and the work must not be committed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// The inbox's name is not a valid consumer group.
    #[error("the inbox's name is invalid")]
    Name(#[from] NameError),
    /// The table's name needs quotes in one of the databases.
    #[error(
        "invalid inbox table `{table}`: use 1 to 50 lower-case letters, digits and `_`, not starting with a digit"
    )]
    Table {
        /// The name.
        table: String,
    },
    /// The schema's name needs quotes in Postgres.
    #[error(
        "invalid inbox schema `{schema}`: use 1 to 50 lower-case letters, digits and `_`, not starting with a digit"
    )]
    Schema {
        /// The name.
        schema: String,
    },
    /// The connection is not in a transaction: the event would count as handled before the work is done.
    #[error(
        "inbox `{inbox}`: the connection is not in a transaction, so the event would count as handled before the work is done: begin one with `BEGIN IMMEDIATE` (`transaction_with_behavior(TransactionBehavior::Immediate)`)"
    )]
    NoTransaction {
        /// The inbox's name.
        inbox: String,
    },
    /// The table does not exist.
    #[error(
        "inbox `{inbox}`: table `{table}` does not exist: call `create` when the program starts, or run that statement in a migration"
    )]
    NoTable {
        /// The inbox's name.
        inbox: String,
        /// The table's name.
        table: String,
        /// The database's error.
        source: BoxError,
    },
    /// Another connection writes to the `SQLite` file. Retryable.
    #[error(
        "inbox `{inbox}`: another connection held the file's write lock: retry the whole transaction, with `BEGIN IMMEDIATE` and a longer `busy_timeout`"
    )]
    Busy {
        /// The inbox's name.
        inbox: String,
        /// The database's error.
        source: BoxError,
    },
    /// The `SQLite` transaction began with a read, and another connection has written since
    /// (`SQLITE_BUSY_SNAPSHOT`). Retryable.
    #[error(
        "inbox `{inbox}`: the transaction began with a read and another connection has written since: begin it with `BEGIN IMMEDIATE` (`transaction_with_behavior(TransactionBehavior::Immediate)`), which waits for the lock first"
    )]
    StaleSnapshot {
        /// The inbox's name.
        inbox: String,
        /// The database's error.
        source: BoxError,
    },
    /// Another Postgres transaction won: a serialization failure (40001) or a deadlock (40P01). At
    /// `REPEATABLE READ` or `SERIALIZABLE`, another member may have handled the event since this
    /// transaction began. Retryable.
    #[error(
        "inbox `{inbox}`: another transaction won: roll this one back and retry it, or wait for the redelivery of the event"
    )]
    Conflict {
        /// The inbox's name.
        inbox: String,
        /// The database's error.
        source: BoxError,
    },
    /// A statement timed out or was cancelled (Postgres' `lock_timeout` and `statement_timeout`; an
    /// interrupt of `SQLite`). Retryable.
    #[error(
        "inbox `{inbox}`: a statement timed out or was cancelled: roll back and retry the whole transaction"
    )]
    TimedOut {
        /// The inbox's name.
        inbox: String,
        /// The database's error.
        source: BoxError,
    },
    /// The database is unavailable: its disk is full or failing, it is read-only, it has no memory or no
    /// connections left, or it refuses the user. Retryable after an operator has fixed it.
    #[error("inbox `{inbox}`: the database is unavailable: fix the cause, and retry the whole transaction")]
    Unavailable {
        /// The inbox's name.
        inbox: String,
        /// The database's error.
        source: BoxError,
    },
    /// The transaction was rolled back although the work reported no error: the work ignored a failed
    /// statement. The event is not stored.
    #[error(
        "inbox `{inbox}`: the transaction was rolled back although the work reported success: return the error of a failed statement, or set a savepoint before the statement"
    )]
    RolledBack {
        /// The inbox's name.
        inbox: String,
        /// The database's error, if there was one.
        source: Option<BoxError>,
    },
    /// The connection is closed, or the server is shutting down. Retryable with another connection.
    #[error("inbox `{inbox}`: the connection to the database is closed: reconnect")]
    Disconnected {
        /// The inbox's name.
        inbox: String,
        /// The driver's error.
        source: BoxError,
    },
    /// The database refused for another reason.
    #[error("inbox `{inbox}`: the database refused the statement")]
    Database {
        /// The inbox's name.
        inbox: String,
        /// The database's error.
        source: BoxError,
    },
    /// The work passed to `once` failed and was rolled back together with the event.
    #[error("the work failed and was rolled back")]
    Work(#[source] BoxError),
}

impl InboxError {
    /// Whether the whole transaction may succeed if it is retried.
    ///
    /// A receiver on the bus need not retry: it returns the error, and the event is redelivered.
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

/// Whether an error within the work is a transient database error.
fn is_transient(error: &(dyn std::error::Error + 'static)) -> bool {
    let inbox = error.downcast_ref::<InboxError>().is_some_and(InboxError::is_retryable);
    #[cfg(feature = "inbox-sqlite")]
    let inbox = inbox || error.downcast_ref().is_some_and(super::sqlite::is_transient);
    #[cfg(feature = "inbox-postgres")]
    let inbox = inbox || error.downcast_ref().is_some_and(super::postgres::is_transient);
    inbox
}
