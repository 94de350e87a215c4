//! The inbox in a Postgres database.

mod classify;
mod seen;
mod statements;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, GenericClient, Transaction};
use uuid::Uuid;

use super::pruning::{Cutoff, Pruning, ROWS};
use super::settings::{self, DEFAULT_TABLE, Settings};
use super::{Arrival, InboxError};
use crate::transport::ConsumerGroup;
use crate::{BoxError, EventMetadata};

pub(super) use classify::is_transient;
pub use seen::PostgresSeenEvents;
pub use statements::PostgresStatements;

/// Tells one table from those of other servers, databases and schemas, within the insert's own round
/// trip. A server that is started anew counts as another one, which only delays a step.
const DATABASE: &str = "RETURNING concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()), \
                        current_database(), tableoid)";

/// An inbox in a Postgres database, for receivers that write there by `tokio-postgres` or a pool of its
/// connections.
///
/// Clones are the same inbox. See the [module](super) for what it promises and for how long.
///
/// ```no_run
/// use events_runtime::inbox::PostgresInbox;
/// # use events_runtime::{BoxError, EventMetadata};
/// # async fn bill(client: &mut tokio_postgres::Client, event: &EventMetadata) -> Result<(), BoxError> {
/// let inbox = PostgresInbox::new("billing")?.receiver("receipts")?;
/// inbox.create(client).await?;                          // at the start
///
/// let transaction = client.transaction().await?;
/// if inbox.insert(&transaction, event).await?.is_first() {
///     transaction.execute("INSERT INTO receipts (customer) VALUES ($1)", &[&"ada"]).await?;
/// }
/// inbox.commit(transaction, event).await?;              // not `transaction.commit()`: see there
/// # Ok(())
/// # }
/// ```
///
/// # Isolation
/// At `READ COMMITTED`, Postgres' default, a member waits for another that handles the same event, and
/// is told how that ended. At `REPEATABLE READ` and `SERIALIZABLE` it waits too, and where the other
/// commits it gets [`InboxError::Conflict`]: its transaction can't see what it would have to. The event
/// comes again, and is a duplicate then. Inserts prune at `READ COMMITTED` only, because two pruners
/// would be a conflict at the stricter levels: there, call [`prune`](Self::prune) now and then.
#[derive(Debug, Clone)]
pub struct PostgresInbox {
    settings: Settings,
    schema: Option<Arc<str>>,
    table: Arc<str>,
    statements: Arc<PostgresStatements>,
    pruning: Arc<Pruning>,
}

impl PostgresInbox {
    /// An inbox of this name, in the table `events_inbox` of the connection's `search_path` unless
    /// [`schema`](Self::schema) names one. It reaches nothing: [`create`](Self::create) makes the table.
    ///
    /// The name is what a consumer group's may be; receivers that share an inbox's name share what
    /// they have handled, so each needs its own.
    ///
    /// # Errors
    /// [`InboxError::Name`].
    pub fn new(name: &str) -> Result<Self, InboxError> {
        Ok(Self {
            settings: Settings::new(name)?,
            schema: None,
            table: DEFAULT_TABLE.into(),
            statements: Arc::new(PostgresStatements::of(None, DEFAULT_TABLE)),
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
        self.statements = Arc::new(PostgresStatements::of(self.schema.as_deref(), table));
        Ok(self)
    }

    /// The same in a table of this schema, whatever the connection's `search_path` says: 1 to 50
    /// lower-case letters, digits and `_`. The schema must be there.
    ///
    /// # Errors
    /// [`InboxError::Schema`].
    pub fn schema(mut self, schema: &str) -> Result<Self, InboxError> {
        self.schema = Some(settings::schema(schema)?.into());
        self.statements = Arc::new(PostgresStatements::of(self.schema.as_deref(), &self.table));
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

    /// The statements, for sqlx, diesel and others.
    #[must_use]
    pub fn statements(&self) -> &PostgresStatements {
        &self.statements
    }

    /// Makes the table where it is missing; several processes may do so at once. Where it is there
    /// already, the user needs no right to make it.
    ///
    /// Without [`schema`](Self::schema) it is the table of the connection's current schema, which is the
    /// first one of its `search_path` that is there. A table of that name in a later schema of the path
    /// is somebody else's, such as that of another tenant.
    ///
    /// # Errors
    /// An [`InboxError`] of the database.
    pub async fn create(&self, client: &impl GenericClient) -> Result<(), InboxError> {
        let create = async {
            let found = "SELECT to_regclass(quote_ident(coalesce($1, current_schema())) || '.' || quote_ident($2)) IS NOT NULL";
            let (schema, table) = (self.schema.as_deref(), &*self.table);
            let row = client.query_typed_one(found, &[(&schema, Type::TEXT), (&table, Type::TEXT)]).await?;
            if row.try_get(0)? { Ok(()) } else { client.batch_execute(&self.statements.create).await }
        };
        create.await.map_err(|error| self.explain(error))
    }

    /// Remembers an event in the transaction that does the work, and tells whether it is new.
    ///
    /// Call it first, and end the transaction by [`commit`](Self::commit). A second member with the same event waits there for the first one's end: it is
    /// told [`Arrival::Duplicate`] after a commit and [`Arrival::First`] after a rollback, at
    /// `READ COMMITTED`. A transaction of a pool's connection derefs to what this takes.
    ///
    /// # Errors
    /// [`InboxError::Conflict`] at stricter levels, [`InboxError::NoTable`] before
    /// [`create`](Self::create), [`InboxError::Disconnected`]. The transaction is of no use then.
    pub async fn insert(
        &self,
        transaction: &Transaction<'_>,
        event: &EventMetadata,
    ) -> Result<Arrival, InboxError> {
        self.add(transaction, event.id()).await.map_err(|error| self.explain(error))
    }

    /// Handles an event once: begins a transaction, remembers the event, does the work, commits. Gives
    /// `None` where it was handled before and the work was not done.
    ///
    /// ```no_run
    /// # use events_runtime::inbox::{InboxError, PostgresInbox};
    /// # async fn bill(inbox: PostgresInbox, client: &mut tokio_postgres::Client, event: &events_runtime::EventMetadata) -> Result<(), InboxError> {
    /// inbox
    ///     .once(client, event, async |transaction| {
    ///         transaction.execute("INSERT INTO receipts (customer) VALUES ($1)", &[&"ada"]).await?;
    ///         Ok(())
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert), and [`InboxError::Work`] where the work failed: it is rolled back.
    /// [`InboxError::RolledBack`] as [`commit`](Self::commit), such as where the work goes on after a
    /// statement that failed: let it return that error, or set a savepoint before the statement. Where the connection is lost during the commit nobody knows whether it took place; the event
    /// comes again and finds out.
    pub async fn once<T>(
        &self,
        client: &mut Client,
        event: &EventMetadata,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, BoxError>,
    ) -> Result<Option<T>, InboxError> {
        let transaction = client.transaction().await.map_err(|error| self.explain(error))?;
        if self.insert(&transaction, event).await?.is_duplicate() {
            return Ok(None);
        }
        let done = work(&transaction).await.map_err(InboxError::Work)?;
        self.commit(transaction, event).await?;
        Ok(Some(done))
    }

    /// Commits a transaction in which an event was inserted, or was found handled before: the one that
    /// was given to [`insert`](Self::insert) last. Unlike the driver's commit it makes sure that
    /// something is committed.
    ///
    /// Where a statement has failed in a transaction, Postgres makes a `ROLLBACK` of its `COMMIT`, and
    /// the driver reports a success. The event would be acknowledged, and lost. So the database is asked
    /// first, which costs a round trip. Those who commit by other means run
    /// [`intact`](PostgresStatements::intact) before. A pool's transaction is not what this takes: run
    /// that statement there too.
    ///
    /// # Errors
    /// [`InboxError::RolledBack`] where a statement has failed in the transaction, or where it is not
    /// the one of the insert. Otherwise as [`insert`](Self::insert), and the errors of deferred
    /// constraints. Where the connection is lost during the commit nobody knows whether it took place;
    /// the event comes again and finds out.
    pub async fn commit(
        &self,
        transaction: Transaction<'_>,
        event: &EventMetadata,
    ) -> Result<(), InboxError> {
        let (group, id) = (self.settings.group.as_str(), event.id());
        let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
            [(&group, Type::TEXT), (&id, Type::UUID)];
        let intact = async {
            transaction.query_typed_one(&self.statements.intact, &params).await?.try_get::<_, bool>(0)
        };
        if !intact.await.map_err(|error| self.explain(error))? {
            let inbox = self.settings.group.to_string();
            return Err(InboxError::RolledBack { inbox, source: None });
        }
        transaction.commit().await.map_err(|error| self.explain(error))
    }

    /// Forgets what is too old or too many, the oldest first, at most so many rows; gives how many.
    /// Call it again while it gives as many as it may. Inserts do the same in small pruning.
    ///
    /// # Errors
    /// An [`InboxError`] of the database.
    pub async fn prune(&self, client: &impl GenericClient, at_most: u64) -> Result<u64, InboxError> {
        let prune = async {
            let mut pruned = self.prune_age(client, at_most).await?;
            if pruned < at_most
                && let Some(cutoff) = self.surplus(client).await?
            {
                pruned += self.prune_surplus(client, cutoff, at_most - pruned).await?;
            }
            Ok(pruned)
        };
        prune.await.map_err(|error| self.explain(error))
    }

    /// What [`Consume::dedup`](crate::bus::Consume::dedup) asks, by a connection of its own, which
    /// `connect` makes and makes again when it was lost; the consumer's group takes the place of the
    /// inbox's name.
    ///
    /// ```no_run
    /// # use events_runtime::{BoxError, EventBus, inbox::PostgresInbox};
    /// # async fn connect() -> Result<tokio_postgres::Client, BoxError> { Err("no server here".into()) }
    /// # fn set_up(bus: EventBus, inbox: PostgresInbox) {
    /// // `connect` is yours: `tokio_postgres::connect`, and its connection spawned.
    /// let consume = bus.consume("orders").group("billing").dedup(inbox.seen_events(connect));
    /// # let _ = consume;
    /// # }
    /// ```
    #[must_use]
    pub fn seen_events<F, Fut>(&self, connect: F) -> PostgresSeenEvents
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Client, BoxError>> + Send + 'static,
    {
        PostgresSeenEvents::new(self, move || Box::pin(connect()))
    }

    /// The inbox of a consumer's group, in the same table.
    fn of_group(&self, group: &ConsumerGroup) -> Self {
        Self { settings: self.settings.of_group(group), pruning: Arc::default(), ..self.clone() }
    }

    async fn add(&self, client: &impl GenericClient, id: Uuid) -> Result<Arrival, Error> {
        let group = self.settings.group.as_str();
        // With the types at hand, one message goes and one comes; nothing is prepared.
        let inserted = format!("{}\n{DATABASE}", self.statements.insert);
        let row = client.query_typed_opt(&inserted, &[(&group, Type::TEXT), (&id, Type::UUID)]).await?;
        let Some(row) = row else { return Ok(Arrival::Duplicate) };
        self.prune_step(client, row.try_get(0)?).await?;
        Ok(Arrival::First)
    }

    async fn contains(&self, client: &impl GenericClient, id: Uuid) -> Result<bool, Error> {
        let group = self.settings.group.as_str();
        let row = client
            .query_typed_opt(&self.statements.contains, &[(&group, Type::TEXT), (&id, Type::UUID)])
            .await?;
        Ok(row.is_some())
    }

    async fn prune_step(&self, client: &impl GenericClient, database: &str) -> Result<(), Error> {
        let Some(step) = self.pruning.next(database, self.settings.max_count()) else { return Ok(()) };
        let level = client.query_typed_one("SHOW transaction_isolation", &[]).await?;
        if level.try_get::<_, &str>(0)? != "read committed" {
            return Ok(());
        }
        self.prune_age(client, ROWS).await?;
        if let Some(rows) = step.surplus
            && let Some(cutoff) = self.surplus(client).await?
        {
            self.prune_surplus(client, cutoff, rows).await?;
        }
        Ok(())
    }

    async fn prune_age(&self, client: &impl GenericClient, at_most: u64) -> Result<u64, Error> {
        let (group, age, at_most) =
            (self.settings.group.as_str(), self.settings.max_age_millis(), limit(at_most));
        let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
            [(&group, Type::TEXT), (&age, Type::INT8), (&at_most, Type::INT8)];
        client.execute_typed(&self.statements.prune, &params).await
    }

    async fn surplus(&self, client: &impl GenericClient) -> Result<Option<Cutoff<SystemTime>>, Error> {
        let Some(count) = self.settings.max_count() else { return Ok(None) };
        let (group, count) = (self.settings.group.as_str(), limit(count));
        let row = client
            .query_typed_opt(&self.statements.surplus, &[(&group, Type::TEXT), (&count, Type::INT8)])
            .await?;
        row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
    }

    async fn prune_surplus(
        &self,
        client: &impl GenericClient,
        (time, id): Cutoff<SystemTime>,
        at_most: u64,
    ) -> Result<u64, Error> {
        let (group, at_most) = (self.settings.group.as_str(), limit(at_most));
        let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 4] =
            [(&group, Type::TEXT), (&time, Type::TIMESTAMPTZ), (&id, Type::UUID), (&at_most, Type::INT8)];
        client.execute_typed(&self.statements.prune_surplus, &params).await
    }

    fn explain(&self, error: Error) -> InboxError {
        let table = match &self.schema {
            Some(schema) => &format!("{schema}.{}", self.table),
            None => &*self.table,
        };
        classify::explain(error, &self.settings, table)
    }
}

/// A number of rows as databases take it.
fn limit(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
