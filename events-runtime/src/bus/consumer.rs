//! Setting up a consumer, and running it.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::EventBus;
use super::around::{Hook, MessageInfo, Next, Processed};
use super::dedup::Dedup;
use super::error::{ConsumeError, chain};
use super::inbound::Inbound;
use super::observe::{Consuming, watch};
use super::offsets::tidy;
use super::retry::Backoff;
use super::settling::{Consumed, Settling};
use super::untaken::Untaken;
use super::worker::{Worker, sleep_until};
use crate::BoxError;
use crate::config::{Exhausted, GroupSettings, UnknownEvents};
use crate::error_chain::drop_quietly;
use crate::inbox::SeenEvents;
use crate::transport::{Consumer, ConsumerGroup, StartPosition, Subscription, Topic};

/// A consumer that is being set up; [`run`](Self::run) or [`run_until`](Self::run_until) starts it.
///
/// What is not set here is as `[consumers.TOPIC.GROUP]` of the configuration says, or `[bus]`.
#[doc(alias("subscription", "worker"))]
#[derive(Debug)]
#[must_use = "a consumer does nothing before `run` or `run_until`"]
pub struct Consume {
    bus: EventBus,
    topic: String,
    group: Option<String>,
    member: Option<String>,
    dead_letter: Option<String>,
    /// What the program says itself, before the configuration.
    own: Own,
    settings: Settings,
    /// Counted for who set this up.
    pub(super) untaken: Arc<Untaken>,
}

/// What the program may say that the configuration says for each group.
#[derive(Debug, Clone, Copy, Default)]
struct Own {
    start: Option<StartPosition>,
    max_attempts: Option<u32>,
    backoff: Option<Backoff>,
    concurrency: Option<usize>,
    exhausted: Option<Exhausted>,
}

/// A shorter lease would end before it could be renewed.
const MIN_LEASE: Duration = Duration::from_millis(100);

/// What a running consumer goes by.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) batch_size: usize,
    pub(super) lease: Duration,
    pub(super) max_attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) unknown_events: UnknownEvents,
    pub(super) exhausted: Exhausted,
    pub(super) concurrency: usize,
    pub(super) max_consecutive_errors: Option<NonZeroU32>,
    pub(super) drain_timeout: Option<Duration>,
    /// Outermost first.
    pub(super) hooks: Arc<[Hook]>,
    pub(super) seen: Option<Arc<dyn SeenEvents>>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("batch_size", &self.batch_size)
            .field("lease", &self.lease)
            .field("max_attempts", &self.max_attempts)
            .field("backoff", &self.backoff)
            .field("unknown_events", &self.unknown_events)
            .field("exhausted", &self.exhausted)
            .field("concurrency", &self.concurrency)
            .field("max_consecutive_errors", &self.max_consecutive_errors)
            .field("drain_timeout", &self.drain_timeout)
            .field("hooks", &self.hooks.len())
            .field("dedup", &self.seen.is_some())
            .finish()
    }
}

impl Consume {
    pub(super) fn new(bus: &EventBus, topic: String) -> Self {
        let config = bus.config().bus();
        Self {
            bus: bus.clone(),
            topic,
            group: bus.config().service().name.clone(),
            member: None,
            dead_letter: None,
            own: Own::default(),
            settings: Settings {
                batch_size: config.consumer.batch_size.get(),
                lease: config.consumer.lease.max(MIN_LEASE),
                max_attempts: config.retry.max_attempts.get(),
                backoff: Backoff::new(config.retry.initial, config.retry.max),
                unknown_events: config.consumer.unknown_events,
                exhausted: config.consumer.exhausted,
                concurrency: config.consumer.concurrency.get(),
                max_consecutive_errors: config.consumer.max_consecutive_errors,
                drain_timeout: config.consumer.drain_timeout,
                hooks: Arc::new([]),
                seen: None,
            },
            untaken: Arc::default(),
        }
    }

    /// The consumer group: each group gets every event, its members share them. The service's
    /// name unless set.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// This member's name within the group, for listings.
    pub fn member(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// Where the group begins when it is made; an existing group goes on where it stands, and is moved
    /// by [`Offsets::reset`](super::Offsets::reset). As the configuration says unless set, which is the
    /// earliest event unless it says otherwise, so that nothing is missed.
    pub const fn start(mut self, start: StartPosition) -> Self {
        self.own.start = Some(start);
        self
    }

    /// How many times an event is handed to the receivers, the first time included, before it
    /// goes to the dead-letter topic; at least 1.
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.own.max_attempts = Some(if attempts == 0 { 1 } else { attempts });
        self
    }

    /// The pauses before further attempts.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.own.backoff = Some(backoff);
        self
    }

    /// How many events are fetched at once, at most; at least 1.
    pub const fn batch_size(mut self, events: usize) -> Self {
        self.settings.batch_size = if events == 0 { 1 } else { events };
        self
    }

    /// How long a fetched event is kept from the group's other members, unless renewed, which
    /// happens while async receivers work; at least 100 ms.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease.max(MIN_LEASE);
        self
    }

    /// What happens to events whose type is not linked into this program.
    pub const fn unknown_events(mut self, policy: UnknownEvents) -> Self {
        self.settings.unknown_events = policy;
        self
    }

    /// What happens to an event whose attempts are used up: a dead letter unless set. A receiver that
    /// [rejects](crate::receiver::reject) an event, and bytes that can't be read, are not meant.
    pub const fn exhausted(mut self, policy: Exhausted) -> Self {
        self.own.exhausted = Some(policy);
        self
    }

    /// How many events are worked on at once, at most; at least 1, which it is unless set.
    ///
    /// Events of different keys are worked on in parallel, each on a task of its own; those of one
    /// key one after another, in their order; those without a key in any order. Each worker thread
    /// of the runtime that a sync receiver blocks is one fewer for all the rest: async receivers
    /// need no more threads, sync ones do.
    pub const fn concurrency(mut self, events: usize) -> Self {
        self.own.concurrency = Some(if events == 0 { 1 } else { events });
        self
    }

    /// After so many failures in a row, of any events, the consumer ends with
    /// [`ConsumeError::TooManyErrors`]; 0 is never. What all events need is broken then, and going
    /// on would only fill the dead letters.
    pub const fn max_consecutive_errors(mut self, failures: u32) -> Self {
        self.settings.max_consecutive_errors = NonZeroU32::new(failures);
        self
    }

    /// How long a consumer that is told to stop waits: for the receivers at work, and for the transport to
    /// store outcomes and dead letters. Events that are not finished by then come again, with their attempt
    /// counted; what their receivers have begun goes on. A transport that has answered until then gets one
    /// second more to take back what was not finished. A sync receiver that blocks the consumer's own task
    /// can't be left behind.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.settings.drain_timeout = Some(timeout);
        self
    }

    /// A hook that stands around each message: it runs before the message is decoded, and goes on
    /// when every receiver has ended. The first hook added is the outermost.
    ///
    /// An error or a panic of the hook is a failure of the message, whatever the receivers said, and
    /// the consumer goes on; the error may say by a [disposition](crate::receiver::Disposition)
    /// what should become of the message. What a hook gives back otherwise is what [`Next::run`]
    /// gave it.
    ///
    /// ```
    /// # use events_runtime::bus::Consume;
    /// # async fn reconnected() -> Result<(), std::io::Error> { Ok(()) }
    /// # fn set_up(consume: Consume) -> Consume {
    /// consume.around_message(|message, next| async move {
    ///     reconnected().await?;
    ///     let processed = next.run().await;
    ///     println!("{:?} at {}: {processed:?}", message.event_type(), message.position);
    ///     Ok(processed)
    /// })
    /// # }
    /// ```
    #[doc(alias("middleware", "hook", "interceptor"))]
    pub fn around_message<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(MessageInfo, Next) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Processed, BoxError>> + Send + 'static,
    {
        let hook: Hook = Arc::new(move |message, next| Box::pin(hook(message, next)));
        self.settings.hooks = self.settings.hooks.iter().cloned().chain([hook]).collect();
        self
    }

    /// Hands no event to the receivers that this group has handled: asks before they run, and
    /// remembers the event after all of them have succeeded. What it holds back is acknowledged and
    /// counted by `events_deduplicated_total`.
    ///
    /// This keeps most duplicates away and not all: **a crash after the receivers and before the event
    /// is remembered is a duplicate**, and so may be an event that two members hold at the same time.
    /// A receiver with a database takes an [inbox](crate::inbox) in its own transaction, which lets no
    /// duplicate through. The key is this group and the event's id, whatever the topic.
    ///
    /// Where the store can't be asked the event fails, with its attempt counted; where it can't be told,
    /// the event is acknowledged all the same, and the log says so. Hooks of
    /// [`around_message`](Self::around_message) stand around it and see duplicates too.
    #[doc(alias("idempotent", "exactly once"))]
    pub fn dedup(mut self, seen: impl SeenEvents + 'static) -> Self {
        self.settings.seen = Some(Arc::new(seen));
        self
    }

    /// The dead-letter topic, by its base name; `<topic>.<group>.dlq` unless set.
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

    /// Consumes until the future is ready. The events at work are finished first, for at most the
    /// [`drain_timeout`](Self::drain_timeout); those that are not begun are handed back. A consumer that
    /// waits for its transport, to subscribe for example, ends as well.
    ///
    /// A transport that is away is tried again with growing pauses.
    ///
    /// # Errors
    /// A [`ConsumeError`] where the topic or group can't be used, where trying again does not help,
    /// where an unknown event type is to stop the consumer, and where too many events failed in a
    /// row. Events that were in hand come
    /// again.
    pub async fn run_until(self, shutdown: impl Future) -> Result<Consumed, ConsumeError> {
        let subscription = self.subscription()?;
        self.run_as(subscription, |consumer| consumer, shutdown).await
    }

    /// Consumes by this subscription until the future is ready, and takes only what comes through.
    pub(super) async fn run_as(
        mut self,
        subscription: Subscription,
        through: impl FnOnce(Box<dyn Consumer>) -> Box<dyn Consumer>,
        shutdown: impl Future,
    ) -> Result<Consumed, ConsumeError> {
        let configured = self.configured()?;
        self.configure(&configured);
        let lag_interval = self.bus.config().bus().consumer.lag_interval;
        let consuming = Arc::new(Consuming {
            observe: Arc::clone(&self.bus.0.observe),
            system: Arc::clone(&self.bus.0.system),
            topic: subscription.topic.clone(),
            group: subscription.group.clone(),
            propagator: self.bus.0.propagator.clone(),
        });
        let unknown_events = self.settings.unknown_events;
        let mut inbound = Inbound::new(&self.bus, unknown_events, Arc::clone(&consuming));
        inbound.untaken = Arc::clone(&self.untaken);
        inbound.dedup =
            self.settings.seen.take().map(|seen| Dedup { seen, consuming: Arc::clone(&consuming) });
        let inbound = Arc::new(inbound);
        let settling = Settling::new(Arc::clone(&consuming), self.settings.backoff);
        let enabled = self.bus.0.consuming.subscribe();
        let running = self.bus.0.consumers.add(consuming.topic.clone(), consuming.group.clone());
        let settings = self.settings;
        let mut worker = Worker { inbound, settling, settings, enabled, running, failures: 0, failed: 0 };
        let mut shutdown = std::pin::pin!(shutdown);
        let subscribed = tokio::select! {
            biased;
            consumer = worker.subscribe(self.bus.transport(), &subscription) => Some(consumer?),
            _ = &mut shutdown => None,
        };
        let Some(consumer) = subscribed else { return Ok(worker.settling.consumed) };
        let mut consumer = through(consumer);
        let Consuming { topic, group, .. } = &*consuming;
        tracing::info!(%topic, %group, concurrency = worker.settings.concurrency, "a consumer starts");
        let (result, leaves_by) = tokio::select! {
            biased;
            ended = worker.run(consumer.as_mut(), shutdown) => ended,
            never = watch(self.bus.transport(), &consuming, lag_interval) => match never {},
            never = tidy(self.bus.transport(), &consuming.topic) => match never {},
        };
        let closed = tokio::select! {
            biased;
            closed = consumer.close() => closed,
            () = sleep_until(leaves_by) => {
                tracing::warn!(%topic, %group, "the transport did not answer when the consumer left; what it still held comes again");
                Ok(())
            }
        };
        consuming.observe.flush().await;
        let counts = worker.settling.consumed;
        // Hooks and the store of handled events are the program's own.
        drop_quietly(worker);
        let ended = result.and(closed.map_err(ConsumeError::from));
        let Consumed { acked, retried, parked, unfinished, dead_lettered, skipped } = counts;
        let error = ended.as_ref().err().map(|error| chain(error));
        tracing::info!(%topic, %group, acked, retried, parked, unfinished, dead_lettered, skipped, error, "a consumer stopped");
        ended.map(|()| counts)
    }

    /// What the configuration says for the group.
    fn configured(&self) -> Result<GroupSettings, ConsumeError> {
        Ok(self.bus.config().group(&Topic::new(self.topic.as_str())?, &self.named_group()?))
    }

    /// What the program does not say itself, the configuration says for the group.
    fn configure(&mut self, configured: &GroupSettings) {
        let Own { start: _, max_attempts, backoff, concurrency, exhausted } = self.own;
        let settings = &mut self.settings;
        settings.max_attempts = max_attempts.unwrap_or(configured.max_attempts.get());
        settings.backoff = backoff.unwrap_or(Backoff::new(configured.initial, configured.max));
        settings.concurrency = concurrency.unwrap_or(configured.concurrency.get());
        settings.exhausted = exhausted.unwrap_or(configured.exhausted);
    }

    fn named_group(&self) -> Result<ConsumerGroup, ConsumeError> {
        match &self.group {
            Some(group) => Ok(ConsumerGroup::new(group.as_str())?),
            None => Err(ConsumeError::NoGroup { topic: self.topic.clone() }),
        }
    }

    pub(super) fn subscription(&self) -> Result<Subscription, ConsumeError> {
        let prefix = self.bus.prefix();
        let group = self.named_group()?;
        let topic = Topic::new(self.topic.as_str())?.with_prefix(prefix)?;
        let start = self.own.start.unwrap_or(self.configured()?.start);
        let mut subscription = Subscription::new(topic, group).start(start).lease(self.settings.lease);
        if let Some(member) = &self.member {
            subscription = subscription.member(member.as_str());
        }
        if let Some(dead_letter) = &self.dead_letter {
            subscription = subscription.dead_letter(Topic::new(dead_letter.as_str())?.with_prefix(prefix)?);
        }
        Ok(subscription)
    }
}
