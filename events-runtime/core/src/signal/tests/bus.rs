//! Events to a bus and from a bus.

use std::error::Error;
use std::time::Duration;

use crate::testing::sample::{ORDER_PAID, ORDER_PLACED, OrderPlaced, paid, placed};
use crate::testing::{self, FakeBus};
use crate::{EmitOptions, Event, Hub, Origin};

#[test]
fn bus_gets_every_local_event_once_after_the_sync_receivers() {
    testing::scope(|recorder| {
        let bus = FakeBus::with_topic(recorder.hub(), "orders");
        ORDER_PLACED.connect("pays first", |event: &Event<OrderPlaced>| {
            ORDER_PAID.emit(paid(event.number));
        });
        let emission = ORDER_PLACED.emit(placed(5));
        let id = emission.event().metadata().id();
        let delivered = emission.wait().expect("acknowledged");
        assert_eq!(delivered.topics().len(), 1);
        assert_eq!(delivered.topics()[0].topic(), "orders");
        assert_eq!(delivered.topics()[0].result().expect("acknowledged"), "1");

        let sent = bus.sent();
        let event_types: Vec<_> = sent.iter().map(testing::SentEvent::event_type).collect();
        assert_eq!(event_types, [ORDER_PAID.event_type(), ORDER_PLACED.event_type()]);
        assert_eq!(sent[1].metadata().id(), id);
        assert_eq!(sent[1].key(), Some(&b"5"[..]));
        assert_eq!(sent[1].datum(), [10]);
        assert_eq!(sent[1].decode::<OrderPlaced>().expect("a datum"), placed(5));
    });
}

#[test]
fn failing_receivers_do_not_keep_the_event_from_the_bus() {
    testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        ORDER_PLACED.connect("failing", |_| Err::<(), _>("no"));
        ORDER_PLACED.emit(placed(5));
        assert_eq!(bus.sent().len(), 1);
    });
}

#[test]
fn an_event_from_a_bus_keeps_its_metadata_and_is_never_sent() {
    let sent = testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        let options = EmitOptions::new().extension("traceparent", "00-ab").expect("a name");
        ORDER_PLACED.emit_with(placed(3), options);
        bus.sent().remove(0)
    });
    testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        ORDER_PLACED.connect("reacts", |event: &Event<OrderPlaced>| {
            ORDER_PAID.emit(paid(event.number));
        });
        let emission = sent.deliver_to(recorder.hub()).expect("a datum");
        assert_eq!(emission.responses().len(), 1);
        let event = recorder.only::<OrderPlaced>();
        assert_eq!(event.origin(), Origin::Bus);
        assert_eq!(event.metadata(), sent.metadata());
        assert_eq!(event.payload(), &placed(3));
        let sent: Vec<_> = bus.sent().iter().map(testing::SentEvent::event_type).collect();
        assert_eq!(sent, [ORDER_PAID.event_type()], "only what this process emitted itself");
    });
}

#[test]
fn receivers_of_an_event_from_a_bus_run_in_the_given_hub() {
    let sent = testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        ORDER_PLACED.emit(placed(3));
        bus.sent().remove(0)
    });
    let hub = Hub::new();
    hub.scope(|| {
        ORDER_PLACED.connect_async("async", |event: std::sync::Arc<Event<OrderPlaced>>| async move {
            assert_eq!(event.origin(), Origin::Bus);
            Err::<(), _>("no")
        });
    });
    let emission = Hub::new().scope(|| sent.deliver_to(&hub)).expect("a datum");
    let error = futures_executor::block_on(emission.delivered()).expect_err("the receiver fails");
    assert_eq!(error.receivers()[0].receiver(), "async");
    hub.disable::<OrderPlaced>();
    assert!(sent.deliver_to(&hub).expect("a datum").is_suppressed());
}

#[test]
fn bus_that_fails_is_an_error_of_its_topic() {
    testing::scope(|recorder| {
        let bus = FakeBus::with_topic(recorder.hub(), "orders");
        bus.fail("the broker is unavailable");
        let error = ORDER_PLACED.emit(placed(1)).wait().expect_err("not sent");
        assert_eq!(
            error.to_string(),
            "the event was not delivered everywhere: topic `orders`: the event was not sent: the broker is unavailable"
        );
        let cause = error.source().and_then(Error::source).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("the broker is unavailable"));
        bus.acknowledge();
        assert!(ORDER_PLACED.emit(placed(1)).wait().is_ok());
    });
}

#[test]
fn event_that_cannot_be_encoded_is_an_error_of_its_topic() {
    testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        let error = ORDER_PLACED.emit(placed(u64::MAX)).wait().expect_err("not encoded");
        assert!(error.topics()[0].result().is_err());
        assert!(bus.sent().is_empty());
    });
}

#[test]
fn delivery_waits_for_the_acknowledgement() {
    testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        bus.hold();
        let error = ORDER_PLACED.emit(placed(1)).wait_timeout(Duration::ZERO).expect_err("held");
        assert!(error.to_string().contains("wait timed out"), "{error}");
        let emission = ORDER_PLACED.emit(placed(2));
        bus.acknowledge();
        assert!(emission.wait().is_ok());
        assert_eq!(bus.sent().len(), 2, "the first was held, not lost");
    });
}

#[test]
fn a_detached_bus_fails_its_held_events_and_gets_no_more() {
    testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        bus.hold();
        let emission = ORDER_PLACED.emit(placed(1));
        drop(bus);
        let error = emission.wait().expect_err("the bus is gone");
        assert!(error.to_string().contains("the bus was shut down"), "{error}");
        let delivered = ORDER_PLACED.emit(placed(2)).wait().expect("no bus");
        assert!(delivered.topics().is_empty());
    });
}

#[test]
fn several_buses_of_a_hub_each_get_the_event_and_other_hubs_do_not() {
    testing::scope(|recorder| {
        let (first, second) =
            (FakeBus::with_topic(recorder.hub(), "a"), FakeBus::with_topic(recorder.hub(), "b"));
        let other_hub = Hub::new();
        let other = FakeBus::attach(&other_hub);
        second.fail("away");
        let error = ORDER_PLACED.emit(placed(1)).wait().expect_err("one of two");
        let topics: Vec<_> =
            error.topics().iter().map(|topic| (topic.topic(), topic.result().is_ok())).collect();
        assert_eq!(topics, [("a", true), ("b", false)]);
        assert_eq!(first.sent().len(), 1);
        assert!(other.sent().is_empty());
    });
}
