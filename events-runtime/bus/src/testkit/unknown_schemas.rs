//! Events whose schema the consumer's program does not know.

use std::time::{Duration, Instant};

use crate::envelope::Envelope;
use events_core::internal::new_id;
use events_core::metadata::Source;
use events_core::{EventMetadata, EventType, PublicSignal, avro};
use events_transport::{Consumer, Delivery, SchemaId, Subscription, Transport};
use jiff::Timestamp;

use super::evolution::{Running, events, schemas_travel};
use super::versions::{EVENT_TYPE, Version, first, program, second};
use super::{Fixture, LONG, connect, group, receive_one, send, subscribe, topic};

/// Sends an order of the second version as a program does that stores no schema.
async fn send_without_schema(transport: &dyn Transport, customer: &str) {
    let event_type = EventType::new(EVENT_TYPE).expect("an event type");
    let source = Source::new("shop").expect("a source");
    let now = Timestamp::now();
    let metadata = EventMetadata::new(event_type, new_id(now), now, source);
    let data = avro::to_vec(&second::OrderPlaced::order(customer)).expect("a datum");
    let envelope = Envelope::new(metadata, Some(second::OrderPlaced::FINGERPRINT), data);
    send(transport, &[envelope.with_key(customer.to_owned()).into_message()]).await;
}

fn schema_id() -> SchemaId {
    SchemaId::new(EVENT_TYPE, second::OrderPlaced::FINGERPRINT)
}

/// The first dead letter of the group, and the consumer that holds it.
async fn dead_letter(transport: &dyn Transport) -> (Box<dyn Consumer>, Delivery) {
    let dead = topic().dead_letter(&group("billing")).expect("a valid topic");
    let mut letters = subscribe(transport, Subscription::new(dead, group("repair"))).await;
    let letter = receive_one(&mut *letters).await;
    (letters, letter)
}

fn header(delivery: &Delivery, name: &str) -> String {
    String::from_utf8_lossy(delivery.message().headers.get(name).expect(name)).into_owned()
}

/// Data with an unknown schema is neither decoded nor lost. Without stored schemas, that is known at once.
pub async fn an_unknown_schema_is_a_dead_letter_with_its_fingerprint_after_the_wait(fixture: &dyn Fixture) {
    const WAIT: Duration = Duration::from_millis(300);
    let transport = connect(fixture);
    let travels = schemas_travel(fixture, "… after the wait");
    send_without_schema(&*transport, "c-1").await;
    let reader = program::<first::OrderPlaced>(fixture, &[]).await;
    let started = Instant::now();
    let running = Running::start(&reader, |consume| consume.unknown_schema_wait(WAIT));
    let (letters, letter) = dead_letter(&*transport).await;
    assert!(!travels || started.elapsed() >= WAIT, "after {:?}", started.elapsed());
    let consumed = running.stop().await;
    reader.shutdown(LONG).await.expect("nothing waits");
    assert_eq!((consumed.acked, consumed.retried, consumed.dead_lettered), (0, 0, 1));

    let data = avro::to_vec(&second::OrderPlaced::order("c-1")).expect("a datum");
    assert_eq!(letter.message().data, data);
    assert_eq!(header(&letter, "dlq_kind"), "unknown-schema");
    let reason = header(&letter, "dlq_reason");
    let fingerprint = format!("{:016x}", second::OrderPlaced::FINGERPRINT);
    assert!(reason.contains(&fingerprint) && reason.contains("bus.consumer.schemas"), "{reason}");
    assert!(!travels || reason.contains("no program has stored it"), "{reason}");
    letter.ack().await.expect("the acknowledgement is stored");
    letters.close().await.expect("the consumer leaves");
}

/// A schema that is stored later is used. Until then, the event holds only its key, and its one attempt is not used
/// up.
pub async fn an_event_waits_for_its_schema_without_an_attempt_and_other_keys_go_on(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !schemas_travel(fixture, "an_event_waits_for_its_schema_without_an_attempt_and_other_keys_go_on") {
        return;
    }
    send_without_schema(&*transport, "waits").await;
    let reader = program::<first::OrderPlaced>(fixture, &[]).await;
    let mut events = events::<first::OrderPlaced>(&reader);
    for customer in ["other", "waits", "another"] {
        let order = first::OrderPlaced { number: 8, ..first::OrderPlaced::order(customer) };
        reader.hub().emit(order).delivered().await.expect("the message is stored");
    }
    // The bus consumes into the hub that the events were emitted in.
    for _ in 0..3 {
        events.recv().await.expect("a local event");
    }
    let running = Running::start(&reader, |consume| consume);
    for customer in ["other", "another"] {
        let event = tokio::time::timeout(LONG, events.recv()).await.expect("it arrives").expect("an event");
        assert_eq!(event.customer, customer);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(events.try_recv().is_err(), "an event overtook an earlier one of its key");
    let status = reader.status();
    let missing = &status.consumers.first().expect("a consumer").missing_schemas;
    let missing = missing.first().expect("a missing schema");
    assert_eq!((missing.event_type, missing.fingerprint), (EVENT_TYPE, second::OrderPlaced::FINGERPRINT));

    let text = second::OrderPlaced::SCHEMA_JSON;
    transport.store_schema(&topic(), &schema_id(), text).await.expect("the schema is stored");
    for number in [7, 8] {
        let event = tokio::time::timeout(LONG, events.recv()).await.expect("it arrives").expect("an event");
        assert_eq!((&*event.customer, event.number), ("waits", number));
    }
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.retried, consumed.dead_lettered), (4, 0, 0));
    reader.shutdown(LONG).await.expect("nothing waits");
}

/// Another program that has access to the store can't have data decoded with a schema that is not its own.
pub async fn a_forged_schema_is_not_used_and_the_right_one_is_when_it_is_there(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !schemas_travel(fixture, "a_forged_schema_is_not_used_and_the_right_one_is_when_it_is_there") {
        return;
    }
    let reader = program::<first::OrderPlaced>(fixture, &[]).await;
    let mut events = events::<first::OrderPlaced>(&reader);
    let right = second::OrderPlaced::SCHEMA_JSON;
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(120), "}".repeat(120));
    let forged = [
        first::OrderPlaced::SCHEMA_JSON.to_owned(),
        right.replace("\"OrderPlaced\"", "\"OrderDropped\""),
        "no schema".to_owned(),
        deep,
        format!("{right}{}", " ".repeat(SchemaId::TEXT_MAX - right.len())),
    ];
    transport.store_schema(&topic(), &schema_id(), &forged[0]).await.expect("the schema is stored");
    send_without_schema(&*transport, "c-1").await;
    let running = Running::start(&reader, |consume| consume);
    for text in &forged[..4] {
        transport.store_schema(&topic(), &schema_id(), text).await.expect("the schema is stored");
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(events.try_recv().is_err(), "decoded with {text}");
    }
    // The longest text that can be stored, which is the right one.
    transport.store_schema(&topic(), &schema_id(), &forged[4]).await.expect("the schema is stored");
    let event = tokio::time::timeout(LONG, events.recv()).await.expect("it arrives").expect("an event");
    assert_eq!(event, first::OrderPlaced::order("c-1"));
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.retried, consumed.dead_lettered), (1, 0, 0));
    reader.shutdown(LONG).await.expect("nothing waits");
}
