//! Transports, which store messages between the sending and the receiving services.
//!
//! A [`Transport`] creates [`Producer`]s and [`Consumer`]s; [`connect`] selects it by URL. The traits are
//! small and object-safe, so that programs can implement their own transport. The conformance suite,
//! `events_runtime::testing::conformance`, checks its guarantees:
//!
//! - a message whose send succeeded is stored as durably as the transport promises;
//! - every group receives every message at least once, and the members of a group share them;
//! - the messages of a key in flight to a group are the earliest unsettled ones of the key, held by one
//!   member and delivered in order;
//! - a message that is not acknowledged is redelivered, and its attempts are counted.
//!
//! Transports acknowledge in three ways, see [`Acknowledgement`]: settling a delivery acknowledges one entry
//! (Redis), advances an offset up to the lowest unsettled message (Kafka), or ends a lease (`SQLite`,
//! memory). The [`Capability`] states the other differences.

mod capability;
mod clock;
pub mod dead_letter;
mod delivery;
mod duration;
mod error;
pub mod headers;
mod key_schema;
pub mod memory;
mod merged;
mod message;
mod options;
mod position;
mod schema;
mod scheme;
mod send_order;
mod start;
mod status;
mod stored;
mod subjects;
mod subscription;
mod target;
#[cfg(feature = "testkit")]
pub mod testkit;
mod topic;
pub mod url;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use capability::{Acknowledgement, Capability};
#[doc(hidden)]
pub use inventory;

#[doc(hidden)]
pub use clock::Later;
pub use delivery::{Delivery, Outcome, Receipt, Recipient, Rejection, Settle, Settlement, ack_all};
#[doc(hidden)]
pub use delivery::{postpone_all, release_all, renew_all};
pub use duration::parse_duration;
#[doc(hidden)]
pub use error::NO_TOPIC;
pub use error::{ErrorKind, TransportError};
pub use key_schema::{KeySchema, KeyType};
pub use merged::MergedConsumer;
#[doc(hidden)]
pub use message::Masked;
pub use message::{HeaderSource, Headers, Message};
pub use options::{ConnectOptions, Retention, RetentionPolicy};
pub use position::{Position, PositionError, Positions};
pub use schema::SchemaId;
pub use scheme::{Connect, Scheme, UrlForm};
pub use send_order::{SendCall, SendOrder, SendReturned};
pub use start::{StartPosition, StartPositionError};
pub use status::{GroupStatus, Health, PartitionRange, PartitionStatus, TopicStatus, Trimmed};
pub use stored::StoredMessage;
pub use subjects::{RegisteredVersion, SchemaSubjects, SubjectVerdict};
pub use subscription::Subscription;
pub use target::Target;
pub use topic::{ConsumerGroup, NameError, Topic, TopicPrefix, TransportName};

/// A boxed future, which keeps the traits object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store of messages. Its methods may be called concurrently.
#[doc(alias("broker", "backend"))]
pub trait Transport: Send + Sync {
    /// The capabilities of this transport.
    fn capability(&self) -> Capability;

    /// The URL without secrets, for logs and `doctor`.
    fn url(&self) -> &str;

    /// Creates a producer. Several may be open.
    ///
    /// # Errors
    /// A [`TransportError`] if the store can't be reached or written.
    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>>;

    /// Joins a consumer group. The topic and the group are created if they don't exist; the start position
    /// applies only to a new group.
    ///
    /// # Errors
    /// A [`TransportError`] if the store can't be reached or the transport does not support the subscription.
    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>>;

    /// A member of a consumer group in several topics: the subscriptions have one group and different
    /// topics. Each delivery knows its topic. A full topic doesn't starve another, and an error names its
    /// topic.
    ///
    /// Unless a transport implements this, each topic has a [`consumer`](Self::consumer) of its own, and they
    /// are merged by a [`MergedConsumer`]. A transport that implements it sets [`Capability::multi_topic`].
    ///
    /// # Errors
    /// A [`TransportError`] as of [`consumer`](Self::consumer), which names the topic; of kind
    /// [`Invalid`](ErrorKind::Invalid) if there are no subscriptions, several groups, or a topic twice.
    fn consumer_of(
        &self,
        subscriptions: Vec<Subscription>,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        Box::pin(MergedConsumer::subscribe(self, subscriptions))
    }

    /// Checks that the store is reachable, readable, writable and sound; for `doctor`. May take a while.
    ///
    /// # Errors
    /// A [`TransportError`] that states the problem and a remedy.
    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>>;

    /// All topics, sorted by name.
    ///
    /// # Errors
    /// A [`TransportError`] if the store can't be read.
    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>>;

    /// The groups of a topic with their lag, sorted by name.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if there is no such topic.
    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>>;

    /// One group of a topic with its lag; `None` if there is none of this name. The default looks for it among all
    /// groups.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if there is no such topic.
    fn group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<Option<GroupStatus>, TransportError>> {
        Box::pin(async move {
            let groups = self.groups(topic).await?;
            Ok(groups.into_iter().find(|status| status.group == *group))
        })
    }

    /// Reads the messages that a group has not settled, in flight or not: up to `max` messages after `after`,
    /// or from the beginning if it is `None`, sorted by partition and position. May return fewer, but returns
    /// none only if there are no more. With partitions, `after` is a position in one of them: the rest of
    /// that partition follows, then the later partitions. A group that does not exist has settled nothing.
    ///
    /// Reading changes nothing: it takes no lease, creates no group and counts no attempt.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if there is no such topic, of kind
    /// [`Unsupported`](ErrorKind::Unsupported) if the transport does not implement this method.
    fn unsettled<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredMessage>, TransportError>> {
        let _ = (group, after, max);
        let message = "this transport can't read unsettled messages without receiving them";
        unsupported("look into", topic, message)
    }

    /// Moves a group to a position, and creates it if it does not exist. Unsettled messages before the
    /// position are skipped; settled messages after it are redelivered. Deliveries in flight lose their
    /// lease.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if there is no such topic.
    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>>;

    /// Removes a group and its progress from a topic: it no longer holds back retention, and a new group of
    /// the same name starts from scratch. Its members fail: their deliveries in flight lose their lease, and
    /// receiving returns an error of kind [`NotFound`](ErrorKind::NotFound).
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if there is no such topic or group.
    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>>;

    /// Stores the text of a writer's schema beside a topic, or replaces it. A producer calls it before the first
    /// message of the schema, so that consumers with another version can read the message. It creates no topic;
    /// the retention keeps schemas.
    ///
    /// # Errors
    /// A [`TransportError`]; of kind [`TooLarge`](ErrorKind::TooLarge) if the text is longer than
    /// [`SchemaId::TEXT_MAX`] or the event type than [`SchemaId::EVENT_TYPE_MAX`], of kind [`Unsupported`](ErrorKind::Unsupported) if the transport does not
    /// implement this method, see [`Capability::schemas`].
    fn store_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let _ = (schema, text);
        unsupported("store a schema of", topic, "this transport stores no schemas")
    }

    /// Notes or stores the schema of the keys of an event type. A producer calls it before
    /// [`store_schema`](Self::store_schema) for the same schema of the values. Only transports that store keys with a
    /// schema need it, such as Kafka with a schema registry; the others do nothing.
    ///
    /// # Errors
    /// A [`TransportError`] as of [`store_schema`](Self::store_schema).
    fn store_key_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        key: &'a KeySchema,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        let _ = (topic, schema, key);
        Box::pin(std::future::ready(Ok(())))
    }

    /// The stored text of a schema; `None` if there is none, or if it is longer than [`SchemaId::TEXT_MAX`] or
    /// not UTF-8. Other programs may write to the store: the caller verifies the text.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`Unsupported`](ErrorKind::Unsupported) if the transport does not implement
    /// this method.
    fn schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
    ) -> BoxFuture<'a, Result<Option<String>, TransportError>> {
        let _ = schema;
        unsupported("read a schema of", topic, "this transport stores no schemas")
    }

    /// The schemas that are stored beside a topic, sorted: the first [`SchemaId::LISTED_MAX`]. None if there is
    /// no such topic.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`Unsupported`](ErrorKind::Unsupported) if the transport does not implement
    /// this method.
    fn schemas<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<SchemaId>, TransportError>> {
        unsupported("list the schemas of", topic, "this transport stores no schemas")
    }

    /// The schema registry that this transport uses; `None` without one.
    fn subjects(&self) -> Option<&dyn SchemaSubjects> {
        None
    }

    /// Applies the [`Retention`] now. Transports also apply it automatically.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`Unsupported`](ErrorKind::Unsupported) if the store trims itself.
    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>>;
}

/// The answer of a method that a transport does not implement.
fn unsupported<T: Send + 'static>(
    operation: &'static str,
    topic: &Topic,
    message: &str,
) -> BoxFuture<'static, Result<T, TransportError>> {
    let error = TransportError::new(ErrorKind::Unsupported, operation, topic, message);
    Box::pin(std::future::ready(Err(error)))
}

/// Sends messages to topics. Topics are created if they don't exist.
#[doc(alias("publisher", "sink"))]
pub trait Producer: Send + Sync {
    /// Stores messages in a topic, in order, and returns the position or the error of each, in order. A
    /// message with a position is stored as durably as the transport promises. After a failed message, no
    /// later message of the same key is stored, so that resending the failed ones keeps the order.
    ///
    /// Accepts the messages when called: consecutive calls are stored in their order, even if their futures
    /// are awaited later or concurrently. What a call does after an earlier one that failed, see
    /// [`ordered_sends`](Capability::ordered_sends).
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>>;
}

/// A member of a consumer group.
#[doc(alias("subscriber", "source"))]
pub trait Consumer: Send {
    /// Returns up to `max` messages as soon as there is one, or none after `wait`.
    ///
    /// Cancel safe: if the future is dropped, the messages that it has taken are redelivered.
    ///
    /// # Errors
    /// A [`TransportError`]. If it [is retryable](TransportError::is_retryable), the next call continues.
    fn receive(&mut self, max: usize, wait: Duration)
    -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>>;

    /// Leaves the group. Settle deliveries first: some transports can only redeliver open ones afterwards.
    ///
    /// # Errors
    /// A [`TransportError`] if the last outcomes could not be stored.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>>;
}

/// Opens the transport of a URL.
///
/// | URL | transport |
/// |---|---|
/// | `memory:` | private to this transport, dropped with it |
/// | `memory:name` | shared by all transports of this name in the process, dropped with the last of them |
/// | `sqlite://events.db`, `sqlite:///var/lib/shop/events.db` | a file, relative to the working directory or absolute; feature `sqlite` |
/// | `redis://host:6379/0`, `rediss://user:password@host` | streams on a Redis server, over TLS with `rediss:`; feature `redis` |
/// | `redis+sentinel://host:26379,host:26379/master/0` | the same, on the master that the Sentinels name |
/// | `redis+cluster://host:6379,host:6379` | the same, on the cluster node of the topic |
///
/// # Errors
/// A [`TransportError`] if the URL names no transport of this build or the store can't be opened.
pub fn connect(url: &str, options: &ConnectOptions) -> Result<Box<dyn Transport>, TransportError> {
    let target = Target::parse(url)?;
    (target.scheme.connect)(&target, options)
}
