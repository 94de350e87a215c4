//! Writers' schemas, stored beside topics.

use crate::{ConnectOptions, ErrorKind, Retention, SchemaId, StartPosition, Subscription, Topic, Transport};

use super::{
    Fixture, ack, can, connect, group, member, message, named, receive_one, send, send_to, subscribe, topic,
    with_retention,
};

const TYPE: &str = "org.acme.orders.order.placed.v1";

fn id(fingerprint: u64) -> SchemaId {
    SchemaId::new(TYPE, fingerprint)
}

/// A handle, if its transport stores schemas.
fn storing(fixture: &dyn Fixture, name: &str) -> Option<Box<dyn Transport>> {
    let transport = connect(fixture);
    can(&*transport, name, |can| can.schemas).then_some(transport)
}

async fn store(transport: &dyn Transport, topic: &Topic, id: &SchemaId, text: &str) {
    transport.store_schema(topic, id, text).await.expect("the schema is stored");
}

async fn read(transport: &dyn Transport, topic: &Topic, id: &SchemaId) -> Option<String> {
    transport.schema(topic, id).await.expect("the schema is read")
}

async fn list(transport: &dyn Transport, topic: &Topic) -> Vec<SchemaId> {
    transport.schemas(topic).await.expect("the schemas are listed")
}

/// Through the same handle and through another.
pub async fn a_stored_schema_is_read_through_every_handle(fixture: &dyn Fixture) {
    let Some(transport) = storing(fixture, "a_stored_schema_is_read_through_every_handle") else { return };
    let other = connect(fixture);
    store(&*transport, &topic(), &id(7), "\"string\"").await;
    for transport in [&transport, &other] {
        assert_eq!(read(&**transport, &topic(), &id(7)).await.as_deref(), Some("\"string\""));
        assert_eq!(list(&**transport, &topic()).await, [id(7)]);
    }
}

/// Where messages survive, their schemas do.
pub async fn reopening_keeps_schemas(fixture: &dyn Fixture) {
    let name = "reopening_keeps_schemas";
    let Some(transport) = storing(fixture, name) else { return };
    if !can(&*transport, name, |can| can.durable) {
        return;
    }
    store(&*transport, &topic(), &id(7), "\"string\"").await;
    drop(transport);
    let transport = connect(fixture);
    assert_eq!(read(&*transport, &topic(), &id(7)).await.as_deref(), Some("\"string\""));
    assert_eq!(list(&*transport, &topic()).await, [id(7)]);
}

/// Whether or not there is such a topic, or another schema of it.
pub async fn an_absent_schema_is_none(fixture: &dyn Fixture) {
    let Some(transport) = storing(fixture, "an_absent_schema_is_none") else { return };
    assert_eq!(read(&*transport, &topic(), &id(7)).await, None, "there is no topic");
    assert_eq!(list(&*transport, &topic()).await, []);
    send(&*transport, &[message("key", 0)]).await;
    assert_eq!(read(&*transport, &topic(), &id(7)).await, None, "the topic has no schema");
    assert_eq!(list(&*transport, &topic()).await, []);
    store(&*transport, &topic(), &id(7), "\"string\"").await;
    assert_eq!(read(&*transport, &topic(), &id(8)).await, None, "the topic has another schema");
    assert_eq!(read(&*transport, &named("audit"), &id(7)).await, None, "another topic has the schema");
}

/// Topics, event types and fingerprints whose texts contain or continue each other.
pub async fn schemas_of_different_identity_do_not_mix(fixture: &dyn Fixture) {
    let Some(transport) = storing(fixture, "schemas_of_different_identity_do_not_mix") else { return };
    let long = "x".repeat(SchemaId::EVENT_TYPE_MAX);
    let with_fingerprint = format!("{TYPE}:0000000000000001");
    let types = [TYPE, "", "a", "a:", "a\0", "A", "ä 'x' \"y\" %_*?\n{}", &with_fingerprint, &long];
    let fingerprints = [0, 1, i64::MAX.unsigned_abs(), i64::MAX.unsigned_abs() + 1, u64::MAX];
    let topics = ["orders", "orders.v1", "ORDERS", "1"].map(named);
    let text = |topic: &Topic, id: &SchemaId| format!("{topic} {} {}", id.event_type(), id.fingerprint());
    let mut ids: Vec<SchemaId> = types
        .iter()
        .flat_map(|event_type| fingerprints.map(|fingerprint| SchemaId::new(*event_type, fingerprint)))
        .collect();
    for topic in &topics {
        for id in &ids {
            store(&*transport, topic, id, &text(topic, id)).await;
        }
    }
    ids.sort();
    for topic in &topics {
        for id in &ids {
            assert_eq!(read(&*transport, topic, id).await, Some(text(topic, id)));
        }
        assert_eq!(list(&*transport, topic).await, ids, "sorted by event type and fingerprint");
    }
}

/// And no other schema changes.
pub async fn a_schema_stored_again_replaces_its_text(fixture: &dyn Fixture) {
    let Some(transport) = storing(fixture, "a_schema_stored_again_replaces_its_text") else { return };
    store(&*transport, &topic(), &id(8), "another").await;
    for text in ["a longer text", "text", "text", ""] {
        store(&*transport, &topic(), &id(7), text).await;
        assert_eq!(read(&*transport, &topic(), &id(7)).await.as_deref(), Some(text));
    }
    assert_eq!(read(&*transport, &topic(), &id(8)).await.as_deref(), Some("another"));
    assert_eq!(list(&*transport, &topic()).await, [id(7), id(8)]);
}

/// The topic begins with its first message.
pub async fn storing_a_schema_creates_no_topic_and_no_group(fixture: &dyn Fixture) {
    let name = "storing_a_schema_creates_no_topic_and_no_group";
    let Some(transport) = storing(fixture, name) else { return };
    store(&*transport, &topic(), &id(7), "\"string\"").await;
    assert!(transport.topics().await.expect("the topics are listed").is_empty());
    let groups = transport.groups(&topic()).await.expect_err("there is no such topic");
    assert_eq!(groups.kind(), ErrorKind::NotFound, "{groups}");
    send(&*transport, &[message("key", 0)]).await;
    let topics = transport.topics().await.expect("the topics are listed");
    let names: Vec<_> = topics.iter().map(|status| status.topic.as_str()).collect();
    assert_eq!((names, topics[0].messages), (vec!["orders"], 1));
    assert!(transport.groups(&topic()).await.expect("the groups are listed").is_empty());
    ack(vec![receive_one(&mut *member(&*transport, "billing").await).await]).await;
}

/// Whatever becomes of the messages and the groups.
pub async fn schemas_outlive_trimmed_messages_and_removed_groups(fixture: &dyn Fixture) {
    let name = "schemas_outlive_trimmed_messages_and_removed_groups";
    let none = ConnectOptions::new().retention(Retention::unlimited().max_count(0));
    let transport = with_retention(fixture, &none);
    if !can(&*transport, name, |can| can.schemas) {
        return;
    }
    store(&*transport, &topic(), &id(7), "\"string\"").await;
    let mut consumer = member(&*transport, "billing").await;
    send(&*transport, &[message("key", 0)]).await;
    ack(vec![receive_one(&mut *consumer).await]).await;
    if transport.capability().trim {
        transport.trim().await.expect("the store is trimmed");
        let topics = transport.topics().await.expect("the topics are listed");
        assert_eq!(topics.iter().map(|status| status.messages).sum::<u64>(), 0);
    }
    if transport.capability().seek {
        let moved = transport.seek(&topic(), &group("billing"), StartPosition::Earliest).await;
        moved.expect("the group is moved");
    }
    consumer.close().await.expect("the consumer leaves");
    transport.remove_group(&topic(), &group("billing")).await.expect("the group is removed");
    assert_eq!(read(&*transport, &topic(), &id(7)).await.as_deref(), Some("\"string\""));
    assert_eq!(list(&*transport, &topic()).await, [id(7)]);
}

/// The limits themselves are kept.
pub async fn a_schema_that_is_too_long_is_refused_and_changes_nothing(fixture: &dyn Fixture) {
    let name = "a_schema_that_is_too_long_is_refused_and_changes_nothing";
    let Some(transport) = storing(fixture, name) else { return };
    let longest = "x".repeat(SchemaId::TEXT_MAX);
    store(&*transport, &topic(), &id(7), &longest).await;
    let long_type = SchemaId::new("x".repeat(SchemaId::EVENT_TYPE_MAX + 1), 7);
    for (id, text) in
        [(id(7), format!("{longest}x")), (id(8), format!("{longest}x")), (long_type, "x".into())]
    {
        let refused = transport.store_schema(&topic(), &id, &text).await.expect_err("it is too long");
        assert_eq!(refused.kind(), ErrorKind::TooLarge, "{refused}");
        assert!(refused.to_string().contains("orders"), "{refused}");
    }
    assert!(read(&*transport, &topic(), &id(7)).await == Some(longest), "the text has not changed");
    assert_eq!(list(&*transport, &topic()).await, [id(7)]);
}

/// Each character of Unicode, and none.
pub async fn the_text_of_a_schema_comes_back_byte_for_byte(fixture: &dyn Fixture) {
    let name = "the_text_of_a_schema_comes_back_byte_for_byte";
    let Some(transport) = storing(fixture, name) else { return };
    let mut texts = vec![String::new(), "\0".to_owned(), "null".to_owned(), "1e3".to_owned()];
    let all: Vec<char> = (0..=u32::from(char::MAX)).filter_map(char::from_u32).collect();
    texts.extend(all.chunks(200_000).map(String::from_iter));
    for (fingerprint, text) in (0..).zip(&texts) {
        store(&*transport, &topic(), &id(fingerprint), text).await;
    }
    for (fingerprint, text) in (0..).zip(texts) {
        let found = read(&*transport, &topic(), &id(fingerprint)).await;
        assert!(found == Some(text), "text {fingerprint} has changed");
    }
}

/// Producers that start at once store the same schema.
pub async fn concurrent_stores_of_a_schema_all_succeed(fixture: &dyn Fixture) {
    let name = "concurrent_stores_of_a_schema_all_succeed";
    let Some(transport) = storing(fixture, name) else { return };
    let other = connect(fixture);
    let topic = topic();
    for fingerprint in 0..5 {
        let id = id(fingerprint);
        let (first, second) = (&transport, &other);
        let results = tokio::join!(
            first.store_schema(&topic, &id, "text"),
            second.store_schema(&topic, &id, "text"),
            first.store_schema(&topic, &id, "text"),
            second.store_schema(&topic, &id, "text"),
        );
        for stored in [results.0, results.1, results.2, results.3] {
            stored.expect("the schema is stored");
        }
        for transport in [first, second] {
            assert_eq!(read(&**transport, &topic, &id).await.as_deref(), Some("text"));
        }
    }
    assert_eq!(list(&*transport, &topic).await, (0..5).map(id).collect::<Vec<_>>());
}

/// A producer sends a message after its schema is stored: a receiver on another connection finds it.
pub async fn a_schema_stored_before_a_message_is_there_when_the_message_is_received(fixture: &dyn Fixture) {
    let name = "a_schema_stored_before_a_message_is_there_when_the_message_is_received";
    let Some(transport) = storing(fixture, name) else { return };
    let receiving = connect(fixture);
    for topic in ["orders", "payments"].map(named) {
        let subscription = Subscription::new(topic.clone(), group("billing"));
        let mut consumer = subscribe(&*receiving, subscription).await;
        for number in 0..10 {
            let sending = async {
                store(&*transport, &topic, &id(number), &format!("schema {number}")).await;
                send_to(
                    &*transport,
                    &topic,
                    &[message("key", 0).with_header("schemafp", number.to_string())],
                )
                .await;
            };
            let reading = async {
                let delivery = receive_one(&mut *consumer).await;
                let written_by = delivery.message().headers.get("schemafp").expect("the header is kept");
                assert_eq!(*written_by, number.to_string().as_bytes());
                let text = read(&*receiving, &topic, &id(number)).await;
                assert_eq!(text, Some(format!("schema {number}")));
                ack(vec![delivery]).await;
            };
            tokio::join!(sending, reading);
        }
    }
}
