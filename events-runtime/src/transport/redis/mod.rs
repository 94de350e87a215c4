//! `redis:`: streams of a Redis server, or of a cluster of them, as the event bus of many machines.
//!
//! A topic is a stream of its name, an event an entry in the form of Open edX's
//! `edx-event-bus-redis`, so that its programs and ours share topics and groups. A group is a
//! consumer group of the stream; beside it, in keys that begin with `{topic}:group:`, stands what
//! Redis has no place for: leases, the order of keys, retries with their time and count.
//! Everything that must happen together is one script on the server, and the server's clock is
//! the one that counts.
//!
//! Settings, in the URL's query (`redis://host:6379/0?timeout=10s`):
//!
//! | setting | meaning |
//! |---|---|
//! | `timeout=5s` | how long an answer may take; a paused server is noticed by it |
//! | `retry_for=10s` | how long a call goes on while the server is away, before it is an error; in a cluster `30s` |
//! | `ca=/etc/ssl/own.pem` | the authorities that `rediss:` trusts, instead of the system's |
//! | `retention_age=7d`, `retention_count=unlimited` | what settled messages are kept for later groups |
//! | `dead_letter_age=unlimited`, `dead_letter_count=unlimited` | the same for topics of dead letters, which keep everything unless this is set |
//! | `ack=settled` | the default: an event is acknowledged when its receivers succeeded or it is a dead letter |
//! | `ack=strict-openedx` | it is acknowledged whatever the receivers said, as Open edX's consumers do: no second attempt, no dead letter |
//! | `consumer_name=NAME` | the member's name in Redis; what an earlier member of this name left is taken over at once |
//! | `check_backlog=true` | the default: a group goes on where it stands. `false`: each start of a consumer passes over what came before, as Open edX's consumers do |
//! | `last_read_msg_id=ID` | each start of a consumer moves its group behind this entry |
//! | `claim_msgs_older_than=15m` | after so long, what another client was given and did not settle is taken over; plain numbers are milliseconds, `off` is never |
//! | `on_lost=recover-topic` | the default: where a topic is gone with its groups (`FLUSHALL`, a server that came back empty, a stream that was deleted), a consumer makes its group anew, from the earliest entry on, and goes on; where only the group is gone, it ends with an error that says so |
//! | `on_lost=recover` | the same in both cases; a group that is made anew gets all again that its topic keeps |
//! | `on_lost=end` | the consumer ends in both cases |
//!
//! # Metrics
//! Beside those of the bus, by `topic`:
//!
//! | name | kind | meaning |
//! |---|---|---|
//! | `events_trimmed_pending_total` | counter | entries that a group had not settled and that somebody else trimmed away; passed over |
//! | `events_trimmed_unread_total` | counter | entries that somebody else trimmed away or deleted before a group had read them: lost to it; told by Redis since version 7. Also what retention dropped of a topic that has no group |
//! | `events_trimmed_unsettled_total` | counter | entries that retention dropped although a group had not settled them, as it was told to |
//! | `events_group_lost_total` | counter | groups that were found to be gone although nobody had removed them by an operation of ours |
//! | `events_acked_failed_total` | counter | events that failed and were acknowledged all the same, by `ack=strict-openedx` |
//!
//! # Durability
//! An acknowledged send is as durable as the server is set up to be. With `appendonly yes` and
//! `appendfsync always` it survives the loss of power; with `everysec`, Redis's default, it survives
//! the death of the server, and the last second or two may go with the power; without
//! `appendonly`, what came since the last snapshot goes with the server. A failover to a replica can
//! lose what the replica had not received. `check` tells which it is, and refuses a server that may
//! evict topics.
//!
//! # Where it differs from the others
//! Positions are entry ids. Renewing one delivery renews all that were received with it. A send
//! whose answer was lost may be stored twice, with the same event id. Messages of a group whose
//! other members are Open edX's keep their order among our members; theirs take what comes. Dead letters of
//! more than 1,000 fields or 1 MB are stored before their messages are acknowledged, as in a cluster.
//!
//! # Clusters
//! `redis+cluster://host:6379,host:6379` names some nodes; the others are learned from them. A topic
//! with its groups is on one node, and a node that is away holds up its own topics alone. Two things
//! differ from a single server: a dead letter is stored before its message is acknowledged, not in one
//! step with it, so that a member's death between the two, or a letter whose answer is lost, brings it
//! twice (the message's lease is kept while the letter is on its way; where it can't be stored within
//! `retry_for`, the message comes again a lease later, before the later ones of its key); and a batch of sends is whole for each topic, not over
//! all of them. A call waits while its topic moves to
//! another node or a replica takes over, up to `retry_for`, which should be longer than the cluster's
//! `cluster-node-timeout`.

mod acker;
mod acl;
mod admin;
mod claim;
mod cluster;
mod config;
mod connection;
mod consumer;
mod dead_letters;
mod endpoint;
mod entry;
mod error;
mod error_codes;
mod group;
mod health;
mod idempotency;
mod msgpack;
mod node_directory;
mod node_pool;
mod producer;
mod script;
mod sentinel;
mod settle;
mod slots;
mod trim;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};

use self::config::Config;
use self::connection::ConnectionPool;
use self::consumer::RedisConsumer;
use self::producer::RedisProducer;
use super::options::Target;
use super::{
    Acknowledgement, BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, GroupStatus, Health,
    Position, Producer, StartPosition, StoredMessage, Subscription, Topic, TopicStatus, Transport,
    TransportError, Trimmed,
};

/// The schemes of URLs that name a Redis server.
pub(super) const SCHEMES: [&str; 6] =
    ["redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"];

/// The `redis:` transport.
pub(super) struct RedisTransport {
    config: Arc<Config>,
    pool: ConnectionPool,
    producer: Mutex<Option<RedisProducer>>,
}

impl RedisTransport {
    pub(super) fn connect(target: &Target<'_>, options: &ConnectOptions) -> Result<Self, TransportError> {
        let config = Arc::new(Config::read(target, options)?);
        Ok(Self { pool: ConnectionPool::new(config.clone()), config, producer: Mutex::default() })
    }
}

impl Transport for RedisTransport {
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
            ..Capability::new(Acknowledgement::Entry)
        }
    }

    fn url(&self) -> &str {
        &self.config.url
    }

    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        Box::pin(async move {
            let mut started = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
            let producer = match &*started {
                Some(producer) if !producer.is_closed() => producer.clone(),
                _ => started.insert(RedisProducer::start(self.config.clone())).clone(),
            };
            Ok(Arc::new(producer) as Arc<dyn Producer>)
        })
    }

    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        Box::pin(async move {
            let consumer = RedisConsumer::subscribe(self.config.clone(), subscription).await?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        Box::pin(health::check(&self.pool, &self.config))
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        Box::pin(admin::topics(&self.pool, &self.config))
    }

    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        Box::pin(async move { admin::groups(&self.pool.of(topic), topic).await })
    }

    fn unsettled<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredMessage>, TransportError>> {
        Box::pin(async move { admin::unsettled(&self.pool.of(topic), topic, group, after, max).await })
    }

    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move { admin::seek(&self.pool.of(topic), topic, group, start).await })
    }

    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move { admin::remove_group(&self.pool.of(topic), topic, group).await })
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        Box::pin(async move {
            let mut total = Trimmed::default();
            for TopicStatus { topic, .. } in self.topics().await? {
                let trimmed = trim::all(&self.pool.of(&topic), &topic, &self.config.retention).await?;
                total.add(trimmed);
            }
            Ok(total)
        })
    }
}
