//! Malformed records of other programs, through the whole bus: none stops the consumer, each has the expected
//! outcome, and each is counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use events_runtime::bus::{Consumed, DeadLetters};
use events_runtime::transport::{ConnectOptions, ConsumerGroup, Topic, connect};
use events_runtime::{Config, Event, EventBus, Hub, PublicSignal as _, Signal};
use events_server_tests::kafka::create_topic;
use events_server_tests::{KafkaServer, RegistryServer};
use events_tests::openedx::SessionLoginCompleted;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tokio::sync::{mpsc, oneshot};

/// An event as encoded by Open edX's library.
const DATUM: &[u8] = b"\xf6\x01\x01\x0cfoobob\x1ebob@foo.example\x0eBob Foo";
const TYPE: &str = "org.openedx.learning.auth.session.login.completed.v1";
const KEY_SCHEMA: &str = r#"{"name": "username", "type": "string"}"#;
/// No registry of a test has so many schemas.
const UNKNOWN: u32 = 9_999;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The outcome of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// Its receiver succeeded.
    Taken,
    /// Its event type is unknown to this process.
    Skipped,
    /// It became a dead letter of this kind.
    Letter(&'static str),
}

use End::{Letter, Skipped, Taken};

const ENVELOPE: End = Letter("envelope");
const DECODE: End = Letter("decode");
const UNKNOWN_SCHEMA: End = Letter("unknown-schema");

/// A record, and what becomes of it.
#[derive(Debug, Clone)]
struct Case {
    name: &'static str,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    end: End,
}

/// The ids of the schemas in the registry.
#[derive(Debug, Clone, Copy)]
struct Ids {
    key: u32,
    value: u32,
}

fn frame(id: u32, datum: &[u8]) -> Vec<u8> {
    [&[0], &id.to_be_bytes()[..], datum].concat()
}

/// A record as Open edX's producer writes it.
fn good(ids: Ids) -> Case {
    let headers = [
        ("ce_specversion", "1.0"),
        ("content-type", "application/avro"),
        ("ce_datacontenttype", "application/avro"),
        ("ce_type", TYPE),
        ("ce_id", "6c2b4c3e-8a0d-11ed-a1eb-0242ac120002"),
        ("ce_source", "openedx/lms/web"),
        ("ce_time", "2023-01-02T03:04:05.678901+00:00"),
        ("ce_minorversion", "0"),
        ("sourcehost", "edx.devstack.lms"),
        ("sourcelib", "10.5.0"),
    ];
    Case {
        name: "nothing wrong",
        key: Some(frame(ids.key, b"\x0cfoobob")),
        value: Some(frame(ids.value, DATUM)),
        headers: headers.map(|(name, value)| (name.to_owned(), Some(value.into()))).into(),
        end: Taken,
    }
}

impl Case {
    fn called(self, name: &'static str, end: End) -> Self {
        Self { name, end, ..self }
    }

    fn without(mut self, header: &str) -> Self {
        self.headers.retain(|(name, _)| name != header);
        self
    }

    fn and(mut self, header: &str, value: &[u8]) -> Self {
        self.headers.push((header.to_owned(), Some(value.to_vec())));
        self
    }

    fn with(mut self, header: &str, value: &[u8]) -> Self {
        for (name, old) in &mut self.headers {
            if name == header {
                *old = Some(value.to_vec());
            }
        }
        self
    }

    fn key(self, key: &[u8]) -> Self {
        Self { key: Some(key.to_vec()), ..self }
    }

    fn value(self, value: &[u8]) -> Self {
        Self { value: Some(value.to_vec()), ..self }
    }
}

fn headers(good: &Case) -> Vec<Case> {
    let with = |name, header, value: &[u8], end| good.clone().with(header, value).called(name, end);
    let and = |name, header, value: &[u8], end| good.clone().and(header, value).called(name, end);
    let without = |name, header, end| good.clone().without(header).called(name, end);
    let mut null_id = good.clone();
    null_id.headers[4].1 = None;
    let mut null = good.clone();
    null.headers.push(("colour".to_owned(), None));
    let many = (0..10_000).fold(good.clone(), |record, number| record.and(&format!("h{number}"), b"x"));
    vec![
        good.clone(),
        Case { headers: Vec::new(), ..good.clone() }.called("no headers", ENVELOPE),
        many.called("10,000 headers", Taken),
        without("no type", "ce_type", ENVELOPE),
        with("an empty type", "ce_type", b"", ENVELOPE),
        with("a type that is no text", "ce_type", b"\xff\xfe", ENVELOPE),
        with("an unknown type", "ce_type", b"org.openedx.nobody.knows.it.v1", Skipped),
        and("a type twice", "ce_type", TYPE.as_bytes(), ENVELOPE),
        without("no id", "ce_id", ENVELOPE),
        with("an empty id", "ce_id", b"", ENVELOPE),
        null_id.called("an id that is null", ENVELOPE),
        with("a wrong id", "ce_id", b"seven", ENVELOPE),
        with("an id that is no text", "ce_id", b"\xff", ENVELOPE),
        and("an id twice", "ce_id", b"6c2b4c3e-8a0d-11ed-a1eb-0242ac120003", ENVELOPE),
        without("no source", "ce_source", ENVELOPE),
        with("a source that is no text", "ce_source", b"\xc3\x28", ENVELOPE),
        and("a source twice", "ce_source", b"openedx/cms/web", ENVELOPE),
        without("no time", "ce_time", ENVELOPE),
        with("a wrong time", "ce_time", b"yesterday", ENVELOPE),
        with("a time without a zone", "ce_time", b"2023-01-02T03:04:05.678901", ENVELOPE),
        with("a time that ends in Z", "ce_time", b"2023-01-02T03:04:05Z", Taken),
        without("no minorversion", "ce_minorversion", Taken),
        with("a wrong minorversion", "ce_minorversion", b"first", ENVELOPE),
        with("a minorversion below zero", "ce_minorversion", b"-1", ENVELOPE),
        and("a minorversion twice", "ce_minorversion", b"0", ENVELOPE),
        without("no sourcehost", "sourcehost", Taken),
        with("a sourcehost that is no text", "sourcehost", b"\xff", ENVELOPE),
        without("no sourcelib", "sourcelib", Taken),
        with("a sourcelib that is no version", "sourcelib", b"10.5.0rc1", ENVELOPE),
        without("no specversion", "ce_specversion", Taken),
        with("another specversion", "ce_specversion", b"0.3", ENVELOPE),
        without("no content type", "content-type", Taken),
        with("another content type", "content-type", b"application/json", ENVELOPE),
        and("a schema that is no fingerprint", "ce_schemafp", b"12", ENVELOPE),
        and("a fingerprint that nobody knows", "ce_schemafp", b"00000000000000ff", UNKNOWN_SCHEMA),
        and("an extension twice", "ce_tenant", b"acme", ENVELOPE).and("ce_tenant", b"other"),
        // A malformed trace context must not lose an event.
        and("a trace context twice", "ce_traceparent", b"00-1", Taken).and("ce_traceparent", b"00-2"),
        and("a trace context that is no text", "ce_tracestate", b"\xff", Taken),
        and("a header that means nothing", "colour", b"\xff", Taken),
        and("a header without a name", "", b"x", Taken),
        null.called("a header that is null", Taken),
    ]
}

fn values(good: &Case, ids: Ids) -> Vec<Case> {
    let value = |name, value: &[u8], end| good.clone().value(value).called(name, end);
    let framed = |name, datum: &[u8], end| value(name, &frame(ids.value, datum), end);
    vec![
        Case { value: None, ..good.clone() }.called("a null value", ENVELOPE),
        value("an empty value", b"", ENVELOPE),
        value("a frame of one byte", b"\0", ENVELOPE),
        value("a frame of four bytes", &frame(ids.value, b"")[..4], ENVELOPE),
        value("a frame without a datum", &frame(ids.value, b""), DECODE),
        value("a bare datum", DATUM, ENVELOPE),
        value("a bare datum that looks like a frame", &[b"\0", &DATUM[2..]].concat(), UNKNOWN_SCHEMA),
        value("the frame of an unknown GUID", &[b"\x01", &[7; 16][..], DATUM].concat(), UNKNOWN_SCHEMA),
        value("another magic byte", &[b"\x05", &frame(ids.value, DATUM)[1..]].concat(), ENVELOPE),
        value("text", b"{\"user\": 7}", ENVELOPE),
        value("an unknown id", &frame(UNKNOWN, DATUM), UNKNOWN_SCHEMA),
        value("the id 0", &frame(0, DATUM), UNKNOWN_SCHEMA),
        value("the largest id", &frame(u32::MAX, DATUM), UNKNOWN_SCHEMA),
        value("the id of the key's schema", &frame(ids.key, b"\x0cfoobob"), UNKNOWN_SCHEMA),
        value("a frame in a header", DATUM, Taken).and("__value_schema_id", &frame(ids.value, b"")),
        value("a truncated frame in a header", DATUM, ENVELOPE).and("__value_schema_id", b"\0\0"),
        framed("a truncated datum", &DATUM[..20], DECODE),
        framed("a datum with bytes behind it", &[DATUM, b"!"].concat(), DECODE),
        framed(
            "a datum with a length beyond all memory",
            b"\xf6\x01\x01\xfe\xff\xff\xff\xff\xff\xff\xff\x7f",
            DECODE,
        ),
        framed("a datum with text that is no UTF-8", b"\xf6\x01\x01\x04\xff\xff\x02b\x02c", DECODE),
        framed("900,000 bytes of nothing", &[0xff; 900_000], DECODE),
    ]
}

/// Open edX's consumers do not read keys. A key that can't be read only loses its order by key.
fn keys(good: &Case, ids: Ids) -> Vec<Case> {
    let key = |name, key: &[u8]| good.clone().key(key).called(name, Taken);
    vec![
        Case { key: None, ..good.clone() }.called("a null key", Taken),
        key("an empty key", b""),
        key("a bare key", b"foobob"),
        key("a key with another magic byte", b"\x01\0\0\0\x01\x0cfoobob"),
        key("a key with an unknown id", &frame(UNKNOWN, b"\x0cfoobob")),
        key("a key with the id of the value's schema", &frame(ids.value, DATUM)),
        key("a truncated key", &frame(ids.key, b"\x0cfoo")),
        key("a key with bytes behind it", &frame(ids.key, b"\x0cfoobob!")),
        key("a key that is no UTF-8", &frame(ids.key, b"\x04\xff\xfe")),
        key("a key of 10,000 bytes", &[0; 10_000]),
        key("a key whose frame is in a header", b"\x0cfoobob").and("__key_schema_id", &frame(ids.key, b"")),
    ]
}

/// Stores the records in one partition, in order.
fn store(server: &KafkaServer, cases: &[Case]) {
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", server.bootstrap()).set("enable.idempotence", "true");
    let producer: BaseProducer = settings.create().expect("a producer");
    for case in cases {
        let headers = case.headers.iter().fold(OwnedHeaders::new(), |headers, (name, value)| {
            headers.insert(Header { key: name, value: value.as_ref() })
        });
        let mut record = BaseRecord::to("orders").partition(0).headers(headers);
        record.key = case.key.as_ref();
        record.payload = case.value.as_ref();
        producer.send(record).unwrap_or_else(|(error, _)| panic!("{}: {error}", case.name));
    }
    producer.flush(Duration::from_secs(30)).expect("they are stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_record_stops_the_consumer_and_each_has_the_expected_outcome() {
    let (server, registry) = (KafkaServer::start(), RegistryServer::start());
    let ids = Ids {
        key: registry.register("orders-string", KEY_SCHEMA),
        value: registry.register(&format!("orders-{TYPE}.CloudEvent"), SessionLoginCompleted::SCHEMA_JSON),
    };
    let good = good(ids);
    let cases = [headers(&good), values(&good, ids), keys(&good, ids)].concat();
    let url = format!("{}?create_topics=true&registry={}", server.url(), registry.url());
    judge(&server, &url, &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_registry_a_value_is_a_bare_datum_and_a_frame_is_a_dead_letter() {
    let server = KafkaServer::start();
    let good = good(Ids { key: 1, value: 2 });
    let bare = good.clone().key(b"foobob").value(DATUM);
    let cases = [
        headers(&bare),
        vec![
            good.clone().called("a frame", DECODE),
            bare.clone().key(b"\xff").called("a key that is no UTF-8", Taken),
            Case { key: None, ..bare.clone() }.called("a null key", Taken),
            Case { value: None, ..bare.clone() }.called("a null value", DECODE),
            bare.clone().value(&DATUM[..20]).called("a truncated datum", DECODE),
        ],
    ]
    .concat();
    judge(&server, &format!("{}?create_topics=true", server.url()), &cases).await;
}

/// Stores the records, consumes them, and asserts what became of each.
async fn judge(server: &KafkaServer, url: &str, cases: &[Case]) {
    create_topic(server, "orders", 1).await;
    store(server, cases);
    let (taken, consumed) = consume(url).await;

    let transport = connect(url, &ConnectOptions::new()).expect("a URL");
    let (orders, billing) =
        (Topic::new("orders").expect("a name"), ConsumerGroup::new("billing").expect("a name"));
    let letters =
        DeadLetters::of(&*transport, orders, billing).expect("a name").list().await.expect("the letters");
    let mut ends: BTreeMap<String, End> = BTreeMap::new();
    for letter in &letters.dead_letters {
        let header = |name| {
            let value = letter.message().headers.get(name).expect("the letter tells its end");
            String::from_utf8(value.to_vec()).expect("text")
        };
        let kinds = ["envelope", "decode", "unknown-schema"];
        let kind = kinds.into_iter().find(|kind| header("dlq_kind") == *kind).expect("a known kind");
        let position = header("dlq_position");
        println!("{position}: {kind}: {}", letter.reason().unwrap_or_default());
        assert!(ends.insert(position.clone(), Letter(kind)).is_none(), "{position} is two letters");
    }
    let count = |end: fn(&End) -> bool| cases.iter().filter(|case| end(&case.end)).count() as u64;
    let wrong: Vec<_> = (0..)
        .zip(cases)
        .filter_map(|(offset, case): (u64, _)| {
            let wanted = matches!(case.end, Letter(_)).then_some(case.end);
            let found = ends.get(&format!("0:{offset}")).copied();
            (found != wanted).then(|| format!("{offset} {}: {found:?}, expected {wanted:?}", case.name))
        })
        .collect();
    println!("{} records: {taken} taken, {consumed:?}", cases.len());
    assert_eq!(wrong, Vec::<String>::new());
    let wanted = count(|end| *end == Taken);
    assert_eq!(taken, wanted);
    assert_eq!(consumed.acked, wanted);
    assert_eq!(consumed.skipped, count(|end| *end == Skipped));
    assert_eq!(consumed.dead_lettered, count(|end| matches!(end, Letter(_))));
    assert_eq!(consumed.retried, 0);
}

/// Consumes until the group has settled all records; returns the number of received events, and the metrics.
async fn consume(url: &str) -> (u64, Consumed) {
    let config = Config::from_toml(&format!(
        "[service]\nname = 'billing'\n[bus]\nurl = '{url}'\n[bus.consumer]\nunknown_schema = {{ wait = '0s' }}",
    ));
    let bus = EventBus::builder()
        .config(config.expect("a configuration"))
        .hub(Hub::new())
        .start()
        .await
        .expect("a bus");
    let (tell, mut told) = mpsc::unbounded_channel();
    bus.hub().scope(|| {
        Signal::<SessionLoginCompleted>::new().connect(
            "receiver",
            move |event: &Event<SessionLoginCompleted>| {
                let _ = tell.send(event.user.id);
            },
        )
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let consumer = bus.consume("orders").group("billing");
    let running = tokio::spawn(async move { consumer.run_until(async { drop(stopped.await) }).await });
    let orders = Topic::new("orders").expect("a name");
    let started = Instant::now();
    loop {
        let groups = bus.transport().groups(&orders).await;
        if groups.as_ref().is_ok_and(|groups| groups.iter().any(|group| group.lag == 0)) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "not all records are settled: {groups:?}, {:?}", bus.status());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(stop);
    let counts = running.await.expect("no panic").expect("the consumer goes on");
    let mut taken = 0;
    while told.try_recv().is_ok() {
        taken += 1;
    }
    (taken, counts)
}
