//! Calls that look into the cluster or change groups, without being a member of one.
//!
//! librdkafka blocks in them. They run on a thread of their own, so that a caller needs no async runtime of a
//! certain flavour, and each has a deadline.

mod manage;
mod offsets;
mod read;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};

pub(crate) use self::offsets::{Change, Committed};
pub(crate) use self::read::Record;
use super::connect::{OFFSETS_TOPIC, off_thread, persist, reach};
use super::context::Context;
use super::error;
use crate::config::Config;
use events_transport::TransportError;

/// How long the thread that handles the events of a client waits for the next one.
const TICK: Duration = Duration::from_millis(2);
/// How long a new leader may take until it lists the groups of its partitions.
const ELECTED: Duration = Duration::from_secs(1);
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
    /// Whether a broker did not answer at once.
    was_away: AtomicBool,
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
        let was_away = AtomicBool::new(false);
        let session = Self { config: Arc::clone(config), consumer: Arc::new(consumer), call, was_away };
        let Call { operation, subject } = &session.call;
        let poll = |wait| drop(session.consumer.poll(wait));
        reach(session.consumer.client(), poll, config.client.timeout(), operation, subject)?;
        let was_away = session.consumer.context().last_error().is_some();
        session.was_away.store(was_away, Ordering::Relaxed);
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
    /// refreshing of tokens. Repeats it while its failure is one that ends by itself, for as long as a call may take;
    /// `work` is given the time for one attempt.
    fn served<T>(
        &self,
        work: impl Fn(&BaseConsumer<Context>, Duration) -> KafkaResult<T>,
    ) -> Result<T, TransportError> {
        let is_done = AtomicBool::new(false);
        let consumer = &*self.consumer;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    // Nothing is assigned, so there are no messages.
                    drop(consumer.poll(TICK));
                }
            });
            let result = self.repeat(|wait| work(consumer, wait));
            is_done.store(true, Ordering::Relaxed);
            result
        })
    }

    /// Repeats a call while its failure is one that ends by itself, for as long as a call may take. The call is given the
    /// time for one attempt.
    fn repeat<T>(&self, mut call: impl FnMut(Duration) -> KafkaResult<T>) -> Result<T, TransportError> {
        persist(self.timeout(), |wait| {
            call(wait).map_err(|error| {
                self.was_away.store(true, Ordering::Relaxed);
                self.error(error)
            })
        })
    }

    /// All brokers and topics.
    pub(crate) fn cluster(&self) -> Result<ClusterInfo, TransportError> {
        let metadata = self.served(|consumer, wait| consumer.fetch_metadata(None, wait))?;
        let brokers = metadata.brokers().iter();
        let brokers =
            brokers.map(|broker| (broker.id(), format!("{}:{}", broker.host(), broker.port()))).collect();
        let mut topics: Vec<_> = metadata.topics().iter().map(topic_info).collect();
        topics.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(ClusterInfo { brokers, topics })
    }

    /// A topic by its name in Kafka; `None` if there is none.
    pub(crate) fn topic(&self, topic: &str) -> Result<Option<TopicInfo>, TransportError> {
        let metadata = self.served(|consumer, wait| consumer.fetch_metadata(Some(topic), wait))?;
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

    /// The names of all groups, sorted; some of them may not exist any more.
    pub(crate) fn groups(&self) -> Result<Vec<String>, TransportError> {
        let list = || {
            self.served(|consumer, wait| {
                // librdkafka asks the brokers that it knows, and each lists the groups of the partitions that it leads.
                let metadata = consumer.fetch_metadata(None, wait)?;
                let offsets = metadata.topics().iter().find(|topic| topic.name() == OFFSETS_TOPIC);
                let mut partitions = offsets.iter().flat_map(|topic| topic.partitions());
                if partitions.any(|partition| partition.leader() < 0) {
                    return Err(KafkaError::GroupListFetch(RDKafkaErrorCode::CoordinatorNotAvailable));
                }
                let list = consumer.fetch_group_list(None, wait)?;
                Ok(list.groups().iter().map(|group| group.name().to_owned()).collect::<Vec<_>>())
            })
        };
        let mut names = list()?;
        if self.was_away.load(Ordering::Relaxed) {
            // A broker that has just become the leader of a partition leaves its groups out for a moment.
            std::thread::sleep(ELECTED);
            names.extend(list()?);
        }
        let recent = self.config.recent_groups.recall();
        self.config.recent_groups.note(names.iter().map(String::as_str));
        names.extend(recent);
        names.sort();
        names.dedup();
        Ok(names)
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
