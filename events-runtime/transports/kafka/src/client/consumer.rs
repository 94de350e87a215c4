//! A member of a consumer group, without the state of its partitions.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use events_support::error_chain::caught;
use events_support::error_chain::chain;
use events_transport::{ErrorKind, Message, Topic, TransportError};
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, ConsumerGroupMetadata, RebalanceProtocol,
};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::connect::reach;
use super::context::Context;
use super::error::convert;
use super::record::{message_of, time_of};
use super::settings::ClientSettings;
use super::topics::Topics;
use crate::config::GroupProtocol;

/// The pause before a broker is asked again for a topic of which it has not heard.
const HEARD: Duration = Duration::from_millis(100);

/// A partition of one of the topics of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The index of the topic.
    pub(crate) topic: usize,
    pub(crate) partition: u32,
}

/// What a poll of the client returns.
#[derive(Debug)]
pub(crate) enum Polled {
    /// Nothing, or events: see [`GroupClient::take_events`].
    Nothing,
    Record(Fetched),
    /// The client goes on by itself, unless `is_fatal`.
    Error {
        error: TransportError,
        is_fatal: bool,
    },
}

/// A fetched record.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) place: Place,
    pub(crate) offset: u64,
    pub(crate) time: SystemTime,
    pub(crate) message: Message,
}

/// What happened to the group. The answer to an assignment or a revocation is a call to
/// [`assign`](GroupClient::assign) or [`unassign`](GroupClient::unassign), which may come much later.
#[derive(Debug)]
pub(crate) enum GroupEvent {
    Assigned(Vec<Place>),
    Revoked {
        places: Vec<Place>,
        /// Another member may have the partitions already.
        is_lost: bool,
    },
}

/// Why a commit was not stored.
#[derive(Debug, Clone)]
pub(crate) enum CommitFailure {
    /// The member no longer has its place in the group, or the group is rebalancing: it goes on after that.
    Rebalance,
    /// The cluster is not reached, or has no coordinator now.
    Unavailable(TransportError),
    /// The metadata is longer than the brokers accept.
    TooMuchMetadata,
    /// The same commit fails again.
    Refused(TransportError),
}

/// A member in one generation of its group. The coordinator refuses its offsets once the group went on.
pub(crate) struct Membership(pub(super) ConsumerGroupMetadata);

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    pub(crate) offset: i64,
    /// Empty if it is not UTF-8.
    pub(crate) metadata: String,
}

/// A timestamp that the brokers resolve to an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Earliest,
    /// The offset of the next message.
    End,
    /// Milliseconds since 1970.
    Time(i64),
}

struct GroupContext {
    inner: Context,
    topics: Vec<String>,
    events: Mutex<Vec<GroupEvent>>,
    /// Whether events are answered at once, since nobody looks at them any more.
    closing: std::sync::atomic::AtomicBool,
}

impl GroupContext {
    fn add(&self, event: GroupEvent) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    fn place(&self, topic: &str, partition: i32) -> Option<Place> {
        let index = self.topics.iter().position(|own| own == topic)?;
        Some(Place { topic: index, partition: u32::try_from(partition).ok()? })
    }

    fn places(&self, list: &TopicPartitionList) -> Vec<Place> {
        list.elements().iter().filter_map(|one| self.place(one.topic(), one.partition())).collect()
    }
}

impl AsRef<Context> for GroupContext {
    fn as_ref(&self) -> &Context {
        &self.inner
    }
}

impl ClientContext for GroupContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Context::ENABLE_REFRESH_OAUTH_TOKEN;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.inner.log(level, facility, message);
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, statistics: &[u8]) {
        self.inner.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.inner.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.inner.generate_oauth_token(config)
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let is_assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(std::sync::atomic::Ordering::Acquire) {
            let answered = match consumer.rebalance_protocol() {
                RebalanceProtocol::Cooperative if is_assigned => consumer.incremental_assign(partitions),
                RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
                _ => consumer.unassign(),
            };
            if let Err(error) = answered {
                tracing::debug!(error = chain(&error), "the last rebalance of a consumer failed");
            }
            return;
        }
        let places = self.places(partitions);
        self.add(if is_assigned {
            GroupEvent::Assigned(places)
        } else {
            GroupEvent::Revoked { places, is_lost: consumer.assignment_lost() }
        });
    }
}

fn failure(error: KafkaError) -> CommitFailure {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(
            Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::RebalanceInProgress
            | Code::FencedInstanceId
            | Code::StaleMemberEpoch
            | Code::FencedMemberEpoch
            | Code::AssignmentLost,
        ) => CommitFailure::Rebalance,
        Some(Code::OffsetMetadataTooLarge) => CommitFailure::TooMuchMetadata,
        _ => {
            let error = convert(error, "commit to", "the group");
            if error.is_retryable() {
                CommitFailure::Unavailable(error)
            } else {
                CommitFailure::Refused(error)
            }
        }
    }
}

/// A member of a group. Its methods may be called by several threads; only one of them polls.
pub(crate) struct GroupClient {
    consumer: BaseConsumer<GroupContext>,
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
        let consumer =
            config.create_with_context(context).map_err(|error| convert(error, "consume as", group))?;
        Ok(Self { consumer, group: group.to_owned(), timeout: settings.timeout(), protocol })
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

    /// Serves the client for at most this time.
    pub(crate) fn poll(&self, wait: Duration) -> Polled {
        match self.consumer.poll(wait) {
            None | Some(Err(KafkaError::PartitionEOF(_))) => Polled::Nothing,
            Some(Ok(record)) => {
                let place = self.consumer.context().place(record.topic(), record.partition());
                let (Some(place), Ok(offset)) = (place, u64::try_from(record.offset())) else {
                    return Polled::Nothing;
                };
                let (time, message) = (time_of(&record), message_of(&record));
                Polled::Record(Fetched { place, offset, time, message })
            }
            Some(Err(error)) => {
                let is_fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
                Polled::Error { error: convert(error, "receive from", &self.group), is_fatal }
            }
        }
    }

    /// The events since the last call, in order.
    pub(crate) fn take_events(&self) -> Vec<GroupEvent> {
        let events = &self.consumer.context().events;
        std::mem::take(&mut *events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Starts to fetch partitions at these offsets.
    pub(crate) fn assign(&self, partitions: &[(Place, u64)]) -> Result<(), TransportError> {
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

    /// The committed offsets of partitions; `None` where nothing is committed.
    ///
    /// # Errors
    /// A [`TransportError`] if the cluster is not reached within `wait`.
    pub(crate) fn committed(
        &self,
        places: &[Place],
        wait: Duration,
    ) -> Result<Vec<(Place, Option<CommittedOffset>)>, TransportError> {
        let found = self
            .consumer
            .committed_offsets(self.list(places.iter().map(|place| (*place, None))), wait)
            .map_err(|error| convert(error, "read the offsets of", &self.group))?;
        self.each(&found, |one| match one.offset() {
            Offset::Offset(offset) => {
                // rdkafka panics at metadata that is not UTF-8.
                let metadata = caught(|| one.metadata().to_owned()).unwrap_or_default();
                Some(CommittedOffset { offset, metadata })
            }
            _ => None,
        })
    }

    /// The offsets at a time in these partitions; the end of the partition if it has no message of that time or
    /// later.
    ///
    /// # Errors
    /// A [`TransportError`] if the cluster is not reached within `wait`.
    pub(crate) fn offsets_at(
        &self,
        places: &[Place],
        at: At,
        wait: Duration,
    ) -> Result<Vec<(Place, u64)>, TransportError> {
        // The brokers take -1 and -2 as the end and the beginning.
        let time = match at {
            At::Earliest => Offset::Beginning,
            At::End => Offset::End,
            At::Time(millis) => Offset::Offset(millis.max(0)),
        };
        let mut list = TopicPartitionList::with_capacity(places.len());
        for place in places {
            let added = list.add_partition_offset(self.name(place.topic), kafka_partition(*place), time);
            added.map_err(|error| convert(error, "look for a time in", self.name(place.topic)))?;
        }
        let deadline = Instant::now() + wait;
        let found = loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(HEARD);
            let found = self.consumer.offsets_for_times(list.clone(), left);
            match found.map_err(|error| convert(error, "look for offsets in", self.names())) {
                // The topic was created a moment ago, and this broker has not heard of it.
                Err(error) if error.kind() == ErrorKind::NotFound && Instant::now() < deadline => {
                    std::thread::sleep(HEARD);
                }
                found => break found?,
            }
        };
        let found = self.each(&found, |one| match one.offset() {
            Offset::Offset(offset) => u64::try_from(offset).ok(),
            _ => None,
        })?;
        let missing: Vec<Place> =
            found.iter().filter(|(_, offset)| offset.is_none()).map(|(place, _)| *place).collect();
        let mut offsets: Vec<_> =
            found.into_iter().filter_map(|(place, offset)| Some((place, offset?))).collect();
        if !missing.is_empty() && at != At::End {
            offsets.extend(self.offsets_at(&missing, At::End, wait)?);
        }
        Ok(offsets)
    }

    /// Reads each element, or fails with the error of one of them.
    fn each<T>(
        &self,
        list: &TopicPartitionList,
        read: impl Fn(&rdkafka::topic_partition_list::TopicPartitionListElem<'_>) -> T,
    ) -> Result<Vec<(Place, T)>, TransportError> {
        let mut all = Vec::with_capacity(list.count());
        for one in list.elements() {
            one.error().map_err(|error| convert(error, "read offsets of", one.topic()))?;
            if let Some(place) = self.consumer.context().place(one.topic(), one.partition()) {
                all.push((place, read(&one)));
            }
        }
        Ok(all)
    }

    /// Commits offsets and waits for the result, which may take long while there is no coordinator.
    ///
    /// # Errors
    /// A [`CommitFailure`]; of the kind `Rebalance` if the group has members and this is none of them. An error of
    /// some of several partitions is not reported by librdkafka.
    pub(crate) fn commit(&self, offsets: &[(Place, u64, String)]) -> Result<(), CommitFailure> {
        let list = self.offsets(offsets).map_err(failure)?;
        // The result of an asynchronous commit is never reported, since rdkafka sets no callback for it.
        self.consumer.commit(&list, CommitMode::Sync).map_err(failure)
    }

    /// Offsets with their metadata.
    pub(super) fn offsets(&self, offsets: &[(Place, u64, String)]) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (place, offset, metadata) in offsets {
            let mut one = list.add_partition(self.name(place.topic), kafka_partition(*place));
            one.set_offset(Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX)))?;
            one.set_metadata(metadata);
        }
        Ok(list)
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

    /// Stops fetching partitions. What was fetched and not polled is fetched again later.
    pub(crate) fn pause(&self, places: &[Place]) -> Result<(), TransportError> {
        let list = self.list(places.iter().map(|place| (*place, None)));
        self.consumer.pause(&list).map_err(|error| convert(error, "pause", self.names()))
    }

    /// Fetches paused partitions again.
    pub(crate) fn resume(&self, places: &[Place]) -> Result<(), TransportError> {
        let list = self.list(places.iter().map(|place| (*place, None)));
        self.consumer.resume(&list).map_err(|error| convert(error, "resume", self.names()))
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
