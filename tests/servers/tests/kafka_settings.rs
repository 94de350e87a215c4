//! The settings of the transport kafka, and what they do on a broker.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use events_runtime::transport::{
    ConnectOptions, ErrorKind, Message, Position, Topic, Transport, TransportError, connect,
};
use events_server_tests::KafkaServer;
use events_server_tests::kafka::USER;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

const LONG: Duration = Duration::from_secs(30);

fn client<T: rdkafka::config::FromClientConfig>(server: &KafkaServer) -> T {
    ClientConfig::new()
        .set("bootstrap.servers", server.bootstrap())
        .set("group.id", "look")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a client")
}

fn open(server: &KafkaServer, query: &str) -> Box<dyn Transport> {
    connect(&format!("{}{query}", server.url()), &ConnectOptions::new()).expect("the URL is understood")
}

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a name")
}

async fn send(
    transport: &dyn Transport,
    name: &str,
    batch: &[Message],
) -> Vec<Result<Position, TransportError>> {
    transport.producer().await.expect("a producer").send(&topic(name), batch).await
}

async fn send_one(
    transport: &dyn Transport,
    name: &str,
    message: Message,
) -> Result<Position, TransportError> {
    send(transport, name, &[message]).await.pop().expect("a result")
}

async fn create(server: &KafkaServer, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = client(server);
    let mut new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (name, value) in settings {
        new = new.set(name, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(LONG));
    assert_eq!(admin.create_topics([&new], &options).await.expect("an answer"), [Ok(name.to_owned())]);
}

/// A setting of a topic on the broker.
async fn setting(server: &KafkaServer, name: &str, setting: &str) -> String {
    let admin: AdminClient<DefaultClientContext> = client(server);
    let described = admin.describe_configs([&ResourceSpecifier::Topic(name)], &AdminOptions::new()).await;
    let resource = described.expect("an answer").pop().expect("a topic").expect("it exists");
    resource.get(setting).expect("a setting").value.clone().expect("a value")
}

/// The number of partitions; 0 if the topic does not exist.
fn partitions(server: &KafkaServer, name: &str) -> usize {
    let consumer: BaseConsumer = client(server);
    let all = consumer.client().fetch_metadata(None, LONG).expect("metadata");
    all.topics().iter().find(|topic| topic.name() == name).map_or(0, |topic| topic.partitions().len())
}

/// The data of the records of a partition.
fn records(server: &KafkaServer, name: &str, partition: i32) -> Vec<Vec<u8>> {
    let consumer: BaseConsumer = client(server);
    let mut all = TopicPartitionList::new();
    all.add_partition_offset(name, partition, Offset::Beginning).expect("an offset");
    consumer.assign(&all).expect("assigned");
    let mut found = Vec::new();
    loop {
        match consumer.poll(LONG).expect("an answer") {
            Ok(record) => found.push(record.payload().unwrap_or_default().to_vec()),
            Err(KafkaError::PartitionEOF(_)) => return found,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A producer of rdkafka, which reports the partition of each record.
struct Raw {
    producer: BaseProducer<Outcomes>,
    outcomes: mpsc::Receiver<Result<i32, KafkaError>>,
}

struct Outcomes(mpsc::Sender<Result<i32, KafkaError>>);

impl rdkafka::ClientContext for Outcomes {}

impl ProducerContext for Outcomes {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let outcome = result.as_ref().map(rdkafka::Message::partition).map_err(|(error, _)| error.clone());
        self.0.send(outcome).expect("the test waits");
    }
}

impl Raw {
    fn new(server: &KafkaServer) -> Self {
        let (sender, outcomes) = mpsc::channel();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", server.bootstrap());
        Self { producer: config.create_with_context(Outcomes(sender)).expect("a client"), outcomes }
    }

    fn send(
        &self,
        name: &str,
        key: &str,
        data: &[u8],
        header: Option<(&str, &str)>,
    ) -> Result<i32, KafkaError> {
        let mut record = BaseRecord::to(name).key(key).payload(data);
        if let Some((key, value)) = header {
            record = record.headers(OwnedHeaders::new().insert(Header { key, value: Some(value) }));
        }
        self.producer.send(record).map_err(|(error, _)| error).expect("queued");
        self.producer.flush(LONG).expect("flushed");
        self.outcomes.try_recv().expect("an outcome")
    }
}

#[tokio::test]
async fn a_missing_topic_is_an_error_that_says_how_to_create_it_and_is_not_created_by_surprise() {
    let server = KafkaServer::with(&[("auto.create.topics.enable", "true")]);
    let transport = open(&server, "");
    let error = send_one(&*transport, "orders", Message::new("x")).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    for part in ["kafka-topics.sh --create --topic orders", "`create_topics=true`"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(partitions(&server, "orders"), 0);
    // The topic is found once it exists, and the broker has heard of it.
    create(&server, "orders", 2, &[]).await;
    let started = Instant::now();
    while let Err(error) = send_one(&*transport, "orders", Message::new("x")).await {
        assert!(started.elapsed() < LONG, "{error}");
    }
}

#[tokio::test]
async fn topics_are_created_with_the_partitions_of_the_url() {
    let server = KafkaServer::start();
    let transport = open(&server, "?create_topics=true&partitions=5&replication=1");
    send_one(&*transport, "orders", Message::new("x")).await.expect("stored");
    assert_eq!(partitions(&server, "orders"), 5);
    // The default is the broker's.
    let transport = open(&server, "?create_topics=true");
    send_one(&*transport, "payments", Message::new("x")).await.expect("stored");
    assert_eq!(partitions(&server, "payments"), 3);
}

#[tokio::test]
async fn more_replicas_than_brokers_are_an_error_that_says_so() {
    let server = KafkaServer::start();
    // Brokers that are down may come back, so that it is tried for a while.
    let transport = open(&server, "?create_topics=true&replication=3&timeout=2s&retry_for=3s");
    let error = send_one(&*transport, "orders", Message::new("x")).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("more replicas than brokers are up"), "{error}");
}

#[tokio::test]
async fn programs_that_create_a_topic_at_the_same_time_share_it() {
    let server = KafkaServer::start();
    let transports: Vec<_> = (0..6).map(|_| open(&server, "?create_topics=true&partitions=4")).collect();
    let mut producers = Vec::new();
    for transport in &transports {
        producers.push(transport.producer().await.expect("a producer"));
    }
    let sends: Vec<_> =
        producers.iter().map(|producer| producer.send(&topic("orders"), &[Message::new("x")])).collect();
    for send in sends {
        send.await.pop().expect("a result").expect("stored");
    }
    assert_eq!(partitions(&server, "orders"), 4);
}

#[tokio::test]
async fn a_created_dead_letter_topic_keeps_its_messages() {
    let server = KafkaServer::start();
    let transport = open(&server, "?create_topics=true&retention_age=2d");
    for name in ["orders", "orders.billing.dlq"] {
        send_one(&*transport, name, Message::new("x")).await.expect("stored");
    }
    assert_eq!(setting(&server, "orders", "retention.ms").await, "172800000");
    assert_eq!(setting(&server, "orders.billing.dlq", "retention.ms").await, "-1");
    let transport = open(&server, "?create_topics=true&dead_letter_age=1h");
    for name in ["payments", "payments.billing.dlq"] {
        send_one(&*transport, name, Message::new("x")).await.expect("stored");
    }
    assert_eq!(setting(&server, "payments", "retention.ms").await, "604800000");
    assert_eq!(setting(&server, "payments.billing.dlq", "retention.ms").await, "3600000");
}

#[tokio::test]
async fn a_message_is_refused_before_sending_exactly_where_the_broker_refuses_it() {
    let server = KafkaServer::start();
    create(&server, "small", 1, &[("max.message.bytes", "2000")]).await;
    let transport = open(&server, "");
    // A batch with this message alone has 1,999 bytes with 1,900 of data.
    let message = |bytes: usize| Message::new(vec![b'x'; bytes]).with_key("key").with_header("name", "value");
    let mut limit = 0;
    for bytes in 1_850..2_000 {
        match send_one(&*transport, "small", message(bytes)).await {
            Ok(_) => limit = bytes,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
                assert!(error.to_string().contains("2001 bytes and the topic accepts 2000"), "{error}");
                break;
            }
        }
    }
    // What is refused without asking the broker, the broker refuses.
    let raw = Raw::new(&server);
    for (bytes, accepted) in [(limit, true), (limit + 1, false)] {
        let sent = raw.send("small", "key", &message(bytes).data, Some(("name", "value")));
        assert_eq!(sent.is_ok(), accepted, "{bytes}: {sent:?}");
    }
}

#[tokio::test]
async fn small_messages_pass_a_topic_whose_limit_is_below_a_batch() {
    let server = KafkaServer::start();
    create(&server, "small", 1, &[("max.message.bytes", "3000")]).await;
    let transport = open(&server, "");
    let batch: Vec<_> =
        (0..300).map(|number| Message::new(format!("{number:0>900}")).with_key("key")).collect();
    let results = send(&*transport, "small", &batch).await;
    assert!(results.iter().all(Result::is_ok), "{:?}", results.iter().find(|result| result.is_err()));
    let expected: Vec<_> = batch.iter().map(|message| message.data.to_vec()).collect();
    assert!(records(&server, "small", 0) == expected, "the order differs");
}

#[tokio::test]
async fn a_topic_that_accepts_large_messages_gets_them() {
    let server = KafkaServer::start();
    create(&server, "large", 1, &[("max.message.bytes", "12000000")]).await;
    let transport = open(&server, "");
    let data: Vec<u8> = (0..10_000_000_u32).map(|at| (at % 251) as u8).collect();
    send_one(&*transport, "large", Message::new(data.clone())).await.expect("stored");
    assert!(records(&server, "large", 0) == [data], "the data differ");
    let error = send_one(&*transport, "large", Message::new(vec![0; 12_000_000])).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
}

#[tokio::test]
async fn a_key_is_in_the_partition_in_which_librdkafka_puts_it() {
    let server = KafkaServer::start();
    create(&server, "orders", 7, &[]).await;
    let transport = open(&server, "");
    let raw = Raw::new(&server);
    for number in 0..40 {
        let key = format!("customer-{number}");
        let theirs = raw.send("orders", &key, b"theirs", None).expect("stored");
        let ours = send_one(&*transport, "orders", Message::new("ours").with_key(key)).await.expect("stored");
        assert_eq!(ours.partition(), u32::try_from(theirs).ok());
    }
}

#[tokio::test]
async fn settings_of_librdkafka_reach_it() {
    let server = KafkaServer::start();
    create(&server, "orders", 1, &[]).await;
    let transport = open(&server, "?linger.ms=300");
    let started = Instant::now();
    send_one(&*transport, "orders", Message::new("x")).await.expect("stored");
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
    for codec in ["gzip", "snappy", "lz4"] {
        let transport = open(&server, &format!("?compression.type={codec}"));
        send_one(&*transport, "orders", Message::new("x".repeat(10_000))).await.expect("stored");
    }
    assert_eq!(records(&server, "orders", 0).len(), 4);
    // A value that librdkafka rejects.
    let transport = open(&server, "?linger.ms=soon");
    let error = transport.producer().await.err().expect("refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("`queue.buffering.max.ms`"), "{error}");
}

#[tokio::test]
async fn a_user_without_rights_gets_an_error_that_names_them() {
    let server = KafkaServer::secured_with(&[
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", "User:ANONYMOUS"),
    ]);
    create(&server, "orders", 1, &[]).await;
    let (user, password) = USER;
    let url = format!(
        "kafka://{user}:{password}@127.0.0.1:{}?sasl.mechanism=PLAIN&create_topics=true",
        server.sasl_port()
    );
    let transport = connect(&url, &ConnectOptions::new()).expect("the URL is understood");
    for name in ["orders", "missing"] {
        let error = send_one(&*transport, name, Message::new("x")).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
        assert!(error.to_string().contains("`Write` to producers"), "{error}");
    }
    assert_eq!(partitions(&server, "missing"), 0);
}
