//! librdkafka's mock cluster, for faults that a real broker does not produce on demand.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
pub(crate) use rdkafka::types::RDKafkaApiKey as Api;
pub(crate) use rdkafka::types::RDKafkaRespErr as Code;
use rdkafka::{Message as _, Offset, TopicPartitionList};

/// A mock cluster, and a way to look into its topics.
pub(crate) struct Cluster(MockCluster<'static, DefaultProducerContext>);

impl Cluster {
    pub(crate) fn new(brokers: i32) -> Self {
        Self(MockCluster::new(brokers).expect("mock cluster"))
    }

    /// The URL, with these settings.
    pub(crate) fn url(&self, settings: &str) -> String {
        format!("kafka://{}?{settings}", self.0.bootstrap_servers())
    }

    pub(crate) fn create(&self, topic: &str, partitions: i32) {
        self.0.create_topic(topic, partitions, 1).expect("topic");
    }

    /// The next requests of this kind fail with these codes.
    pub(crate) fn fail(&self, api: Api, codes: &[Code]) {
        self.0.request_errors(api, codes);
    }

    /// No request of this kind fails any more.
    pub(crate) fn clear(&self, api: Api) {
        self.0.clear_request_errors(api);
    }

    /// Every request for the topic fails with this code.
    pub(crate) fn fail_topic(&self, topic: &str, code: Code) {
        self.0.topic_error(topic, code).expect("topic error");
    }

    pub(crate) fn down(&self, broker: i32) {
        self.0.broker_down(broker).expect("broker down");
    }

    pub(crate) fn up(&self, broker: i32) {
        self.0.broker_up(broker).expect("broker up");
    }

    pub(crate) fn slow(&self, broker: i32, round_trip: Duration) {
        self.0.broker_round_trip_time(broker, round_trip).expect("round trip time");
    }

    /// Key and data of each record, by partition, in order.
    pub(crate) fn stored(&self, topic: &str, partitions: i32) -> BTreeMap<i32, Vec<(String, String)>> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.0.bootstrap_servers())
            .set("group.id", "look")
            .set("enable.partition.eof", "true")
            .create()
            .expect("consumer");
        let mut all = TopicPartitionList::new();
        for partition in 0..partitions {
            all.add_partition_offset(topic, partition, Offset::Beginning).expect("offset");
        }
        consumer.assign(&all).expect("assignment");
        let (mut found, mut ended) = (BTreeMap::new(), 0);
        let deadline = Instant::now() + Duration::from_secs(20);
        while ended < partitions {
            assert!(Instant::now() < deadline, "the mock cluster does not end its partitions");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(record)) => {
                    let text = |bytes: Option<&[u8]>| {
                        String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
                    };
                    let record = (record.partition(), (text(record.key()), text(record.payload())));
                    found.entry(record.0).or_insert_with(Vec::new).push(record.1);
                }
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => ended += 1,
                _ => {}
            }
        }
        found
    }
}
