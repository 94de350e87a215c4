//! The schema of a message is stored beside its topic before the message.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use events_runtime::bus::EventBus;
use events_runtime::testing::conformance::over::Over;
use events_runtime::transport::{
    ConnectOptions, ErrorKind, SchemaId, StoredMessage, Topic, Transport, TransportError, connect,
};
use events_runtime::{Config, Hub, PublicSignal};

use crate::{OrderCounted, OrderPlaced, counted, placed};

/// Both events go to one topic.
fn config() -> Config {
    let config = Config::from_toml(
        r#"
        [bus]
        url = "memory:"
        retry = { initial = "1ms", max = "2ms" }
        [routes."org.acme.outbound.order.placed.v1"]
        orders = {}
        [routes."org.acme.outbound.order.counted.v1"]
        orders = {}
        "#,
    );
    config.expect("a valid configuration")
}

/// The calls of a bus to its transport, and the errors with which it answers.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    made: Vec<String>,
    /// The number of failures left, and their kind.
    failing_stores: (usize, Option<ErrorKind>),
    failing_sends: usize,
}

impl Calls {
    fn fail_stores(&self, count: usize, kind: ErrorKind) {
        self.0.lock().unwrap().failing_stores = (count, Some(kind));
    }

    fn stored(&self, topic: &Topic, schema: &SchemaId) -> Result<(), TransportError> {
        let mut state = self.0.lock().unwrap();
        let name = if schema.event_type() == OrderPlaced::EVENT_TYPE { "placed" } else { "counted" };
        state.made.push(format!("store {name}"));
        match &mut state.failing_stores {
            // Only the schema of `OrderPlaced` fails.
            (left @ 1.., Some(kind)) if name == "placed" => {
                *left -= 1;
                Err(TransportError::new(*kind, "store a schema of", topic, "it fails"))
            }
            _ => Ok(()),
        }
    }

    fn made(&self) -> Vec<String> {
        self.0.lock().unwrap().made.clone()
    }
}

/// A bus on a memory store of this name, whose calls are recorded.
async fn bus(store: &str, calls: &Calls) -> EventBus {
    let inner = connect(store, &ConnectOptions::new()).expect("the store opens");
    let (of_stores, of_sends) = (calls.clone(), calls.clone());
    let transport = Over::new(inner)
        .stores(move |topic, schema| std::future::ready(of_stores.stored(topic, schema)))
        .sends(move |inner, topic, batch| {
            let mut state = of_sends.0.lock().unwrap();
            state.made.push(format!("send {}", batch.len()));
            if state.failing_sends > 0 {
                state.failing_sends -= 1;
                let error = TransportError::new(ErrorKind::Unavailable, "send to", topic, "it fails");
                let failed = batch.iter().map(|_| Err(error.clone())).collect();
                return Box::pin(std::future::ready(failed));
            }
            inner.send(topic, batch)
        });
    let bus = EventBus::builder().config(config()).hub(Hub::new()).transport(Box::new(transport)).start();
    bus.await.expect("the bus starts")
}

fn orders() -> Topic {
    Topic::new("orders").expect("a name")
}

async fn messages(transport: &dyn Transport) -> Vec<StoredMessage> {
    let group = "nobody".parse().expect("a name");
    transport.unsettled(&orders(), &group, None, 100).await.expect("the messages")
}

fn id<E: PublicSignal>() -> SchemaId {
    SchemaId::new(E::EVENT_TYPE, E::FINGERPRINT)
}

#[tokio::test]
async fn the_schema_is_stored_before_the_first_message_and_once() {
    let calls = Calls::default();
    let bus = bus("memory:", &calls).await;
    for number in 0..3 {
        bus.hub().emit(placed(number)).delivered().await.expect("sent");
    }
    bus.hub().emit(counted(3)).delivered().await.expect("sent");
    bus.hub().emit(placed(4)).delivered().await.expect("sent");
    let expected = ["store placed", "send 1", "send 1", "send 1", "store counted", "send 1", "send 1"];
    assert_eq!(calls.made(), expected);
    let text = bus.transport().schema(&orders(), &id::<OrderPlaced>()).await.expect("the store answers");
    assert_eq!(text.as_deref(), Some(OrderPlaced::SCHEMA_JSON));
    let mut stored = bus.transport().schemas(&orders()).await.expect("the store answers");
    stored.sort_by_key(|id| id.event_type().to_owned());
    assert_eq!(stored, [id::<OrderCounted>(), id::<OrderPlaced>()]);
}

/// A transport with a schema registry needs the key's schema for the first message already.
#[tokio::test]
async fn the_schema_of_the_key_is_stored_before_that_of_the_values_with_the_field_of_the_route() {
    let config = r#"
        [bus]
        url = "memory:"
        [routes."org.acme.outbound.order.placed.v1"]
        orders = {}
        numbered = { key = "number" }
        "#;
    let calls = Calls::default();
    let (of_keys, of_values) = (calls.clone(), calls.clone());
    let inner = connect("memory:", &ConnectOptions::new()).expect("the store opens");
    let transport = Over::new(inner)
        .stores_keys(move |topic, _, key| {
            let made = format!("key of {topic}: {} {}", key.field(), key.key_type().as_str());
            of_keys.0.lock().unwrap().made.push(made);
            Ok(())
        })
        .stores(move |topic, _| {
            of_values.0.lock().unwrap().made.push(format!("values of {topic}"));
            std::future::ready(Ok(()))
        });
    let config = Config::from_toml(config).expect("a valid configuration");
    let bus = EventBus::builder().config(config).hub(Hub::new()).transport(Box::new(transport)).start();
    let bus = bus.await.expect("the bus starts");
    bus.hub().emit(placed(1)).delivered().await.expect("sent");
    let mut made = calls.made();
    // The topics have queues of their own.
    made.sort_by_key(|call| call.contains("numbered"));
    assert_eq!(
        made,
        [
            "key of orders: customer string",
            "values of orders",
            "key of numbered: number long",
            "values of numbered"
        ]
    );
}

#[tokio::test]
async fn a_message_whose_schema_is_not_stored_is_retried_in_order_and_seen_by_status_and_flush() {
    let calls = Calls::default();
    calls.fail_stores(usize::MAX, ErrorKind::Unavailable);
    let bus = bus("memory:", &calls).await;
    let emissions: Vec<_> = (0..4).map(|number| bus.hub().emit(placed(number))).collect();
    let error = bus.flush(Duration::from_millis(50)).await.expect_err("nothing is sent");
    assert_eq!(error.unacknowledged().len(), 4);
    let status = bus.status();
    let queue = status.queues.first().expect("a queue");
    assert!(queue.circuit.last_error().expect("an error").contains("store a schema of"), "{status:?}");
    assert!(!calls.made().contains(&"send 4".to_owned()));

    calls.fail_stores(0, ErrorKind::Unavailable);
    for emission in emissions {
        emission.delivered().await.expect("sent");
    }
    let ids: Vec<_> = messages(bus.transport()).await.into_iter().map(|stored| stored.message.data).collect();
    let sent: Vec<_> = (0..4).map(|number| events_runtime::avro::to_vec(&placed(number)).unwrap()).collect();
    assert_eq!(ids, sent);
}

#[tokio::test]
async fn a_schema_that_no_topic_can_hold_refuses_its_own_messages_only() {
    let calls = Calls::default();
    calls.fail_stores(usize::MAX, ErrorKind::TooLarge);
    let bus = bus("memory:", &calls).await;
    for _ in 0..2 {
        let (refused, sent) = (bus.hub().emit(placed(1)), bus.hub().emit(counted(1)));
        let error = refused.delivered().await.expect_err("the schema can't be stored");
        assert!(error.to_string().contains("store a schema of"), "{error}");
        sent.delivered().await.expect("sent");
    }
    assert_eq!(messages(bus.transport()).await.len(), 2);
    assert_eq!(calls.made().iter().filter(|call| *call == "store placed").count(), 1);
}

#[tokio::test]
async fn schemas_are_stored_again_after_the_connection_failed() {
    let calls = Calls::default();
    let bus = bus("memory:", &calls).await;
    bus.hub().emit(placed(1)).delivered().await.expect("sent");
    // The batch, then its only message.
    calls.0.lock().unwrap().failing_sends = 2;
    bus.hub().emit(placed(2)).delivered().await.expect("sent");
    let made = calls.made();
    assert_eq!(made[..2], ["store placed", "send 1"]);
    assert_eq!(made[made.len() - 2..], ["store placed", "send 1"], "{made:?}");
}

#[tokio::test]
async fn a_shutdown_keeps_the_messages_whose_schema_is_not_stored() {
    let calls = Calls::default();
    calls.fail_stores(usize::MAX, ErrorKind::Unavailable);
    let bus = bus("memory:", &calls).await;
    bus.hub().emit(placed(1));
    bus.hub().emit(placed(2));
    let error = bus.shutdown(Duration::from_millis(50)).await.expect_err("nothing is sent");
    assert_eq!(error.undelivered().len(), 2);
    assert!(error.to_string().contains("store a schema of"), "{error}");
}

#[tokio::test]
async fn a_hanging_store_does_not_delay_the_end_of_a_shutdown() {
    let inner = connect("memory:", &ConnectOptions::new()).expect("the store opens");
    let transport = Over::new(inner).stores(|_, _| std::future::pending());
    let bus = EventBus::builder().config(config()).hub(Hub::new()).transport(Box::new(transport)).start();
    let bus = bus.await.expect("the bus starts");
    bus.hub().emit(placed(1));
    let ended = tokio::time::timeout(Duration::from_secs(10), bus.shutdown(Duration::from_millis(50)));
    let error = ended.await.expect("it ends").expect_err("nothing is sent");
    assert_eq!(error.undelivered().len(), 1);
}

#[tokio::test]
async fn a_transport_without_schemas_gets_messages_only() {
    let calls = Calls::default();
    let of_stores = calls.clone();
    let inner = connect("memory:", &ConnectOptions::new()).expect("the store opens");
    let transport = Over::new(inner)
        .capability(|mut capability| {
            capability.schemas = false;
            capability
        })
        .stores(move |topic, schema| std::future::ready(of_stores.stored(topic, schema)));
    let bus = EventBus::builder().config(config()).hub(Hub::new()).transport(Box::new(transport)).start();
    let bus = bus.await.expect("the bus starts");
    bus.hub().emit(placed(1)).delivered().await.expect("sent");
    assert_eq!(calls.made(), [""; 0]);
}

#[tokio::test]
async fn dead_letters_sent_again_bring_their_schema_to_a_store_that_lost_it() {
    use events_runtime::bus::DeadLetters;

    let calls = Calls::default();
    let bus = bus("memory:", &calls).await;
    bus.hub().emit(placed(1)).delivered().await.expect("sent");
    let message = messages(bus.transport()).await.remove(0).message;
    // Another store, which has the dead letter only.
    let other = connect("memory:", &ConnectOptions::new()).expect("the store opens");
    let billing = "billing".parse().expect("a name");
    let dead_letters = DeadLetters::of(&*other, orders(), billing).expect("a name");
    dead_letters.restore(vec![message]).await.expect("restored");
    let report = dead_letters.retry(|_| true).await.expect("sent again");
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(other.schemas(&orders()).await.expect("the store answers"), [id::<OrderPlaced>()]);
    assert_eq!(messages(&*other).await.len(), 1);
}
