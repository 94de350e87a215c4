//! Events of schemas that the program does not know.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use events_runtime::bus::EventBus;
use events_runtime::testing::conformance::over::Over;
use events_runtime::transport::{
    ConnectOptions, ErrorKind, Message, SchemaId, Topic, Transport, TransportError, connect,
};
use events_runtime::{Hub, PublicSignal, Signal, avro::WriterSchema};

use crate::shop::{OrderPlaced, Running, config, dead_letters, messages, place_orders, settled};

/// The schema of a version with one more field, which `OrderPlaced` does not need.
fn newer() -> (String, u64) {
    let text = OrderPlaced::SCHEMA_JSON;
    let text = text.replacen("\"fields\":[", "\"fields\":[{\"name\":\"newer\",\"type\":\"int\"},", 1);
    let fingerprint = WriterSchema::parse(&text).expect("a schema").fingerprint();
    (text, fingerprint)
}

fn orders() -> Topic {
    Topic::new("orders").expect("a name")
}

/// Sends an event again for each key, as a program does that has written it with the schema `newer`.
async fn send_newer(bus: &EventBus, keys: usize) {
    place_orders(bus, &["ada"]).await;
    let original = messages(bus, "orders").await.pop().expect("the message");
    let (_, fingerprint) = newer();
    let batch: Vec<_> = (0..keys).map(|key| written_with(&original, fingerprint, key)).collect();
    let producer = bus.transport().producer().await.expect("a producer");
    for sent in producer.send(&orders(), &batch).await {
        sent.expect("stored");
    }
}

fn written_with(original: &Message, fingerprint: u64, key: usize) -> Message {
    let mut message = original.clone();
    message.headers.retain(|name, _| name != "ce_schemafp");
    message.headers.push("ce_schemafp", format!("{fingerprint:016x}"));
    message.key = Some(format!("k{key}").into());
    // The field `newer`, then the original data.
    message.data = [&[2], &message.data[..]].concat().into();
    message
}

async fn bus_over(name: &str, wait: &str, transport: Box<dyn Transport>) -> EventBus {
    let settings = format!("[bus.consumer]\nconcurrency = 8\nunknown_schema = {{ wait = '{wait}' }}");
    let bus = EventBus::builder().config(config(name, &settings)).hub(Hub::new()).transport(transport);
    let bus = bus.start().await.expect("the bus starts");
    bus.hub().scope(|| Signal::<OrderPlaced>::new().connect("charge", |_| {}));
    bus
}

fn memory() -> Box<dyn Transport> {
    connect("memory:", &ConnectOptions::new()).expect("the store opens")
}

#[tokio::test]
async fn concurrent_events_of_one_unknown_schema_fetch_it_once() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fetched);
    let transport = Over::new(memory()).fetches(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            Ok(())
        }
    });
    let bus = bus_over("once", "1m", Box::new(transport)).await;
    let (text, fingerprint) = newer();
    let id = SchemaId::new(OrderPlaced::EVENT_TYPE, fingerprint);
    bus.transport().store_schema(&orders(), &id, &text).await.expect("stored");
    send_newer(&bus, 50).await;
    let running = Running::billing(&bus);
    settled(&bus, "billing").await;
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.retried, consumed.dead_lettered), (51, 0, 0));
    assert_eq!(fetched.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_transport_that_fails_to_fetch_is_waited_for_and_makes_no_dead_letter() {
    const OUTAGE: Duration = Duration::from_millis(300);
    let started = Instant::now();
    let transport = Over::new(memory()).fetches(move |topic, _| {
        let error = TransportError::new(ErrorKind::Unavailable, "read a schema of", topic, "it is away");
        std::future::ready(if started.elapsed() < OUTAGE { Err(error) } else { Ok(()) })
    });
    // The outage is longer than the wait.
    let bus = bus_over("outage", "50ms", Box::new(transport)).await;
    let (text, fingerprint) = newer();
    let id = SchemaId::new(OrderPlaced::EVENT_TYPE, fingerprint);
    bus.transport().store_schema(&orders(), &id, &text).await.expect("stored");
    send_newer(&bus, 3).await;
    let running = Running::billing(&bus);
    settled(&bus, "billing").await;
    assert!(started.elapsed() >= OUTAGE);
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.retried, consumed.dead_lettered), (4, 0, 0));
}

#[tokio::test]
async fn a_consumer_stops_at_once_while_events_wait_and_they_stay() {
    let bus = bus_over("stops", "1m", memory()).await;
    send_newer(&bus, 3).await;
    let running = Running::billing(&bus);
    events_tests::until(|| async {
        let status = bus.status();
        status.consumers.first().is_some_and(|consumer| !consumer.missing_schemas.is_empty())
    })
    .await;
    let stopped = Instant::now();
    let consumed = running.stop().await;
    assert!(stopped.elapsed() < Duration::from_secs(5));
    assert_eq!((consumed.retried, consumed.dead_lettered), (0, 0));
    assert!(dead_letters(&bus).await.is_empty());
}
