//! `#[event(pii)]`: marked fields are in no log, at any depth.

use std::collections::BTreeMap;

use events_runtime::avro::{from_slice, to_vec};
use events_runtime::{EmitOptions, Event, EventData, Hub, PublicSignal};
use events_tests::log::Log;

/// Not `Debug`, but logged.
#[derive(Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.people.person.met.v1")]
struct PersonMet {
    number: i64,
    #[event(pii)]
    name: String,
    #[event(pii)]
    absent: Option<String>,
    #[event(pii)]
    present: Option<String>,
    #[event(pii)]
    birthday: i64,
    #[event(pii)]
    home: Address,
    work: Address,
    former: Vec<Address>,
    named: BTreeMap<String, Address>,
    by_name: Option<Address>,
    #[event(pii)]
    friends: BTreeMap<String, i64>,
    contact: Contact,
    other: Option<Contact>,
    alias: Alias,
    tree: Tree,
}

#[derive(Clone, PartialEq, EventData)]
struct Address {
    city: String,
    #[event(pii)]
    street: String,
}

#[derive(Clone, PartialEq, EventData)]
enum Contact {
    Nobody,
    Phone {
        kind: String,
        #[event(pii)]
        number: String,
    },
}

#[derive(Clone, PartialEq, EventData)]
struct Alias(Address);

#[derive(Clone, PartialEq, EventData)]
struct Tree {
    #[event(pii)]
    who: String,
    children: Vec<Tree>,
}

/// A marker in each text that is personal data.
const SECRET: &str = "secret";

fn address() -> Address {
    Address { city: "Linz".into(), street: SECRET.into() }
}

fn met() -> PersonMet {
    let phone = || Contact::Phone { kind: "mobile".into(), number: SECRET.into() };
    PersonMet {
        number: 7,
        name: SECRET.into(),
        absent: None,
        present: Some(SECRET.into()),
        birthday: 19_991_231,
        home: address(),
        work: address(),
        former: vec![address()],
        named: BTreeMap::from([("summer".to_owned(), address())]),
        by_name: Some(address()),
        friends: BTreeMap::from([(SECRET.to_owned(), 1)]),
        contact: phone(),
        other: Some(phone()),
        alias: Alias(address()),
        tree: Tree { who: SECRET.into(), children: vec![Tree { who: SECRET.into(), children: Vec::new() }] },
    }
}

#[test]
fn a_logged_event_has_no_personal_data_at_any_depth() {
    let log = Log::of(|| {
        Hub::new().scope(|| {
            PERSON_MET.connect("logger", |event: &Event<PersonMet>| {
                tracing::info!(?event, "received");
                tracing::info!("received {event:?}, that is {event:#?}");
            });
            let emission = PERSON_MET.emit_with(met(), EmitOptions::new());
            tracing::info!(?emission, "emitted");
        });
    });
    assert!(!log.contains(SECRET), "{log}");
    assert!(!log.contains("19991231"), "{log}");
    let said = [
        r#""number":7"#,
        r#""name":"***""#,
        r#""absent":null"#,
        r#""present":"***""#,
        r#""birthday":"***""#,
        r#""home":"***""#,
        r#""work":{"city":"Linz","street":"***"}"#,
        r#""former":[{"city":"Linz","street":"***"}]"#,
        r#""named":{"summer":{"city":"Linz","street":"***"}}"#,
        r#""by_name":{"city":"Linz","street":"***"}"#,
        r#""friends":"***""#,
        r#""contact":{"ContactPhone":{"kind":"mobile","number":"***"}}"#,
        r#""other":{"ContactPhone":{"kind":"mobile","number":"***"}}"#,
        r#""alias":{"city":"Linz","street":"***"}"#,
        r#""tree":{"who":"***","children":[{"who":"***","children":[]}]}"#,
    ];
    for said in said {
        // Once in each of the two lines of the receiver, once in that of the emission.
        assert_eq!(log.matches(said).count(), 3, "{said} in {log}");
    }
    assert!(log.contains("origin: Local"), "{log}");
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.people.person.counted.v1")]
struct PersonCounted {
    #[event(pii)]
    ids: BTreeMap<String, u64>,
    #[event(pii, with = events_runtime::with::text)]
    address: std::net::IpAddr,
    visits: u64,
}

fn counted(id: u64, visits: u64) -> PersonCounted {
    let ids = BTreeMap::from([(SECRET.to_owned(), id)]);
    PersonCounted { ids, address: [10, 11, 12, 13].into(), visits }
}

#[test]
fn an_event_that_cannot_be_encoded_shows_the_reason_and_nothing_else() {
    let show = |event| {
        let hub = Hub::new();
        hub.scope(|| format!("{:?}", PERSON_COUNTED.emit(event).event()))
    };
    let too_much = show(counted(1, u64::MAX));
    assert!(
        too_much.contains("payload: <not shown: field `visits`: 18446744073709551615 is out"),
        "{too_much}"
    );
    assert!(!too_much.contains(SECRET) && !too_much.contains("10.11"), "{too_much}");
    let secret = show(counted(u64::MAX, 1));
    assert!(secret.contains(r#"payload: <not shown: field `ids["***"]`: *** is out of range"#), "{secret}");
    assert!(!secret.contains(SECRET) && !secret.contains("1844"), "{secret}");
}

#[test]
fn errors_do_not_contain_personal_data() {
    let error = to_vec(&counted(u64::MAX, 1)).expect_err("beyond a long");
    assert_eq!(error.to_string(), r#"field `ids["***"]`: *** is out of range for an Avro `long`"#);
    assert!(!format!("{error:?}").contains(SECRET), "{error:?}");

    // `{"secret": -1}`, which is not a `u64`.
    let error = from_slice::<PersonCounted>(b"\x02\x0csecret\x01\0\0\0").err().expect("no u64");
    assert_eq!(error.path(), r#"ids["***"]"#);
    assert!(error.to_string().contains("*** is out of range for `u64`"), "{error}");

    let error = from_slice::<PersonCounted>(b"\0\x0csecret\0").err().expect("no address");
    assert_eq!(error.path(), "address");
    assert!(error.to_string().contains("the reason is not shown"), "{error}");

    // Unmarked fields are shown.
    let error = from_slice::<PersonCounted>(b"\0\x0e1.2.3.4\x01").err().expect("no u64");
    assert!(error.to_string().contains("field `visits`: -1 is out of range"), "{error}");
}

#[test]
fn the_mark_is_in_the_schema() {
    let schema: serde_json::Value = serde_json::from_str(PersonMet::SCHEMA_JSON).expect("JSON");
    let marks = |record: &serde_json::Value| -> Vec<String> {
        let fields = record["fields"].as_array().cloned().unwrap_or_default();
        let marked = fields.iter().filter(|field| field["pii"] == serde_json::json!(true));
        marked.map(|field| field["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(marks(&schema), ["name", "absent", "present", "birthday", "home", "friends"]);
    assert_eq!(marks(&schema["fields"][5]["type"]), ["street"]);
    assert!(!PersonMet::CANONICAL.contains("pii"));
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.person.met.v1", profile = "openedx")]
struct LearnerMet {
    learner: Learner,
}

#[derive(EventData)]
struct Learner {
    id: u64,
    #[event(pii)]
    email: String,
}

#[test]
fn an_open_edx_event_is_masked_although_its_schema_has_no_mark() {
    assert!(!LearnerMet::SCHEMA_JSON.contains("pii"));
    let event = LearnerMet { learner: Learner { id: 3, email: SECRET.into() } };
    let shown = Hub::new().scope(|| format!("{:?}", LEARNER_MET.emit(event).event()));
    assert!(shown.contains(r#"payload: {"learner":{"id":3,"email":"***"}}"#), "{shown}");
}

#[test]
fn a_message_shows_how_long_its_bytes_are() {
    use events_runtime::transport::Message;

    let datum = to_vec(&met()).expect("a datum");
    let length = datum.len();
    let message = Message::new(datum).with_key(SECRET).with_header("ce_type", "x");
    let shown = format!("{message:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(
        shown.contains("key: Some(*** (6 bytes))") && shown.contains(&format!("*** ({length} bytes)")),
        "{shown}"
    );
    assert!(shown.contains("ce_type"), "{shown}");
}
