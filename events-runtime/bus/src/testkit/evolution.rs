//! Two versions of a definition on one topic, each in its own program.

use crate::bus::Consumed;
use events_core::avro::{self, Compatibility, WriterSchema};
use events_core::private::{AvroNamed, Form, Profile, Schemas, SignalDescriptor};
use events_core::{Event, EventData, Hub, PublicSignal, Registry, Signal};
use events_transport::{ConnectOptions, Subscription};
use tokio::sync::mpsc;

use crate::bus::EventBus;
use crate::config::Config;

use super::{Fixture, LONG, connect, group, receive_one, subscribe, topic};

/// The first version.
pub(super) mod first {
    use events_core::EventData;

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(crate = events_core)]
    pub(in crate::testkit) struct OrderPlaced {
        pub(in crate::testkit) number: i64,
        pub(in crate::testkit) customer: String,
        pub(in crate::testkit) coupon: Option<String>,
        pub(in crate::testkit) lines: Vec<Line>,
    }

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(crate = events_core)]
    pub(in crate::testkit) struct Line {
        pub(in crate::testkit) sku: String,
        #[event(default = 1)]
        pub(in crate::testkit) quantity: i32,
    }
}

/// The second version: fields reordered, added and removed, at the top level and in nested types.
mod second {
    use events_core::EventData;

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(crate = events_core)]
    pub(super) struct OrderPlaced {
        pub(super) customer: String,
        pub(super) number: i64,
        #[event(default = "web")]
        pub(super) channel: String,
        pub(super) lines: Vec<Line>,
    }

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(crate = events_core)]
    pub(super) struct Line {
        pub(super) price: Option<i64>,
        pub(super) sku: String,
    }
}

/// Written by hand: derived definitions would be linked into every program that contains this suite, and
/// a registry rejects two definitions of one event type.
macro_rules! version {
    ($version:ident, $minor:literal) => {
        impl PublicSignal for $version::OrderPlaced {
            const EVENT_TYPE: &'static str = "org.conformance.order.placed.v1";
            const MINOR_VERSION: u32 = $minor;
            const SCHEMA_TEXT: &'static [u8] =
                &avro::write::<{ avro::length(Self::SCHEMA, Form::Json) }>(Self::SCHEMA, Form::Json);
            const CANONICAL_TEXT: &'static [u8] = &avro::write::<
                { avro::length(Self::SCHEMA, Form::Canonical) },
            >(Self::SCHEMA, Form::Canonical);
            const DESCRIPTOR: &'static SignalDescriptor = &SignalDescriptor::of::<Self>(
                Self::ORIGIN,
                file!(),
                line!(),
                Profile::Native,
                &[],
                Schemas {
                    folder: "schemas",
                    next: "org.conformance.order.placed.v2",
                    form: Form::Json,
                    is_counted: false,
                    compatibility: Compatibility::Full,
                },
            );
        }
    };
}

version!(first, 0);
version!(second, 1);

fn schema<E: PublicSignal>() -> WriterSchema {
    WriterSchema::parse(E::SCHEMA_JSON).expect("a schema")
}

/// A program that links one version and has the schema files of others.
pub(super) async fn program<E: PublicSignal>(fixture: &dyn Fixture, others: &[WriterSchema]) -> EventBus {
    let config = Config::from_toml(
        "[bus]\nurl = 'memory:'\n[routes.'org.conformance.order.placed.v1']\norders = { key = 'customer' }",
    );
    let registry = Registry::builder().register::<E>().build().expect("one definition");
    let builder = EventBus::builder()
        .config(config.expect("a right configuration"))
        .transport(fixture.connect(&ConnectOptions::new()))
        .registry(Box::leak(Box::new(registry)))
        .hub(Hub::new());
    let builder =
        others.iter().fold(builder, |builder, schema| builder.writer_schema(E::EVENT_TYPE, schema.clone()));
    builder.start().await.expect("the bus starts")
}

/// Emits an event from a program of its version.
async fn send<W: PublicSignal>(fixture: &dyn Fixture, event: W) {
    let writer = program::<W>(fixture, &[]).await;
    writer.hub().emit(event).delivered().await.expect("the message is stored");
    writer.shutdown(LONG).await.expect("nothing waits");
}

/// The event that a program of the reader's version receives, and the consumer's counts.
async fn received<R: PublicSignal + Clone>(
    fixture: &dyn Fixture,
    others: &[WriterSchema],
) -> (Option<R>, Consumed) {
    let reader = program::<R>(fixture, others).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let signal = Signal::<R>::new();
    reader.hub().scope(|| {
        signal.connect("watch", move |event: &Event<R>| {
            // The test receives until one event has arrived.
            let _ = sender.send(event.payload().clone());
        });
    });
    let mut event = None;
    let comes = async { event = receiver.recv().await };
    let consume = reader.consume("orders").group("billing").run_until(comes);
    let consumed =
        tokio::time::timeout(LONG, consume).await.expect("it arrives in time").expect("it consumes");
    reader.shutdown(LONG).await.expect("nothing waits");
    (event, consumed)
}

fn of_first() -> first::OrderPlaced {
    first::OrderPlaced {
        number: 7,
        customer: "c-1".to_owned(),
        coupon: Some("SPRING".to_owned()),
        lines: vec![first::Line { sku: "desk".to_owned(), quantity: 2 }],
    }
}

fn of_second() -> second::OrderPlaced {
    second::OrderPlaced {
        customer: "c-1".to_owned(),
        number: 7,
        channel: "phone".to_owned(),
        lines: vec![second::Line { price: Some(99), sku: "desk".to_owned() }],
    }
}

/// A new program reads the messages that an old one left in the topic.
pub async fn version_1_bytes_arrive_in_a_version_2_type(fixture: &dyn Fixture) {
    // A memory store lives as long as one handle to it.
    let _store = connect(fixture);
    let others = [schema::<first::OrderPlaced>()];
    send(fixture, of_first()).await;
    let (received, consumed) = received::<second::OrderPlaced>(fixture, &others).await;
    let expected = second::OrderPlaced {
        channel: "web".to_owned(),
        lines: vec![second::Line { price: None, sku: "desk".to_owned() }],
        ..of_second()
    };
    assert_eq!(received, Some(expected));
    assert_eq!((consumed.acked, consumed.dead_lettered), (1, 0));
}

/// An old program reads messages of newer ones if it has their schema file.
pub async fn version_2_bytes_arrive_in_a_version_1_type(fixture: &dyn Fixture) {
    let _store = connect(fixture);
    let others = [schema::<second::OrderPlaced>()];
    send(fixture, of_second()).await;
    let (received, consumed) = received::<first::OrderPlaced>(fixture, &others).await;
    let expected = first::OrderPlaced {
        coupon: None,
        lines: vec![first::Line { sku: "desk".to_owned(), quantity: 1 }],
        ..of_first()
    };
    assert_eq!(received, Some(expected));
    assert_eq!((consumed.acked, consumed.dead_lettered), (1, 0));
}

/// Data with an unknown schema is neither decoded nor lost.
pub async fn an_unknown_schema_is_a_dead_letter_with_its_fingerprint(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(fixture, of_second()).await;
    let dead = topic().dead_letter(&group("billing")).expect("a valid topic");
    let mut letters = subscribe(&*transport, Subscription::new(dead, group("repair"))).await;
    let reader = program::<first::OrderPlaced>(fixture, &[]).await;
    let mut letter = None;
    let comes = async { letter = Some(receive_one(&mut *letters).await) };
    let consumed = reader.consume("orders").group("billing").run_until(comes).await.expect("it consumes");
    reader.shutdown(LONG).await.expect("nothing waits");
    assert_eq!((consumed.acked, consumed.dead_lettered), (0, 1));

    let letter = letter.expect("a dead letter");
    assert_eq!(letter.message().data, avro::to_vec(&of_second()).expect("a datum"));
    let reason = letter.message().headers.get("dlq_reason").expect("a reason");
    let reason = String::from_utf8_lossy(reason).into_owned();
    let fingerprint = format!("{:016x}", second::OrderPlaced::FINGERPRINT);
    assert!(reason.contains(&fingerprint) && reason.contains("bus.consumer.schemas"), "{reason}");
    letter.ack().await.expect("the acknowledgement is stored");
}
