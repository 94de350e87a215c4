//! The consumer: receives, has each message emitted, and settles it by what came of that.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::EventBus;
use super::error::{ConsumeError, InboundError, chain};
use super::inbound::{Inbound, Verdict};
use super::retry::Backoff;
use crate::config::UnknownEvents;
use crate::envelope::Envelope;
use crate::transport::{
    BoxFuture, Consumer, ConsumerGroup, Delivery, Rejection, StartPosition, Subscription, Topic,
    TransportError, ack_all,
};

/// How long one wait for messages lasts; its end is no event, the next one follows.
const WAIT: Duration = Duration::from_secs(30);

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

#[derive(Debug, Clone)]
struct Settings {
    batch_size: usize,
    lease: Duration,
    max_attempts: u32,
    backoff: Backoff,
    unknown_events: UnknownEvents,
}

/// What a consumer has done, in messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consumed {
    /// Taken by every receiver and acknowledged.
    pub acked: u64,
    /// Handed back after a failure, to come again.
    pub retried: u64,
    /// Sent to the dead-letter topic.
    pub dead_lettered: u64,
    /// Passed over, being of an unknown event type.
    pub skipped: u64,
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
                lease: config.consumer.lease,
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

    /// How long a fetched event is kept from the group's other members.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
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
        let inbound = Inbound::new(self.bus.hub().clone(), self.bus.registry(), self.settings.unknown_events);
        let topic = subscription.topic.clone();
        let mut worker = Worker {
            inbound,
            settings: self.settings,
            topic,
            consumed: Consumed::default(),
            acks: None,
            failures: 0,
        };
        let mut shutdown = std::pin::pin!(shutdown);
        let mut consumer = loop {
            match self.bus.transport().consumer(subscription.clone()).await {
                Ok(consumer) => break consumer,
                Err(error) => {
                    let pause = worker.pause(error)?;
                    tokio::select! {
                        _ = &mut shutdown => return Ok(worker.consumed),
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
        };
        let result = worker.run(consumer.as_mut(), shutdown).await;
        let closed = consumer.close().await;
        result?;
        closed?;
        Ok(worker.consumed)
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

/// The running consumer.
struct Worker {
    inbound: Inbound,
    settings: Settings,
    topic: Topic,
    consumed: Consumed,
    /// Acknowledgements of the last batch, on their way to the transport.
    acks: Option<BoxFuture<'static, Vec<Result<(), TransportError>>>>,
    failures: u32,
}

impl Worker {
    async fn run(
        &mut self,
        consumer: &mut dyn Consumer,
        mut shutdown: std::pin::Pin<&mut impl Future>,
    ) -> Result<(), ConsumeError> {
        loop {
            let received = tokio::select! {
                biased;
                _ = &mut shutdown => break,
                received = consumer.receive(self.settings.batch_size, WAIT) => received,
            };
            match received {
                Ok(deliveries) => {
                    self.failures = 0;
                    self.take(deliveries).await?;
                }
                Err(error) => {
                    let pause = self.pause(error)?;
                    tokio::select! {
                        _ = &mut shutdown => break,
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
        }
        self.finish_acks().await;
        Ok(())
    }

    /// How long to wait before the transport is asked again.
    fn pause(&mut self, error: TransportError) -> Result<Duration, ConsumeError> {
        if !error.is_retryable() {
            return Err(error.into());
        }
        self.failures = self.failures.saturating_add(1);
        let pause = self.settings.backoff.after(self.failures);
        metrics::counter!("events_receive_retried_total", "topic" => self.topic.to_string()).increment(1);
        tracing::warn!(topic = %self.topic, error = chain(&error), ?pause, "receiving failed and is tried again");
        Ok(pause)
    }

    async fn take(&mut self, deliveries: Vec<Delivery>) -> Result<(), ConsumeError> {
        let mut leased = Instant::now();
        // Keys whose earlier event failed in this batch: the later ones wait behind it.
        let mut held: HashSet<Bytes> = HashSet::new();
        let mut done = Vec::with_capacity(deliveries.len());
        let mut waiting = deliveries.into_iter();
        while let Some(delivery) = waiting.next() {
            let key = delivery.message().key.clone();
            if key.as_ref().is_some_and(|key| held.contains(key)) {
                self.settle_done(&mut done).await;
                self.settled(delivery.release().await);
                continue;
            }
            if leased.elapsed() > self.settings.lease / 3 {
                self.settle_done(&mut done).await;
                self.renew(&delivery, waiting.as_slice()).await;
                leased = Instant::now();
            }
            match self.inbound.take(delivery.message()).await {
                Verdict::Done => {
                    self.consumed.acked += 1;
                    done.push(delivery);
                }
                Verdict::Skipped => {
                    self.consumed.skipped += 1;
                    done.push(delivery);
                }
                Verdict::Failed(error) if delivery.attempt() < self.settings.max_attempts => {
                    held.extend(key);
                    // The earlier ones of the key are settled first.
                    self.settle_done(&mut done).await;
                    self.retry(delivery, &error).await;
                }
                Verdict::Failed(error) | Verdict::Unusable(error) => {
                    self.settle_done(&mut done).await;
                    self.reject(delivery, &error).await;
                }
                Verdict::Stop { event_type } => {
                    self.settle_done(&mut done).await;
                    self.finish_acks().await;
                    self.settled(delivery.release().await);
                    for rest in waiting {
                        self.settled(rest.release().await);
                    }
                    return Err(ConsumeError::UnknownEvent { event_type });
                }
            }
        }
        self.settle_done(&mut done).await;
        Ok(())
    }

    /// Starts the acknowledgement of a run of deliveries; the one before has ended by then.
    async fn settle_done(&mut self, done: &mut Vec<Delivery>) {
        if done.is_empty() {
            return;
        }
        self.finish_acks().await;
        let count = done.len() as u64;
        metrics::counter!("events_consumed_total", "topic" => self.topic.to_string()).increment(count);
        self.acks = Some(ack_all(done.drain(..)));
    }

    async fn finish_acks(&mut self) {
        if let Some(acks) = self.acks.take() {
            for result in acks.await {
                self.settled(result);
            }
        }
    }

    async fn renew(&mut self, first: &Delivery, rest: &[Delivery]) {
        for delivery in std::iter::once(first).chain(rest) {
            self.settled(delivery.renew().await);
        }
    }

    async fn retry(&mut self, delivery: Delivery, error: &InboundError) {
        let pause = self.settings.backoff.after(delivery.attempt());
        self.consumed.retried += 1;
        metrics::counter!("events_retried_total", "topic" => self.topic.to_string()).increment(1);
        tracing::warn!(
            topic = %self.topic,
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            max_attempts = self.settings.max_attempts,
            ?pause,
            error = chain(error),
            "an event failed and comes again"
        );
        self.settled(delivery.retry(pause).await);
    }

    async fn reject(&mut self, delivery: Delivery, error: &InboundError) {
        self.consumed.dead_lettered += 1;
        metrics::counter!("events_dead_lettered_total", "topic" => self.topic.to_string()).increment(1);
        tracing::error!(
            topic = %self.topic,
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            error = chain(error),
            "an event goes to the dead letters"
        );
        self.settled(delivery.reject(Rejection::from_error(error)).await);
    }

    /// An outcome that could not be stored: the event comes again, which is no loss.
    fn settled(&mut self, result: Result<(), TransportError>) {
        if let Err(error) = result {
            metrics::counter!("events_settle_failed_total", "topic" => self.topic.to_string()).increment(1);
            tracing::warn!(topic = %self.topic, error = chain(&error), "an outcome was not stored; the event comes again");
        }
    }
}
