//! The inbox in a Postgres database.

mod classify;
mod seen;
mod statements;

use std::sync::Arc;
use std::time::SystemTime;

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, GenericClient, Transaction};
use uuid::Uuid;

use super::pruning::{Cutoff, Pruning, ROWS};
use super::settings::{self, DEFAULT_TABLE, Settings, row_limit, shared_builder};
use super::{Arrival, InboxError};
use events_core::{BoxError, EventMetadata};

pub(super) use classify::is_transient;
pub use seen::PostgresSeenEvents;
pub use statements::PostgresStatements;

/// Identifies the table across servers, databases and schemas, within the round trip of the insert. A
/// restarted server counts as another one, which only delays a step.
const DATABASE: &str = "RETURNING concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()), \
                        current_database(), tableoid)";

/// An inbox in a Postgres database, for receivers that use `tokio-postgres` or a pool of its connections.
///
/// Clones are the same inbox. The [module](super) documents guarantees and retention.
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
/// At `READ COMMITTED`, Postgres' default, a member waits for another one that handles the same event, and
/// sees its result. At `REPEATABLE READ` and `SERIALIZABLE` it also waits, but gets
/// [`InboxError::Conflict`] if the other one commits, since its transaction can't see that commit. The
/// event is redelivered and is a duplicate then. Inserts prune at `READ COMMITTED` only, because concurrent
/// pruning would conflict at stricter levels: there, call [`prune`](Self::prune) periodically.
#[derive(Debug, Clone)]
pub struct PostgresInbox {
    settings: Settings,
    schema: Option<Arc<str>>,
    table: Arc<str>,
    statements: Arc<PostgresStatements>,
    pruning: Arc<Pruning>,
}

shared_builder!(PostgresInbox);

impl PostgresInbox {
    /// An inbox in the table `events_inbox` of the connection's `search_path`, or of the
    /// [`schema`](Self::schema). Connects to nothing: [`create`](Self::create) creates the table.
    ///
    /// The name follows the rules of a consumer group's. Receivers with the same inbox name share the
    /// handled events, so each receiver needs its own.
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

    /// Uses a table of another name: 1 to 50 lower-case letters, digits and `_`.
    ///
    /// # Errors
    /// [`InboxError::Table`].
    pub fn table(mut self, table: &str) -> Result<Self, InboxError> {
        self.table = settings::table(table)?.into();
        self.statements = Arc::new(PostgresStatements::of(self.schema.as_deref(), table));
        Ok(self)
    }

    /// Uses a table of this schema, whatever the connection's `search_path`: 1 to 50 lower-case letters,
    /// digits and `_`. The schema must exist.
    ///
    /// # Errors
    /// [`InboxError::Schema`].
    pub fn schema(mut self, schema: &str) -> Result<Self, InboxError> {
        self.schema = Some(settings::schema(schema)?.into());
        self.statements = Arc::new(PostgresStatements::of(self.schema.as_deref(), &self.table));
        Ok(self)
    }

    /// The SQL statements, for sqlx, diesel and other crates.
    #[must_use]
    pub fn statements(&self) -> &PostgresStatements {
        &self.statements
    }

    /// Creates the table if it does not exist; several processes may do so at once. If the table exists,
    /// the user needs no permission to create it.
    ///
    /// Without [`schema`](Self::schema), the table belongs to the connection's current schema, which is the
    /// first existing one of its `search_path`. A table of that name in a later schema of the path is not
    /// used: it may belong to another tenant.
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

    /// Stores an event's id in the transaction that does the work. Returns whether the event is new.
    ///
    /// Call it first, and end the transaction with [`commit`](Self::commit). At `READ COMMITTED`, a second
    /// member with the same event waits here until the first one has ended: it gets [`Arrival::Duplicate`]
    /// after a commit and [`Arrival::First`] after a rollback. A transaction of a pool's connection
    /// dereferences to the type of the argument.
    ///
    /// # Errors
    /// [`InboxError::Conflict`] at stricter levels; [`InboxError::NoTable`] before
    /// [`create`](Self::create); [`InboxError::Disconnected`]. The transaction can't be used any more.
    pub async fn insert(
        &self,
        transaction: &Transaction<'_>,
        event: &EventMetadata,
    ) -> Result<Arrival, InboxError> {
        self.add(transaction, event.id()).await.map_err(|error| self.explain(error))
    }

    /// Handles an event once: begins a transaction, stores the id, does the work, commits. Returns `None`,
    /// without doing the work, if the event was handled before.
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
    /// As for [`insert`](Self::insert); [`InboxError::Work`] if the work failed, which is rolled back;
    /// [`InboxError::RolledBack`] as for [`commit`](Self::commit), for example if the work ignores a failed
    /// statement: return its error, or set a savepoint before the statement. If the connection is lost
    /// during the commit, the result is unknown; the redelivered event reveals it.
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

    /// Commits a transaction in which an event was inserted or found as a duplicate: the one passed to
    /// [`insert`](Self::insert) last. Unlike the driver's commit, it checks that the transaction can be
    /// committed.
    ///
    /// After a failed statement, Postgres turns `COMMIT` into `ROLLBACK`, and the driver reports success:
    /// the event would be acknowledged and lost. So this asks the database first, which costs a round trip.
    /// If you commit by other means, for example with a pool's transaction, run
    /// [`intact`](PostgresStatements::intact) before.
    ///
    /// # Errors
    /// [`InboxError::RolledBack`] if a statement has failed in the transaction, or if it is not the one of
    /// the insert. Otherwise as for [`insert`](Self::insert), and the errors of deferred constraints. If
    /// the connection is lost during the commit, the result is unknown; the redelivered event reveals it.
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

    /// Deletes ids that are too old or too many, oldest first, at most `at_most` rows. Returns the number
    /// of deleted rows: repeat the call while it equals `at_most`. Inserts do the same in small steps.
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

    /// A store for [`Consume::dedup`](crate::bus::Consume::dedup), with its own connection, which `connect`
    /// opens and reopens. It uses the consumer's group in place of the inbox's name.
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

    async fn add(&self, client: &impl GenericClient, id: Uuid) -> Result<Arrival, Error> {
        let group = self.settings.group.as_str();
        // With explicit types, nothing is prepared: one message is sent and one received.
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
            (self.settings.group.as_str(), self.settings.max_age_millis(), row_limit(at_most));
        let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
            [(&group, Type::TEXT), (&age, Type::INT8), (&at_most, Type::INT8)];
        client.execute_typed(&self.statements.prune, &params).await
    }

    async fn surplus(&self, client: &impl GenericClient) -> Result<Option<Cutoff<SystemTime>>, Error> {
        let Some(count) = self.settings.max_count() else { return Ok(None) };
        let (group, count) = (self.settings.group.as_str(), row_limit(count));
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
        let (group, at_most) = (self.settings.group.as_str(), row_limit(at_most));
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
