//! The headers of dead letters, for each kind of failure.

use std::error::Error;
use std::fmt;

use events_runtime::EventBus;
use events_runtime::transport::{Message, Topic};

use crate::shop::{
    Running, answer, bus, bus_with, dead_letters, header, headers, messages, next, place_orders, settled,
};

/// Has the consumer receive a modified message of an event; returns the original and the dead letter.
async fn dead_letter_of(name: &str, change: impl Fn(&mut Message)) -> (Message, Message) {
    // An unknown schema is not waited for.
    let bus = bus_with(name, "[bus.consumer]\nunknown_schema = { wait = '0s' }").await;
    let _handled = answer(&bus, "charge", |_, _| Ok(()));
    place_orders(&bus, &["ada"]).await;
    let original = messages(&bus, "orders").await.pop().expect("the message");
    let mut changed = original.with_header("x-request-id", "r-1");
    change(&mut changed);
    send(&bus, &changed).await;
    let running = Running::billing(&bus);
    settled(&bus, "billing").await;
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.retried, consumed.dead_lettered), (1, 0, 1));
    (changed, dead_letters(&bus).await.pop().expect("a dead letter"))
}

async fn send(bus: &EventBus, message: &Message) {
    let producer = bus.transport().producer().await.expect("a producer");
    let topic = Topic::new("orders").expect("a name");
    producer.send(&topic, std::slice::from_ref(message)).await.pop().expect("a result").expect("stored");
}

/// Asserts the headers of every dead letter, and its kind.
fn assert_story((original, dead_letter): &(Message, Message), kind: &str) {
    assert_eq!((&dead_letter.key, &dead_letter.data), (&original.key, &original.data));
    let kept: Vec<_> = dead_letter.headers.iter().take(original.headers.len()).collect();
    assert_eq!(kept, original.headers.iter().collect::<Vec<_>>(), "the original headers come first");
    for (name, value) in [
        ("dlq_kind", kind),
        ("dlq_attempts", "1"),
        ("dlq_group", "billing"),
        ("dlq_topic", "orders"),
        ("dlq_position", "2"),
    ] {
        assert_eq!(header(dead_letter, name), value, "{name}");
    }
    let time = |name| header(dead_letter, name).parse::<jiff::Timestamp>().expect("RFC 3339");
    assert!(time("dlq_stored") <= time("dlq_time"));
    assert!(!header(dead_letter, "dlq_reason").is_empty());
}

#[tokio::test]
async fn undecodable_data_is_a_dead_letter_with_the_position_of_the_error() {
    let story = dead_letter_of("poison", |message| message.data = message.data.slice(..2)).await;
    assert_story(&story, "decode");
    assert!(!headers(&story.1, "dlq_cause").is_empty(), "the decoder's own error");
}

#[tokio::test]
async fn an_unknown_schema_is_a_dead_letter_that_names_both_fingerprints() {
    let story = dead_letter_of("schema", |message| set(message, "ce_schemafp", "00000000000000ff")).await;
    assert_story(&story, "unknown-schema");
    assert!(header(&story.1, "dlq_reason").contains("00000000000000ff"));
}

#[tokio::test]
async fn a_missing_header_is_a_dead_letter_that_names_it() {
    let story = dead_letter_of("header", |message| message.headers.retain(|name, _| name != "ce_id")).await;
    assert_story(&story, "envelope");
    assert!(headers(&story.1, "dlq_cause").iter().any(|cause| cause.contains("id")));
}

#[tokio::test]
async fn data_that_is_not_an_event_is_a_dead_letter() {
    let story = dead_letter_of("no event", |message| message.headers.retain(|_, _| false)).await;
    assert_story(&story, "envelope");
}

fn set(message: &mut Message, name: &'static str, value: &'static str) {
    message.headers.retain(|header, _| header != name);
    message.headers.push(name, value);
}

#[derive(Debug)]
struct Charge(std::io::Error);

impl fmt::Display for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the order could not be charged")
    }
}

impl Error for Charge {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn failed_receivers_are_named_with_the_chain_of_their_errors() {
    let bus = bus("chain").await;
    place_orders(&bus, &["ada"]).await;
    let mut asked =
        answer(&bus, "charge", |_, _| Err(Charge(std::io::Error::other("the bank is closed")).into()));
    let _others = answer(&bus, "post", |_, _| panic!("no stamp"));
    let running = Running::billing(&bus);
    for _ in 0..3 {
        next(&mut asked).await;
    }
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.dead_lettered, 1);
    let dead_letter = dead_letters(&bus).await.pop().expect("a dead letter");
    assert_eq!(header(&dead_letter, "dlq_kind"), "receivers");
    assert_eq!(header(&dead_letter, "dlq_attempts"), "3");
    assert_eq!(headers(&dead_letter, "dlq_receiver"), ["charge", "post"]);
    assert_eq!(
        headers(&dead_letter, "dlq_cause"),
        [
            "the receiver returned an error",
            "the order could not be charged",
            "the bank is closed",
            "the receiver panicked: no stamp"
        ]
    );
}

#[tokio::test]
async fn an_error_of_any_length_fits_into_a_dead_letter() {
    let bus = bus("long").await;
    place_orders(&bus, &["ada"]).await;
    let mut asked =
        answer(&bus, "charge", |_, _| Err(events_runtime::receiver::reject("é".repeat(1 << 20)).into()));
    let running = Running::billing(&bus);
    next(&mut asked).await;
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.dead_lettered, 1);
    let reason = header(&dead_letters(&bus).await[0], "dlq_reason");
    assert!(reason.len() < 5000 && reason.ends_with('…'), "{} bytes", reason.len());
}

#[tokio::test]
async fn a_group_has_the_attempts_that_the_configuration_says_for_it_and_the_program_overrules() {
    let bus = bus_with("attempts", "[consumers.orders]\nbilling = { max_attempts = 2 }").await;
    place_orders(&bus, &["ada"]).await;
    let mut asked = answer(&bus, "charge", |_, _| Err("no money".into()));
    let running = Running::billing(&bus);
    next(&mut asked).await;
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.retried, 1, "two attempts");
    assert_eq!(header(&dead_letters(&bus).await[0], "dlq_attempts"), "2");
    let running = Running::start(bus.consume("orders").group("audit"));
    settled(&bus, "audit").await;
    assert_eq!(running.stop().await.retried, 2, "three attempts, as the bus says");
    let running = Running::start(bus.consume("orders").group("post").max_attempts(1));
    settled(&bus, "post").await;
    assert_eq!(running.stop().await.retried, 0, "one attempt, as the program says");
}
