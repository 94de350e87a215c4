//! A process that emits an event and consumes its topic.

use std::sync::{Arc, Mutex};

use events_runtime::testing::Recorder;
use events_runtime::{Event, EventBus, Hub, Origin, receiver};
use events_tests::log::Log;

use crate::shop::{ORDER_PLACED, OrderPlaced, Running, bus, config, order};

const TWICE: &str = "a receiver ran twice for one event";

/// Runs a test on a runtime of this thread, and returns its log.
fn logged(test: impl Future<Output = ()>) -> String {
    Log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(test);
    })
}

type Ran = Arc<Mutex<Vec<(Origin, u32)>>>;

fn connect(hub: &Hub, name: &str, from: Option<Origin>) -> Ran {
    let ran = Ran::default();
    let log = ran.clone();
    let options = ORDER_PLACED.receiver(name).hub(hub);
    let options = match from {
        Some(from) => options.from(from),
        None => options,
    };
    options.connect(move |event: &Event<OrderPlaced>| {
        log.lock().expect("no panic").push((event.origin(), event.order));
    });
    ran
}

/// Emits orders with these numbers, and consumes them all.
async fn emit_and_consume(bus: &EventBus, numbers: &[u32]) {
    for number in numbers {
        let mut emission = bus.hub().emit(order(*number, "ada"));
        emission.acknowledged().await.expect("stored");
    }
    consume(bus, numbers.len()).await;
}

async fn consume(bus: &EventBus, count: usize) {
    let recorder = Recorder::attach(bus.hub());
    let running = Running::billing(bus);
    while recorder.of::<OrderPlaced>().iter().filter(|event| event.origin() == Origin::Bus).count() < count {
        tokio::task::yield_now().await;
    }
    running.stop().await;
}

#[test]
fn a_receiver_that_runs_twice_for_one_event_is_logged_once() {
    let log = logged(async {
        let bus = bus("twice").await;
        let receipt = connect(bus.hub(), "receipt", None);
        let audit = connect(bus.hub(), "audit", None);
        emit_and_consume(&bus, &[1, 2]).await;
        let twice = [(Origin::Local, 1), (Origin::Local, 2), (Origin::Bus, 1), (Origin::Bus, 2)];
        assert_eq!(*receipt.lock().expect("no panic"), twice);
        assert_eq!(*audit.lock().expect("no panic"), twice);
    });
    assert_eq!(log.matches(TWICE).count(), 2, "once for each of both: {log}");
    for text in ["receipt", "audit", "#[receiver(SIGNAL, from = \"bus\")]", ".from(Origin::Bus)"] {
        assert!(log.contains(text), "{text}: {log}");
    }
}

#[test]
fn receivers_of_one_origin_run_once_and_are_not_logged() {
    let log = logged(async {
        let bus = bus("once").await;
        let receipt = connect(bus.hub(), "receipt", Some(Origin::Bus));
        let cache = connect(bus.hub(), "cache", Some(Origin::Local));
        emit_and_consume(&bus, &[1]).await;
        assert_eq!(*receipt.lock().expect("no panic"), [(Origin::Bus, 1)]);
        assert_eq!(*cache.lock().expect("no panic"), [(Origin::Local, 1)]);
    });
    assert!(!log.contains(TWICE), "{log}");
}

#[test]
fn a_receiver_connected_after_the_emission_ran_once_and_is_not_logged() {
    let log = logged(async {
        let bus = bus("connected later").await;
        let audit = connect(bus.hub(), "audit", None);
        bus.hub().emit(order(1, "ada")).delivered().await.expect("stored");
        let receipt = connect(bus.hub(), "receipt", None);
        consume(&bus, 1).await;
        assert_eq!(*receipt.lock().expect("no panic"), [(Origin::Bus, 1)]);
        assert_eq!(audit.lock().expect("no panic").len(), 2);
    });
    assert_eq!(log.matches(TWICE).count(), 1, "only `audit`: {log}");
}

#[test]
fn two_hubs_over_one_memory_bus_are_two_services() {
    let log = logged(async {
        let [shop, billing] = [Hub::new(), Hub::new()];
        let (placed, billed) = (connect(&shop, "same name", None), connect(&billing, "same name", None));
        let start = |hub: Hub| EventBus::builder().config(config("two hubs", "")).hub(hub).start();
        let (shop, billing) = (start(shop).await.expect("starts"), start(billing).await.expect("starts"));
        shop.hub().emit(order(1, "ada")).delivered().await.expect("stored");
        consume(&billing, 1).await;
        assert_eq!(*placed.lock().expect("no panic"), [(Origin::Local, 1)]);
        assert_eq!(*billed.lock().expect("no panic"), [(Origin::Bus, 1)]);
    });
    assert!(!log.contains(TWICE), "{log}");
}

#[receiver(ORDER_PLACED, from = "bus")]
fn linked_from_the_bus(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, from = "local", name = "linked local")]
fn linked_local(_: &Event<OrderPlaced>) {}

#[test]
fn linked_receivers_name_their_origin() {
    Hub::linked().scope(|| {
        let names = |origin| ORDER_PLACED.receivers_from(origin).join(", ");
        assert!(names(Origin::Bus).ends_with("linked_from_the_bus"), "{}", names(Origin::Bus));
        assert_eq!(names(Origin::Local), "linked local");
    });
}
