//! Calls that look into the cluster or change groups, without being a member of one.
//!
//! librdkafka blocks in them. They run on a thread of their own, so that a caller needs no async runtime of a
//! certain flavour, and each has a deadline.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, OwnedResourceSpecifier, ResourceSpecifier};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::topic_partition_list::Offset;

use super::context::Context;
use super::error;
use crate::config::Config;
use events_transport::{ErrorKind, TransportError};

/// How long the thread that handles the events of a client waits for the next one.
const TICK: Duration = Duration::from_millis(10);
/// The group of a client that looks at no group. Nothing is committed to it.
const NO_GROUP: &str = "events.admin";

/// What a call does and to what, for its errors.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) subject: String,
}

impl Call {
    pub(crate) fn new(operation: &'static str, subject: impl ToString) -> Self {
        Self { operation, subject: subject.to_string() }
    }
}

/// A partition, as the cluster describes it.
#[derive(Debug, Clone)]
pub(crate) struct PartitionInfo {
    pub(crate) number: u32,
    pub(crate) has_leader: bool,
    pub(crate) replicas: usize,
    pub(crate) in_sync: usize,
}

/// A topic, as the cluster describes it.
#[derive(Debug, Clone)]
pub(crate) struct TopicInfo {
    pub(crate) name: String,
    /// Sorted by number.
    pub(crate) partitions: Vec<PartitionInfo>,
}

impl TopicInfo {
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.partitions.iter().map(|partition| partition.number)
    }
}

/// The brokers and topics of the cluster.
#[derive(Debug, Clone)]
pub(crate) struct ClusterInfo {
    /// The ids and addresses.
    pub(crate) brokers: Vec<(i32, String)>,
    /// Sorted by name.
    pub(crate) topics: Vec<TopicInfo>,
}

/// A partition of a topic by its name in Kafka.
pub(crate) type TopicPartition = (String, u32);

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: u64,
    pub(crate) metadata: String,
}

/// Whether offsets were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// They are stored.
    Stored,
    /// The group has members, and its offsets are theirs.
    HasMembers,
}

/// The settings of a topic or a broker, by name.
pub(crate) type Settings = BTreeMap<String, String>;

/// Runs blocking calls on a thread of their own.
pub(crate) async fn run<T: Send + 'static>(
    config: &Arc<Config>,
    call: Call,
    work: impl FnOnce(&mut Session) -> Result<T, TransportError> + Send + 'static,
) -> Result<T, TransportError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let (config, failed) = (Arc::clone(config), call.clone());
    let thread = std::thread::Builder::new().name("kafka-admin".to_owned()).spawn(move || {
        let result = Session::open(&config, call, None).and_then(|mut session| work(&mut session));
        // The caller may have dropped its future.
        drop(sender.send(result));
    });
    let gone = |source: Option<std::io::Error>| {
        let error = TransportError::new(
            ErrorKind::Other,
            failed.operation,
            &failed.subject,
            "the thread that talks to the cluster could not be started, or panicked",
        );
        match source {
            Some(source) => error.with_source(source),
            None => error,
        }
    };
    thread.map_err(|error| gone(Some(error)))?;
    receiver.await.map_err(|_| gone(None))?
}

/// A client for one operation.
pub(crate) struct Session {
    config: Arc<Config>,
    consumer: Arc<BaseConsumer<Context>>,
    call: Call,
    deadline: Instant,
}

impl Session {
    /// A client that can look at the offsets of `group`.
    fn open(config: &Arc<Config>, call: Call, group: Option<&str>) -> Result<Self, TransportError> {
        let mut settings = config.client.consumer(group.unwrap_or(NO_GROUP));
        settings.set("enable.partition.eof", "true");
        settings.set("auto.offset.reset", "earliest");
        let consumer = settings
            .create_with_context(config.client.context())
            .map_err(|error| error::convert(error, call.operation, &call.subject))?;
        Ok(Self {
            config: Arc::clone(config),
            consumer: Arc::new(consumer),
            call,
            deadline: Instant::now() + config.client.timeout(),
        })
    }

    /// A client for the offsets of a group, by its name in Kafka, with a deadline of its own.
    pub(crate) fn of_group(&self, group: &str) -> Result<Self, TransportError> {
        Self::open(&self.config, self.call.clone(), Some(group))
    }

    pub(crate) const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub(crate) const fn call(&self) -> &Call {
        &self.call
    }

    /// Begins another call with the same client.
    pub(crate) fn renew(&mut self) {
        self.deadline = Instant::now() + self.config.client.timeout();
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
    }

    pub(crate) fn error(&self, error: KafkaError) -> TransportError {
        error::convert(error, self.call.operation, &self.call.subject)
    }

    /// Runs a blocking call, while another thread handles the client's events: its log, its errors, and the
    /// refreshing of tokens.
    fn served<T>(
        &self,
        work: impl FnOnce(&BaseConsumer<Context>) -> KafkaResult<T>,
    ) -> Result<T, TransportError> {
        let is_done = AtomicBool::new(false);
        let consumer = &*self.consumer;
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    // Nothing is assigned, so there are no messages.
                    drop(consumer.poll(TICK));
                }
            });
            let result = work(consumer);
            is_done.store(true, Ordering::Relaxed);
            result
        });
        result.map_err(|error| self.error(error))
    }

    /// All brokers and topics.
    pub(crate) fn cluster(&self) -> Result<ClusterInfo, TransportError> {
        let metadata = self.served(|consumer| consumer.fetch_metadata(None, self.remaining()))?;
        let brokers = metadata.brokers().iter();
        let brokers =
            brokers.map(|broker| (broker.id(), format!("{}:{}", broker.host(), broker.port()))).collect();
        let mut topics: Vec<_> = metadata.topics().iter().map(topic_info).collect();
        topics.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(ClusterInfo { brokers, topics })
    }

    /// A topic by its name in Kafka; `None` if there is none.
    pub(crate) fn topic(&self, topic: &str) -> Result<Option<TopicInfo>, TransportError> {
        let metadata = self.served(|consumer| consumer.fetch_metadata(Some(topic), self.remaining()))?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            return Ok(None);
        };
        match found.error().map(RDKafkaErrorCode::from) {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
            Some(code) => Err(self.error(KafkaError::MetadataFetch(code))),
            None if found.partitions().is_empty() => Ok(None),
            None => Ok(Some(topic_info(found))),
        }
    }

    /// The first stored offset and the next offset of each partition.
    pub(crate) fn ranges(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Range<u64>>, TransportError> {
        let first = self.offsets(partitions, Offset::Beginning)?;
        let mut end = self.offsets(partitions, Offset::End)?;
        let range = |(partition, first): (TopicPartition, u64)| {
            let end = end.remove(&partition)?;
            Some((partition, first..end.max(first)))
        };
        Ok(first.into_iter().filter_map(range).collect())
    }

    /// The offset of the first message that was stored at this time or later; absent if there is none.
    pub(crate) fn at_time(
        &self,
        partitions: &[TopicPartition],
        time: SystemTime,
    ) -> Result<BTreeMap<TopicPartition, u64>, TransportError> {
        // Before 1970, all messages are later.
        let millis = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().div_ceil(1_000_000);
        self.offsets(partitions, Offset::Offset(i64::try_from(millis).unwrap_or(i64::MAX)))
    }

    fn offsets(
        &self,
        partitions: &[TopicPartition],
        wanted: Offset,
    ) -> Result<BTreeMap<TopicPartition, u64>, TransportError> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let list = list(partitions.iter().map(|partition| (partition, wanted, "")));
        let found = self.served(|consumer| consumer.offsets_for_times(list?, self.remaining()))?;
        self.found(&found).map(|found| found.into_iter().map(|(at, found)| (at, found.offset)).collect())
    }

    /// The offsets of a list that are numbers.
    fn found(
        &self,
        list: &TopicPartitionList,
    ) -> Result<BTreeMap<TopicPartition, Committed>, TransportError> {
        let mut found = BTreeMap::new();
        for element in list.elements() {
            element.error().map_err(|error| self.error(error))?;
            let Ok(partition) = u32::try_from(element.partition()) else { continue };
            if let Offset::Offset(offset) = element.offset()
                && let Ok(offset) = u64::try_from(offset)
            {
                let metadata = element.metadata().to_owned();
                found.insert((element.topic().to_owned(), partition), Committed { offset, metadata });
            }
        }
        Ok(found)
    }

    /// The offsets that the group of this client has committed.
    pub(crate) fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Committed>, TransportError> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let list = list(partitions.iter().map(|partition| (partition, Offset::Invalid, "")));
        let found = self.served(|consumer| consumer.committed_offsets(list?, self.remaining()))?;
        self.found(&found)
    }

    /// Commits offsets for the group of this client, unless it has members.
    pub(crate) fn commit(
        &self,
        offsets: &BTreeMap<TopicPartition, Committed>,
    ) -> Result<Change, TransportError> {
        let offset = |committed: &Committed| Offset::Offset(i64::try_from(committed.offset).unwrap_or(i64::MAX));
        let list = list(
            offsets.iter().map(|(partition, committed)| (partition, offset(committed), &*committed.metadata)),
        );
        // A commit has no deadline of its own.
        let (sender, receiver) = mpsc::channel();
        let consumer = Arc::clone(&self.consumer);
        let committed = self.served(|_| {
            let list = list?;
            std::thread::spawn(move || drop(sender.send(consumer.commit(&list, CommitMode::Sync))));
            let late = Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut));
            Ok(receiver.recv_timeout(self.remaining()).unwrap_or(late))
        })?;
        match committed {
            Ok(()) => Ok(Change::Stored),
            Err(KafkaError::ConsumerCommit(
                RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::StaleMemberEpoch,
            )) => Ok(Change::HasMembers),
            Err(error) => Err(self.error(error)),
        }
    }

    /// The names of all groups, sorted.
    pub(crate) fn groups(&self) -> Result<Vec<String>, TransportError> {
        // librdkafka asks the brokers that it knows.
        self.served(|consumer| consumer.fetch_metadata(None, self.remaining()).map(drop))?;
        let list = self.served(|consumer| consumer.fetch_group_list(None, self.remaining()))?;
        let mut names: Vec<_> = list.groups().iter().map(|group| group.name().to_owned()).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Reads a partition from an offset, until the end of the range, the current end of the partition, or a
    /// break. The deadline applies to each message.
    pub(crate) fn read(
        &mut self,
        (topic, partition): &TopicPartition,
        range: Range<u64>,
        mut take: impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), TransportError> {
        let first = Offset::Offset(i64::try_from(range.start).unwrap_or(i64::MAX));
        let list = list([(&(topic.clone(), *partition), first, "")]);
        let assigned = list.and_then(|list| self.consumer.assign(&list));
        assigned.map_err(|error| self.error(error))?;
        let consumer = Arc::clone(&self.consumer);
        let mut last_error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
        let read = loop {
            self.renew();
            let polled = loop {
                match consumer.poll(self.remaining().min(Duration::from_millis(100))) {
                    Some(polled) => break Some(polled),
                    None if Instant::now() >= self.deadline => break None,
                    None => {}
                }
            };
            match polled {
                Some(Ok(message)) => {
                    let offset = u64::try_from(message.offset()).unwrap_or_default();
                    if offset >= range.end || take(&message).is_break() || offset + 1 >= range.end {
                        break Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => break Ok(()),
                // librdkafka reconnects; the deadline ends the attempts.
                Some(Err(error)) => last_error = error,
                None => break Err(self.error(last_error)),
            }
        };
        self.consumer.unassign().map_err(|error| self.error(error))?;
        read
    }

    /// The settings of topics, in their order; `None` for one that this user may not read.
    pub(crate) fn topic_settings(&self, topics: &[&str]) -> Result<Vec<Option<Settings>>, TransportError> {
        let topics: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
        self.describe(&topics)
    }

    /// The settings of a broker; `None` if this user may not read them.
    pub(crate) fn broker_settings(&self, broker: i32) -> Result<Option<Settings>, TransportError> {
        Ok(self.describe(&[ResourceSpecifier::Broker(broker)])?.pop().flatten())
    }

    /// The settings of these topics or this broker, in their order. The client does not tell an absent
    /// permission from an absent topic.
    fn describe(&self, resources: &[ResourceSpecifier<'_>]) -> Result<Vec<Option<Settings>>, TransportError> {
        let options = self.admin_options();
        let described = self.admin()?.describe_configs(resources, &options);
        let described = self.wait(described)?;
        let mut found: Vec<(OwnedResourceSpecifier, Settings)> = Vec::with_capacity(described.len());
        for resource in described.into_iter().flatten() {
            let entries = resource.entries.into_iter();
            let entries = entries.filter_map(|entry| Some((entry.name, entry.value?)));
            found.push((resource.specifier, entries.collect()));
        }
        let of = |resource: &ResourceSpecifier<'_>| {
            let is_it = |found: &OwnedResourceSpecifier| match (resource, found) {
                (ResourceSpecifier::Topic(one), OwnedResourceSpecifier::Topic(other)) => one == other,
                (ResourceSpecifier::Broker(one), OwnedResourceSpecifier::Broker(other)) => one == other,
                _ => false,
            };
            let settings = found.iter().find(|(specifier, _)| is_it(specifier));
            settings.map(|(_, settings)| settings.clone()).filter(|settings| !settings.is_empty())
        };
        Ok(resources.iter().map(of).collect())
    }

    /// Deletes a group with its offsets in all topics, unless it has members.
    pub(crate) fn delete_group(&self, group: &str) -> Result<Change, TransportError> {
        let options = self.admin_options();
        let deleted = self.wait(self.admin()?.delete_groups(&[group], &options))?;
        match deleted.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::NonEmptyGroup))) => Ok(Change::HasMembers),
            // Another program deleted it first.
            Some(Err((_, RDKafkaErrorCode::GroupIdNotFound))) | Some(Ok(_)) | None => Ok(Change::Stored),
            Some(Err((_, code))) => Err(self.error(KafkaError::AdminOp(code))),
        }
    }

    fn admin(&self) -> Result<AdminClient<Context>, TransportError> {
        let admin = self.config.client.admin().create_with_context(self.config.client.context());
        admin.map_err(|error| self.error(error))
    }

    fn admin_options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.remaining()))
    }

    /// Waits for a call of the admin client, which has a thread of its own and a deadline.
    fn wait<T>(&self, call: impl Future<Output = KafkaResult<T>>) -> Result<T, TransportError> {
        futures_executor::block_on(call).map_err(|error| self.error(error))
    }
}

fn topic_info(topic: &MetadataTopic) -> TopicInfo {
    let partition = |partition: &MetadataPartition| {
        Some(PartitionInfo {
            number: u32::try_from(partition.id()).ok()?,
            has_leader: partition.leader() >= 0,
            replicas: partition.replicas().len(),
            in_sync: partition.isr().len(),
        })
    };
    let mut partitions: Vec<_> = topic.partitions().iter().filter_map(partition).collect();
    partitions.sort_by_key(|partition| partition.number);
    TopicInfo { name: topic.name().to_owned(), partitions }
}

/// A list of partitions with offsets and metadata.
fn list<'a>(
    partitions: impl IntoIterator<Item = (&'a TopicPartition, Offset, &'a str)>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset, metadata) in partitions {
        let mut element = list.add_partition(topic, i32::try_from(*partition).unwrap_or(i32::MAX));
        if offset != Offset::Invalid {
            element.set_offset(offset)?;
        }
        if !metadata.is_empty() {
            element.set_metadata(metadata);
        }
    }
    Ok(list)
}
