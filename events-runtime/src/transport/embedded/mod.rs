//! `sqlite:`: a file as the event bus of one machine.
//!
//! Durable, without a server, for any number of processes of one machine over one file. Messages
//! are appended to a table per topic; groups remember a cursor and the exceptions behind it;
//! members hold messages by leases, so that another takes over what a dead one held.
//!
//! Settings, in the URL's query (`sqlite://events.db?synchronous=normal`):
//!
//! | setting | meaning |
//! |---|---|
//! | `synchronous=full` | the default. What was acknowledged, to a sender or by a consumer, survives the loss of power |
//! | `synchronous=normal` | it survives the death of the process at any point; the last of it may be lost with the power, the file stays sound |
//! | `synchronous=off` | it survives the death of the process; with the power the whole file may be lost |
//! | `busy_timeout=10s` | how long a call waits for another process that holds the write lock |
//! | `poll_interval=50ms` | the longest pause between two looks at what other processes wrote; inside a process nothing polls |
//! | `max_pages=N` | the file's largest size, in pages of 4 KiB; sends beyond it fail with [`ErrorKind::Full`](super::ErrorKind::Full) |
//! | `mode=0600` | the mode of a file that is made, and of its `-wal` and `-shm`: it holds payloads. A stricter umask counts; the mode of a file that is there is left alone |
//! | `retention_age=7d`, `retention_count=unlimited` | what settled messages are kept for later groups |
//! | `dead_letter_age=unlimited`, `dead_letter_count=unlimited` | the same of topics of dead letters: those whose names end in `.dlq`, and those that a consumer ever named for them |
//!
//! Where it differs from the others: positions count up from 1 in each topic; renewing one
//! delivery renews all that were received with it; the clock of leases and retries is the
//! machine's, and a step of it can end leases early, never keep them for longer than they last.
//! What retention frees is given back to the disk by and by, in a file that this version made: once more
//! than a quarter of it is free, and at least 4 MiB, a MiB at a time. Sends wait for a portion meanwhile: in
//! the measurement of docs/performance.md 0.4 ms at the 99th percentile, and 78 ms at most. A file of an earlier version keeps its size and fills what is free again; with every
//! program stopped, `sqlite3 events.db 'PRAGMA auto_vacuum = INCREMENTAL; VACUUM'` shrinks it now and lets it
//! shrink from then on. That writes the file anew: it takes the time of copying it, and as much free disk
//! as it is large, twice.
//!
//! A file that is removed, renamed or replaced while it is open is noticed by its device and inode: calls
//! fail with [`ErrorKind::Replaced`](super::ErrorKind::Replaced) until the path has a file again, which is
//! opened then; queues and consumers wait for it. Replace a file only together with its `-wal` and `-shm`:
//! where these are taken away alone, what they hold is brought into the file if it is as it was, and a log that
//! is left beside another file is moved to `-wal.old`. A file that is emptied counts as another one. What is
//! written over the file in place can't be noticed.
//!
//! The file needs a local disk: network file systems lack the shared memory of SQLite's log.

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

use std::sync::Arc;

use self::config::Config;
use self::connection::Database;
use self::consumer::SqliteConsumer;
use self::producer::SqliteProducer;
use super::options::Target;
use super::{
    Acknowledgement, BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, GroupStatus, Health,
    Position, Producer, StartPosition, StoredMessage, Subscription, Topic, TopicStatus, Transport,
    TransportError, Trimmed,
};

/// The `sqlite:` transport.
pub(super) struct SqliteTransport {
    database: Arc<Database>,
}

impl SqliteTransport {
    pub(super) fn connect(target: &Target<'_>, options: &ConnectOptions) -> Result<Self, TransportError> {
        let config = Config::read(target, options)?;
        Ok(Self { database: Database::open(config)? })
    }
}

impl Transport for SqliteTransport {
    fn capability(&self) -> Capability {
        Capability {
            durable: true,
            shared: true,
            takeover: true,
            counts_attempts: true,
            isolates: true,
            keeps_delay: true,
            start_at_time: true,
            start_at_position: true,
            seek: true,
            trim: true,
            ..Capability::new(Acknowledgement::Lease)
        }
    }

    fn url(&self) -> &str {
        &self.database.config().url
    }

    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        let producer: Arc<dyn Producer> = Arc::new(SqliteProducer { database: self.database.clone() });
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
            // Taking the lock and committing nothing shows that the file can be written.
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
        self.database.write("move a group on", move |txn| txn.seek(&topic, &group, start))
    }

    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let (topic, group) = (topic.clone(), group.clone());
        self.database.write("remove a group from", move |txn| txn.remove_group(&topic, &group))
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        Box::pin(async move {
            let mut total = Trimmed::default();
            for TopicStatus { topic, .. } in self.topics().await? {
                loop {
                    let (name, policy) = (topic.clone(), self.database.config().retention.clone());
                    let portion = self.database.write("trim", move |txn| txn.trim(&name, &policy)).await?;
                    portion.tell(&topic);
                    total.add(portion.trimmed);
                    if !portion.is_full() {
                        break;
                    }
                }
            }
            while self.database.write("trim", |txn| Ok(trim::free_pages(txn.conn)?)).await? {}
            Ok(total)
        })
    }
}
