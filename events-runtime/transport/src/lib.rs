//! Transports: where messages are stored between the service that sends and those that receive.
//!
//! A [`Transport`] gives [`Producer`]s and [`Consumer`]s. The URL picks it, see [`connect`]. The
//! traits are small and object-safe so that a transport of your own can take their place; the
//! conformance suite, `events_runtime::testing::conformance`, says what it must keep:
//!
//! - a send that succeeded is stored as durably as the transport promises;
//! - every group gets every message at least once, members of one group share them;
//! - the messages of a group with one key are never in flight out of order: those in flight are
//!   the earliest unsettled ones of the key, held by one member, handed out in order;
//! - what is not acknowledged comes back with its attempts counted.
//!
//! Transports acknowledge in three ways ([`Acknowledgement`]) and hide none of them: a settled
//! delivery may be one entry's acknowledgement (Redis), one more step of an offset that can only
//! follow the lowest unsettled message (Kafka), or the end of a lease (`SQLite`, memory). The
//! [`Capability`] says what else differs.

mod capability;
mod clock;
pub mod dead_letter;
mod delivery;
mod duration;
mod error;
pub mod headers;
pub mod memory;
mod merged;
mod message;
mod options;
mod position;
mod scheme;
mod start;
mod status;
mod stored;
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
pub use delivery::{release_all, renew_all};
pub use duration::parse_duration;
#[doc(hidden)]
pub use error::NO_TOPIC;
pub use error::{ErrorKind, TransportError};
pub use merged::MergedConsumer;
#[doc(hidden)]
pub use message::Masked;
pub use message::{Headers, Message};
pub use options::{ConnectOptions, Retention, RetentionPolicy};
pub use position::{Position, PositionError, Positions};
pub use scheme::{Connect, Scheme, UrlForm};
pub use start::{StartPosition, StartPositionError};
pub use status::{GroupStatus, Health, PartitionRange, PartitionStatus, TopicStatus, Trimmed};
pub use stored::StoredMessage;
pub use subscription::Subscription;
pub use target::Target;
pub use topic::{ConsumerGroup, NameError, Topic, TopicPrefix, TransportName};

/// A boxed future, so that the traits can be objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place that keeps messages. Cheap to share; all its methods may be called at the same time.
#[doc(alias("broker", "backend"))]
pub trait Transport: Send + Sync {
    /// What this transport can do.
    fn capability(&self) -> Capability;

    /// The URL without secrets, for logs and `doctor`.
    fn url(&self) -> &str;

    /// A producer. Several may be open.
    ///
    /// # Errors
    /// A [`TransportError`] where the store can't be reached or written.
    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>>;

    /// A member of a consumer group. The topic and the group are made where they are missing; the
    /// start position counts only then.
    ///
    /// # Errors
    /// A [`TransportError`] where the store can't be reached or the subscription asks for what
    /// the transport can't do.
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

    /// Looks the store over: reachable, readable, writable, sound. For `doctor`; may take a while.
    ///
    /// # Errors
    /// A [`TransportError`] that says what is wrong and what to do.
    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>>;

    /// All topics, by name.
    ///
    /// # Errors
    /// A [`TransportError`] where the store can't be read.
    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>>;

    /// The groups of a topic with their lag, by name.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) where there is no such
    /// topic.
    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>>;

    /// Reads what a group has not settled, in flight or not: up to `max` messages behind `after`, from
    /// the beginning where that is `None`, sorted by partition and, within one, by position. Fewer may come,
    /// none only where there are no more. With partitions, `after` is a position in one of them: the rest of
    /// that partition follows, then the later partitions. To a group that is not there, nothing is settled.
    ///
    /// Looking changes nothing: no lease is taken, no group made, no attempt counted.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) where there is no such topic,
    /// of kind [`Unsupported`](ErrorKind::Unsupported) where the transport can only receive. That is
    /// so unless a transport implements this.
    fn unsettled<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredMessage>, TransportError>> {
        let _ = (group, after, max);
        let message = "this transport can't read what a group has not settled without receiving it";
        let error = TransportError::new(ErrorKind::Unsupported, "look into", topic, message);
        Box::pin(std::future::ready(Err(error)))
    }

    /// Moves a group, made where it is missing, to a position: what it has not settled is
    /// forgotten, what it settled after the position comes again. Deliveries in flight lose their
    /// lease.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) where there is no such
    /// topic.
    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>>;

    /// Removes a group from a topic, with all that it remembers: it holds back no retention any more,
    /// and one of its name begins anew. Members that it still has fail: their deliveries in flight
    /// lose their lease, and receiving is an error of kind [`NotFound`](ErrorKind::NotFound).
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) where there is no such topic
    /// or group.
    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>>;

    /// Applies the [`Retention`] now. Transports also do so by themselves.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`Unsupported`](ErrorKind::Unsupported) where the store
    /// trims itself.
    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>>;
}

/// Sends messages to topics. Topics are made where they are missing.
#[doc(alias("publisher", "sink"))]
pub trait Producer: Send + Sync {
    /// Stores messages in a topic, in order, and gives the position or the error of each, in
    /// order. What has a position is stored as durably as the transport promises. After a message
    /// that failed, no later one of the same key is stored, so that sending the failed ones again
    /// keeps the order.
    ///
    /// Takes the messages in when called: calls made one after the other are stored in that order
    /// although their futures are awaited later or together.
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>>;
}

/// A member of a consumer group.
#[doc(alias("subscriber", "source"))]
pub trait Consumer: Send {
    /// Up to `max` messages, as soon as there is one; none where `wait` ran out first.
    ///
    /// Dropping the future loses nothing: what it was about to give comes back.
    ///
    /// # Errors
    /// A [`TransportError`]; where it [is retryable](TransportError::is_retryable), calling again
    /// goes on where it stopped.
    fn receive(&mut self, max: usize, wait: Duration)
    -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>>;

    /// Leaves the group. Settle deliveries before: on some transports those still open can only
    /// come back afterwards.
    ///
    /// # Errors
    /// A [`TransportError`] where the last outcomes could not be stored.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>>;
}

/// The transport that a URL names.
///
/// | URL | transport |
/// |---|---|
/// | `memory:` | messages of this transport alone, gone with it |
/// | `memory:name` | shared by all that connect to the name in this process, gone with the last of them |
/// | `sqlite://events.db`, `sqlite:///var/lib/shop/events.db` | a file, relative to the working directory or absolute; feature `embedded` |
/// | `redis://host:6379/0`, `rediss://user:password@host` | streams of a Redis server, `rediss:` over TLS; feature `redis` |
/// | `redis+sentinel://host:26379,host:26379/master/0` | the same, of the master that Sentinels name |
/// | `redis+cluster://host:6379,host:6379` | the same, of the node of a cluster that has the topic |
///
/// # Errors
/// A [`TransportError`] where the URL names no transport of this build or the store can't be
/// opened.
pub fn connect(url: &str, options: &ConnectOptions) -> Result<Box<dyn Transport>, TransportError> {
    let target = Target::parse(url)?;
    (target.scheme.connect)(&target, options)
}
