//! Messages of the transport `kafka:` with a schema registry: the bytes in Kafka, and what a consumer makes of them.

use std::time::Duration;

use apache_avro::types::Value;
use events_runtime::transport::{
    Delivery, ErrorKind, KeySchema, KeyType, Message, SchemaId, StartPosition, SubjectVerdict, Transport,
};
use events_schema_registry::{RegistryConfig, SchemaRegistry};
use events_server_tests::orders::{billing, orders, transport};
use events_server_tests::{KafkaServer, RegistryServer, free_port};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use schema_registry_converter::async_impl::avro::{AvroDecoder, AvroEncoder};
use schema_registry_converter::async_impl::schema_registry::SrSettings;
use schema_registry_converter::schema_registry_common::SubjectNameStrategy;

const LONG: Duration = Duration::from_secs(60);
const TYPE: &str = "org.acme.orders.order.placed.v1";
const SCHEMA: &str = r#"{"type":"record","name":"CloudEvent","namespace":"org.acme.orders.order.placed.v1","fields":[{"name":"course_key","type":"string"}]}"#;
const NEXT: &str = r#"{"type":"record","name":"CloudEvent","namespace":"org.acme.orders.order.placed.v1","fields":[{"name":"course_key","type":"string"},{"name":"n","type":["null","long"],"default":null}]}"#;
const COURSE: &str = "course-v1:OpenX+CS101+2024";

fn fingerprint(text: &str) -> u64 {
    events_runtime::avro::WriterSchema::parse(text).expect("a schema").fingerprint()
}

fn id(text: &str) -> SchemaId {
    SchemaId::new(TYPE, fingerprint(text))
}

struct Servers {
    kafka: KafkaServer,
    registry: RegistryServer,
}

impl Servers {
    fn start() -> Self {
        Self { kafka: KafkaServer::start(), registry: RegistryServer::start() }
    }

    fn url(&self, settings: &str) -> String {
        let registry = format!("registry={}&registry_timeout=30s&registry_retry_for=2s", self.registry.url());
        format!("{}?create_topics=true&partitions=1&{registry}{settings}", self.kafka.url())
    }

    fn transport(&self, settings: &str) -> Box<dyn Transport> {
        transport(&self.url(settings))
    }

    fn client(&self) -> SchemaRegistry {
        let config = RegistryConfig::new(&self.registry.url()).expect("a URL");
        SchemaRegistry::new(config.timeout(Duration::from_secs(30))).expect("a client")
    }

    /// Key, value and headers of the first record.
    fn first_record(&self) -> (Vec<u8>, Vec<u8>, Vec<(String, String)>) {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.kafka.bootstrap())
            .set("group.id", "raw")
            .set("auto.offset.reset", "earliest")
            .create()
            .expect("a consumer");
        consumer.subscribe(&["orders"]).expect("subscribed");
        let record = loop {
            if let Some(record) = consumer.poll(LONG) {
                break record.expect("a record").detach();
            }
        };
        let headers = record.headers().expect("headers").iter();
        let headers = headers.map(|header| {
            let value = String::from_utf8(header.value.unwrap_or_default().to_vec()).expect("text");
            (header.key.to_owned(), value)
        });
        let headers = headers.collect();
        (record.key().expect("a key").to_vec(), record.payload().expect("a value").to_vec(), headers)
    }

    /// Stores a record as another program does.
    fn produce(&self, key: &[u8], value: &[u8]) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", self.kafka.bootstrap())
            .create()
            .expect("a producer");
        let headers = OwnedHeaders::new().insert(Header { key: "ce_type", value: Some(TYPE) });
        let record = BaseRecord::to("orders").key(key).payload(value).headers(headers);
        producer.send(record).map_err(|(error, _)| error).expect("accepted");
        producer.flush(LONG).expect("stored");
    }
}

fn framed(id: u8, datum: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0, id], datum].concat()
}

fn event(text: &str, data: &[u8]) -> Message {
    Message::new(data.to_vec())
        .with_key(COURSE)
        .with_header("ce_type", TYPE)
        .with_header("ce_schemafp", id(text).fingerprint_text())
}

/// Stores the schemas of keys and values, in the order of the bus.
async fn store(transport: &dyn Transport, text: &str) -> Result<(), ErrorKind> {
    let key = KeySchema::new("course_key", KeyType::String);
    transport.store_key_schema(&orders(), &id(text), &key).await.map_err(|error| error.kind())?;
    transport.store_schema(&orders(), &id(text), text).await.map_err(|error| error.kind())
}

async fn send(transport: &dyn Transport, message: Message) -> Result<(), ErrorKind> {
    let producer = transport.producer().await.expect("a producer");
    let sent = producer.send(&orders(), &[message]).await.remove(0);
    sent.map(drop).map_err(|error| error.kind())
}

async fn receive(transport: &dyn Transport) -> Delivery {
    let mut consumer =
        transport.consumer(billing().start(StartPosition::Earliest)).await.expect("a consumer");
    consumer.receive(1, LONG).await.expect("it is received").remove(0)
}

fn header(message: &Message, name: &str) -> Option<String> {
    message.headers.get(name).map(|value| String::from_utf8(value.to_vec()).expect("text"))
}

#[tokio::test]
async fn keys_and_values_have_the_bytes_of_open_edx() {
    let servers = Servers::start();
    let bus = servers.transport("");
    assert_eq!(
        send(&*bus, event(SCHEMA, b"datum")).await,
        Err(ErrorKind::Unavailable),
        "no schema is stored"
    );
    store(&*bus, SCHEMA).await.expect("registered");
    send(&*bus, event(SCHEMA, b"datum")).await.expect("sent");
    let (key, value, headers) = servers.first_record();
    assert_eq!(
        key,
        framed(1, &[&[0x34], COURSE.as_bytes()].concat()),
        "the key's schema is registered first"
    );
    assert_eq!(value, framed(2, b"datum"));
    assert_eq!(headers.last(), Some(&("ce_schemaid".to_owned(), "2".to_owned())));
    let mut subjects = servers.client().subjects().await.expect("read");
    subjects.sort();
    assert_eq!(subjects, [format!("orders-{TYPE}.CloudEvent"), "orders-string".to_owned()]);
    let key = servers.client().schema(1).await.expect("read");
    assert_eq!(&*key.text, r#"{"name": "course_key", "type": "string"}"#);
    let delivery = receive(&*servers.transport("")).await;
    assert_eq!(delivery.message(), &event(SCHEMA, b"datum"));
}

/// `schema_registry_converter` is another client of registries, with apache-avro as its codec.
#[tokio::test]
async fn another_client_reads_our_frames_and_makes_the_same() {
    let servers = Servers::start();
    let bus = servers.transport("");
    store(&*bus, SCHEMA).await.expect("registered");
    send(&*bus, event(SCHEMA, b"\x04c1")).await.expect("sent");
    let (key, value, _) = servers.first_record();
    let settings = SrSettings::new(servers.registry.url());
    let reader = AvroDecoder::new(settings.clone());
    let decoded = reader.decode(Some(&value)).await.expect("a value");
    let field = ("course_key".to_owned(), Value::String("c1".to_owned()));
    assert_eq!(decoded.value, Value::Record(vec![field]));
    assert_eq!(reader.decode(Some(&key)).await.expect("a key").value, Value::String(COURSE.to_owned()));
    let subject =
        SubjectNameStrategy::TopicRecordNameStrategy("orders".to_owned(), format!("{TYPE}.CloudEvent"));
    let writer = AvroEncoder::new(settings);
    let encoded = writer.encode(vec![("course_key", Value::String("c1".to_owned()))], subject).await;
    assert_eq!(encoded.expect("a value"), value);
}

#[tokio::test]
async fn a_record_of_another_program_is_read_by_its_id() {
    let servers = Servers::start();
    let registered = servers.client();
    registered.register("orders-string", r#""string""#).await.expect("registered");
    registered.register("any", SCHEMA).await.expect("registered");
    let bus = servers.transport("");
    let other = servers.transport("");
    store(&*other, NEXT).await.expect("registered");
    send(&*other, event(NEXT, b"x")).await.expect("the topic is there");
    servers.produce(&framed(1, b"\x04c1"), &framed(2, b"datum"));
    let mut consumer = bus.consumer(billing()).await.expect("a consumer");
    consumer.receive(1, LONG).await.expect("received").remove(0).ack().await.expect("stored");
    let delivery = consumer.receive(1, LONG).await.expect("received").remove(0);
    assert_eq!(
        (delivery.message().key.as_deref(), &*delivery.message().data),
        (Some(&b"c1"[..]), &b"datum"[..])
    );
    let stand_in = header(delivery.message(), "ce_schemafp").expect("a stand-in");
    assert_eq!(stand_in, "1d1d1d1d00000002");
    let asked = SchemaId::from_text(TYPE, &stand_in).expect("a fingerprint");
    assert_eq!(bus.schema(&orders(), &asked).await.expect("read").as_deref(), Some(SCHEMA));
    delivery.postpone(Duration::ZERO).await.expect("stored");
    let again = consumer.receive(1, LONG).await.expect("received").remove(0);
    assert_eq!(header(again.message(), "ce_schemafp"), Some(id(SCHEMA).fingerprint_text()));
    again.ack().await.expect("stored");
    // A version that no message of this transport had is found under the subject.
    assert_eq!(
        servers.transport("").schema(&orders(), &id(NEXT)).await.expect("read").as_deref(),
        Some(NEXT)
    );
    let unknown = SchemaId::new(TYPE, SchemaId::stand_in(99, false));
    assert_eq!(bus.schema(&orders(), &unknown).await.expect("an answer"), None);
}

#[tokio::test]
async fn known_ids_go_on_while_the_registry_is_down() {
    let mut servers = Servers::start();
    let bus = servers.transport("");
    store(&*bus, SCHEMA).await.expect("registered");
    servers.registry.kill();
    store(&*bus, SCHEMA).await.expect("known");
    send(&*bus, event(SCHEMA, b"datum")).await.expect("sent");
    assert_eq!(receive(&*bus).await.message(), &event(SCHEMA, b"datum"));
    assert_eq!(store(&*bus, NEXT).await, Err(ErrorKind::Unavailable));
    let unseen = SchemaId::new(TYPE, SchemaId::stand_in(9, false));
    assert_eq!(bus.schema(&orders(), &unseen).await.expect_err("down").kind(), ErrorKind::Unavailable);
    let started = tokio::task::spawn_blocking(move || {
        servers.registry.start_again();
        servers
    });
    let _servers = started.await.expect("it starts");
    store(&*bus, NEXT).await.expect("registered");
    assert_eq!(bus.schema(&orders(), &unseen).await.expect("an answer"), None);
}

#[tokio::test]
async fn a_registry_that_cannot_be_reached_fails_a_start_or_is_waited_for() {
    let kafka = KafkaServer::start();
    let url = format!("{}?registry=http://127.0.0.1:{}&registry_retry_for=0s", kafka.url(), free_port());
    let error = transport(&url).producer().await.err().expect("the registry is required");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("registry"), "{error}");
    transport(&format!("{url}&registry_required=false")).producer().await.expect("it goes on");
}

#[tokio::test]
async fn a_program_that_only_looks_up_says_what_to_register() {
    let servers = Servers::start();
    let bus = servers.transport("&registry_register=false");
    let error = bus.store_schema(&orders(), &id(SCHEMA), SCHEMA).await.expect_err("it is not registered");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("events schema push"), "{error}");
    // Another program writes the same schema in another way; this registry compares texts.
    let text = SCHEMA.replace(':', ": ");
    let subject = format!("orders-{TYPE}.CloudEvent");
    servers.client().register(&subject, &text).await.expect("registered");
    bus.store_schema(&orders(), &id(SCHEMA), SCHEMA).await.expect("found by its fingerprint");
}

#[tokio::test]
async fn a_refused_schema_is_of_its_own_events() {
    const HYPHEN: &str = "org.openedx.enterprise.subsidy.redemption-reversed.v1";
    let servers = Servers::start();
    let text = SCHEMA.replace(TYPE, HYPHEN);
    let hyphen = SchemaId::new(HYPHEN, 7);
    let bus = servers.transport("");
    let error = bus.store_schema(&orders(), &hyphen, &text).await.expect_err("a hyphen is no part of a name");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("registry_bare"), "{error}");
    let bare = servers.transport(&format!("&registry_bare={HYPHEN}"));
    bare.store_schema(&orders(), &hyphen, &text).await.expect("stored beside the topic");
    let message = Message::new("datum")
        .with_header("ce_type", HYPHEN)
        .with_header("ce_schemafp", hyphen.fingerprint_text());
    send(&*bare, message.clone()).await.expect("sent");
    assert_eq!(receive(&*servers.transport("")).await.message(), &message);
    let breaking = SCHEMA.replace("]}", r#",{"name":"n","type":"long"}]}"#);
    store(&*bus, SCHEMA).await.expect("registered");
    assert_eq!(store(&*bus, &breaking).await, Err(ErrorKind::Refused));
}

#[tokio::test]
async fn the_command_line_gets_the_registry_from_the_transport() {
    let servers = Servers::start();
    let bus = servers.transport("");
    let subjects = bus.subjects().expect("a registry");
    let subject = subjects.subject(&orders(), TYPE, SCHEMA).expect("a record");
    assert_eq!(subjects.versions(&subject).await.expect("read"), []);
    assert_eq!(subjects.check(&subject, NEXT).await.expect("an answer"), SubjectVerdict::Accepted);
    subjects.set_level(&subject, "FULL_TRANSITIVE").await.expect("set");
    assert_eq!(subjects.level(&subject).await.expect("read").as_deref(), Some("FULL_TRANSITIVE"));
    subjects.register(&subject, SCHEMA).await.expect("registered");
    subjects.register(&subject, NEXT).await.expect("registered");
    let versions = subjects.versions(&subject).await.expect("read");
    let texts: Vec<_> = versions.iter().map(|version| version.text.as_str()).collect();
    assert_eq!(texts, [SCHEMA, NEXT]);
    assert_eq!(subjects.of_type(&orders(), TYPE).await.expect("read"), [subject]);
    let mut expected = [id(SCHEMA), id(NEXT)];
    expected.sort();
    assert_eq!(bus.schemas(&orders()).await.expect("listed"), expected);
    assert!(transport(&servers.kafka.url()).subjects().is_none());
}
