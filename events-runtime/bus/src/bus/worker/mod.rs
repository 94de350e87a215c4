//! A running consumer: receives messages, has them processed, and settles them by the verdict.

mod drain;
mod settle;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::bus::consumer::{List, MissingReceiver};
use crate::bus::fetched_batch::FetchedBatch;
use crate::bus::middleware::process;
use crate::bus::settings::Settings;
use crate::bus::settling::next_renewed;
use crate::bus::status::CountedInFlight;
use crate::bus::topics::{ConsumedTopic, ConsumedTopics};
use crate::bus::verdict::{InboundError, Stop, Verdict};
use crate::config::{Exhausted, UnknownTransport};
use events_transport::{Consumer, ConsumerGroup, Delivery, NameError, Topic, TransportError};

/// The reason why a consumer ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumeError {
    /// The consumer has no group.
    #[error(
        "the consumer of topic `{topic}` has no group: call `group(\"…\")`, or set `service.name`, which is the default group"
    )]
    NoGroup {
        /// The topic's base name.
        topic: String,
    },
    /// The name of the topic or of the group is invalid.
    #[error("the name of the consumer's topic or group is invalid")]
    Name(#[from] NameError),
    /// No transport has the consumer's name.
    #[error(transparent)]
    UnknownTransport(#[from] UnknownTransport),
    /// The transport failed, and a retry does not help.
    #[error("the transport failed")]
    Transport(#[from] TransportError),
    /// An event of an unknown type was received, and `unknown_events = "stop"`.
    #[error(
        "received an event of type `{event_type}`, which is not linked into this program: link the crate that defines it, or set `bus.consumer.unknown_events`"
    )]
    UnknownEvent {
        /// The event type.
        event_type: String,
    },
    /// Event types of `expect_receivers` have no receiver. The consumer has not joined its group.
    #[error(
        "expected receivers of group `{group}` are missing: {}: link the crates that have the receivers, as in `events_runtime::link!(my_receivers);`, connect them before the consumer starts, or correct `expect_receivers`", List(.missing)
    )]
    NoReceivers {
        /// The consumer's group.
        group: ConsumerGroup,
        /// Each event type.
        missing: Vec<MissingReceiver>,
    },
    /// An event was received that no receiver takes, and `unhandled` is `error`, the default. The event is
    /// released, without an attempt: it is delivered again when the consumer is started again.
    #[error(
        "no receiver of this program takes the event of type `{event_type}` that was received from topic `{topic}`: link the crate that has its receivers, as in `events_runtime::link!({defined_in})` if they are in the crate that defines `{rust_type}`; or connect a receiver before the consumer starts; or set `unhandled = \"skip\"` in `[bus.consumer]`, or for group `{group}` in `[consumers.TOPIC.GROUP]`, if this program does not want such events"
    )]
    Unhandled {
        /// The event type.
        event_type: &'static str,
        /// The topic's full name.
        topic: Topic,
        /// The consumer's group.
        group: ConsumerGroup,
        /// The Rust type of the definition, with its module.
        rust_type: &'static str,
        /// The crate that has the definition. Its receivers may be in another crate, whose name is not known
        /// while it is not linked.
        defined_in: &'static str,
    },
    /// `max_consecutive_errors` events in a row failed. Each is settled: it is redelivered or a dead
    /// letter.
    #[error(
        "{failed} consecutive events failed on topic `{topic}`, the last one with: {last}; fix what the receivers depend on and restart the consumer, or raise `bus.consumer.max_consecutive_errors`"
    )]
    TooManyErrors {
        /// The topic.
        topic: Topic,
        /// The number of consecutive failures.
        failed: u32,
        /// The last failure.
        last: String,
    },
}

impl ConsumeError {
    /// The error of a consumer that an event stops.
    pub(super) fn stopped(stop: Stop, delivery: &Delivery) -> Self {
        match stop {
            Stop::Unknown { event_type } => Self::UnknownEvent { event_type },
            Stop::Unhandled(definition) => Self::Unhandled {
                event_type: definition.event_type(),
                topic: delivery.topic().clone(),
                group: delivery.group().clone(),
                rust_type: definition.rust_type(),
                defined_in: definition.crate_name(),
            },
        }
    }
}

/// The timeout of one receive call; another call follows.
const WAIT: Duration = Duration::from_secs(30);
/// How long a consumer with messages in memory works before the runtime looks at signals, sockets and timers. Without
/// waiting, a single-threaded runtime would see a shutdown only dozens of messages later.
const TURN: Duration = Duration::from_millis(1);

pub(in crate::bus) struct Worker {
    pub(in crate::bus) topics: ConsumedTopics,
    pub(in crate::bus) settings: Settings,
    /// Whether the consumers of the bus are not paused.
    pub(in crate::bus) enabled: watch::Receiver<bool>,
    /// Consecutive failures of events.
    pub(in crate::bus) consecutive_errors: u32,
}

impl Worker {
    /// Runs until the shutdown future is ready or an error ends it. In both cases, work in flight is
    /// finished and the rest is released. Also returns the deadline for closing the consumer; without a
    /// drain timeout there is none.
    pub(in crate::bus) async fn run(
        &mut self,
        consumer: &mut dyn Consumer,
        shutdown: Pin<&mut impl Future>,
    ) -> (Result<(), ConsumeError>, Option<Instant>) {
        let mut batch =
            FetchedBatch::new(self.settings.concurrency, self.settings.batch_size, self.settings.lease);
        let result = self.work(consumer, shutdown, &mut batch).await;
        let close_by = self.drain(&mut batch).await;
        (result, close_by)
    }

    async fn work(
        &mut self,
        consumer: &mut dyn Consumer,
        mut shutdown: Pin<&mut impl Future>,
        batch: &mut FetchedBatch,
    ) -> Result<(), ConsumeError> {
        let mut turn = Instant::now();
        loop {
            let mut now = Instant::now();
            if now.duration_since(turn) >= TURN {
                tokio::task::yield_now().await;
                now = Instant::now();
                turn = now;
            }
            if poll_once(shutdown.as_mut()).await.is_ready() {
                return Ok(());
            }
            let enabled = *self.enabled.borrow_and_update();
            if !enabled {
                self.release_waiting(batch);
            }
            self.renew_leases(batch, now);
            if !self.topics.is_full() {
                self.start(batch);
                if !batch.may_start() || batch.done.len() >= self.settings.batch_size {
                    self.topics.ack(&mut batch.done);
                }
            }
            // Most work ends at once, so that the other futures need no poll. Pending rejections come before it.
            if batch.rejections.is_empty()
                && let Poll::Ready((delivery, verdict)) = poll_once(batch.in_flight.next()).await
            {
                self.settle(delivery, verdict, batch)?;
                continue;
            }
            // Waiting messages may be blocked by their keys while there is room: fetch more, for other
            // keys.
            let room = self.settings.batch_size.saturating_sub(batch.waiting.len());
            let fetches = enabled
                && batch.has_room()
                && room > 0
                && !self.topics.is_full()
                && !self.topics.is_returning();
            let due = batch.due();
            tokio::select! {
                biased;
                _ = &mut shutdown => return Ok(()),
                (rejection, result) = batch.rejections.next() => self.rejected(rejection, &result, batch),
                (delivery, verdict) = batch.in_flight.next() => self.settle(delivery, verdict, batch)?,
                (renewal, results) = next_renewed(&mut batch.renewal) => self.renewed(renewal, results, batch),
                () = sleep_until(due) => {}
                // `receive` is cancel safe, so it can run beside the other branches. The call is inside the
                // async block, because `select!` creates the futures of disabled branches too.
                received = async {
                    if !fetches {
                        self.topics.next_stored().await;
                        return None;
                    }
                    let mut receiving = consumer.receive(room, WAIT);
                    loop {
                        tokio::select! {
                            biased;
                            received = &mut receiving => break Some(received),
                            // While idle, report stored outcomes.
                            () = self.topics.next_stored() => {}
                        }
                    }
                } => match received {
                    None => {}
                    Some(Ok(deliveries)) => {
                        self.topics.received(&deliveries);
                        batch.add(deliveries);
                    }
                    Some(Err(error)) => return Err(error.into()),
                },
                _ = self.enabled.changed() => {}
            }
        }
    }

    /// Starts the earliest waiting messages whose keys are free.
    fn start(&self, batch: &mut FetchedBatch) {
        let mut next = 0;
        while batch.has_room() {
            match batch.waiting.get(next) {
                None => break,
                Some(delivery) if !batch.admits(delivery) => next += 1,
                Some(_) => {
                    let Some(delivery) = batch.waiting.remove(next) else { break };
                    let topic = self.topics.of(delivery.topic());
                    let (inbound, middleware) =
                        (Arc::clone(&topic.inbound), Arc::clone(&self.settings.middleware));
                    let exhausted = topic.exhausted(&delivery);
                    let transacting = topic.transacting.clone();
                    let counted = CountedInFlight::started(&topic.running);
                    batch.in_flight.start(delivery, counted, |delivery| async move {
                        if let Some(error) = exhausted {
                            return Verdict::Reject(error);
                        }
                        // A future that is kept in a variable before it is awaited takes its space twice.
                        match transacting {
                            Some(transacting) => {
                                Box::pin(transacting.run(process(inbound, middleware, delivery))).await
                            }
                            None => process(inbound, middleware, delivery).await,
                        }
                    });
                }
            }
        }
    }
}

impl ConsumedTopic {
    /// The error for a message whose attempts are already exhausted: its earlier consumers ended before
    /// they settled it. Such a message is not given to the receivers again.
    fn exhausted(&self, delivery: &Delivery) -> Option<InboundError> {
        let attempts = delivery.attempt().saturating_sub(1);
        let exhausted =
            self.settings.exhausted == Exhausted::DeadLetter && attempts >= self.settings.max_attempts;
        exhausted.then_some(InboundError::Abandoned { attempts })
    }
}

/// Polls a future once. If it is not ready, the task is woken when it can go on.
async fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    let mut future = pin!(future);
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

/// Sleeps until a time; forever if there is none.
pub(in crate::bus) async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
