//! Clusters of brokers for tests.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::metadata::{Metadata, MetadataPartition, MetadataTopic};
use rdkafka::producer::{BaseProducer, Producer as _};

use super::broker::Broker;
use super::settings::{OFFSETS_PARTITIONS, Ports};

/// Exceeds the time until a broker that came back has all messages, also while other programs are built.
const IN_SYNC: Duration = Duration::from_secs(60);

/// Three brokers, each with a copy of every partition; two copies must be stored before a message counts as
/// sent.
#[derive(Debug)]
pub struct KafkaCluster {
    brokers: Vec<Broker>,
}

impl KafkaCluster {
    /// The number of brokers.
    pub const BROKERS: usize = 3;

    /// Starts the brokers.
    #[must_use]
    pub fn start() -> Self {
        let ports: Vec<_> = (0..Self::BROKERS).map(|_| Ports::plain()).collect();
        let mut brokers: Vec<_> = (1..=Self::BROKERS).map(|id| Broker::new(id, &ports, &[])).collect();
        brokers.iter_mut().for_each(Broker::spawn);
        brokers.iter_mut().for_each(Broker::until_ready);
        Self { brokers }
    }

    /// The URL, which lists all brokers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("kafka://{}", self.bootstrap())
    }

    /// The addresses of all brokers.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<_> =
            self.brokers.iter().map(|broker| format!("127.0.0.1:{}", broker.ports().plain)).collect();
        addresses.join(",")
    }

    /// Kills a broker, from 0, as in a power failure, and waits until its process is gone.
    pub fn kill(&mut self, broker: usize) {
        self.brokers[broker].kill();
    }

    /// Terminates a broker, which first hands its partitions and groups to the others, and waits for its exit.
    pub fn stop(&mut self, broker: usize) {
        self.brokers[broker].stop();
    }

    /// Restarts a broker with its ports and data, unless it is running.
    pub fn start_again(&mut self, broker: usize) {
        self.brokers[broker].start_again();
    }

    /// Sends a signal to a broker, such as `STOP` or `CONT`.
    pub fn signal(&self, broker: usize, name: &str) {
        self.brokers[broker].signal(name);
    }

    /// Waits until every copy of every partition has all its messages, so that the next fault meets the only copy
    /// of none.
    ///
    /// # Panics
    /// If that takes longer than a minute.
    pub fn until_in_sync(&self) {
        let started = Instant::now();
        let is_in_sync =
            |partition: &MetadataPartition| partition.isr().len() == Self::BROKERS && partition.leader() >= 0;
        let are_all = |metadata: Metadata| {
            let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
            metadata.brokers().len() == Self::BROKERS && partitions.into_iter().all(is_in_sync)
        };
        while !self.metadata().is_some_and(are_all) {
            assert!(started.elapsed() < IN_SYNC, "the brokers are not in sync within {IN_SYNC:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The broker, from 0, that leads a partition.
    ///
    /// # Panics
    /// If it has no leader for a minute.
    #[must_use]
    pub fn leader(&self, topic: &str, partition: i32) -> usize {
        let started = Instant::now();
        loop {
            let metadata = self.metadata();
            let topics = metadata.iter().flat_map(Metadata::topics);
            let mut partitions = topics.filter(|of| of.name() == topic).flat_map(|of| of.partitions().iter());
            let leader = partitions.find(|of| of.id() == partition).map(MetadataPartition::leader);
            if let Some(leader @ 1..) = leader {
                return usize::try_from(leader - 1).expect("a broker's id");
            }
            assert!(started.elapsed() < IN_SYNC, "{topic}:{partition} has no leader");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The broker, from 0, that coordinates a group.
    #[must_use]
    pub fn coordinator(&self, group: &str) -> usize {
        // Java's `String.hashCode`, whose absolute value chooses among the partitions of the offsets.
        let hash =
            group.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
        let partition = (hash & i32::MAX) % OFFSETS_PARTITIONS;
        self.leader("__consumer_offsets", partition)
    }

    fn metadata(&self) -> Option<Metadata> {
        let client: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", self.bootstrap()).create().ok()?;
        client.client().fetch_metadata(None, Duration::from_secs(5)).ok()
    }
}
