//! What readers of committed records see of a topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

/// Exceeds the time of one answer, also while brokers elect leaders.
const ANSWER: Duration = Duration::from_secs(30);
/// How often it is looked how far readers are held back.
const OFTEN: Duration = Duration::from_millis(50);

/// A committed record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key as text.
    pub key: String,
    /// Its data.
    pub data: Vec<u8>,
}

/// Reads the committed records of a topic up to the first open transaction, in the order of each partition.
///
/// # Panics
/// If the topic does not exist, or the brokers don't answer.
#[must_use]
pub fn committed_records(bootstrap: &str, topic: &str) -> Vec<CommittedRecord> {
    let consumer = reader(bootstrap, "read_committed");
    let mut left = partitions(&consumer, topic);
    assert!(!left.is_empty(), "there is no topic {topic}");
    let mut all = TopicPartitionList::new();
    for partition in &left {
        all.add_partition_offset(topic, *partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&all).expect("assigned");
    let (mut records, mut answered) = (Vec::new(), Instant::now());
    while !left.is_empty() {
        assert!(answered.elapsed() < ANSWER, "the brokers don't answer");
        match consumer.poll(OFTEN) {
            Some(Ok(record)) => records.push(CommittedRecord {
                partition: record.partition(),
                offset: record.offset(),
                key: String::from_utf8_lossy(record.key().unwrap_or_default()).into_owned(),
                data: record.payload().unwrap_or_default().to_vec(),
            }),
            Some(Err(KafkaError::PartitionEOF(partition))) => left.retain(|other| *other != partition),
            // The client connects again.
            Some(Err(_)) | None => continue,
        }
        answered = Instant::now();
    }
    records
}

/// Watches how long readers of committed records are held back by open transactions.
pub struct HeldBack {
    ended: Arc<AtomicBool>,
    watch: Option<JoinHandle<Duration>>,
}

impl HeldBack {
    /// Watches a topic, which need not exist yet.
    #[must_use]
    pub fn watch(bootstrap: &str, topic: &str) -> Self {
        let (bootstrap, topic) = (bootstrap.to_owned(), topic.to_owned());
        let ended = Arc::new(AtomicBool::new(false));
        let is_ended = Arc::clone(&ended);
        let watch = std::thread::spawn(move || {
            let mut readers = Readers::new(&bootstrap, &topic);
            let mut longest = Duration::ZERO;
            while !is_ended.load(Ordering::Relaxed) {
                readers.look();
                longest = longest.max(readers.held_for());
                std::thread::sleep(OFTEN);
            }
            longest
        });
        Self { ended, watch: Some(watch) }
    }

    /// The longest time for which the readers of a partition were held back, elections of leaders included.
    ///
    /// # Panics
    /// If the watch has panicked.
    #[must_use]
    pub fn end(mut self) -> Duration {
        self.ended.store(true, Ordering::Relaxed);
        self.watch.take().expect("a watch").join().expect("no panic")
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// Compares the ends of partitions for readers of committed records and for others.
pub struct Readers {
    topic: String,
    committed: BaseConsumer,
    all: BaseConsumer,
    /// The end for readers of committed records that are held back, and since when.
    held: BTreeMap<i32, (i64, Instant)>,
}

impl Readers {
    /// Readers of a topic, which need not exist yet.
    #[must_use]
    pub fn new(bootstrap: &str, topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            committed: reader(bootstrap, "read_committed"),
            all: reader(bootstrap, "read_uncommitted"),
            held: BTreeMap::new(),
        }
    }

    /// Compares now. Partitions without a leader are left as they were.
    pub fn look(&mut self) {
        for partition in partitions(&self.all, &self.topic) {
            let end =
                |of: &BaseConsumer| of.fetch_watermarks(&self.topic, partition, ANSWER).map(|(_, end)| end);
            // In this order: what is committed in between is not taken for held back.
            let (Ok(all), Ok(committed)) = (end(&self.all), end(&self.committed)) else { continue };
            if committed >= all {
                self.held.remove(&partition);
                continue;
            }
            let held = self.held.entry(partition).or_insert((committed, Instant::now()));
            if held.0 != committed {
                *held = (committed, Instant::now());
            }
        }
    }

    /// Whether readers were held back at the last look.
    #[must_use]
    pub fn are_held_back(&self) -> bool {
        !self.held.is_empty()
    }

    /// For how long the readers of a partition had been held back at the same offset.
    #[must_use]
    pub fn held_for(&self) -> Duration {
        self.held.values().map(|(_, since)| since.elapsed()).max().unwrap_or_default()
    }
}

fn reader(bootstrap: &str, isolation: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "reader")
        .set("isolation.level", isolation)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("reconnect.backoff.max.ms", "500")
        .create()
        .expect("a client")
}

/// The partitions of a topic; none if it does not exist, or no broker answers.
fn partitions(client: &BaseConsumer, topic: &str) -> Vec<i32> {
    let Ok(metadata) = client.client().fetch_metadata(Some(topic), ANSWER) else { return Vec::new() };
    metadata.topics().iter().flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect()
}
