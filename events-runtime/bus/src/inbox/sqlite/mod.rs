//! The inbox in a `SQLite` database.

mod classify;
mod seen;
mod statements;

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::pruning::{Cutoff, Pruning, ROWS};
use super::settings::{self, DEFAULT_TABLE, Settings, row_limit, shared_builder};
use super::{Arrival, InboxError};
use events_core::{BoxError, EventMetadata};

pub(super) use classify::is_transient;
pub use seen::SqliteSeenEvents;
pub use statements::SqliteStatements;

/// An inbox in a `SQLite` database, for receivers that use `rusqlite`.
///
/// Clones are the same inbox. The [module](super) documents guarantees and retention.
///
/// ```
/// use events_runtime::inbox::SqliteInbox;
/// # use events_runtime::{BoxError, EventMetadata};
/// # fn bill(db: &mut rusqlite::Connection, event: &EventMetadata) -> Result<(), BoxError> {
/// let inbox = SqliteInbox::new("billing")?.receiver("receipts")?;
/// inbox.once(db, event, |transaction| {
///     transaction.execute("INSERT INTO receipts (customer) VALUES (?1)", ["ada"])?;
///     Ok(())
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SqliteInbox {
    settings: Settings,
    table: Arc<str>,
    statements: Arc<SqliteStatements>,
    pruning: Arc<Pruning>,
}

shared_builder!(SqliteInbox);

impl SqliteInbox {
    /// An inbox in the table `events_inbox`. Opens nothing: [`create`](Self::create) creates the table.
    ///
    /// The name follows the rules of a consumer group's. Receivers with the same inbox name share the
    /// handled events, so each receiver needs its own.
    ///
    /// # Errors
    /// [`InboxError::Name`].
    pub fn new(name: &str) -> Result<Self, InboxError> {
        Ok(Self {
            settings: Settings::new(name)?,
            table: DEFAULT_TABLE.into(),
            statements: Arc::new(SqliteStatements::of(DEFAULT_TABLE)),
            pruning: Arc::default(),
        })
    }

    /// Uses a table of another name: 1 to 50 lower-case letters, digits and `_`.
    ///
    /// # Errors
    /// [`InboxError::Table`].
    pub fn table(mut self, table: &str) -> Result<Self, InboxError> {
        self.table = settings::table(table)?.into();
        self.statements = Arc::new(SqliteStatements::of(table));
        Ok(self)
    }

    /// The SQL statements, for other `SQLite` crates.
    #[must_use]
    pub fn statements(&self) -> &SqliteStatements {
        &self.statements
    }

    /// Creates the table if it does not exist.
    ///
    /// # Errors
    /// An [`InboxError`] of the database.
    pub fn create(&self, connection: &Connection) -> Result<(), InboxError> {
        connection.execute_batch(&self.statements.create).map_err(|error| self.explain(error))
    }

    /// Stores an event's id in the transaction that does the work. Returns whether the event is new.
    ///
    /// Call it first in a transaction that began with `BEGIN IMMEDIATE`, and end the transaction with
    /// [`commit`](Self::commit). A second member with the same event waits here until the first one has
    /// ended: it gets [`Arrival::Duplicate`] after a commit and [`Arrival::First`] after a rollback. The
    /// connection may be a [`Transaction`], a savepoint, or one in a transaction that began with a
    /// statement.
    ///
    /// # Errors
    /// [`InboxError::NoTransaction`] if the connection is not in a transaction; [`InboxError::Busy`] and
    /// [`InboxError::StaleSnapshot`] if another connection writes; [`InboxError::NoTable`] before
    /// [`create`](Self::create). Roll back.
    pub fn insert(&self, transaction: &Connection, event: &EventMetadata) -> Result<Arrival, InboxError> {
        if transaction.is_autocommit() {
            return Err(InboxError::NoTransaction { inbox: self.settings.group.to_string() });
        }
        self.add(transaction, event.id()).map_err(|error| self.explain(error))
    }

    /// Handles an event once: begins a transaction, stores the id, does the work, commits. Returns `None`,
    /// without doing the work, if the event was handled before.
    ///
    /// # Errors
    /// As for [`insert`](Self::insert); [`InboxError::Work`] if the work failed, which is rolled back;
    /// [`InboxError::RolledBack`] as for [`commit`](Self::commit).
    pub fn once<T>(
        &self,
        connection: &mut Connection,
        event: &EventMetadata,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, BoxError>,
    ) -> Result<Option<T>, InboxError> {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| self.explain(error))?;
        if self.insert(&transaction, event)?.is_duplicate() {
            return Ok(None);
        }
        let done = work(&transaction).map_err(InboxError::Work)?;
        self.commit(transaction, event)?;
        Ok(Some(done))
    }

    /// Commits a transaction in which an event was inserted or found as a duplicate: the one passed to
    /// [`insert`](Self::insert) last. Unlike the driver's commit, it checks that the transaction is still
    /// the one of the insert.
    ///
    /// A statement that fails with `ON CONFLICT ROLLBACK` ends the whole transaction. If the work ignores
    /// that error, its further statements are committed one by one, without the event.
    ///
    /// # Errors
    /// [`InboxError::RolledBack`] if the event is no longer in the transaction; [`InboxError::Busy`] if the
    /// file's lock was not available.
    pub fn commit(&self, transaction: Transaction<'_>, event: &EventMetadata) -> Result<(), InboxError> {
        let here = !transaction.is_autocommit()
            && self.contains(&transaction, event.id()).map_err(|error| self.explain(error))?;
        if !here {
            let inbox = self.settings.group.to_string();
            return Err(InboxError::RolledBack { inbox, source: None });
        }
        transaction.commit().map_err(|error| self.explain(error))
    }

    /// Deletes ids that are too old or too many, oldest first, at most `at_most` rows. Returns the number
    /// of deleted rows: repeat the call while it equals `at_most`. Inserts do the same in small steps.
    ///
    /// # Errors
    /// An [`InboxError`] of the database.
    pub fn prune(&self, connection: &Connection, at_most: u64) -> Result<u64, InboxError> {
        let prune = || {
            let mut pruned = self.prune_age(connection, at_most)?;
            if pruned < at_most
                && let Some(cutoff) = self.surplus(connection)?
            {
                pruned += self.prune_surplus(connection, cutoff, at_most - pruned)?;
            }
            Ok(pruned)
        };
        prune().map_err(|error| self.explain(error))
    }

    /// A store for [`Consume::dedup`](crate::bus::Consume::dedup), with its own connection. It uses the
    /// consumer's group in place of the inbox's name.
    #[must_use]
    pub fn seen_events(&self, connection: Connection) -> SqliteSeenEvents {
        SqliteSeenEvents::new(self, connection)
    }

    fn add(&self, connection: &Connection, id: Uuid) -> rusqlite::Result<Arrival> {
        let mut insert = connection.prepare_cached(&self.statements.insert)?;
        if insert.execute(params![self.settings.group.as_str(), id.as_bytes()])? == 0 {
            return Ok(Arrival::Duplicate);
        }
        self.prune_step(connection)?;
        Ok(Arrival::First)
    }

    fn contains(&self, connection: &Connection, id: Uuid) -> rusqlite::Result<bool> {
        let mut contains = connection.prepare_cached(&self.statements.contains)?;
        contains.exists(params![self.settings.group.as_str(), id.as_bytes()])
    }

    fn prune_step(&self, connection: &Connection) -> rusqlite::Result<()> {
        let max_count = self.settings.max_count();
        let step = match connection.path() {
            Some(path) if !path.is_empty() => self.pruning.next(path, max_count),
            // An in-memory database can only be identified by its connection.
            _ => self.pruning.next(&format!("{connection:p}"), max_count),
        };
        let Some(step) = step else { return Ok(()) };
        self.prune_age(connection, ROWS)?;
        if let Some(rows) = step.surplus
            && let Some(cutoff) = self.surplus(connection)?
        {
            self.prune_surplus(connection, cutoff, rows)?;
        }
        Ok(())
    }

    fn prune_age(&self, connection: &Connection, at_most: u64) -> rusqlite::Result<u64> {
        let mut prune = connection.prepare_cached(&self.statements.prune)?;
        let age = self.settings.max_age_millis();
        Ok(prune.execute(params![self.settings.group.as_str(), age, row_limit(at_most)])? as u64)
    }

    fn surplus(&self, connection: &Connection) -> rusqlite::Result<Option<Cutoff<i64>>> {
        let Some(count) = self.settings.max_count() else { return Ok(None) };
        let mut surplus = connection.prepare_cached(&self.statements.surplus)?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Uuid::from_bytes(row.get(1)?)));
        surplus.query_row(params![self.settings.group.as_str(), row_limit(count)], row).optional()
    }

    fn prune_surplus(
        &self,
        connection: &Connection,
        cutoff: Cutoff<i64>,
        at_most: u64,
    ) -> rusqlite::Result<u64> {
        let (time, id) = cutoff;
        let mut prune = connection.prepare_cached(&self.statements.prune_surplus)?;
        Ok(prune.execute(params![self.settings.group.as_str(), time, id.as_bytes(), row_limit(at_most)])?
            as u64)
    }

    fn explain(&self, error: rusqlite::Error) -> InboxError {
        classify::explain(error, &self.settings, &self.table)
    }
}
