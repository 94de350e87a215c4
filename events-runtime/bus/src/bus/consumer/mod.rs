//! Configures and runs a consumer.

mod expected;
mod run;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

pub(super) use expected::List;
pub use expected::MissingReceiver;

use super::EventBus;
use super::middleware::{MessageInfo, Middleware, Next, Processed};
use super::retry::Backoff;
use super::settings::{Settings, TopicSettings};
use super::settling::Consumed;
use super::unhandled::Unhandled;
use super::worker::ConsumeError;
use crate::config::{Exhausted, GroupSettings, UnhandledEvents, UnknownEvents};
use crate::inbox::SeenEvents;
use events_core::BoxError;
use events_transport::{
    ConsumerGroup, ErrorKind, StartPosition, Subscription, Topic, TransportError, TransportName,
};

/// Configures a consumer; [`run`](Self::run) or [`run_until`](Self::run_until) starts it.
///
/// Settings not made here come from `[consumers.TOPIC.GROUP]` of the configuration, then from `[bus]`.
#[doc(alias("subscription", "worker"))]
#[derive(Debug)]
#[must_use = "a consumer does nothing before `run` or `run_until`"]
pub struct Consume {
    bus: EventBus,
    topic: String,
    /// The topics beside the first.
    others: Vec<String>,
    group: Option<String>,
    transport: Option<String>,
    member: Option<String>,
    dead_letter: Option<String>,
    /// Settings made by the program, which override the configuration.
    overrides: Overrides,
    settings: Settings,
    /// The events that nobody handled, shared with the caller.
    pub(super) counts: Arc<Unhandled>,
}

/// The settings that both the program and the configuration of a group may make.
#[derive(Debug, Clone, Default)]
struct Overrides {
    start: Option<StartPosition>,
    max_attempts: Option<u32>,
    backoff: Option<Backoff>,
    concurrency: Option<usize>,
    exhausted: Option<Exhausted>,
    unhandled: Option<UnhandledEvents>,
    expect_receivers: Option<Vec<String>>,
    unknown_schema_wait: Option<Duration>,
    transactions: Option<bool>,
}

/// The shortest lease that can still be renewed in time.
const MIN_LEASE: Duration = Duration::from_millis(100);

impl Consume {
    pub(super) fn new(bus: &EventBus, topic: String) -> Self {
        let config = bus.config().bus();
        Self {
            bus: bus.clone(),
            topic,
            others: Vec::new(),
            group: bus.config().service().name.clone(),
            transport: None,
            member: None,
            dead_letter: None,
            overrides: Overrides::default(),
            settings: Settings {
                batch_size: config.consumer.batch_size.get(),
                lease: config.consumer.lease.max(MIN_LEASE),
                unknown_events: config.consumer.unknown_events,
                concurrency: config.consumer.concurrency.get(),
                max_consecutive_errors: config.consumer.max_consecutive_errors,
                drain_timeout: config.consumer.drain_timeout,
                middleware: Arc::new([]),
                seen: None,
            },
            counts: Arc::default(),
        }
    }

    /// Adds a topic, by its base name. One consumer of several topics has one limit of
    /// [`concurrency`](Self::concurrency) and one drain timeout for all of them; two events of the same key in
    /// two topics don't wait for each other.
    ///
    /// Each topic has the settings of its own `[consumers.TOPIC.GROUP]`: start, attempts, backoff, policy and
    /// transport, so topics of different transports go together. The concurrency is the greatest of the topics'.
    /// Settings made by the program, such as [`start`](Self::start) or [`dead_letter`](Self::dead_letter), apply
    /// to all topics.
    ///
    /// The consumer starts when it has joined the group in every topic. After that, a topic whose transport
    /// fails doesn't stop the others, as long as a retry can help. While the transport of one topic does not store
    /// a returned event, nothing is fetched from any.
    ///
    /// ```no_run
    /// # async fn run(bus: events_runtime::EventBus) -> Result<(), Box<dyn std::error::Error>> {
    /// bus.consume("orders").also("payments").group("billing").concurrency(8).run().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("topics", "subscribe"))]
    pub fn also(mut self, topic: impl Into<String>) -> Self {
        self.others.push(topic.into());
        self
    }

    /// The consumer group: each group gets every event, and its members share them. Default: the service's
    /// name.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The transport of all topics, by the name of `[transports.NAME]`. Default: for each topic that of
    /// `[consumers.TOPIC.GROUP]`, otherwise `bus`, the transport of `[bus]`.
    pub fn transport(mut self, name: impl Into<String>) -> Self {
        self.transport = Some(name.into());
        self
    }

    /// This member's name within the group, shown in listings.
    pub fn member(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// The position at which a new group starts. An existing group continues at its position;
    /// [`Offsets::reset`](super::Offsets::reset) moves it. Default: the configuration's, which is the
    /// earliest event unless set, so that no event is missed.
    pub fn start(mut self, start: StartPosition) -> Self {
        self.overrides.start = Some(start);
        self
    }

    /// The maximum number of deliveries of an event to the receivers, the first one included, before the
    /// event goes to the dead-letter topic; at least 1.
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.overrides.max_attempts = Some(if attempts == 0 { 1 } else { attempts });
        self
    }

    /// The backoff between attempts.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.overrides.backoff = Some(backoff);
        self
    }

    /// The maximum number of events per fetch; at least 1.
    pub const fn batch_size(mut self, events: usize) -> Self {
        self.settings.batch_size = if events == 0 { 1 } else { events };
        self
    }

    /// How long a fetched event is reserved for this member. The lease is renewed while async receivers
    /// work; at least 100 ms.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease.max(MIN_LEASE);
        self
    }

    /// The policy for events whose type is not linked into this program.
    pub const fn unknown_events(mut self, policy: UnknownEvents) -> Self {
        self.settings.unknown_events = policy;
        self
    }

    /// The policy for an event whose type is linked and that no receiver takes. Default: the configuration's,
    /// which ends the consumer with [`ConsumeError::Unhandled`] unless set, so that a crate with receivers that
    /// was not linked is noticed at the first event. Connect receivers before the consumer starts.
    ///
    /// ```
    /// # use events_runtime::bus::Consume;
    /// use events_runtime::config::UnhandledEvents;
    ///
    /// # fn set_up(consume: Consume) -> Consume {
    /// // This program takes some types of the topic only.
    /// consume.unhandled(UnhandledEvents::Skip)
    /// # }
    /// ```
    pub const fn unhandled(mut self, policy: UnhandledEvents) -> Self {
        self.overrides.unhandled = Some(policy);
        self
    }

    /// The event types that a receiver of this program must take. If one has none, the consumer does not start,
    /// and [`ConsumeError::NoReceivers`] lists all of them. Replaces the configuration's list.
    ///
    /// ```
    /// # use events_runtime::bus::Consume;
    /// # fn set_up(consume: Consume) -> Consume {
    /// consume.expect_receivers(["org.acme.orders.order.placed.v1"])
    /// # }
    /// ```
    pub fn expect_receivers(mut self, event_types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.overrides.expect_receivers = Some(event_types.into_iter().map(Into::into).collect());
        self
    }

    /// The policy for an event whose attempts are exhausted. Default: dead letter. It does not apply to
    /// events that a receiver [rejects](events_core::receiver::reject) or that can't be read.
    pub const fn exhausted(mut self, policy: Exhausted) -> Self {
        self.overrides.exhausted = Some(policy);
        self
    }

    /// How long an event of an unknown schema waits for the schema to be stored beside its topic, counted from the
    /// first such event in this process, before it becomes a dead letter; zero for at once. Only its key waits
    /// meanwhile, and no attempt is counted. Default: 10 minutes.
    pub const fn unknown_schema_wait(mut self, wait: Duration) -> Self {
        self.overrides.unknown_schema_wait = Some(wait);
        self
    }

    /// Whether the events that receivers emit while they handle an event are stored together with its
    /// acknowledgement: all, or none. Default: `false`.
    ///
    /// It holds for events whose topics are on the transport of the consumer; others are sent as usual. An
    /// attempt that fails stores none of them, so that a retry does not emit twice. Within the receiver,
    /// [`acknowledged`](events_core::Emission::acknowledged) answers at once: the broker has the event when it
    /// has the acknowledgement. Needs a transport with
    /// [`Capability::transactions`](events_transport::Capability::transactions): `memory:`, `sqlite:` or
    /// `kafka:`.
    #[doc(alias("exactly-once", "read-process-write"))]
    pub const fn transactions(mut self, on: bool) -> Self {
        self.overrides.transactions = Some(on);
        self
    }

    /// The maximum number of events in flight; at least 1. Default: 1.
    ///
    /// Events of different keys are processed in parallel, each on its own task. Events of one key are
    /// processed one after another, in order; events without a key in any order. A sync receiver blocks one
    /// worker thread of the runtime: async receivers need no more threads, sync ones do.
    pub const fn concurrency(mut self, events: usize) -> Self {
        self.overrides.concurrency = Some(if events == 0 { 1 } else { events });
        self
    }

    /// The number of consecutive failures, of any events, after which the consumer ends with
    /// [`ConsumeError::TooManyErrors`]; 0 means never. So many failures mean that a shared dependency is
    /// broken, and continuing would only fill the dead letters.
    pub const fn max_consecutive_errors(mut self, failures: u32) -> Self {
        self.settings.max_consecutive_errors = NonZeroU32::new(failures);
        self
    }

    /// How long a stopping consumer waits for receivers in flight and for the transport to store outcomes
    /// and dead letters. Events unfinished by then are redelivered, with their attempt counted; the
    /// receivers themselves are not undone. A transport that has answered so far gets one more second to
    /// release the unfinished events. A sync receiver that blocks the consumer's own task can't be
    /// interrupted.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.settings.drain_timeout = Some(timeout);
        self
    }

    /// Adds a middleware around each message. It runs before the message is decoded, and continues when
    /// every receiver has finished. The first one added is the outermost.
    ///
    /// An error or a panic of a middleware fails the message, whatever the receivers returned, and the
    /// consumer continues. The error's [disposition](events_core::receiver::Disposition) can decide whether the
    /// message is retried, rejected or skipped. Otherwise, a middleware returns the value of [`Next::run`].
    ///
    /// ```
    /// # use events_runtime::bus::Consume;
    /// # async fn reconnected() -> Result<(), std::io::Error> { Ok(()) }
    /// # fn set_up(consume: Consume) -> Consume {
    /// consume.middleware(|message, next| async move {
    ///     reconnected().await?;
    ///     let processed = next.run().await;
    ///     println!("{:?} at {}: {processed:?}", message.event_type(), message.position);
    ///     Ok(processed)
    /// })
    /// # }
    /// ```
    #[doc(alias("hook", "filter", "interceptor"))]
    pub fn middleware<F, Fut>(mut self, middleware: F) -> Self
    where
        F: Fn(MessageInfo, Next) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Processed, BoxError>> + Send + 'static,
    {
        let added: Middleware = Arc::new(move |message, next| Box::pin(middleware(message, next)));
        self.settings.middleware = self.settings.middleware.iter().cloned().chain([added]).collect();
        self
    }

    /// Skips events that this group has already handled: looks up the event before the receivers run, and
    /// stores its id after all of them have succeeded. Duplicates are acknowledged and counted by
    /// `events_deduplicated_total`.
    ///
    /// This prevents most duplicates but not all: **a crash after the receivers and before the id is stored
    /// causes a duplicate**, and so may an event that two members hold at the same time. A receiver with a
    /// database can use an [inbox](crate::inbox) in its own transaction, which prevents all duplicates. The
    /// key is this group and the event's id, whatever the topic.
    ///
    /// If the lookup fails, the event fails and its attempt counts. If storing the id fails, the event is
    /// acknowledged nevertheless and a warning is logged. Every [`middleware`](Self::middleware) also runs
    /// for duplicates.
    #[doc(alias("idempotent", "exactly once"))]
    pub fn dedup(mut self, seen: impl SeenEvents + 'static) -> Self {
        self.settings.seen = Some(Arc::new(seen));
        self
    }

    /// The dead-letter topic, by its base name. Default: `<topic>.<group>.dlq`.
    #[doc(alias = "dlq")]
    pub fn dead_letter(mut self, topic: impl Into<String>) -> Self {
        self.dead_letter = Some(topic.into());
        self
    }

    /// Consumes until the process ends.
    ///
    /// # Errors
    /// As for [`run_until`](Self::run_until).
    pub async fn run(self) -> Result<Consumed, ConsumeError> {
        self.run_until(std::future::pending::<()>()).await
    }

    /// Consumes until the future is ready. Events in flight are finished first, for at most the
    /// [`drain_timeout`](Self::drain_timeout); other fetched events are released. A consumer that is still
    /// waiting for its transport, for example to subscribe, ends as well.
    ///
    /// An unreachable transport is retried with growing pauses.
    ///
    /// # Errors
    /// A [`ConsumeError`] if the topic or group is invalid, an expected receiver is missing, a retry does not help, an event that nobody handles
    /// must stop the consumer, or too many events failed in a row. Unsettled events are redelivered.
    pub async fn run_until(self, shutdown: impl Future) -> Result<Consumed, ConsumeError> {
        let subscriptions = self.subscriptions()?;
        self.run_as(subscriptions, |consumer| consumer, shutdown).await
    }

    /// The settings of the configuration for the group in a topic.
    fn configured(&self, topic: &str) -> Result<GroupSettings, ConsumeError> {
        Ok(self.bus.config().group(&Topic::new(topic)?, &self.named_group()?))
    }

    /// The settings of a topic: the configuration's unless the program overrides them.
    fn topic_settings(&self, configured: &GroupSettings) -> TopicSettings {
        let Overrides {
            max_attempts, backoff, exhausted, unhandled, unknown_schema_wait, transactions, ..
        } = &self.overrides;
        TopicSettings {
            max_attempts: max_attempts.unwrap_or(configured.max_attempts.get()),
            backoff: backoff.unwrap_or(Backoff::new(configured.initial, configured.max)),
            exhausted: exhausted.unwrap_or(configured.exhausted),
            unhandled: unhandled.unwrap_or(configured.unhandled),
            unknown_schema_wait: unknown_schema_wait.unwrap_or(configured.unknown_schema.wait),
            transactions: transactions.unwrap_or(configured.transactions),
        }
    }

    /// The name of the first topic's transport.
    pub(super) fn transport_name(&self) -> Result<TransportName, ConsumeError> {
        self.transport_of(&self.configured(&self.topic)?)
    }

    fn transport_of(&self, configured: &GroupSettings) -> Result<TransportName, ConsumeError> {
        match &self.transport {
            Some(name) => Ok(TransportName::new(name.as_str())?),
            None => Ok(configured.transport.clone()),
        }
    }

    fn named_group(&self) -> Result<ConsumerGroup, ConsumeError> {
        match &self.group {
            Some(group) => Ok(ConsumerGroup::new(group.as_str())?),
            None => Err(ConsumeError::NoGroup { topic: self.topic.clone() }),
        }
    }

    /// The base names of the topics.
    fn topics(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.topic).chain(&self.others).map(String::as_str)
    }

    /// Whether there are several topics.
    pub(super) const fn has_several_topics(&self) -> bool {
        !self.others.is_empty()
    }

    /// The subscription to the first topic.
    pub(super) fn subscription(&self) -> Result<Subscription, ConsumeError> {
        self.subscription_to(&self.topic)
    }

    fn subscriptions(&self) -> Result<Vec<Subscription>, ConsumeError> {
        let mut subscriptions: Vec<Subscription> = Vec::new();
        for topic in self.topics() {
            let subscription = self.subscription_to(topic)?;
            if subscriptions.iter().any(|earlier| earlier.topic == subscription.topic) {
                let message = "the topic is named twice: name each topic once, also on different transports";
                return Err(TransportError::new(ErrorKind::Invalid, "consume", topic, message).into());
            }
            subscriptions.push(subscription);
        }
        Ok(subscriptions)
    }

    fn subscription_to(&self, topic: &str) -> Result<Subscription, ConsumeError> {
        let prefix = self.bus.prefix();
        let group = self.named_group()?;
        let full_name = Topic::new(topic)?.with_prefix(prefix)?;
        let configured = self.configured(topic)?;
        let transactions = self.overrides.transactions.unwrap_or(configured.transactions);
        let start = self.overrides.start.clone().unwrap_or(configured.start);
        let mut subscription = Subscription::new(full_name, group)
            .start(start)
            .lease(self.settings.lease)
            .transactions(transactions);
        if let Some(member) = &self.member {
            subscription = subscription.member(member.as_str());
        }
        if let Some(dead_letter) = &self.dead_letter {
            subscription = subscription.dead_letter(Topic::new(dead_letter.as_str())?.with_prefix(prefix)?);
        }
        Ok(subscription)
    }
}
