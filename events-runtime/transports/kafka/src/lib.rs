//! `kafka:` transport: topics of a Kafka cluster, shared by many machines.
//!
//! A topic is the Kafka topic of the same name. An event is a record: the message's key, headers and data are
//! those of the record. A consumer group is a consumer group of Kafka.
//!
//! Settings, in the query of the URL (`kafka://user:password@host:9092,host:9092?timeout=10s`):
//!
//! | setting | meaning |
//! |---|---|
//! | `timeout=5s` | longest time to wait for a broker's reply, and for the cluster at the start |
//! | `retry_for=30s` | how long messages are sent again while the cluster is unavailable |
//! | `retry_topics=1m,10m,1h` | messages with at least such a delay wait in topics of their own, see [Retry topics](#retry-topics); by default all wait in their topic |
//! | `create_topics=false` | default: a missing topic is an error. `true`: it is created, and dead-letter and retry topics too |
//! | `partitions=6`, `replication=3` | of topics that are created; by default the broker's |
//! | `retention_age=7d`, `dead_letter_age=unlimited` | of topics that are created; by default the broker's, and dead-letter topics keep everything |
//! | `ca=/etc/ssl/own.pem` | certificate authorities that `kafkas:` trusts, instead of the system's |
//! | `password_file=PATH`, `password_env=NAME` | the password of the URL's user, from a file or an environment variable |
//! | `token_provider=NAME` | who gives tokens for SASL OAUTHBEARER, see [`register_token_provider`] |
//! | `group_protocol=classic` | default. `consumer`: brokers assign the partitions (KIP-848), from Kafka 4.0 on |
//! | `offset_time=2026-01-31T12:00:00Z` | each start of a consumer moves its group to this time, as Open edX's setting does |
//! | any setting of librdkafka | passed on, such as `linger.ms=20`, `compression.type=lz4`, `client.rack=a`; its [CONFIGURATION.md][settings] describes them |
//! | `sasl.mechanism` | `PLAIN` (default of a user with `kafkas:`), `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER` |
//! | `ssl.certificate.location`, `ssl.key.location` | certificate and key of this client, for mutual TLS |
//! | `NAME_file=PATH`, `NAME_env=NAME` | for the secrets of librdkafka, such as `sasl.password`, `ssl.key.pem`, `ssl.key.password`, `ssl.keystore.password` |
//!
//! A setting that would break a promise is refused with the reason, an unknown one with the nearest name. The client
//! id is the name of the service. SCRAM, OAUTHBEARER and `kafkas:` need the feature `kafka-ssl`.
//!
//! [settings]: https://github.com/confluentinc/librdkafka/blob/v2.12.1/CONFIGURATION.md
//!
//! # Schema registry
//! With `registry`, keys and values of events have the frames of Confluent's serializers, and schemas are in the
//! registry; without it nothing is framed, and schemas are in the compacted topic `TOPIC.schemas`.
//!
//! | setting | meaning |
//! |---|---|
//! | `registry=http://r1:8081,http://r2:8081` | the registry's addresses; `http://host:8080/apis/ccompat/v7` for Apicurio |
//! | `registry_register=true` | default: producers register their schemas. `false`: they only look them up, and `events schema push` registers them |
//! | `registry_subjects=topic-record` | default, as Open edX: `TOPIC-RECORD`, and `TOPIC-TYPE` for keys, such as `orders-string`. `topic`: `TOPIC-value` and `TOPIC-key`. `record`: `RECORD`. Otherwise the name of a function, see [`register_subjects`] |
//! | `registry_required=true` | default: a start fails while the registry can't be reached. `false`: it warns and goes on |
//! | `registry_bare=TYPE,TYPE` | event types that are sent without a frame, because the registry refuses their names |
//! | `registry_user=NAME`, `registry_password_file=PATH` | basic authentication; also `registry_password` and `registry_password_env` |
//! | `registry_token_file=PATH` | a bearer token; also `registry_token` and `registry_token_env` |
//! | `registry_ca=PATH` | certificate authorities that `https:` trusts, instead of the system's |
//! | `registry_certificate=PATH`, `registry_key=PATH` | certificate and key of this client, for mutual TLS |
//! | `registry_timeout=5s`, `registry_retry_for=10s` | longest time to wait for one answer, and how long a call is repeated while no address answers |
//! | `registry_user_agent=TEXT` | the `User-Agent`; by default this library and the client id |
//!
//! - Producers obtain ids before the first message of a schema, and go on with them while the registry is down.
//! - A consumer reads the schema of an id once. While the registry is down, messages of an id that it has not read wait,
//!   and others go on. A message with an own fingerprint header needs no schema of the registry.
//! - An id that the registry does not have is an unknown schema: its messages wait for `unknown_schema = { wait }`, and
//!   are dead letters then. Its fingerprint in logs and statuses begins with `1d1d1d1d` and ends with the id.
//! - A value without a frame and without a fingerprint header, or with a frame that is cut off, becomes a dead letter
//!   that says so. Frames with a GUID are read if the registry finds schemas by GUID.
//! - `Message.key` is the key's text. In Kafka it is the Avro datum of the key field's type behind a frame, with the
//!   same bytes as Open edX's, so that both put a key into the same partition.
//! - A schema that the registry refuses as incompatible or invalid fails its own events alone.
//!
//! # Sending
//! All producers of a transport share one client of librdkafka, an idempotent producer with `acks=all`. A message is
//! acknowledged when every replica in sync has it; `min.insync.replicas` of the topic says how many these are. After
//! a message that failed, all messages under way are withdrawn and fail as unavailable, so that no later message of
//! a key is stored before it.
//!
//! # Groups and topics
//! - Moving or removing a group asks its members to leave for a moment, in all topics of the group, since Kafka changes
//!   no offsets of a group with members. Members of other programs don't leave: the call then fails 15 s after
//!   a session (`session.timeout.ms`, 45 s by default), in which the brokers drop members that were killed.
//! - The brokers forget the position of a group that has had no members for `offsets.retention.minutes`, a week by
//!   default. It then starts as a new group; dead letters that were retried or dropped before that are listed again,
//!   unless the topic's retention has removed them.
//! - The lag counts offsets. In topics with transactions or compaction it is an upper bound, until a member has read up
//!   to the end.
//! - A subscription returns when the group is listed in its topics. If the group has members already, this takes a
//!   rebalance, which their unfinished work delays: the subscription waits for at most `retry_for`.
//! - A member reads ahead: at most 1,000 messages of each partition, and as they were fetched 2 MB
//!   (`queued.max.messages.kbytes`) and a response (`max.partition.fetch.bytes`, 1 MB). A backlog in 100 partitions of
//!   one member takes some 300 MB: set less there, or share them among members.
//! - Members alone know what they have in flight: `groups` does not report it.
//! - Topics whose names end in `.schemas`, and groups whose names end in `.control`, are reserved and not listed. Names
//!   of topics that end in `.retry.` and a delay are those of retry topics.
//! - Without `create_topics`, each topic needs a topic of schemas beside it, such as `orders.schemas` for `orders`: one
//!   partition, `cleanup.policy=compact`, `max.message.bytes=1053696`. `events doctor` names those that are missing, and
//!   missing dead-letter topics.
//! - `check`, and `events doctor`, report replicas and `min.insync.replicas`, unclean elections, limits of message sizes,
//!   the cleanup and retention of topics, groups that are about to lose messages to it, and what the user may not do, as
//!   far as that is known without writing. Only settings that the user may read are checked.
//!
//! # Transactions
//! With `transactions = true`, the outputs of receivers and the offsets of their messages are one transaction of Kafka
//! (KIP-447), which stores what was acknowledged while the one before it ran.
//! - Each consumer has a transactional id of its own: its group, a dot and a UUID. With ACLs, the user needs `Write` on
//!   these ids, as a prefix.
//! - Readers of the outputs must read committed records only (`isolation.level=read_committed`, the default of
//!   librdkafka, and the only value here; Kafka's Java clients have another default).
//! - A consumer that is killed leaves its transaction open, until the brokers abort it after
//!   `transaction.timeout.ms` (20 s by default) and at most one more
//!   `transaction.abort.timed.out.transaction.cleanup.interval.ms` (10 s). Until then, readers of its outputs' partitions
//!   wait, and so does the member that takes its partitions over. A lower value shortens this wait, and aborts
//!   transactions while a leader or a coordinator is replaced (10 s); these are tried again.
//! - What commit metadata has no room for waits, so that it is not handled and stored again by another member: with a
//!   key that fails, up to some hundred later messages with outputs are acknowledged before it. On brokers that refuse
//!   metadata, messages with outputs are acknowledged in the order of their partition.
//! - While it is not known whether a transaction was committed, the consumer asks until the cluster answers.
//!
//! # Retry topics
//! By default, a message that waits for a retry stays in its topic: it holds back the later messages of its key, and its
//! partition once 40,000 messages or 64 MiB wait. With `retry_topics=1m,10m`, a delivery of group `billing` in topic
//! `orders` that is retried after 15 minutes is stored in `orders.billing.retry.10m`, the topic of the longest delay
//! that does not exceed its own, and settled in `orders` after that. A shorter delay than the first one stays in place.
//!
//! - **The order of each key is weaker.** Later messages of the key overtake one that waits, and two members may handle
//!   messages of the key at the same time. [`Capability::retries_hold_key`] is `false`. Do without retry topics where
//!   receivers need each key in order.
//! - The members of the group read the retry topics with the topic. Each delivery has the topic, the position, the time
//!   and the attempts of its message, as if it had not moved, and so has its dead letter.
//! - A message is delivered at its due time or a little later. Members compare it with their own clocks.
//! - A member that dies after it has stored a message and before it has committed leaves it in both topics: it is
//!   delivered twice, with the same id. A consumer with `transactions` moves its messages in transactions, once.
//! - A message that its retry topic refuses, or that can't be stored in `retry_for`, waits in its own topic.
//! - The topics must exist, unless `create_topics=true`; they need as many partitions as their topic. They are created
//!   with a `retention.ms` of their delay and the retention of the topic, a week at least. A longest delay near the longest
//!   pause of the backoff keeps messages from waiting longer than their topic keeps them.
//! - `groups` counts what waits there in `lag` and `waiting`, and `unsettled` lists it by its position in the topic.
//!   Moving a group to the earliest or latest message or to a time drops what waits; moving it to a position keeps it.
//!   Removing a group drops it. `topics` lists retry topics as it lists dead-letter topics.
//! - A delay that is no longer configured is still read while `retry_topics` has others. Unset the setting once the
//!   retry topics have no lag: `events doctor` says which have one.
//! - Dead letters, and groups that end with their work such as replays, wait in place.
//! - Records in a retry topic have the headers `events-retry-topic`, `-group`, `-position`, `-stored` (milliseconds since
//!   1970), `-attempts` and `-due`, which are removed from what is delivered. A record without them is delivered at once.
//!
//! # Permissions
//! On a cluster with ACLs, for topic `orders` and group `billing`, both with the namespace before them:
//!
//! | who | operations |
//! |---|---|
//! | producers | `Describe`, `Write` on `orders`; `Describe`, `Read`, `Write` on `orders.schemas` without a registry; `IdempotentWrite` on the cluster before Kafka 3 |
//! | consumers | `Describe`, `Read` on `orders`, `orders.schemas` and the group `billing`; `Describe` on the group `billing.control`; `Describe`, `Write` on `orders.billing.dlq` |
//! | retry topics | `Describe`, `Read`, `Write` on `orders.billing.retry.` as a prefix |
//! | transactions | `Describe`, `Write` on the transactional ids `billing.` as a prefix, and what producers need for the outputs |
//! | `create_topics=true` | `Create` on the cluster, or on these topics |
//! | seek, replay, removal | `Read` on the groups `billing`, `billing.control` and, for a replay, `billing.replay`; `Delete` on groups to remove them |
//! | lists, `events doctor` | `Describe` on the cluster, topics and groups; `DescribeConfigs` on topics and the cluster, else limits and retention are not checked |
//!
//! # Metrics
//! In addition to the metrics of the bus, each with the label `topic`:
//!
//! | name | kind | meaning |
//! |---|---|---|
//! | `events_send_uncertain_total` | counter | messages that failed although the broker may have stored them: what is sent again may be stored twice, with the same id |
//! | `events_send_duplicates_total` | counter | messages that the broker had already, from a request whose reply was lost; stored once |
//! | `events_kafka_partition_held_back` | gauge, also `group` and `partition` | 1 while a partition is paused because messages of a failing key fill the memory |
//! | `events_kafka_dropped_headers_total` | counter, without `topic` | headers that were left out because their names are not UTF-8 |
//!
//! # Differences from the other transports
//! - Positions are partition and offset. Positions of two partitions do not compare.
//! - Topics are not created by the first send, unless `create_topics=true`.
//! - Messages without a key go to any partition. Another `partitioner` puts keys into other partitions than programs
//!   that use librdkafka's default, such as Open edX's.
//! - The brokers apply the retention of topics, also to messages that a group has not settled. It is set on topics
//!   that are created, as an age only. `trim` is unsupported.

mod acker;
mod admin;
mod client;
mod config;
mod consumer;
mod control;
mod control_watch;
mod framing;
mod health;
mod member;
mod moves;
mod namespace;
mod partition;
mod producer;
mod progress;
mod recent_groups;
mod registry;
mod retry_topics;
mod seek;
mod transactions;
mod worker;
mod writer_schemas;

use std::sync::{Arc, Mutex, PoisonError};

use self::client::Topics;
pub use self::client::{Token, register_token_provider};
use self::config::Config;
use self::consumer::KafkaConsumer;
use self::control_watch::ControlWatches;
use self::moves::Open;
use self::producer::KafkaProducer;
pub use self::registry::{SubjectOf, register_subjects};
use self::writer_schemas::StoredSchemas;
use events_transport::{
    Acknowledgement, BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, ErrorKind, GroupStatus,
    Health, KeySchema, MergedConsumer, Position, Producer, Retention, SchemaId, SchemaSubjects, Scheme,
    StartPosition, StoredMessage, Subscription, Target, Topic, TopicStatus, Transport, TransportError,
    Trimmed, UrlForm,
};

const fn scheme(name: &'static str) -> Scheme {
    Scheme::new(name, UrlForm::Server, KafkaTransport::open)
        .settings(&config::SETTINGS)
        .retention(Retention::unlimited())
}

events_transport::register_scheme! { scheme("kafka") }
#[cfg(feature = "ssl")]
events_transport::register_scheme! { scheme("kafkas") }

/// The `kafka:` transport.
struct KafkaTransport {
    config: Arc<Config>,
    topics: Arc<Topics>,
    /// Shared, so that all sends of the transport have one order.
    producer: Arc<Mutex<Option<Arc<KafkaProducer>>>>,
    watches: Arc<ControlWatches>,
    schemas: StoredSchemas,
}

impl KafkaTransport {
    fn open(target: &Target<'_>, options: &ConnectOptions) -> Result<Box<dyn Transport>, TransportError> {
        let config = Arc::new(Config::read(target, options)?);
        let topics = Arc::new(Topics::new(config.clone()));
        Ok(Box::new(Self {
            config,
            topics,
            producer: Arc::default(),
            watches: Arc::default(),
            schemas: StoredSchemas::default(),
        }))
    }

    /// Opens the producer: it is connected when it is first needed.
    fn opening(&self) -> Open {
        let (config, topics, shared) = (self.config.clone(), self.topics.clone(), self.producer.clone());
        Arc::new(move || {
            let (config, topics, shared) = (config.clone(), topics.clone(), shared.clone());
            Box::pin(async move {
                let open = || shared.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(producer) = open().clone() {
                    return Ok(producer.handle());
                }
                let connected = KafkaProducer::connect(config, topics).await?;
                // Another call may have been faster.
                let producer = open().get_or_insert_with(|| Arc::new(connected)).clone();
                Ok(producer.handle())
            })
        })
    }

    async fn subscribe(&self, subscriptions: Vec<Subscription>) -> Result<Box<dyn Consumer>, TransportError> {
        MergedConsumer::check(&subscriptions)?;
        self.registry_ready().await?;
        let (config, topics) = (self.config.clone(), self.topics.clone());
        let (watches, open) = (self.watches.clone(), self.opening());
        let consumer = KafkaConsumer::subscribe(config, topics, watches, open, subscriptions).await?;
        Ok(Box::new(consumer))
    }

    async fn registry_ready(&self) -> Result<(), TransportError> {
        match &self.config.registry {
            Some(registry) => registry.ready().await,
            None => Ok(()),
        }
    }

    /// The registry that has the schemas of an event type, if it is sent with frames.
    fn registry_of(&self, event_type: &str) -> Option<&registry::Registry> {
        self.config.registry.as_deref().filter(|registry| !registry.sends_bare(event_type))
    }
}

impl Transport for KafkaTransport {
    fn capability(&self) -> Capability {
        let mut capability = Capability::new(Acknowledgement::Cumulative);
        capability.durable = true;
        capability.shared = true;
        capability.takeover = true;
        capability.counts_attempts = true;
        capability.keeps_delay = true;
        capability.ordered_sends = true;
        capability.retries_hold_key = self.config.retry_delays.is_empty();
        capability.start_at_time = true;
        capability.start_at_position = true;
        capability.seek = true;
        capability.partitions = true;
        capability.assigns = true;
        capability.multi_topic = true;
        capability.schemas = true;
        capability.transactions = true;
        capability
    }

    fn url(&self) -> &str {
        &self.config.url
    }

    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        Box::pin(async move {
            self.registry_ready().await?;
            self.opening()().await
        })
    }

    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        Box::pin(self.subscribe(vec![subscription]))
    }

    fn consumer_of(
        &self,
        subscriptions: Vec<Subscription>,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        Box::pin(self.subscribe(subscriptions))
    }

    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        Box::pin(async move {
            let mut health = health::check(&self.config).await?;
            if let Some(registry) = &self.config.registry {
                health.facts.push(("schema registry", registry.check().await?));
            }
            Ok(health)
        })
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        Box::pin(admin::topics(&self.config))
    }

    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        Box::pin(admin::groups(&self.config, topic, None))
    }

    fn group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<Option<GroupStatus>, TransportError>> {
        Box::pin(async { Ok(admin::groups(&self.config, topic, Some(group)).await?.pop()) })
    }

    fn unsettled<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredMessage>, TransportError>> {
        Box::pin(async move {
            let stored = admin::unsettled(&self.config, topic, group, after, max).await?;
            match &self.config.registry {
                Some(registry) => Ok(registry.unframe_stored(topic, stored).await),
                None => Ok(stored),
            }
        })
    }

    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(seek::seek(&self.config, topic, group, start))
    }

    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(seek::remove_group(&self.config, topic, group))
    }

    fn store_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            match self.registry_of(schema.event_type()) {
                Some(registry) => registry.store_schema(topic, schema, text).await,
                None => self.schemas.store(&self.config, topic, schema, text).await,
            }
        })
    }

    fn store_key_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        key: &'a KeySchema,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            match self.registry_of(schema.event_type()) {
                Some(registry) => registry.store_key_schema(topic, schema, key).await,
                None => Ok(()),
            }
        })
    }

    fn schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
    ) -> BoxFuture<'a, Result<Option<String>, TransportError>> {
        Box::pin(async move {
            if let Some(registry) = self.registry_of(schema.event_type())
                && let Some(text) = registry.schema(topic, schema).await?
            {
                return Ok(Some(text));
            }
            if SchemaId::stands_for(schema.fingerprint()).is_some() {
                return Ok(None);
            }
            // With a registry: messages from before it was configured.
            self.schemas.read(&self.config, topic, schema).await
        })
    }

    fn schemas<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<SchemaId>, TransportError>> {
        Box::pin(async move {
            let mut schemas = self.schemas.list(&self.config, topic).await?;
            if let Some(registry) = &self.config.registry {
                schemas.extend(registry.schemas(topic).await?);
                schemas.sort();
                schemas.dedup();
                schemas.truncate(SchemaId::LISTED_MAX);
            }
            Ok(schemas)
        })
    }

    fn subjects(&self) -> Option<&dyn SchemaSubjects> {
        self.config.registry.as_deref().map(|registry| registry as &dyn SchemaSubjects)
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        let message =
            "the brokers remove messages themselves, by `retention.ms` and `retention.bytes` of each topic";
        let error = TransportError::new(ErrorKind::Unsupported, "trim", &self.config.url, message);
        Box::pin(std::future::ready(Err(error)))
    }
}
