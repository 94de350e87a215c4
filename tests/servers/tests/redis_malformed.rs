//! Malformed entries of other programs, through the whole bus: none stops the consumer, each has the expected
//! outcome, and each is counted.

use events_server_tests::RedisServer;
use events_server_tests::malformed::End::{self, Skipped, Taken};
use events_server_tests::malformed::{self, DATUM, Expected, TYPE};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn good() -> Fields {
    let pairs: [(&str, &[u8]); 8] = [
        ("type", TYPE.as_bytes()),
        ("id", b"6c2b4c3e-8a0d-11ed-a1eb-0242ac120002"),
        ("source", b"openedx/lms/web"),
        ("time", b"2023-01-02T03:04:05.678901+00:00"),
        ("minorversion", b"0"),
        ("sourcehost", b"edx.devstack.lms"),
        ("sourcelib", b"10.5.0"),
        ("event_data", DATUM),
    ];
    pairs.into_iter().map(|(name, value)| (name.into(), value.to_vec())).collect()
}

fn without(name: &str) -> Fields {
    good().into_iter().filter(|(field, _)| field != name.as_bytes()).collect()
}

fn with(name: &str, value: &[u8]) -> Fields {
    good()
        .into_iter()
        .map(|(field, old)| if field == name.as_bytes() { (field, value.to_vec()) } else { (field, old) })
        .collect()
}

fn and(name: &[u8], value: &[u8]) -> Fields {
    let mut fields = good();
    fields.push((name.to_vec(), value.to_vec()));
    fields
}

fn cases() -> Vec<(&'static str, Fields, End)> {
    let (envelope, decode) = (End::ENVELOPE, End::DECODE);
    vec![
        ("nothing wrong", good(), Taken),
        ("no type", without("type"), envelope),
        ("an empty type", with("type", b""), envelope),
        ("a type that is no text", with("type", b"\xff\xfe"), envelope),
        ("an unknown type", with("type", b"org.openedx.nobody.knows.it.v1"), Skipped),
        ("a type twice", and(b"type", TYPE.as_bytes()), envelope),
        ("no id", without("id"), envelope),
        ("an empty id", with("id", b""), envelope),
        ("a wrong id", with("id", b"seven"), envelope),
        ("an id that is no text", with("id", b"\xff"), envelope),
        ("no source", without("source"), envelope),
        ("an empty source", with("source", b""), envelope),
        ("a source that is no text", with("source", b"\xc3\x28"), envelope),
        ("no time", without("time"), envelope),
        ("an empty time", with("time", b""), envelope),
        ("a wrong time", with("time", b"yesterday"), envelope),
        ("a time without a zone", with("time", b"2023-01-02T03:04:05.678901"), envelope),
        ("a time that ends in Z", with("time", b"2023-01-02T03:04:05Z"), Taken),
        ("no minorversion", without("minorversion"), Taken),
        ("an empty minorversion", with("minorversion", b""), Taken),
        ("a wrong minorversion", with("minorversion", b"first"), envelope),
        ("a minorversion below zero", with("minorversion", b"-1"), envelope),
        ("no sourcehost", without("sourcehost"), Taken),
        ("a sourcehost that is no text", with("sourcehost", b"\xff"), envelope),
        ("no sourcelib", without("sourcelib"), Taken),
        ("an empty sourcelib", with("sourcelib", b""), Taken),
        ("a sourcelib that is no version", with("sourcelib", b"ten"), envelope),
        ("no event_data", without("event_data"), envelope),
        ("empty event_data", with("event_data", b""), decode),
        ("a truncated datum", with("event_data", &DATUM[..20]), decode),
        ("a datum with bytes behind it", with("event_data", &[DATUM, b"!"].concat()), decode),
        (
            "a datum with a length beyond all memory",
            with("event_data", b"\xf6\x01\x01\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"),
            decode,
        ),
        (
            "a datum with text that is no UTF-8",
            with("event_data", b"\xf6\x01\x01\x04\xff\xff\x02b\x02c"),
            decode,
        ),
        ("a schema that is no fingerprint", and(b"schemafp", b"12"), envelope),
        ("a schema that is stored nowhere", and(b"schemafp", b"00000000000000ff"), End::UNKNOWN_SCHEMA),
        (
            "an extension twice",
            [and(b"tenant", b"acme"), vec![(b"tenant".to_vec(), b"other".to_vec())]].concat(),
            envelope,
        ),
        // A malformed trace context must not lose an event.
        (
            "a trace context twice",
            [and(b"traceparent", b"00-1"), vec![(b"traceparent".to_vec(), b"00-2".to_vec())]].concat(),
            Taken,
        ),
        ("a trace context that is no text", and(b"tracestate", b"\xff"), Taken),
        ("fields that mean nothing", and(b"colour", b"red"), Taken),
        ("a field whose name is no text", and(b"\xff\xfe", b"\xff"), Taken),
        ("nothing of an event", vec![(b"hello".to_vec(), b"world".to_vec())], envelope),
        ("a list of headers that has none", vec![(b"headers".to_vec(), b"3".to_vec())], envelope),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_entry_stops_the_consumer_and_each_has_the_expected_outcome() {
    let server = RedisServer::start();
    let mut raw = server.connection();
    let store = |(name, fields, end): &(&'static str, Fields, End)| {
        let mut add = redis::cmd("XADD");
        add.arg("orders").arg("*");
        for (field, value) in fields {
            add.arg(field).arg(value);
        }
        Expected { name, position: add.query(&mut raw).expect("the entry is stored"), end: *end }
    };
    let expected: Vec<_> = cases().iter().map(store).collect();
    malformed::judge(&server.url(), "0s", &expected).await;
}
