//! Writers' schemas on a Kafka broker: where they are, and what other programs may have written there.

use std::time::Duration;

use events_runtime::transport::{ConnectOptions, ErrorKind, SchemaId, Topic, Transport, connect};
use events_server_tests::KafkaServer;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

const LONG: Duration = Duration::from_secs(60);
const TYPE: &str = "org.acme.orders.order.placed.v1";
const SCHEMAS: &str = "orders.schemas";

fn id(fingerprint: u64) -> SchemaId {
    SchemaId::new(TYPE, fingerprint)
}

fn key(fingerprint: u64) -> Vec<u8> {
    format!("{TYPE}:{fingerprint:016x}").into_bytes()
}

fn orders() -> Topic {
    Topic::new("orders").expect("a valid name")
}

fn open(server: &KafkaServer, settings: &str) -> Box<dyn Transport> {
    connect(&format!("{}{settings}", server.url()), &ConnectOptions::new()).expect("a valid URL")
}

fn creating(server: &KafkaServer) -> Box<dyn Transport> {
    open(server, "?create_topics=true")
}

fn admin(server: &KafkaServer) -> AdminClient<rdkafka::client::DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", server.bootstrap()).create().expect("a client")
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(LONG)).request_timeout(Some(LONG))
}

async fn create(server: &KafkaServer, partitions: i32) {
    let new = NewTopic::new(SCHEMAS, partitions, TopicReplication::Fixed(1));
    let new = new.set("cleanup.policy", "compact").set("max.message.bytes", "9000000");
    let created = admin(server).create_topics([&new], &options()).await.expect("the broker replies");
    for topic in created {
        topic.expect("it is created");
    }
    // The broker learns of it from the controller.
    let client: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", server.bootstrap()).create().expect("a client");
    let is_known = || {
        let metadata = client.client().fetch_metadata(Some(SCHEMAS), LONG).expect("the broker replies");
        let partitions = metadata.topics()[0].partitions();
        !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0)
    };
    while !is_known() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn read(transport: &dyn Transport, fingerprint: u64) -> Option<String> {
    transport.schema(&orders(), &id(fingerprint)).await.expect("the schema is read")
}

async fn list(transport: &dyn Transport) -> Vec<SchemaId> {
    transport.schemas(&orders()).await.expect("the schemas are listed")
}

async fn store(transport: &dyn Transport, fingerprint: u64, text: &str) {
    transport.store_schema(&orders(), &id(fingerprint), text).await.expect("the schema is stored");
}

/// Key and value of a record.
type Bytes<'b> = (Option<&'b [u8]>, Option<&'b [u8]>);

/// Writes as another program does.
fn write(server: &KafkaServer, records: &[Bytes<'_>]) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", server.bootstrap()).set("message.max.bytes", "9000000");
    let producer: BaseProducer = config.create().expect("a client");
    for (key, value) in records {
        let mut record = BaseRecord::<[u8], [u8]>::to(SCHEMAS);
        record.key = *key;
        record.payload = *value;
        producer.send(record).map_err(|(error, _)| error).expect("it is queued");
    }
    producer.flush(LONG).expect("they are stored");
}

#[tokio::test]
async fn schemas_are_in_a_compacted_topic_and_survive_a_restart() {
    let mut server = KafkaServer::start();
    let transport = creating(&server);
    assert_eq!(read(&*transport, 7).await, None);
    assert_eq!(list(&*transport).await, []);
    store(&*transport, 7, "text").await;
    store(&*transport, 9, "another").await;
    let settings = admin(&server).describe_configs([&ResourceSpecifier::Topic(SCHEMAS)], &options()).await;
    let settings = settings.expect("the broker replies").remove(0).expect("the settings are read");
    assert_eq!(settings.get("cleanup.policy").and_then(|entry| entry.value.as_deref()), Some("compact"));
    let topics = transport.topics().await.expect("the topics are listed");
    assert_eq!(topics, [], "it is no topic of users");
    server.stop();
    server.start_again();
    for transport in [transport, open(&server, "")] {
        assert_eq!(read(&*transport, 7).await.as_deref(), Some("text"));
        assert_eq!(list(&*transport).await, [id(7), id(9)]);
    }
}

#[tokio::test]
async fn a_missing_topic_of_schemas_is_not_created_by_surprise() {
    let server = KafkaServer::start();
    let transport = open(&server, "");
    let error = transport.store_schema(&orders(), &id(7), "text").await.expect_err("it may not be created");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    for part in ["`orders.schemas`", "cleanup.policy=compact", "create_topics=true"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(list(&*transport).await, []);
    create(&server, 1).await;
    store(&*transport, 7, "text").await;
    assert_eq!(read(&*transport, 7).await.as_deref(), Some("text"));
}

#[tokio::test]
async fn a_schema_is_written_once() {
    let server = KafkaServer::start();
    let (one, other) = (creating(&server), creating(&server));
    for _ in 0..3 {
        store(&*one, 7, "text").await;
        store(&*other, 7, "text").await;
    }
    let client: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", server.bootstrap()).create().expect("a client");
    let end = || client.client().fetch_watermarks(SCHEMAS, 0, LONG).expect("the broker replies").1;
    assert_eq!(end(), 1);
    store(&*other, 7, "another text").await;
    assert_eq!(end(), 2);
    assert_eq!(read(&*one, 7).await.as_deref(), Some("another text"));
}

#[tokio::test]
async fn what_other_programs_wrote_hides_no_schema() {
    let server = KafkaServer::start();
    create(&server, 1).await;
    let transport = open(&server, "");
    store(&*transport, 7, "text").await;
    store(&*transport, 8, "text").await;
    store(&*transport, 9, "text").await;
    let huge = vec![b'x'; SchemaId::TEXT_MAX + 1];
    let long = [vec![b'x'; SchemaId::EVENT_TYPE_MAX + 1], b":0000000000000007".to_vec()].concat();
    write(
        &server,
        &[
            (None, None),
            (None, Some(b"text")),
            (Some(b""), Some(b"text")),
            (Some(b"\xff\xfe:0000000000000007"), Some(b"text")),
            (Some(b"org.acme.orders.order.placed.v1:7"), Some(b"text")),
            (Some(&long), Some(b"text")),
            (Some(&huge), Some(b"text")),
            (Some(&key(8)), Some(&huge)),
            (Some(&key(9)), Some(b"\xff")),
            (Some(&key(10)), Some(b"of another program")),
            (Some(&key(11)), Some(b"to be removed")),
            (Some(&key(11)), None),
        ],
    );
    for transport in [transport, open(&server, "")] {
        assert_eq!(read(&*transport, 7).await.as_deref(), Some("text"));
        assert_eq!(read(&*transport, 8).await, None, "it is too long");
        assert_eq!(read(&*transport, 9).await, None, "it is not UTF-8");
        assert_eq!(read(&*transport, 10).await.as_deref(), Some("of another program"));
        assert_eq!(read(&*transport, 11).await, None, "it is removed");
        assert_eq!(list(&*transport).await, [7, 8, 9, 10].map(id));
    }
}

#[tokio::test]
async fn a_recreated_topic_of_schemas_is_read_again() {
    let server = KafkaServer::start();
    let transport = creating(&server);
    for fingerprint in 0..5 {
        store(&*transport, fingerprint, "old").await;
    }
    assert_eq!(list(&*transport).await.len(), 5);
    let deleted = admin(&server).delete_topics(&[SCHEMAS], &options()).await.expect("the broker replies");
    for topic in deleted {
        topic.expect("it is deleted");
    }
    create(&server, 1).await;
    write(&server, &[(Some(&key(4)), Some(b"new")), (Some(&key(7)), Some(b"new"))]);
    assert_eq!(read(&*transport, 4).await.as_deref(), Some("new"));
    assert_eq!(list(&*transport).await, [id(4), id(7)]);
}

#[tokio::test]
async fn a_topic_of_schemas_with_several_partitions_is_refused() {
    let server = KafkaServer::start();
    create(&server, 2).await;
    let transport = open(&server, "");
    let error = transport.store_schema(&orders(), &id(7), "text").await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("recreate it with 1"), "{error}");
}
