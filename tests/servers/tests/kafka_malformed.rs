//! Malformed records of other programs, through the whole bus: none stops the consumer, each has the expected
//! outcome, and each is counted.

use std::collections::BTreeMap;

use events_runtime::PublicSignal as _;
use events_server_tests::kafka::{RawRecord, create_topic, store_raw};
use events_server_tests::malformed::End::{self, Skipped, Taken};
use events_server_tests::malformed::{self, DATUM, Expected, TYPE};
use events_server_tests::orders::{billing, orders, transport};
use events_server_tests::{KafkaServer, RegistryServer};
use events_tests::openedx::SessionLoginCompleted;
use events_tests::sandbox::Sandbox;

const KEY_SCHEMA: &str = r#"{"name": "username", "type": "string"}"#;
/// No registry of a test has so many schemas.
const UNKNOWN: u32 = 9_999;

const ENVELOPE: End = End::ENVELOPE;
const DECODE: End = End::DECODE;
const UNKNOWN_SCHEMA: End = End::UNKNOWN_SCHEMA;

/// A record, and what becomes of it.
#[derive(Debug, Clone)]
struct Case {
    name: &'static str,
    record: RawRecord,
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
    let record = RawRecord {
        key: Some(frame(ids.key, b"\x0cfoobob")),
        value: Some(frame(ids.value, DATUM)),
        headers: headers.map(|(name, value)| (name.into(), Some(value.into()))).into(),
    };
    Case { name: "nothing wrong", record, end: Taken }
}

impl Case {
    fn called(self, name: &'static str, end: End) -> Self {
        Self { name, end, ..self }
    }

    fn without(mut self, header: &str) -> Self {
        self.record.headers.retain(|(name, _)| name != header.as_bytes());
        self
    }

    fn and(mut self, header: impl AsRef<[u8]>, value: &[u8]) -> Self {
        self.record.headers.push((header.as_ref().to_vec(), Some(value.to_vec())));
        self
    }

    /// Replaces the value of a header.
    fn with(mut self, header: &str, value: Option<&[u8]>) -> Self {
        for (name, old) in &mut self.record.headers {
            if name == header.as_bytes() {
                *old = value.map(<[u8]>::to_vec);
            }
        }
        self
    }

    fn key(mut self, key: Option<&[u8]>) -> Self {
        self.record.key = key.map(<[u8]>::to_vec);
        self
    }

    fn value(mut self, value: Option<&[u8]>) -> Self {
        self.record.value = value.map(<[u8]>::to_vec);
        self
    }
}

fn headers(good: &Case) -> Vec<Case> {
    let with = |name, header, value: &[u8], end| good.clone().with(header, Some(value)).called(name, end);
    let and = |name, header, value: &[u8], end| good.clone().and(header, value).called(name, end);
    let without = |name, header, end| good.clone().without(header).called(name, end);
    let mut none = good.clone();
    none.record.headers.clear();
    let many = (0..10_000).fold(good.clone(), |record, number| record.and(format!("h{number}"), b"x"));
    let no_text = (0..1_000).fold(good.clone(), |record, _| record.and(b"\xff", b"x"));
    let bytes = |name, header: &[u8], end| good.clone().and(header, b"x").called(name, end);
    vec![
        good.clone(),
        none.called("no headers", ENVELOPE),
        many.called("10,000 headers", Taken),
        without("no type", "ce_type", ENVELOPE),
        with("an empty type", "ce_type", b"", ENVELOPE),
        with("a type that is no text", "ce_type", b"\xff\xfe", ENVELOPE),
        with("an unknown type", "ce_type", b"org.openedx.nobody.knows.it.v1", Skipped),
        and("a type twice", "ce_type", TYPE.as_bytes(), ENVELOPE),
        without("no id", "ce_id", ENVELOPE),
        with("an empty id", "ce_id", b"", ENVELOPE),
        good.clone().with("ce_id", None).called("an id that is null", ENVELOPE),
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
        and(
            "a fingerprint whose schema is stored nowhere",
            "ce_schemafp",
            b"00000000000000ff",
            UNKNOWN_SCHEMA,
        ),
        and("an extension twice", "ce_tenant", b"acme", ENVELOPE).and("ce_tenant", b"other"),
        // A malformed trace context must not lose an event.
        and("a trace context twice", "ce_traceparent", b"00-1", Taken).and("ce_traceparent", b"00-2"),
        and("a trace context that is no text", "ce_tracestate", b"\xff", Taken),
        and("a header that means nothing", "colour", b"\xff", Taken),
        and("a header without a name", "", b"x", Taken),
        and("a header that is null", "colour", b"", Taken).with("colour", None),
        bytes("a header whose name is no UTF-8", b"\xff\xfe", Taken),
        bytes("a header whose name begins as one of ours and is no UTF-8", b"ce_\xff", Taken),
        bytes("a header whose name ends in the middle of a letter", b"ce_tenant\xc3", Taken),
        no_text.called("1,000 headers whose names are no UTF-8", Taken),
        bytes("a header whose name has a NUL", b"colour\0", Taken),
        bytes("an id twice, one of them in a name that goes on behind a NUL", b"ce_id\0more", ENVELOPE),
    ]
}

fn values(good: &Case, ids: Ids) -> Vec<Case> {
    let value = |name, value: &[u8], end| good.clone().value(Some(value)).called(name, end);
    let framed = |name, datum: &[u8], end| value(name, &frame(ids.value, datum), end);
    vec![
        good.clone().value(None).called("a null value", ENVELOPE),
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
    let key = |name, key: &[u8]| good.clone().key(Some(key)).called(name, Taken);
    vec![
        good.clone().key(None).called("a null key", Taken),
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
    judge(&server, &url, "0s", &cases).await;
}

/// Apicurio has no schemas by GUID, and says so by its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guid_that_the_registry_does_not_serve_is_a_dead_letter_that_says_so() {
    let (server, registry) = (KafkaServer::start(), RegistryServer::start());
    let key = registry.register("orders-string", KEY_SCHEMA);
    let good = good(Ids { key, value: 0 });
    let guid = [&[1], &[7; 16][..]].concat();
    let cases = [
        good.clone().value(Some(&[&guid, DATUM].concat())).called("a frame with a GUID", ENVELOPE),
        good.value(Some(DATUM)).and("__value_schema_id", &guid).called("a GUID in a header", ENVELOPE),
    ];
    let url = format!("{}?create_topics=true&registry={}", server.url(), registry.url());
    // Long enough for the answer of the registry, which ends the wait.
    let errors = judge(&server, &url, "10m", &cases).await;
    assert_eq!(errors.len(), 2);
    for errors in errors.values() {
        for part in ["does not serve schemas by GUID", "guid 07070707-0707-0707-0707-070707070707"] {
            assert!(errors.contains(part), "{errors}");
        }
    }
}

/// Reading without a group meets the same records as a consumer. What rdkafka's panics print is on standard error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_whose_header_names_are_no_utf_8_are_shown_by_every_command() {
    let server = KafkaServer::start();
    let record =
        good(Ids { key: 1, value: 2 }).key(Some(b"foobob")).value(Some(DATUM)).and(b"\xff\xfe", b"x");
    for topic in ["orders", "orders.billing.dlq"] {
        create_topic(&server, topic, 1).await;
        store_raw(&server, topic, [record.record.clone(), record.record.clone()]);
    }
    let transport = transport(&server.url());
    let unsettled = transport.unsettled(&orders(), &billing().group, None, 10).await.expect("they are read");
    let id = |name| unsettled[1].message.headers.get(name).map(|value| value.to_vec());
    assert_eq!((unsettled.len(), id("ce_type")), (2, Some(TYPE.into())));

    let config = format!("[service]\nname = 'shop'\n[bus]\nurl = '{}'\n", server.url());
    let shop = Sandbox::with_config(env!("CARGO_BIN_EXE_redis_events"), &config);
    for topic in ["orders", "orders.billing.dlq"] {
        let shown = shop.run(&["peek", "--json", "--topic", topic]);
        assert_eq!((shown.code, shown.out.lines().count()), (0, 2), "{shown:?}");
        assert!(shown.out.lines().all(|line| line.contains(TYPE)), "{shown:?}");
    }
    let letters = shop.json(&["dlq", "list", "--topic", "orders", "--group", "billing"]);
    assert_eq!(letters.as_array().map(Vec::len), Some(2), "{letters}");
    let consumed = shop.run(&["consume", "--topic", "orders", "--idle", "3s", "--json"]);
    assert_eq!((consumed.code, consumed.out.lines().count()), (0, 2), "{consumed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_registry_a_value_is_a_bare_datum_and_a_frame_is_a_dead_letter() {
    let server = KafkaServer::start();
    let good = good(Ids { key: 1, value: 2 });
    let bare = good.clone().key(Some(b"foobob")).value(Some(DATUM));
    let cases = [
        headers(&bare),
        vec![
            good.clone().called("a frame", DECODE),
            bare.clone().key(Some(b"\xff")).called("a key that is no UTF-8", Taken),
            bare.clone().key(None).called("a null key", Taken),
            bare.clone().value(None).called("a null value", DECODE),
            bare.clone().value(Some(&DATUM[..20])).called("a truncated datum", DECODE),
        ],
    ]
    .concat();
    judge(&server, &format!("{}?create_topics=true", server.url()), "0s", &cases).await;
}

/// Stores the records, consumes them, and asserts what became of each. Returns the reasons of the dead letters.
async fn judge(
    server: &KafkaServer,
    url: &str,
    wait: &str,
    cases: &[Case],
) -> BTreeMap<&'static str, String> {
    create_topic(server, "orders", 1).await;
    store_raw(server, "orders", cases.iter().map(|case| case.record.clone()));
    let expected = |(offset, case): (usize, &Case)| Expected {
        name: case.name,
        position: format!("0:{offset}"),
        end: case.end,
    };
    let expected: Vec<_> = cases.iter().enumerate().map(expected).collect();
    malformed::judge(url, wait, &expected).await
}
