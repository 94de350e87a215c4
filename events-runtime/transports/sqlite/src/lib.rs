//! `sqlite:` transport: a SQLite file as the event bus of one machine.
//!
//! Durable, without a server, for any number of processes on one machine. Each topic is a table that
//! messages are appended to. A group stores a cursor and the exceptions before it. Consumers hold
//! messages under leases, so another consumer takes over the messages of one that died.
//!
//! Settings, in the query of the URL (`sqlite://events.db?synchronous=normal`):
//!
//! | setting | meaning |
//! |---|---|
//! | `synchronous=full` | default: acknowledged sends and settlements survive a power failure |
//! | `synchronous=normal` | they survive a crash of the process; a power failure may lose the last ones, the file stays consistent |
//! | `synchronous=off` | they survive a crash of the process; a power failure may destroy the file |
//! | `busy_timeout=10s` | how long a call waits for the write lock of another process |
//! | `poll_interval=50ms` | longest interval between checks for writes of other processes; writes of the same process need no polling |
//! | `max_pages=N` | maximum size of the file, in pages of 4 KiB; sends beyond it fail with [`ErrorKind::Full`](events_transport::ErrorKind::Full) |
//! | `mode=0600` | permissions of a new file and its `-wal` and `-shm` files, since they hold payloads; the umask applies; an existing file keeps its permissions |
//! | `retention_age=7d`, `retention_count=unlimited` | which settled messages are kept for later groups |
//! | `dead_letter_age=unlimited`, `dead_letter_count=unlimited` | the same for dead-letter topics: topics whose names end in `.dlq`, and topics that a consumer ever named as its dead-letter topic |
//!
//! # Differences from the other transports
//! - Positions are numbers that start at 1 in each topic.
//! - Renewing a delivery renews all deliveries received in the same call.
//! - Leases and retries use the machine's clock. A clock step may end leases early, but never
//!   extends them.
//!
//! # Disk space
//! A file created by this version returns free space to the disk: when more than a quarter of the
//! file, and at least 4 MiB, is free, it shrinks by 1 MiB at a time. Sends wait for each step: 0.4 ms
//! at the 99th percentile and 78 ms at most, as measured in docs/performance.md.
//!
//! A file of an earlier version keeps its size and reuses its free pages. To shrink it, and to enable
//! shrinking, stop every program that uses it and run
//! `sqlite3 events.db 'PRAGMA auto_vacuum = INCREMENTAL; VACUUM'`. This rewrites the file: it takes as
//! long as copying it, and twice its size in free disk space.
//!
//! # Moved and replaced files
//! A file that is removed, renamed or replaced while open is detected by its device and inode. Calls
//! fail with [`ErrorKind::Replaced`](events_transport::ErrorKind::Replaced) until the path has a file again,
//! which is then opened; queues and consumers wait for it. A truncated file counts as replaced.
//! Overwriting the file in place can't be detected.
//!
//! Replace a file only together with its `-wal` and `-shm` files. If only those are removed, their
//! content is checkpointed into the file, provided that the file is unchanged. A log left next to
//! a different file is renamed to `-wal.old`.
//!
//! The file must be on a local disk: network file systems lack the shared memory that SQLite's
//! write-ahead log needs.

mod acker;
mod admin;
mod claim;
mod claim_scan;
mod config;
mod connection;
mod consumer;
mod error;
mod file_identity;
mod notify;
mod poison;
mod producer;
mod row;
mod schema;
mod settle;
mod syncer;
mod trim;
mod txn;
mod writer;
mod writer_schemas;

use std::sync::Arc;

use self::config::Config;
use self::connection::Database;
use self::consumer::SqliteConsumer;
use self::producer::SqliteProducer;
use events_transport::{
    Acknowledgement, BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, GroupStatus, Health,
    Position, Producer, Retention, SchemaId, Scheme, StartPosition, StoredMessage, Subscription, Target,
    Topic, TopicStatus, Transport, TransportError, Trimmed, UrlForm,
};

events_transport::register_scheme! {
    Scheme::new("sqlite", UrlForm::Path, SqliteTransport::open)
        .settings(config::SETTINGS)
        .retention(Retention::WEEK)
}

/// The `sqlite:` transport.
struct SqliteTransport {
    database: Arc<Database>,
}

impl SqliteTransport {
    fn open(target: &Target<'_>, options: &ConnectOptions) -> Result<Box<dyn Transport>, TransportError> {
        let config = Config::read(target, options)?;
        Ok(Box::new(Self { database: Database::open(config)? }))
    }
}

impl Transport for SqliteTransport {
    fn capability(&self) -> Capability {
        let mut capability = Capability::new(Acknowledgement::Lease);
        capability.durable = true;
        capability.shared = true;
        capability.takeover = true;
        capability.counts_attempts = true;
        capability.isolates = true;
        capability.keeps_delay = true;
        capability.ordered_sends = true;
        capability.start_at_time = true;
        capability.start_at_position = true;
        capability.seek = true;
        capability.schemas = true;
        capability.transactions = true;
        capability.trim = true;
        capability
    }

    fn url(&self) -> &str {
        &self.database.config().url
    }

    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        let producer: Arc<dyn Producer> = Arc::new(SqliteProducer::new(self.database.clone()));
        Box::pin(std::future::ready(Ok(producer)))
    }

    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        let database = self.database.clone();
        Box::pin(async move {
            let consumer = SqliteConsumer::subscribe(database, subscription).await?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        Box::pin(async move {
            // An empty transaction takes the lock, which shows that the file is writable.
            self.database.write("check", |_| Ok(())).await?;
            let config = self.database.config().clone();
            self.database.read("check", move |conn| admin::check(conn, &config)).await
        })
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        Box::pin(self.database.read("list the topics of", admin::topics))
    }

    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        let topic = topic.clone();
        Box::pin(self.database.read("list the groups of", move |conn| admin::groups(conn, &topic)))
    }

    fn unsettled<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredMessage>, TransportError>> {
        let (topic, group) = (topic.clone(), group.clone());
        Box::pin(
            self.database
                .read(admin::UNSETTLED, move |conn| admin::unsettled(conn, &topic, &group, after, max)),
        )
    }

    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let (topic, group) = (topic.clone(), group.clone());
        self.database.write("move a group on", move |txn| txn.seek(&topic, &group, &start))
    }

    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let (topic, group) = (topic.clone(), group.clone());
        self.database.write("remove a group from", move |txn| txn.remove_group(&topic, &group))
    }

    fn store_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        writer_schemas::store(&self.database, topic, schema, text)
    }

    fn schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
    ) -> BoxFuture<'a, Result<Option<String>, TransportError>> {
        let (topic, schema) = (topic.clone(), schema.clone());
        let read = move |conn: &_| writer_schemas::find(conn, &topic, &schema);
        Box::pin(self.database.read("read a schema of", read))
    }

    fn schemas<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<SchemaId>, TransportError>> {
        let topic = topic.clone();
        let list = move |conn: &_| writer_schemas::list(conn, &topic);
        Box::pin(self.database.read("list the schemas of", list))
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        Box::pin(async move {
            let mut total = Trimmed::default();
            for TopicStatus { topic, .. } in self.topics().await? {
                loop {
                    let (name, policy) = (topic.clone(), self.database.config().retention.clone());
                    let batch = self.database.write("trim", move |txn| txn.trim(&name, &policy)).await?;
                    batch.report(&topic);
                    total.add(batch.trimmed);
                    if !batch.is_full() {
                        break;
                    }
                }
            }
            while self.database.write("trim", |txn| Ok(trim::free_pages(txn.conn)?)).await? {}
            Ok(total)
        })
    }
}
