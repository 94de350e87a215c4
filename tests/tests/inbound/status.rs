//! Consumers in the status of the bus.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use events_runtime::bus::Circuit;
use events_runtime::transport::ErrorKind;
use events_runtime::{EventBus, Hub};

use crate::flaky::flaky_while;
use crate::shop::{Running, answer, bus, config, next, place_orders};

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
