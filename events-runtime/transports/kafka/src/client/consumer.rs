//! A member of a consumer group, without the state of its partitions.

mod context;
mod offsets;
mod queues;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use events_support::error_chain::chain;
use events_transport::{Message, Topic, TransportError};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use self::context::GroupContext;
pub(crate) use self::context::GroupEvent;
use self::offsets::failure;
pub(crate) use self::offsets::{At, CommitFailure, CommittedOffset};
use self::queues::Queues;
use super::connect::reach;
use super::error::convert;
use super::record::{message_of, time_of};
use super::settings::ClientSettings;
use super::topics::Topics;
use crate::config::GroupProtocol;

/// A partition of one of the topics of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The index of the topic.
    pub(crate) topic: usize,
    pub(crate) partition: u32,
}

/// An error of the client, which goes on by itself unless `is_fatal`.
#[derive(Debug)]
pub(crate) struct ClientError {
    pub(crate) error: TransportError,
    pub(crate) is_fatal: bool,
}

/// A fetched record.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) offset: u64,
    pub(crate) time: SystemTime,
    pub(crate) message: Message,
}

/// A member in one generation of its group. The coordinator refuses its offsets once the group went on.
pub(crate) struct Membership(pub(super) ConsumerGroupMetadata);

/// A member of a group. Its methods may be called by several threads; only one of them serves and reads.
pub(crate) struct GroupClient {
    /// Each holds the consumer, which must not outlive this.
    queues: Queues,
    consumer: Arc<BaseConsumer<GroupContext>>,
    group: String,
    timeout: Duration,
    protocol: GroupProtocol,
}

impl GroupClient {
    /// Creates a client for these topics, which has not joined the group.
    ///
    /// # Errors
    /// A [`TransportError`] if a setting is wrong.
    pub(crate) fn new(
        settings: &ClientSettings,
        protocol: GroupProtocol,
        group: &str,
        topics: Vec<String>,
    ) -> Result<Self, TransportError> {
        let mut config = settings.consumer(group);
        // A group whose offsets are no longer stored by the log continues at what is left.
        config.set("auto.offset.reset", "earliest");
        match protocol {
            GroupProtocol::Consumer => {
                config.set("group.protocol", "consumer");
            }
            GroupProtocol::Classic => {
                for (name, value) in [
                    ("partition.assignment.strategy", "cooperative-sticky"),
                    // Members find a rebalance by their heartbeats.
                    ("heartbeat.interval.ms", "1000"),
                ] {
                    if settings.own(name).is_none() {
                        config.set(name, value);
                    }
                }
            }
        }
        let context = GroupContext {
            inner: settings.context(),
            topics,
            events: Mutex::default(),
            closing: false.into(),
        };
        let mut consumer: BaseConsumer<GroupContext> =
            config.create_with_context(context).map_err(|error| convert(error, "consume as", group))?;
        let queues = Queues::default();
        let bell = Arc::clone(&queues.bell);
        consumer.set_nonempty_callback(move || bell.ring());
        let (consumer, group) = (Arc::new(consumer), group.to_owned());
        Ok(Self { queues, consumer, group, timeout: settings.timeout(), protocol })
    }

    /// Waits until a broker is reached.
    ///
    /// # Errors
    /// A [`TransportError`] that says what to do.
    pub(crate) fn reach(&self) -> Result<(), TransportError> {
        let poll = |wait| drop(self.consumer.poll(wait));
        reach(self.consumer.client(), poll, self.timeout, "consume as", &self.group)
    }

    /// The number of partitions of a topic, which is created if that is configured.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if there is no such topic.
    pub(crate) fn ensure(&self, topics: &Topics, topic: &Topic) -> Result<u32, TransportError> {
        let found = topics.ensure(self.consumer.client(), topic, "subscribe to")?;
        Ok(u32::try_from(found.partitions).unwrap_or(u32::MAX))
    }

    /// The number of partitions of a topic that belongs to another one, see [`Topics::ensure_beside`]; `None` if it
    /// is missing.
    ///
    /// # Errors
    /// A [`TransportError`] if the cluster can't be reached, or refuses the topic.
    pub(crate) fn ensure_beside(
        &self,
        topics: &Topics,
        topic: &Topic,
        partitions: u32,
    ) -> Result<Option<u32>, TransportError> {
        let found = topics.ensure_beside(self.consumer.client(), topic, partitions, "subscribe to")?;
        Ok(found.map(|partitions| u32::try_from(partitions).unwrap_or(u32::MAX)))
    }

    /// Joins the group for these topics. The others that were subscribed are left.
    ///
    /// # Errors
    /// A [`TransportError`] of the client's state.
    pub(crate) fn subscribe(&self, topics: &[usize]) -> Result<(), TransportError> {
        let names: Vec<&str> = topics.iter().map(|topic| self.name(*topic)).collect();
        self.consumer.subscribe(&names).map_err(|error| convert(error, "subscribe to", names.join(",")))
    }

    /// Whether a member that gets no partitions has no [`GroupEvent::Assigned`] either.
    pub(crate) fn joins_silently(&self) -> bool {
        self.protocol == GroupProtocol::Consumer
    }

    /// Leaves the group, once all partitions are unassigned.
    pub(crate) fn unsubscribe(&self) {
        self.consumer.unsubscribe();
    }

    /// Ends the current or next [`wait`](Self::wait).
    pub(crate) fn ring(&self) {
        self.queues.bell.ring();
    }

    /// Waits until there may be something to serve or to read, for at most this time.
    pub(crate) fn wait(&self, longest: Duration) {
        self.queues.bell.wait(longest);
    }

    /// Serves the client: see [`take_events`](Self::take_events). Records are not read here.
    pub(crate) fn serve(&self) -> Result<(), ClientError> {
        match self.consumer.poll(Duration::ZERO) {
            Some(Err(error)) => self.failed(error),
            _ => Ok(()),
        }
    }

    /// Reads up to `max` fetched records of a partition.
    pub(crate) fn read(
        &self,
        place: Place,
        max: usize,
        fetched: &mut Vec<Fetched>,
    ) -> Result<(), ClientError> {
        let queues = self.queues.all();
        let Some(queue) = queues.get(&place) else { return Ok(()) };
        let most = fetched.len().saturating_add(max);
        while fetched.len() < most {
            match queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(record)) => fetched.extend(Fetched::of(&record)),
                Some(Err(error)) => self.failed(error)?,
            }
        }
        Ok(())
    }

    fn failed(&self, error: KafkaError) -> Result<(), ClientError> {
        let is_fatal = match error {
            KafkaError::PartitionEOF(_) => return Ok(()),
            KafkaError::MessageConsumptionFatal(_) => true,
            _ => false,
        };
        Err(ClientError { error: convert(error, "receive from", &self.group), is_fatal })
    }

    /// Whose queues there are: partitions that the member has or has had.
    pub(crate) fn places(&self) -> Vec<Place> {
        self.queues.all().keys().copied().collect()
    }

    /// The events since the last call, in order.
    pub(crate) fn take_events(&self) -> Vec<GroupEvent> {
        let events = &self.consumer.context().events;
        std::mem::take(&mut *events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Starts to fetch partitions at these offsets.
    pub(crate) fn assign(&self, partitions: &[(Place, u64)]) -> Result<(), TransportError> {
        self.queues.split(&self.consumer, partitions.iter().map(|(place, _)| *place));
        let list = self.list(partitions.iter().map(|(place, offset)| (*place, Some(*offset))));
        match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.consumer.incremental_assign(&list),
            _ => self.consumer.assign(&list),
        }
        .map_err(|error| convert(error, "take partitions as", &self.group))
    }

    /// Gives partitions back.
    pub(crate) fn unassign(&self, places: &[Place]) -> Result<(), TransportError> {
        match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => {
                self.consumer.incremental_unassign(&self.list(places.iter().map(|place| (*place, None))))
            }
            _ => self.consumer.unassign(),
        }
        .map_err(|error| convert(error, "return partitions as", &self.group))
    }

    /// Answers an assignment that nobody wants any more.
    pub(crate) fn discard(&self, places: &[Place]) {
        let list = self.list(places.iter().map(|place| (*place, None)));
        let answered = match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.consumer.incremental_assign(&list),
            _ => self.consumer.assign(&list),
        };
        if let Err(error) = answered {
            tracing::debug!(error = chain(&error), "an assignment is out of date");
        }
    }

    /// The offset after all that was polled of each assigned partition, which includes what is never delivered: the
    /// markers of transactions, and messages that were aborted. Without the partitions of which nothing was polled.
    ///
    /// # Errors
    /// A [`TransportError`] of the client's state.
    pub(crate) fn positions(&self) -> Result<Vec<(Place, u64)>, TransportError> {
        let error = |error| convert(error, "read the positions of", &self.group);
        let positions = self.consumer.position().map_err(error)?;
        let found = self.each(&positions, |one| match one.offset() {
            Offset::Offset(offset) => u64::try_from(offset).ok(),
            _ => None,
        })?;
        Ok(found.into_iter().filter_map(|(place, offset)| Some((place, offset?))).collect())
    }

    /// Whether the partitions were lost: they may belong to another member already.
    pub(crate) fn is_assignment_lost(&self) -> bool {
        self.consumer.assignment_lost()
    }

    /// The member and its generation, by which a transaction commits offsets; `None` if it has lost its partitions,
    /// or has left. Blocks.
    pub(crate) fn membership(&self) -> Option<Membership> {
        let found = self.consumer.group_metadata();
        // A member that was expelled has no generation, and the coordinator would accept its offsets. The loss is
        // read after the generation: it is reported until the partitions are given back.
        found.filter(|_| !self.consumer.assignment_lost()).map(Membership)
    }

    /// Whether an error says that the group went on without this member.
    pub(super) fn is_rebalance(error: &KafkaError) -> bool {
        matches!(failure(error.clone()), CommitFailure::Rebalance)
    }

    fn list(&self, places: impl Iterator<Item = (Place, Option<u64>)>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (place, offset) in places {
            let mut one = list.add_partition(self.name(place.topic), kafka_partition(place));
            if let Some(offset) = offset.and_then(|offset| i64::try_from(offset).ok()) {
                // Only negative offsets are refused.
                let _ = one.set_offset(Offset::Offset(offset));
            }
        }
        list
    }

    fn name(&self, topic: usize) -> &str {
        self.consumer.context().topics.get(topic).map_or("", String::as_str)
    }

    fn names(&self) -> String {
        self.consumer.context().topics.join(",")
    }
}

impl Fetched {
    /// `None` if it has no offset.
    fn of(record: &BorrowedMessage<'_>) -> Option<Self> {
        let offset = u64::try_from(record.offset()).ok()?;
        Some(Self { offset, time: time_of(record), message: message_of(record) })
    }
}

impl Drop for GroupClient {
    /// Leaves the group. This waits for the coordinator's answer.
    fn drop(&mut self) {
        self.consumer.context().closing.store(true, std::sync::atomic::Ordering::Release);
        for event in self.take_events() {
            match event {
                GroupEvent::Assigned(places) => self.discard(&places),
                GroupEvent::Revoked { places, .. } => {
                    if let Err(error) = self.unassign(&places) {
                        tracing::debug!(error = chain(&error), "partitions were not returned");
                    }
                }
            }
        }
    }
}

fn kafka_partition(place: Place) -> i32 {
    i32::try_from(place.partition).unwrap_or(i32::MAX)
}
