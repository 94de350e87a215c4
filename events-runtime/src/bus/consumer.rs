//! Setting up a consumer, and running it.

use std::time::Duration;

use super::EventBus;
use super::error::ConsumeError;
use super::inbound::Inbound;
use super::retry::Backoff;
use super::settling::{Consumed, Settling};
use super::worker::Worker;
use crate::config::UnknownEvents;
use crate::transport::{ConsumerGroup, StartPosition, Subscription, Topic};

/// A consumer that is being set up; [`run`](Self::run) or [`run_until`](Self::run_until) starts it.
#[derive(Debug)]
#[must_use = "a consumer does nothing before `run` or `run_until`"]
pub struct Consume {
    bus: EventBus,
    topic: String,
    group: Option<String>,
    member: Option<String>,
    dead_letter: Option<String>,
    start: StartPosition,
    settings: Settings,
}

/// A shorter lease would end before it could be renewed.
const MIN_LEASE: Duration = Duration::from_millis(100);

/// What a running consumer goes by.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) batch_size: usize,
    pub(super) lease: Duration,
    pub(super) max_attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) unknown_events: UnknownEvents,
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
            start: StartPosition::default(),
            settings: Settings {
                batch_size: config.consumer.batch_size.get(),
                lease: config.consumer.lease.max(MIN_LEASE),
                max_attempts: config.retry.max_attempts.get(),
                backoff: Backoff::new(config.retry.initial, config.retry.max),
                unknown_events: config.consumer.unknown_events,
            },
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

    /// Where the group begins when it is made; an existing group goes on where it stands. The
    /// earliest event unless set, so that nothing is missed.
    pub const fn start(mut self, start: StartPosition) -> Self {
        self.start = start;
        self
    }

    /// How many times an event is handed to the receivers, the first time included, before it
    /// goes to the dead-letter topic; at least 1.
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.settings.max_attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// The pauses before further attempts.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
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

    /// The dead-letter topic, by its base name; `<topic>.<group>.dlq` unless set.
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

    /// Consumes until the future is ready; what is in hand is finished first.
    ///
    /// A transport that is away is tried again with growing pauses.
    ///
    /// # Errors
    /// A [`ConsumeError`] where the topic or group can't be used, where trying again does not help,
    /// and where an unknown event type is to stop the consumer. Events that were in hand come
    /// again.
    pub async fn run_until(self, shutdown: impl Future) -> Result<Consumed, ConsumeError> {
        let subscription = self.subscription()?;
        let inbound = Inbound::new(&self.bus, self.settings.unknown_events);
        let settling = Settling::new(subscription.topic.clone(), self.settings.backoff);
        let mut worker = Worker { inbound, settling, settings: self.settings, failures: 0 };
        let mut shutdown = std::pin::pin!(shutdown);
        let mut consumer = loop {
            match self.bus.transport().consumer(subscription.clone()).await {
                Ok(consumer) => break consumer,
                Err(error) => {
                    let pause = worker.pause(error)?;
                    tokio::select! {
                        _ = &mut shutdown => return Ok(worker.settling.consumed),
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
        };
        let result = worker.run(consumer.as_mut(), shutdown).await;
        let closed = consumer.close().await;
        result?;
        closed?;
        Ok(worker.settling.consumed)
    }

    fn subscription(&self) -> Result<Subscription, ConsumeError> {
        let prefix = self.bus.prefix();
        let Some(group) = &self.group else {
            return Err(ConsumeError::NoGroup { topic: self.topic.clone() });
        };
        let topic = Topic::new(self.topic.as_str())?.with_prefix(prefix)?;
        let group = ConsumerGroup::new(group.as_str())?;
        let mut subscription = Subscription::new(topic, group).start(self.start).lease(self.settings.lease);
        if let Some(member) = &self.member {
            subscription = subscription.member(member.as_str());
        }
        if let Some(dead_letter) = &self.dead_letter {
            subscription = subscription.dead_letter(Topic::new(dead_letter.as_str())?.with_prefix(prefix)?);
        }
        Ok(subscription)
    }
}
