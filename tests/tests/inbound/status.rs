//! Consumers in the status of the bus.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use events_runtime::bus::Circuit;
use events_runtime::config::UnhandledEvents;
use events_runtime::transport::ErrorKind;
use events_runtime::{Event, EventBus, Hub, Origin};

use crate::flaky::flaky_while;
use crate::shop::{
    LONG, ORDER_PLACED, OrderPlaced, Running, answer, bus, config, next, place_orders, settled,
};

#[tokio::test]
async fn the_status_lists_running_consumers() {
    let bus = bus("status").await;
    assert_eq!(bus.status().consumers, []);
    let billing = Running::billing(&bus);
    let stock = Running::start(bus.consume("orders").group("stock"));
    let shown = || {
        let consumers = bus.status().consumers;
        assert!(consumers.iter().all(|consumer| consumer.circuit == Circuit::Closed), "{consumers:?}");
        let names = consumers.iter().map(|consumer| format!("{} {}", consumer.topic, consumer.group));
        names.collect::<Vec<_>>()
    };
    events_tests::until(|| async { shown().len() == 2 }).await;
    assert_eq!(shown(), ["orders billing", "orders stock"]);
    billing.stop().await;
    assert_eq!(shown(), ["orders stock"]);
    stock.stop().await;
    assert_eq!(bus.status().consumers, []);
}

#[tokio::test]
async fn the_status_shows_a_failing_store_and_whether_an_operator_must_act() {
    for (kind, needs_operator) in [(ErrorKind::Unavailable, false), (ErrorKind::Permission, true)] {
        let failures = Arc::new(AtomicU32::new(u32::MAX));
        let bus = EventBus::builder().config(config("", "")).hub(Hub::new());
        let bus = bus.transport(flaky_while(&failures, kind)).start().await.expect("the bus starts");
        let mut asked = answer(&bus, "charge", |_, _| Ok(()));
        let running = Running::billing(&bus);
        let circuit = || bus.status().consumers.pop().map(|consumer| consumer.circuit).unwrap_or_default();
        events_tests::until(|| async { circuit().failures() >= 3 }).await;
        assert!(
            circuit().last_error().is_some_and(|error| error.contains("it is unavailable")),
            "{:?}",
            circuit()
        );
        assert_eq!(bus.status().needs_operator(), needs_operator, "{kind:?}");
        failures.store(0, Ordering::SeqCst);
        place_orders(&bus, &["ada"]).await;
        assert_eq!(next(&mut asked).await, 1);
        assert_eq!(circuit(), Circuit::Closed, "it receives again");
        assert!(!bus.status().needs_operator());
        assert_eq!(running.stop().await.acked, 1);
    }
}

#[tokio::test]
async fn the_status_shows_whether_a_consumer_is_alive() {
    let bus = bus("alive").await;
    let (entered, mut entries) = tokio::sync::mpsc::unbounded_channel();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let waits = Arc::clone(&gate);
    bus.hub().scope(|| {
        ORDER_PLACED.connect_async("slow", move |event: Arc<Event<OrderPlaced>>| {
            let (entered, waits) = (entered.clone(), Arc::clone(&waits));
            async move {
                if event.origin() == Origin::Bus {
                    let _ = entered.send(event.order);
                    waits.acquire().await.expect("open").forget();
                }
            }
        });
    });
    let status = || bus.status().consumers.pop().expect("a consumer runs");
    let running = Running::start(bus.consume("orders").group("billing").concurrency(2));
    events_tests::until(|| async { bus.status().consumers.iter().any(|one| one.subscribed) }).await;
    let before = status();
    assert_eq!((before.in_flight, before.waiting, before.last_settle, before.paused), (0, 0, None, false));
    place_orders(&bus, &["ada", "ada", "bob", "eve"]).await;
    let mut first = [next(&mut entries).await, next(&mut entries).await];
    first.sort_unstable();
    assert_eq!(first, [1, 3], "one of each key");
    events_tests::until(|| async { status().in_flight + status().waiting == 4 }).await;
    let busy = status();
    assert_eq!((busy.in_flight, busy.waiting), (2, 2));
    assert!(busy.last_receive.is_some() && busy.last_progress() >= busy.started);
    assert!(!busy.is_stalled(LONG) && bus.status().stalled(LONG).next().is_none());
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(status().is_stalled(Duration::from_millis(10)), "a receiver hangs");

    bus.pause_consumers();
    events_tests::until(|| async { status().waiting == 0 }).await;
    let paused = status();
    assert!(paused.paused && !paused.is_stalled(Duration::ZERO), "{paused:?}");
    assert_eq!(paused.in_flight, 2, "these are finished");
    bus.resume_consumers();
    gate.add_permits(4);
    settled(&bus, "billing").await;
    events_tests::until(|| async { status().last_settle.is_some() && status().in_flight == 0 }).await;
    assert_eq!(status().waiting, 0);
    assert_eq!(running.stop().await.acked, 4);
}

#[tokio::test]
async fn a_consumer_that_failed_is_in_the_status_until_it_is_started_again() {
    let bus = bus("failed").await;
    place_orders(&bus, &["ada"]).await;
    for _ in 0..2 {
        let error = Running::billing(&bus).fails().await;
        let status = bus.status();
        let [failed] = status.failed.as_slice() else { panic!("{:?}", status.failed) };
        assert_eq!((failed.topics[0].as_str(), failed.group.as_str()), ("orders", "billing"));
        assert_eq!(failed.error, error.to_string());
        assert!(status.consumers.is_empty() && !status.needs_operator());
    }
    let consume = bus.consume("orders").group("billing").unhandled(UnhandledEvents::Skip);
    let running = Running::start(consume);
    settled(&bus, "billing").await;
    events_tests::until(|| async { bus.status().consumers.iter().any(|one| one.unhandled == 1) }).await;
    assert_eq!(bus.status().failed, []);
    running.stop().await;
    assert_eq!(bus.status().failed, [], "a normal stop is no failure");
}
