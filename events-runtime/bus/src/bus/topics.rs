//! The topics of a consumer, and what each of them has of its own.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use super::inbound::Inbound;
use super::outputs::Transacting;
use super::settings::TopicSettings;
use super::settling::{Consumed, Settling};
use super::status::Running;
use events_transport::{Delivery, Topic};

/// A topic of a consumer.
pub(super) struct ConsumedTopic {
    pub(super) inbound: Arc<Inbound>,
    pub(super) settling: Settling,
    pub(super) settings: TopicSettings,
    pub(super) running: Arc<Running>,
    /// `None` without `transactions`.
    pub(super) transacting: Option<Arc<Transacting>>,
}

/// The topics of a consumer. Each message is counted, settled and reported with its own topic.
pub(super) struct ConsumedTopics {
    first: ConsumedTopic,
    /// Empty unless the consumer has several topics.
    others: Vec<ConsumedTopic>,
}

impl ConsumedTopics {
    /// At least one topic.
    pub(super) fn new(topics: Vec<ConsumedTopic>) -> Self {
        let mut topics = topics.into_iter();
        let first = topics.next().expect("a consumer has a topic");
        Self { first, others: topics.collect() }
    }

    pub(super) const fn first(&self) -> &ConsumedTopic {
        &self.first
    }

    /// The topic of a delivery.
    pub(super) fn of(&self, topic: &Topic) -> &ConsumedTopic {
        self.others.iter().find(|other| other.settling.topic() == topic).unwrap_or(&self.first)
    }

    /// The topic of a delivery.
    pub(super) fn of_mut(&mut self, topic: &Topic) -> &mut ConsumedTopic {
        self.others.iter_mut().find(|other| other.settling.topic() == topic).unwrap_or(&mut self.first)
    }

    /// Settles a delivery in its topic.
    pub(super) fn settling(&mut self, topic: &Topic) -> &mut Settling {
        &mut self.of_mut(topic).settling
    }

    fn all(&self) -> impl Iterator<Item = &Settling> {
        std::iter::once(&self.first).chain(&self.others).map(|topic| &topic.settling)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Settling> {
        std::iter::once(&mut self.first).chain(&mut self.others).map(|topic| &mut topic.settling)
    }

    /// Reports received messages, as [`Settling::received`].
    pub(super) fn received(&self, deliveries: &[Delivery]) {
        for run in deliveries.chunk_by(|one, next| one.topic() == next.topic()) {
            if let Some(delivery) = run.first() {
                let topic = self.of(delivery.topic());
                topic.running.fetched(run.len());
                topic.settling.received(run);
            }
        }
    }

    /// Acknowledges deliveries, as [`Settling::ack`]: with one call for each topic.
    pub(super) fn ack(&mut self, done: &mut Vec<Delivery>) {
        for other in &mut self.others {
            let is_other = |delivery: &mut Delivery| delivery.topic() == other.settling.topic();
            let mut done: Vec<_> = done.extract_if(.., is_other).collect();
            other.settling.ack(&mut done);
        }
        self.first.settling.ack(done);
    }

    /// Releases waiting deliveries, as [`Settling::release`]: with one call for each topic.
    pub(super) fn release_waiting(&mut self, mut deliveries: Vec<Delivery>) {
        for other in &mut self.others {
            let is_other = |delivery: &mut Delivery| delivery.topic() == other.settling.topic();
            let released: Vec<_> = deliveries.extract_if(.., is_other).collect();
            other.running.not_waiting(released.len());
            other.settling.release(released);
        }
        self.first.running.not_waiting(deliveries.len());
        self.first.settling.release(deliveries);
    }

    /// Whether a topic has too many acknowledgements in flight to start more work.
    pub(super) fn is_full(&self) -> bool {
        self.all().any(Settling::is_full)
    }

    /// Whether any message is being returned, see [`Settling::is_returning`].
    pub(super) fn is_returning(&self) -> bool {
        self.all().any(Settling::is_returning)
    }

    /// Whether all outcomes are stored.
    pub(super) fn is_idle(&self) -> bool {
        self.all().all(Settling::is_idle)
    }

    /// Waits until outcomes of a topic are stored and reports them; forever if none are in flight. Cancel
    /// safe.
    pub(super) async fn next_stored(&mut self) {
        if self.others.is_empty() {
            return self.first.settling.next_stored().await;
        }
        poll_fn(|context| {
            for settling in self.all_mut() {
                // Cancel safe, so each poll may begin anew.
                if pin!(settling.next_stored()).poll(context).is_ready() {
                    return Poll::Ready(());
                }
            }
            Poll::Pending
        })
        .await;
    }

    /// Stops waiting for the transports, as [`Settling::abandon`].
    pub(super) fn abandon(&mut self) {
        self.all_mut().for_each(Settling::abandon);
    }

    /// The number of messages for each outcome, of all topics.
    pub(super) fn consumed(&self) -> Consumed {
        self.all().fold(Consumed::default(), |sum, settling| sum.plus(settling.consumed))
    }
}
