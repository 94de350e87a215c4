//! Two versions of a definition on one topic, each in its own program.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::bus::{Backoff, Consume, Consumed, EventBus};
use events_core::avro::WriterSchema;
use events_core::{Event, PublicSignal, Signal};
use events_transport::Subscription;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::versions::{Version, first, narrowed, program, second, widened};
use super::{Fixture, LONG, can, connect, group, receive_one, subscribe, topic};

fn schema<E: PublicSignal>() -> WriterSchema {
    WriterSchema::parse(E::SCHEMA_JSON).expect("a schema")
}

/// Emits an event from a program of its version.
pub(super) async fn send<W: PublicSignal>(fixture: &dyn Fixture, event: W) {
    let writer = program::<W>(fixture, &[]).await;
    writer.hub().emit(event).delivered().await.expect("the message is stored");
    writer.shutdown(LONG).await.expect("nothing waits");
}

/// Connects a receiver of a version, whose events are returned.
pub(super) fn events<R: PublicSignal + Clone>(bus: &EventBus) -> mpsc::UnboundedReceiver<R> {
    let (sender, receiver) = mpsc::unbounded_channel();
    bus.hub().scope(|| {
        Signal::<R>::new().connect("watch", move |event: &Event<R>| {
            // A test may end before the last event.
            let _ = sender.send(event.payload().clone());
        });
    });
    receiver
}

/// The event that a program of the reader's version receives, and the consumer's counts.
async fn received<R: PublicSignal + Clone>(
    fixture: &dyn Fixture,
    others: &[WriterSchema],
) -> (Option<R>, Consumed) {
    let reader = program::<R>(fixture, others).await;
    let mut events = events::<R>(&reader);
    let running = Running::start(&reader, |consume| consume);
    let event = tokio::time::timeout(LONG, events.recv()).await.expect("it arrives in time");
    let consumed = running.stop().await;
    reader.shutdown(LONG).await.expect("nothing waits");
    (event, consumed)
}

/// A running member of the group.
pub(super) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Consumed>,
}

impl Running {
    /// A member that makes one attempt, and waits long for unknown schemas; further configured by the caller.
    pub(super) fn start(bus: &EventBus, set_up: impl FnOnce(Consume) -> Consume) -> Self {
        let brief = Backoff::new(Duration::from_millis(5), Duration::from_millis(20));
        let consume = bus.consume("orders").group("billing").max_attempts(1).backoff(brief);
        let consume = set_up(consume.unknown_schema_wait(LONG));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move { consume.run_until(stopped).await.expect("it consumes") });
        Self { stop, task }
    }

    pub(super) async fn stop(self) -> Consumed {
        drop(self.stop);
        tokio::time::timeout(LONG, self.task).await.expect("it ends").expect("no panic")
    }
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

/// Whether schemas travel on the fixture's transport.
pub(super) fn schemas_travel(fixture: &dyn Fixture, name: &str) -> bool {
    can(&*connect(fixture), name, |can| can.schemas)
}

/// A new consumer reads the events of an old producer, after a `full` and after a `backward` change.
pub async fn a_new_consumer_reads_an_old_producer_without_a_schema_file(fixture: &dyn Fixture) {
    let _store = connect(fixture);
    if !schemas_travel(fixture, "a_new_consumer_reads_an_old_producer_without_a_schema_file") {
        return;
    }
    send(fixture, of_first()).await;
    let (event, consumed) = received::<second::OrderPlaced>(fixture, &[]).await;
    let lines = vec![second::Line { price: None, sku: "desk".to_owned() }];
    assert_eq!(event, Some(second::OrderPlaced { channel: "web".to_owned(), lines, ..of_second() }));
    assert_eq!((consumed.acked, consumed.dead_lettered), (1, 0));

    send(fixture, of_first()).await;
    let (event, consumed) = received::<narrowed::OrderPlaced>(fixture, &[]).await;
    let first::OrderPlaced { customer, coupon, lines, .. } = of_first();
    assert_eq!(event, Some(narrowed::OrderPlaced { customer, coupon, lines }));
    assert_eq!((consumed.acked, consumed.dead_lettered), (1, 0));
}

/// An old consumer reads the events of a new producer, after a `full` and after a `forward` change.
pub async fn an_old_consumer_reads_a_new_producer_without_a_schema_file(fixture: &dyn Fixture) {
    let _store = connect(fixture);
    if !schemas_travel(fixture, "an_old_consumer_reads_a_new_producer_without_a_schema_file") {
        return;
    }
    send(fixture, of_second()).await;
    let (event, consumed) = received::<first::OrderPlaced>(fixture, &[]).await;
    let lines = vec![first::Line { sku: "desk".to_owned(), quantity: 1 }];
    assert_eq!(event, Some(first::OrderPlaced { coupon: None, lines, ..of_first() }));
    assert_eq!((consumed.acked, consumed.dead_lettered), (1, 0));

    let first::OrderPlaced { number, customer, coupon, lines } = of_first();
    let channel = "phone".to_owned();
    send(fixture, widened::OrderPlaced { number, customer, coupon, lines, channel }).await;
    let (event, consumed) = received::<first::OrderPlaced>(fixture, &[]).await;
    assert_eq!(event, Some(of_first()));
    assert_eq!((consumed.acked, consumed.dead_lettered), (1, 0));
}

/// After a `full` change, both versions of producers and of consumers run at the same time.
pub async fn a_full_change_is_rolled_out_in_any_order(fixture: &dyn Fixture) {
    if schemas_travel(fixture, "a_full_change_is_rolled_out_in_any_order") {
        rolled_out::<first::OrderPlaced, second::OrderPlaced, first::OrderPlaced, second::OrderPlaced>(
            fixture,
        )
        .await;
    }
}

/// A `backward` change: both versions of consumers run with the old producers, then both versions of producers
/// with the new consumers.
pub async fn a_backward_change_is_rolled_out_from_the_consumers(fixture: &dyn Fixture) {
    use {first::OrderPlaced as Old, narrowed::OrderPlaced as New};
    let _store = connect(fixture);
    if schemas_travel(fixture, "a_backward_change_is_rolled_out_from_the_consumers") {
        rolled_out::<Old, Old, Old, New>(fixture).await;
        rolled_out::<Old, New, New, New>(fixture).await;
    }
}

/// A `forward` change: both versions of producers run with the old consumers, then both versions of consumers with
/// the new producers.
pub async fn a_forward_change_is_rolled_out_from_the_producers(fixture: &dyn Fixture) {
    use {first::OrderPlaced as Old, widened::OrderPlaced as New};
    let _store = connect(fixture);
    if schemas_travel(fixture, "a_forward_change_is_rolled_out_from_the_producers") {
        rolled_out::<Old, New, Old, Old>(fixture).await;
        rolled_out::<New, New, Old, New>(fixture).await;
    }
}

/// Two producers send to a topic, whose events two members of a group share: none is lost, and none is a dead
/// letter.
async fn rolled_out<W: Version, X: Version, R: Version, S: Version>(fixture: &dyn Fixture) {
    const EACH: usize = 20;
    let _store = connect(fixture);
    let (one, two) = (program::<W>(fixture, &[]).await, program::<X>(fixture, &[]).await);
    let (left, right) = (program::<R>(fixture, &[]).await, program::<S>(fixture, &[]).await);
    let (mut to_left, mut to_right) = (events::<R>(&left), events::<S>(&right));
    let members = [&left, &right].map(|bus| Running::start(bus, |consume| consume.concurrency(4)));
    let mut sent = BTreeSet::new();
    for index in 0..EACH {
        let customers = [format!("one-{index}"), format!("two-{index}")];
        one.hub().emit(W::order(&customers[0])).delivered().await.expect("the message is stored");
        two.hub().emit(X::order(&customers[1])).delivered().await.expect("the message is stored");
        sent.extend(customers);
    }
    let mut arrived = BTreeSet::new();
    while arrived.len() < sent.len() {
        let customer = async {
            tokio::select! {
                Some(event) = to_left.recv() => event.customer().to_owned(),
                Some(event) = to_right.recv() => event.customer().to_owned(),
            }
        };
        arrived.insert(tokio::time::timeout(LONG, customer).await.expect("all arrive in time"));
    }
    assert_eq!(arrived, sent);
    for member in members {
        assert_eq!(member.stop().await.dead_lettered, 0);
    }
    for bus in [one, two, left, right] {
        bus.shutdown(LONG).await.expect("nothing waits");
    }
}

/// A new consumer of a `forward` change can't read an old event: the dead letter says which field it lacks.
pub async fn an_incompatible_event_is_a_dead_letter_that_names_the_field(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !schemas_travel(fixture, "an_incompatible_event_is_a_dead_letter_that_names_the_field") {
        return;
    }
    send(fixture, of_first()).await;
    let dead = topic().dead_letter(&group("billing")).expect("a valid topic");
    let mut letters = subscribe(&*transport, Subscription::new(dead, group("repair"))).await;
    let reader = program::<widened::OrderPlaced>(fixture, &[]).await;
    let running = Running::start(&reader, |consume| consume);
    let letter = receive_one(&mut *letters).await;
    let consumed = running.stop().await;
    reader.shutdown(LONG).await.expect("nothing waits");
    assert_eq!((consumed.acked, consumed.dead_lettered), (0, 1));
    let header = |name| {
        let value = letter.message().headers.get(name).expect(name);
        String::from_utf8_lossy(value).into_owned()
    };
    assert_eq!(header("dlq_kind"), "decode");
    let reason = header("dlq_reason");
    assert!(reason.contains("field `channel`") && reason.contains("no default"), "{reason}");
    letter.ack().await.expect("the acknowledgement is stored");
}
