//! `redis:` transport: streams of a Redis server, or of a Redis Cluster, shared by many machines.
//!
//! A topic is the stream of the same name. An event is a stream entry in the format of Open edX's
//! `edx-event-bus-redis`, so its programs and ours can share topics and groups. A consumer group is
//! a consumer group of the stream. State that Redis has no structure for (leases, order per message
//! key, delayed retries) is in keys that start with `{topic}:group:`. Writers' schemas are in the hash
//! `{topic}::schemas`. Each operation that must be atomic is one Lua script, and all times are taken from
//! the server's clock.
//!
//! Settings, in the query of the URL (`redis://host:6379/0?timeout=10s`):
//!
//! | setting | meaning |
//! |---|---|
//! | `timeout=5s` | longest time to wait for a reply; detects a paused server |
//! | `retry_for=10s` | how long a call is retried while the server is unavailable; `30s` in a cluster |
//! | `ca=/etc/ssl/own.pem` | certificate authorities that `rediss:` trusts, instead of the system's |
//! | `retention_age=7d`, `retention_count=unlimited` | which settled messages are kept for later groups |
//! | `dead_letter_age=unlimited`, `dead_letter_count=unlimited` | the same for dead-letter topics, which keep everything by default |
//! | `ack=settled` | default: an event is acknowledged when its receivers succeeded or when it is stored as a dead letter |
//! | `ack=strict-openedx` | an event is acknowledged even if receivers fail, as Open edX's consumers do: no retry, no dead letter |
//! | `consumer_name=NAME` | the consumer's name in Redis; entries held by an earlier consumer of this name are taken over at once |
//! | `check_backlog=true` | default: a group continues where it stopped. `false`: each start of a consumer skips the backlog, as Open edX's consumers do |
//! | `last_read_msg_id=ID` | each start of a consumer moves its group to just after this entry |
//! | `claim_msgs_older_than=15m` | take over entries that another client received this long ago and did not settle; plain numbers are milliseconds, `off` disables it |
//! | `on_lost=recover-topic` | default: if a topic is lost with its groups (`FLUSHALL`, a server that restarted without its data, a deleted stream), a consumer recreates its group at the earliest entry and continues; if only the group is lost, the consumer ends with an error |
//! | `on_lost=recover` | recreate the group in both cases; a recreated group receives again every message that its topic keeps |
//! | `on_lost=end` | the consumer ends with an error in both cases |
//!
//! # Metrics
//! In addition to the metrics of the bus, each with the label `topic`:
//!
//! | name | kind | meaning |
//! |---|---|---|
//! | `events_trimmed_pending_total` | counter | entries that another client trimmed before a group settled them; skipped |
//! | `events_trimmed_unread_total` | counter | entries that another client trimmed or deleted before a group read them: lost to the group; reported by Redis 7 and later. Also entries that retention removed from a topic without a group |
//! | `events_trimmed_unsettled_total` | counter | entries that retention removed before a group settled them, because it is configured to |
//! | `events_group_lost_total` | counter | groups found missing that no operation of this crate removed |
//! | `events_acked_failed_total` | counter | failed events acknowledged because of `ack=strict-openedx` |
//!
//! # Durability
//! An acknowledged send is as durable as the server's configuration makes it. With `appendonly yes`
//! and `appendfsync always` it survives a power failure. With `everysec`, Redis's default, it survives
//! a crash of the server, but a power failure may lose the last one or two seconds. Without
//! `appendonly`, a crash loses everything since the last snapshot. A failover to a replica loses what
//! was not replicated. `check` reports the configuration, and rejects a server that may evict topics.
//!
//! # Differences from the other transports
//! - Positions are entry IDs.
//! - Renewing a delivery renews all deliveries received in the same call.
//! - A send whose reply was lost may be stored twice, with the same event ID.
//! - In a group shared with Open edX's consumers, order per key holds among our consumers only.
//! - Dead letters of more than 1,000 fields or 1 MB are stored before their messages are
//!   acknowledged, as in a cluster.
//!
//! # Clusters
//! `redis+cluster://host:6379,host:6379` lists some nodes; the others are discovered. A topic and its
//! groups are on one node, so an unavailable node blocks only its own topics. Two things differ from
//! a single server:
//!
//! - A dead letter is stored before its message is acknowledged, not atomically with it. If the
//!   consumer crashes between the two steps, or the reply to the first is lost, the dead letter is
//!   stored twice. The lease of the message is renewed until the dead letter is stored. If it can't be
//!   stored within `retry_for`, the message is redelivered a lease later, before later messages of its
//!   key.
//! - A batch of sends is atomic per topic, not across topics.
//!
//! While a topic moves to another node, or a replica takes over, calls are retried for up to
//! `retry_for`, which should exceed the cluster's `cluster-node-timeout`.

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
mod nested_replies;
mod node_directory;
mod node_pool;
mod producer;
mod read;
mod script;
mod sentinel;
mod settle;
mod slots;
mod trim;
mod worker;
mod writer_schemas;

use std::sync::{Arc, Mutex, PoisonError};

use self::config::Config;
use self::connection::ConnectionPool;
use self::consumer::RedisConsumer;
use self::producer::RedisProducer;
use events_transport::{
    Acknowledgement, BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, GroupStatus, Health,
    Position, Producer, Retention, SchemaId, Scheme, StartPosition, StoredMessage, Subscription, Target,
    Topic, TopicStatus, Transport, TransportError, Trimmed, UrlForm,
};

const fn scheme(name: &'static str) -> Scheme {
    Scheme::new(name, UrlForm::Server, RedisTransport::open)
        .settings(config::SETTINGS)
        .retention(Retention::WEEK)
}

events_transport::register_scheme! { scheme("redis") }
events_transport::register_scheme! { scheme("rediss") }
events_transport::register_scheme! { scheme("redis+sentinel") }
events_transport::register_scheme! { scheme("rediss+sentinel") }
events_transport::register_scheme! { scheme("redis+cluster") }
events_transport::register_scheme! { scheme("rediss+cluster") }

/// The `redis:` transport.
struct RedisTransport {
    config: Arc<Config>,
    pool: ConnectionPool,
    producer: Mutex<Option<RedisProducer>>,
}

impl RedisTransport {
    fn open(target: &Target<'_>, options: &ConnectOptions) -> Result<Box<dyn Transport>, TransportError> {
        let config = Arc::new(Config::read(target, options)?);
        let pool = ConnectionPool::new(config.clone());
        Ok(Box::new(Self { pool, config, producer: Mutex::default() }))
    }
}

impl Transport for RedisTransport {
    fn capability(&self) -> Capability {
        let mut capability = Capability::new(Acknowledgement::Entry);
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
        capability.trim = true;
        capability
    }

    fn url(&self) -> &str {
        &self.config.url
    }

    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        Box::pin(async move {
            let mut started = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
            let producer = match &*started {
                Some(producer) if !producer.is_closed() => producer.handle(),
                _ => started.insert(RedisProducer::start(self.config.clone())).handle(),
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
        Box::pin(async move { admin::groups(&self.pool.for_topic(topic), topic).await })
    }

    fn unsettled<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredMessage>, TransportError>> {
        Box::pin(async move { admin::unsettled(&self.pool.for_topic(topic), topic, group, after, max).await })
    }

    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move { admin::seek(&self.pool.for_topic(topic), topic, group, start).await })
    }

    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move { admin::remove_group(&self.pool.for_topic(topic), topic, group).await })
    }

    fn store_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move { writer_schemas::store(&self.pool.for_topic(topic), topic, schema, text).await })
    }

    fn schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
    ) -> BoxFuture<'a, Result<Option<String>, TransportError>> {
        Box::pin(async move { writer_schemas::read(&self.pool.for_topic(topic), topic, schema).await })
    }

    fn schemas<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<SchemaId>, TransportError>> {
        Box::pin(async move { writer_schemas::list(&self.pool.for_topic(topic), topic).await })
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        Box::pin(async move {
            let mut total = Trimmed::default();
            for TopicStatus { topic, .. } in self.topics().await? {
                let trimmed =
                    trim::trim_all(&self.pool.for_topic(&topic), &topic, &self.config.retention).await?;
                total.add(trimmed);
            }
            Ok(total)
        })
    }
}
