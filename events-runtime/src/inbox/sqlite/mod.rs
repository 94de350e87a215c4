//! The inbox in a `SQLite` database.

mod classify;
mod seen;
mod statements;

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::pruning::{Cutoff, Pruning, ROWS};
use super::settings::{self, DEFAULT_TABLE, Settings};
use super::{Arrival, InboxError};
use crate::transport::ConsumerGroup;
use crate::{BoxError, EventMetadata};

pub(super) use classify::is_transient;
pub use seen::SqliteSeenEvents;
pub use statements::SqliteStatements;

/// An inbox in a `SQLite` database, for receivers that write there by `rusqlite`.
///
/// Clones are the same inbox. See the [module](super) for what it promises and for how long.
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

impl SqliteInbox {
    /// An inbox of this name, in the table `events_inbox`. It opens nothing:
    /// [`create`](Self::create) makes the table.
    ///
    /// The name is what a consumer group's may be; receivers that share an inbox's name share what
    /// they have handled, so each needs its own.
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

    /// The inbox of one of several receivers, in the same table: `billing` and `receipts` give
    /// `billing.receipts`.
    ///
    /// # Errors
    /// [`InboxError::Name`].
    pub fn receiver(&self, name: &str) -> Result<Self, InboxError> {
        Ok(Self { settings: self.settings.of_receiver(name)?, pruning: Arc::default(), ..self.clone() })
    }

    /// The same in a table of another name: 1 to 50 lower-case letters, digits and `_`.
    ///
    /// # Errors
    /// [`InboxError::Table`].
    pub fn table(mut self, table: &str) -> Result<Self, InboxError> {
        self.table = settings::table(table)?.into();
        self.statements = Arc::new(SqliteStatements::of(table));
        Ok(self)
    }

    /// Forgets what is older; seven days unless set, and at least one minute.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.settings.set_max_age(age);
        self
    }

    /// Forgets the oldest beyond this number, at least 1, which is unbounded unless set. By inserts
    /// alone it may be exceeded by a fifth, and by a few hundred, for each process.
    #[must_use]
    pub const fn max_count(mut self, count: u64) -> Self {
        self.settings.set_max_count(count);
        self
    }

    /// The inbox's name.
    #[must_use]
    pub const fn name(&self) -> &ConsumerGroup {
        &self.settings.group
    }

    /// The statements, for other crates that reach `SQLite`.
    #[must_use]
    pub fn statements(&self) -> &SqliteStatements {
        &self.statements
    }

    /// Makes the table where it is missing.
    ///
    /// # Errors
    /// An [`InboxError`] of the database.
    pub fn create(&self, connection: &Connection) -> Result<(), InboxError> {
        connection.execute_batch(&self.statements.create).map_err(|error| self.explain(error))
    }

    /// Remembers an event in the transaction that does the work, and tells whether it is new.
    ///
    /// Call it first in a transaction that began with `BEGIN IMMEDIATE`, and end that one by
    /// [`commit`](Self::commit). A second member with the same
    /// event waits there for the first one's end: it is told [`Arrival::Duplicate`] after a commit and
    /// [`Arrival::First`] after a rollback. The connection may be a [`Transaction`], a savepoint, or
    /// one that began by a statement.
    ///
    /// # Errors
    /// [`InboxError::NoTransaction`] where the connection is in none. [`InboxError::Busy`] and
    /// [`InboxError::StaleSnapshot`] where another connection writes; [`InboxError::NoTable`] before
    /// [`create`](Self::create). Roll back.
    pub fn insert(&self, transaction: &Connection, event: &EventMetadata) -> Result<Arrival, InboxError> {
        if transaction.is_autocommit() {
            return Err(InboxError::NoTransaction { inbox: self.settings.group.to_string() });
        }
        self.add(transaction, event.id()).map_err(|error| self.explain(error))
    }

    /// Handles an event once: begins a transaction, remembers the event, does the work, commits. Gives
    /// `None` where it was handled before and the work was not done.
    ///
    /// # Errors
    /// As [`insert`](Self::insert), and [`InboxError::Work`] where the work failed: it is rolled back.
    /// [`InboxError::RolledBack`] as [`commit`](Self::commit).
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

    /// Commits a transaction in which an event was inserted, or was found handled before: the one that
    /// was given to [`insert`](Self::insert) last. Unlike the driver's commit it makes sure that the
    /// transaction is still the one of the insert.
    ///
    /// A statement of the work that fails with `ON CONFLICT ROLLBACK` ends the whole transaction. Where
    /// the work goes on after that error, its further statements are committed one by one, without the
    /// event.
    ///
    /// # Errors
    /// [`InboxError::RolledBack`] where the event is not in the transaction any more;
    /// [`InboxError::Busy`] where the file's lock was not to be had.
    pub fn commit(&self, transaction: Transaction<'_>, event: &EventMetadata) -> Result<(), InboxError> {
        let here = !transaction.is_autocommit()
            && self.contains(&transaction, event.id()).map_err(|error| self.explain(error))?;
        if !here {
            let inbox = self.settings.group.to_string();
            return Err(InboxError::RolledBack { inbox, source: None });
        }
        transaction.commit().map_err(|error| self.explain(error))
    }

    /// Forgets what is too old or too many, the oldest first, at most so many rows; gives how many.
    /// Call it again while it gives as many as it may. Inserts do the same in small pruning.
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

    /// What [`Consume::dedup`](crate::bus::Consume::dedup) asks, by a connection of its own; the
    /// consumer's group takes the place of the inbox's name.
    #[must_use]
    pub fn seen_events(&self, connection: Connection) -> SqliteSeenEvents {
        SqliteSeenEvents::new(self, connection)
    }

    /// The inbox of a consumer's group, in the same table.
    fn of_group(&self, group: &ConsumerGroup) -> Self {
        Self { settings: self.settings.of_group(group), pruning: Arc::default(), ..self.clone() }
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
            // A database in memory has no other mark than its connection.
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
        Ok(prune.execute(params![self.settings.group.as_str(), age, limit(at_most)])? as u64)
    }

    fn surplus(&self, connection: &Connection) -> rusqlite::Result<Option<Cutoff<i64>>> {
        let Some(count) = self.settings.max_count() else { return Ok(None) };
        let mut surplus = connection.prepare_cached(&self.statements.surplus)?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Uuid::from_bytes(row.get(1)?)));
        surplus.query_row(params![self.settings.group.as_str(), limit(count)], row).optional()
    }

    fn prune_surplus(
        &self,
        connection: &Connection,
        cutoff: Cutoff<i64>,
        at_most: u64,
    ) -> rusqlite::Result<u64> {
        let (time, id) = cutoff;
        let mut prune = connection.prepare_cached(&self.statements.prune_surplus)?;
        Ok(prune.execute(params![self.settings.group.as_str(), time, id.as_bytes(), limit(at_most)])? as u64)
    }

    fn explain(&self, error: rusqlite::Error) -> InboxError {
        classify::explain(error, &self.settings, &self.table)
    }
}

/// A number of rows as databases take it.
fn limit(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
