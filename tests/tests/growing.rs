//! An enum with data that grows: programs of several versions on one topic.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use events_runtime::avro::WriterSchema;
use events_runtime::registry::Registry;
use events_runtime::transport::{ConsumerGroup, Subscription, Topic};
use events_runtime::{Config, Event, EventBus, EventData, Hub, PublicSignal, Signal};
use tokio::sync::oneshot;

const EVENT_TYPE: &str = "org.acme.growing.order.paid.v1";

/// Before a variant stands for unknown ones.
mod closed {
    use super::*;

    #[derive(Debug, Clone, PartialEq, PublicSignal)]
    #[public_signal(event_type = "org.acme.growing.order.paid.v1")]
    pub(crate) struct OrderPaid {
        pub(crate) order: u32,
        pub(crate) payment: Payment,
    }

    #[derive(Debug, Clone, PartialEq, EventData)]
    pub(crate) enum Payment {
        Cash,
        Card { last4: String },
    }
}

/// With a variant that stands for unknown ones.
mod open {
    use super::*;

    #[derive(Debug, Clone, PartialEq, PublicSignal)]
    #[public_signal(event_type = "org.acme.growing.order.paid.v1")]
    pub(crate) struct OrderPaid {
        pub(crate) order: u32,
        pub(crate) payment: Payment,
    }

    #[derive(Debug, Clone, PartialEq, EventData)]
    pub(crate) enum Payment {
        Cash,
        Card {
            last4: String,
        },
        #[event(other)]
        Unknown,
    }
}

/// With a new variant.
mod grown {
    use super::*;

    #[derive(Debug, Clone, PartialEq, PublicSignal)]
    #[public_signal(event_type = "org.acme.growing.order.paid.v1")]
    pub(crate) struct OrderPaid {
        pub(crate) order: u32,
        pub(crate) payment: Payment,
    }

    #[derive(Debug, Clone, PartialEq, EventData)]
    pub(crate) enum Payment {
        Cash,
        Transfer {
            iban: String,
        },
        Card {
            last4: String,
        },
        #[event(other)]
        Unknown,
    }
}

/// A program that links one version, and has the schemas of others.
async fn program<E: PublicSignal>(name: &str, others: &[&str]) -> EventBus {
    let config = Config::from_toml(&format!(
        "[service]\nname = 'shop'\n[bus]\nurl = 'memory:growing {name}'\nretry = {{ max_attempts = 1 }}\n\
         [routes.'{EVENT_TYPE}']\norders = {{}}"
    ));
    let registry = Registry::builder().register::<E>().build().expect("one definition");
    let builder = EventBus::builder()
        .config(config.expect("a valid configuration"))
        .registry(Box::leak(Box::new(registry)))
        .hub(Hub::new());
    let schemas = others.iter().map(|text| WriterSchema::parse(text).expect("a schema"));
    let builder = schemas.fold(builder, |builder, schema| builder.writer_schema(EVENT_TYPE, schema));
    builder.start().await.expect("the bus starts")
}

/// The events that a program consumes until it has settled this many, and how many became dead letters.
async fn consumed<E: PublicSignal + Clone>(bus: &EventBus, settled: u64) -> (Vec<E>, u64) {
    let received = Arc::new(Mutex::new(Vec::new()));
    let signal = Signal::<E>::new();
    bus.hub().scope(|| {
        let received = Arc::clone(&received);
        signal.connect("watch", move |event: &Event<E>| {
            received.lock().expect("no panic").push(event.payload().clone());
        });
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(bus.consume("orders").group("billing").run_until(stopped));
    let topic = Topic::new("orders").expect("a name");
    events_tests::until(|| async {
        let groups = bus.transport().groups(&topic).await.unwrap_or_default();
        groups.iter().any(|status| status.group.as_str() == "billing" && status.lag == 0)
    })
    .await;
    drop(stop);
    let consumed = running.await.expect("no panic").expect("a normal stop");
    assert_eq!(consumed.acked + consumed.dead_lettered, settled);
    let received = received.lock().expect("no panic").clone();
    (received, consumed.dead_lettered)
}

async fn emit<E: PublicSignal>(bus: &EventBus, events: impl IntoIterator<Item = E>) {
    for event in events {
        bus.hub().emit(event).delivered().await.expect("sent");
    }
}

fn grown_events() -> [grown::OrderPaid; 3] {
    let transfer = grown::Payment::Transfer { iban: "DE89".to_owned() };
    let card = grown::Payment::Card { last4: "4242".to_owned() };
    [transfer, card, grown::Payment::Cash].map(|payment| grown::OrderPaid { order: 1, payment })
}

#[tokio::test]
async fn an_old_consumer_takes_a_new_variant_as_its_other_one() {
    let new = program::<grown::OrderPaid>("old consumer", &[]).await;
    emit(&new, grown_events()).await;
    let old = program::<open::OrderPaid>("old consumer", &[grown::OrderPaid::SCHEMA_JSON]).await;
    let (received, dead) = consumed::<open::OrderPaid>(&old, 3).await;
    let card = open::Payment::Card { last4: "4242".to_owned() };
    let expected = [open::Payment::Unknown, card, open::Payment::Cash]
        .map(|payment| open::OrderPaid { order: 1, payment });
    assert_eq!((received.as_slice(), dead), (&expected[..], 0));
}

#[tokio::test]
async fn a_new_consumer_reads_all_that_an_old_producer_writes() {
    let old = program::<open::OrderPaid>("new consumer", &[]).await;
    let card = open::Payment::Card { last4: "4242".to_owned() };
    emit(&old, [card, open::Payment::Cash].map(|payment| open::OrderPaid { order: 2, payment })).await;
    let new = program::<grown::OrderPaid>("new consumer", &[open::OrderPaid::SCHEMA_JSON]).await;
    let (received, dead) = consumed::<grown::OrderPaid>(&new, 2).await;
    let card = grown::Payment::Card { last4: "4242".to_owned() };
    let expected = [card, grown::Payment::Cash].map(|payment| grown::OrderPaid { order: 2, payment });
    assert_eq!((received.as_slice(), dead), (&expected[..], 0));
}

#[tokio::test]
async fn a_consumer_without_other_dead_letters_the_events_that_hold_the_new_variant() {
    let new = program::<grown::OrderPaid>("closed consumer", &[]).await;
    emit(&new, grown_events()).await;
    let old = program::<closed::OrderPaid>("closed consumer", &[grown::OrderPaid::SCHEMA_JSON]).await;
    let (received, dead) = consumed::<closed::OrderPaid>(&old, 3).await;
    assert_eq!((received.len(), dead), (2, 1));
    let topic = Topic::new("orders.billing.dlq").expect("a name");
    let reader = Subscription::new(topic, ConsumerGroup::new("reader").expect("a name"));
    let mut consumer = old.transport().consumer(reader).await.expect("a consumer");
    let letters = consumer.receive(10, Duration::from_millis(10)).await.expect("messages");
    let reason = letters[0].message().headers.get("dlq_cause").expect("a cause");
    let reason = String::from_utf8_lossy(reason);
    assert!(
        reason.contains("field `payment`")
            && reason.contains("the writer's record `PaymentTransfer`")
            && reason.contains("`#[event(other)]`"),
        "{reason}"
    );
}

/// A version that differs in the mark alone has the same fingerprint, so no schema needs to be known.
#[tokio::test]
async fn the_mark_alone_changes_no_fingerprint() {
    assert_eq!(open::OrderPaid::FINGERPRINT, closed::OrderPaid::FINGERPRINT);
    let marked = program::<open::OrderPaid>("mark", &[]).await;
    emit(&marked, [open::OrderPaid { order: 3, payment: open::Payment::Cash }]).await;
    let plain = program::<closed::OrderPaid>("mark", &[]).await;
    let (received, dead) = consumed::<closed::OrderPaid>(&plain, 1).await;
    assert_eq!(received, [closed::OrderPaid { order: 3, payment: closed::Payment::Cash }]);
    assert_eq!(dead, 0);
}

#[tokio::test]
async fn an_event_with_the_other_variant_is_received_here_and_not_sent() {
    let bus = program::<open::OrderPaid>("emit", &[]).await;
    let emission = bus.hub().emit(open::OrderPaid { order: 4, payment: open::Payment::Unknown });
    let error = emission.delivered().await.expect_err("it can't be written");
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    assert!(
        text.contains(
            "field `payment`: `Payment::Unknown` stands for variants that this definition does not know"
        ),
        "{text}"
    );
}
