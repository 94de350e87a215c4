//! Calls that look into the cluster or change groups, without being a member of one.
//!
//! librdkafka blocks in them. They run on a thread of their own, so that a caller needs no async runtime of a
//! certain flavour, and each has a deadline.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant, SystemTime};

use rdkafka::admin::{
    AdminClient, AdminOptions, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionListElem};
use rdkafka::{ClientContext, TopicPartitionList};

use super::connect::{off_thread, persist, reach};
use super::context::Context;
use super::record::{message_of, time_of};
use super::{error, error_codes};
use crate::config::Config;
use events_support::error_chain::caught;
use events_transport::{ErrorKind, Message, TransportError};

/// How long the thread that handles the events of a client waits for the next one.
const TICK: Duration = Duration::from_millis(2);
/// The pause before a call is repeated.
const PAUSE: Duration = Duration::from_millis(50);
/// The group of a client that looks at no group. Nothing is committed to it.
const NO_GROUP: &str = "events.admin";

/// What a call does and to what, for its errors.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) subject: String,
}

impl Call {
    pub(crate) fn new(operation: &'static str, subject: &(impl ToString + ?Sized)) -> Self {
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

/// A stored record.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) offset: u64,
    pub(crate) time: SystemTime,
    pub(crate) message: Message,
    /// Whether the record has no value, which compaction takes as the end of its key.
    pub(crate) is_tombstone: bool,
}

impl Record {
    fn of(record: &BorrowedMessage<'_>) -> Self {
        Self {
            offset: u64::try_from(record.offset()).unwrap_or_default(),
            time: time_of(record),
            message: message_of(record),
            is_tombstone: record.payload().is_none(),
        }
    }
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

/// The version of librdkafka.
pub(crate) fn version() -> String {
    rdkafka::util::get_rdkafka_version().1
}

/// Runs blocking calls on a thread of their own.
pub(crate) async fn run<T: Send + 'static>(
    config: &Arc<Config>,
    call: Call,
    work: impl FnOnce(&mut Session) -> Result<T, TransportError> + Send + 'static,
) -> Result<T, TransportError> {
    let (config, Call { operation, subject }) = (Arc::clone(config), call.clone());
    off_thread(operation, &subject, move || work(&mut Session::open(&config, call, None)?)).await
}

/// A client for one operation.
pub(crate) struct Session {
    config: Arc<Config>,
    consumer: Arc<BaseConsumer<Context>>,
    call: Call,
}

impl Session {
    /// A client that can look at the offsets of `group`.
    fn open(config: &Arc<Config>, call: Call, group: Option<&str>) -> Result<Self, TransportError> {
        let mut settings = config.client.consumer(group.unwrap_or(NO_GROUP));
        settings.set("enable.partition.eof", "true");
        settings.set("auto.offset.reset", "earliest");
        // The end of one read must not hold back the next one.
        settings.set("fetch.wait.max.ms", "10");
        let consumer: BaseConsumer<Context> = settings
            .create_with_context(config.client.context())
            .map_err(|error| error::convert(error, call.operation, &call.subject))?;
        let session = Self { config: Arc::clone(config), consumer: Arc::new(consumer), call };
        let Call { operation, subject } = &session.call;
        let poll = |wait| drop(session.consumer.poll(wait));
        reach(session.consumer.client(), poll, config.client.timeout(), operation, subject)?;
        Ok(session)
    }

    /// A client for the offsets of a group, by its name in Kafka.
    pub(crate) fn of_group(&self, group: &str) -> Result<Self, TransportError> {
        Self::open(&self.config, self.call.clone(), Some(group))
    }

    pub(crate) const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub(crate) const fn call(&self) -> &Call {
        &self.call
    }

    /// How long one call may take.
    fn timeout(&self) -> Duration {
        self.config.client.timeout()
    }

    pub(crate) fn error(&self, error: KafkaError) -> TransportError {
        error::convert(error, self.call.operation, &self.call.subject)
    }

    /// Runs a blocking call, while another thread handles the client's events: its log, its errors, and the
    /// refreshing of tokens. Repeats it while its failure is one that ends by itself, for as long as a call may take.
    fn served<T>(
        &self,
        work: impl Fn(&BaseConsumer<Context>) -> KafkaResult<T>,
    ) -> Result<T, TransportError> {
        let deadline = Instant::now() + self.timeout();
        let is_done = AtomicBool::new(false);
        let consumer = &*self.consumer;
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    // Nothing is assigned, so there are no messages.
                    drop(consumer.poll(TICK));
                }
            });
            let result = loop {
                match work(consumer) {
                    Err(error) if is_passing(&error) && Instant::now() < deadline => {
                        std::thread::sleep(PAUSE)
                    }
                    result => break result,
                }
            };
            is_done.store(true, Ordering::Relaxed);
            result
        });
        result.map_err(|error| self.error(error))
    }

    /// All brokers and topics.
    pub(crate) fn cluster(&self) -> Result<ClusterInfo, TransportError> {
        let metadata = self.served(|consumer| consumer.fetch_metadata(None, self.timeout()))?;
        let brokers = metadata.brokers().iter();
        let brokers =
            brokers.map(|broker| (broker.id(), format!("{}:{}", broker.host(), broker.port()))).collect();
        let mut topics: Vec<_> = metadata.topics().iter().map(topic_info).collect();
        topics.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(ClusterInfo { brokers, topics })
    }

    /// A topic by its name in Kafka; `None` if there is none.
    pub(crate) fn topic(&self, topic: &str) -> Result<Option<TopicInfo>, TransportError> {
        let metadata = self.served(|consumer| consumer.fetch_metadata(Some(topic), self.timeout()))?;
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
        let millis =
            time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().div_ceil(1_000_000);
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
        let list = || list(partitions.iter().map(|partition| (partition, wanted, "")));
        let found = self.served(|consumer| checked(consumer.offsets_for_times(list()?, self.timeout())?))?;
        Ok(numbers(&found).into_iter().map(|(at, found)| (at, found.offset)).collect())
    }

    /// The offsets that the group of this client has committed.
    pub(crate) fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Committed>, TransportError> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let list = || list(partitions.iter().map(|partition| (partition, Offset::Invalid, "")));
        let found = self.served(|consumer| checked(consumer.committed_offsets(list()?, self.timeout())?))?;
        Ok(numbers(&found))
    }

    /// Commits offsets for the group of this client, unless it has members.
    pub(crate) fn commit(
        &self,
        offsets: &BTreeMap<TopicPartition, Committed>,
    ) -> Result<Change, TransportError> {
        let offset =
            |committed: &Committed| Offset::Offset(i64::try_from(committed.offset).unwrap_or(i64::MAX));
        let offsets =
            offsets.iter().map(|(partition, committed)| (partition, offset(committed), &*committed.metadata));
        let list = || list(offsets.clone());
        let committed = self.served(|_| {
            // A commit has no deadline of its own.
            let (sender, receiver) = mpsc::channel();
            let (consumer, list) = (Arc::clone(&self.consumer), list()?);
            std::thread::spawn(move || drop(sender.send(consumer.commit(&list, CommitMode::Sync))));
            let late = Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut));
            match receiver.recv_timeout(self.timeout()).unwrap_or(late) {
                Err(error) if is_passing(&error) && !is_of_member(&error) => Err(error),
                committed => Ok(committed),
            }
        })?;
        match committed {
            Ok(()) => Ok(Change::Stored),
            Err(error) if is_of_member(&error) => Ok(Change::HasMembers),
            Err(error) => Err(self.error(error)),
        }
    }

    /// The names of all groups, sorted.
    pub(crate) fn groups(&self) -> Result<Vec<String>, TransportError> {
        // librdkafka asks the brokers that it knows.
        self.served(|consumer| consumer.fetch_metadata(None, self.timeout()).map(drop))?;
        let list = self.served(|consumer| consumer.fetch_group_list(None, self.timeout()))?;
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
        mut take: impl FnMut(Record) -> ControlFlow<()>,
    ) -> Result<(), TransportError> {
        let first = Offset::Offset(i64::try_from(range.start).unwrap_or(i64::MAX));
        let list = list([(&(topic.clone(), *partition), first, "")]);
        let assigned = list.and_then(|list| self.consumer.assign(&list));
        assigned.map_err(|error| self.error(error))?;
        let consumer = Arc::clone(&self.consumer);
        let mut last_error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
        let read = loop {
            let deadline = Instant::now() + self.timeout();
            let polled = loop {
                match consumer.poll(TICK) {
                    Some(polled) => break Some(polled),
                    None if Instant::now() >= deadline => break None,
                    None => {}
                }
            };
            match polled {
                Some(Ok(message)) => {
                    let record = Record::of(&message);
                    let next = record.offset + 1;
                    if record.offset >= range.end || take(record).is_break() || next >= range.end {
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
        if resources.is_empty() {
            // librdkafka would never answer.
            return Ok(Vec::new());
        }
        let options = self.admin_options();
        // The client must live until the answer is there.
        let admin = self.admin()?;
        let described = self.wait(|| admin.describe_configs(resources, &options))?;
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
        let admin = self.admin()?;
        let deleted = self.wait(|| admin.delete_groups(&[group], &options))?;
        match deleted.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::NonEmptyGroup))) => Ok(Change::HasMembers),
            // Another program deleted it first.
            Some(Ok(_) | Err((_, RDKafkaErrorCode::GroupIdNotFound))) | None => Ok(Change::Stored),
            Some(Err((_, code))) => Err(self.error(KafkaError::AdminOp(code))),
        }
    }

    fn admin(&self) -> Result<AdminClient<Context>, TransportError> {
        if self.config.client.own("sasl.mechanisms") == Some("OAUTHBEARER") {
            let message = "rdkafka's admin client can't use OAUTHBEARER: use Kafka's own tools";
            let Call { operation, subject } = &self.call;
            return Err(TransportError::new(ErrorKind::Unsupported, operation, subject, message));
        }
        let admin = self.config.client.admin().create_with_context(self.config.client.context());
        admin.map_err(|error| self.error(error))
    }

    fn admin_options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.timeout()))
    }

    /// Creates a topic, unless it exists. `None` is the default of the brokers.
    pub(crate) fn create_topic(
        &self,
        topic: &str,
        partitions: i32,
        replication: Option<u16>,
        settings: &[(&str, &str)],
    ) -> Result<(), TransportError> {
        let replication = TopicReplication::Fixed(replication.map_or(-1, i32::from));
        let mut new = NewTopic::new(topic, partitions, replication);
        for (name, value) in settings {
            new = new.set(name, value);
        }
        let options = self.admin_options().operation_timeout(Some(self.timeout()));
        let admin = self.admin()?;
        let created = self.wait(|| admin.create_topics([&new], &options))?;
        match created.into_iter().next() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
                Err(self.error(KafkaError::AdminOp(code)))
            }
            _ => Ok(()),
        }
    }

    /// Whether this user may create a topic of this name. Nothing is created.
    pub(crate) fn may_create(&self, topic: &str) -> Result<bool, TransportError> {
        let new = NewTopic::new(topic, -1, TopicReplication::Fixed(-1));
        let options = self.admin_options().validate_only(true);
        let admin = self.admin()?;
        let created = self.wait(|| admin.create_topics([&new], &options))?;
        Ok(match created.into_iter().next() {
            Some(Err((_, code))) => !matches!(
                code,
                RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed
            ),
            _ => true,
        })
    }

    /// Stores a record of at most `max` bytes, as durably as the topic is replicated.
    pub(crate) fn store(
        &self,
        topic: &str,
        key: &str,
        value: &str,
        max: usize,
    ) -> Result<(), TransportError> {
        let mut settings = self.config.client.producer();
        settings.set("message.timeout.ms", self.timeout().as_millis().to_string());
        settings.set("message.max.bytes", max.to_string());
        // A record that is stored twice has no effect, and an idempotent producer takes half a second to start.
        settings.set("enable.idempotence", "false");
        settings.set("enable.gapless.guarantee", "false");
        let context = StoreContext { client: self.config.client.context(), stored: Mutex::default() };
        let producer: BaseProducer<StoreContext> =
            settings.create_with_context(context).map_err(|error| self.error(error))?;
        let record = BaseRecord::to(topic).key(key).payload(value);
        producer.send(record).map_err(|(error, _)| self.error(error))?;
        // librdkafka ends the wait: its timeout of messages is shorter.
        let deadline = Instant::now() + 2 * self.timeout();
        loop {
            producer.poll(TICK);
            let stored = producer.context().stored.lock().unwrap_or_else(PoisonError::into_inner).take();
            match stored {
                Some(stored) => return stored.map_err(|error| self.error(error)),
                None if Instant::now() >= deadline => {
                    return Err(self.error(KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut)));
                }
                None => {}
            }
        }
    }

    /// Waits for a call of the admin client, which has a thread of its own and a deadline. Repeats it as
    /// [`served`](Self::served) does.
    fn wait<T, F: Future<Output = KafkaResult<T>>>(&self, call: impl Fn() -> F) -> Result<T, TransportError> {
        persist(self.timeout(), || futures_executor::block_on(call()).map_err(|error| self.error(error)))
    }
}

impl Drop for Session {
    /// Closing takes librdkafka a tenth of a second, for which no caller waits.
    fn drop(&mut self) {
        let consumer = Arc::clone(&self.consumer);
        let closing = std::thread::Builder::new().name("events-kafka-close".to_owned());
        // Without a thread, it is closed here.
        drop(closing.spawn(move || drop(consumer)));
    }
}

/// Keeps the outcome of one record.
struct StoreContext {
    client: Context,
    stored: Mutex<Option<KafkaResult<()>>>,
}

impl ClientContext for StoreContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.client.generate_oauth_token(config)
    }
}

impl ProducerContext for StoreContext {
    type DeliveryOpaque = ();

    fn delivery(&self, delivered: &DeliveryResult<'_>, (): ()) {
        let stored = delivered.as_ref().map(drop).map_err(|(error, _)| error.clone());
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = Some(stored);
    }
}

/// Whether a commit was refused because the group has members.
fn is_of_member(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::ConsumerCommit(
            RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::StaleMemberEpoch,
        )
    )
}

/// Whether a call succeeds later: a broker is starting, or a leader or a coordinator is being elected or loads its data.
fn is_passing(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(|code| error_codes::lookup(code).kind == ErrorKind::Unavailable)
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

/// A list in whose partitions nothing failed.
fn checked(list: TopicPartitionList) -> KafkaResult<TopicPartitionList> {
    list.elements().iter().try_for_each(TopicPartitionListElem::error)?;
    Ok(list)
}

/// The offsets of a list that are numbers.
fn numbers(list: &TopicPartitionList) -> BTreeMap<TopicPartition, Committed> {
    let mut found = BTreeMap::new();
    for element in list.elements() {
        let Ok(partition) = u32::try_from(element.partition()) else { continue };
        if let Offset::Offset(offset) = element.offset()
            && let Ok(offset) = u64::try_from(offset)
        {
            // rdkafka panics at metadata that is not UTF-8.
            let metadata = caught(|| element.metadata().to_owned()).unwrap_or_default();
            found.insert((element.topic().to_owned(), partition), Committed { offset, metadata });
        }
    }
    found
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
