//! Events whose signal is disabled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use events_runtime::bus::ConsumerStatus;
use events_runtime::{Config, Event, EventBus, Hub, Origin, PublicSignal};
use tokio::sync::mpsc;

use crate::shop::{
    LONG, OrderPlaced, Running, answer, bus, bus_with, dead_letters, next, order, place_orders, settled,
};

/// A customer moved: another type with the same keys.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.inbound.customer.moved.v1", key = customer)]
struct CustomerMoved {
    number: u32,
    customer: String,
}

async fn two_types(name: &str) -> EventBus {
    let config = Config::from_toml(&format!(
        r#"
        [bus]
        url = "memory:paused {name}"
        retry = {{ initial = "1ms", max = "20ms", max_attempts = 1 }}
        [routes."org.acme.inbound.order.placed.v1"]
        orders = {{}}
        [routes."org.acme.inbound.customer.moved.v1"]
        orders = {{}}
        "#
    ));
    let builder = EventBus::builder().config(config.expect("a valid configuration")).hub(Hub::new());
    builder.start().await.expect("the bus starts")
}

fn status(bus: &EventBus) -> ConsumerStatus {
    bus.status().consumers.pop().expect("a consumer runs")
}

/// Reports the numbers of both types as they arrive from the bus.
fn watch(bus: &EventBus) -> mpsc::UnboundedReceiver<(String, u32)> {
    let (orders, seen) = mpsc::unbounded_channel();
    let moves = orders.clone();
    bus.hub().scope(|| {
        crate::shop::ORDER_PLACED.connect("orders", move |event: &Event<OrderPlaced>| {
            if event.origin() == Origin::Bus {
                let _ = orders.send((event.customer.clone(), event.order));
            }
        });
        CUSTOMER_MOVED.connect("moves", move |event: &Event<CustomerMoved>| {
            if event.origin() == Origin::Bus {
                let _ = moves.send((event.customer.clone(), event.number));
            }
        });
    });
    seen
}

#[tokio::test]
async fn events_of_a_disabled_signal_are_never_acknowledged_and_cost_no_attempt() {
    let bus = bus_with("paused", "").await;
    let mut asked = answer(&bus, "charge", |_, _| Ok(()));
    place_orders(&bus, &["ada", "ada", "bob"]).await;
    bus.hub().disable::<OrderPlaced>();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let consume = bus.consume("orders").group("billing").max_attempts(1);
    let running = Running::start(consume.middleware(move |message, next| {
        counted.fetch_add(1, Ordering::SeqCst);
        assert_eq!(message.attempt, 1);
        async { Ok(next.run().await) }
    }));
    events_tests::until(|| async { calls.load(Ordering::SeqCst) > 20 }).await;
    assert_eq!(status(&bus).disabled, [OrderPlaced::EVENT_TYPE]);
    assert!(asked.try_recv().is_err(), "no receiver ran");
    bus.hub().enable::<OrderPlaced>();
    let mut numbers = [next(&mut asked).await, next(&mut asked).await, next(&mut asked).await];
    assert!(numbers.iter().position(|number| *number == 1) < numbers.iter().position(|number| *number == 2));
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3]);
    settled(&bus, "billing").await;
    assert!(status(&bus).disabled.is_empty());
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.skipped, consumed.retried, consumed.dead_lettered), (3, 0, 0, 0));
    assert!(consumed.paused > 10, "{consumed:?}");
    assert!(dead_letters(&bus).await.is_empty());
}

#[tokio::test]
async fn other_types_and_keys_go_on_and_the_order_of_each_key_is_kept() {
    for concurrency in [1, 4] {
        let bus = two_types(&format!("order {concurrency}")).await;
        let mut seen = watch(&bus);
        let moved = |number, customer: &str| CustomerMoved { number, customer: customer.to_owned() };
        bus.hub().emit(moved(1, "ada")).delivered().await.expect("sent");
        bus.hub().emit(order(2, "ada")).delivered().await.expect("sent");
        bus.hub().emit(moved(3, "bob")).delivered().await.expect("sent");
        bus.hub().emit(order(4, "eve")).delivered().await.expect("sent");
        bus.hub().emit(moved(5, "ada")).delivered().await.expect("sent");
        bus.hub().emit(moved(6, "bob")).delivered().await.expect("sent");
        bus.hub().emit(order(7, "ada")).delivered().await.expect("sent");
        bus.hub().disable::<OrderPlaced>();
        let running = Running::start(bus.consume("orders").group("billing").concurrency(concurrency));
        let mut first = Vec::new();
        for _ in 0..3 {
            first.push(next(&mut seen).await);
        }
        let of = |events: &[(String, u32)], name: &str| -> Vec<u32> {
            events.iter().filter(|(customer, _)| customer == name).map(|(_, number)| *number).collect()
        };
        assert_eq!(
            (of(&first, "ada"), of(&first, "bob")),
            (vec![1], vec![3, 6]),
            "what is not behind goes on"
        );
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(seen.try_recv().is_err(), "the rest waits");

        bus.hub().enable::<OrderPlaced>();
        let mut rest = Vec::new();
        for _ in 0..4 {
            rest.push(next(&mut seen).await);
        }
        assert_eq!((of(&rest, "ada"), of(&rest, "eve")), (vec![2, 5, 7], vec![4]));
        settled(&bus, "billing").await;
        assert_eq!(running.stop().await.acked, 7);
        assert!(dead_letters(&bus).await.is_empty());
    }
}

#[tokio::test]
async fn a_paused_event_is_looked_at_less_and_less_often() {
    let bus = bus("paused backoff").await;
    let _handled = answer(&bus, "charge", |_, _| Ok(()));
    place_orders(&bus, &["ada"]).await;
    bus.hub().disable::<OrderPlaced>();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let backoff = events_runtime::bus::Backoff::new(Duration::from_millis(1), Duration::from_secs(60));
    let consume = bus.consume("orders").group("billing").backoff(backoff);
    let running = Running::start(consume.middleware(move |_, next| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(next.run().await) }
    }));
    tokio::time::sleep(Duration::from_millis(500)).await;
    // The pause is as long as the type has been paused: at 0, 1, 2, 4, … 256 ms at most.
    let calls = calls.load(Ordering::SeqCst);
    assert!((2..=12).contains(&calls), "{calls} calls in half a second");
    let since = Instant::now();
    assert_eq!(running.stop().await.acked, 0);
    assert!(since.elapsed() < LONG / 2, "a paused event delays no shutdown");
}

/// As in two processes, both members are asked at the same time: on one thread, one of them comes first each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_program_of_the_group_takes_the_events_that_one_has_disabled() {
    let disabled = bus("paused elsewhere").await;
    place_orders(&disabled, &["ada", "bob"]).await;
    disabled.hub().disable::<OrderPlaced>();
    let pausing = Running::billing(&disabled);
    let is_paused = || disabled.status().consumers.iter().any(|one| !one.disabled.is_empty());
    events_tests::until(|| async { is_paused() }).await;
    let other = bus("paused elsewhere").await;
    let mut asked = answer(&other, "charge", |_, _| Ok(()));
    let running = Running::billing(&other);
    let mut numbers = [next(&mut asked).await, next(&mut asked).await];
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
    settled(&other, "billing").await;
    assert_eq!((pausing.stop().await.acked, running.stop().await.acked), (0, 2));
}

#[tokio::test]
async fn a_replay_waits_for_events_of_a_disabled_signal() {
    let bus = bus("paused replay").await;
    let mut asked = answer(&bus, "look", |_, _| Ok(()));
    place_orders(&bus, &["ada"]).await;
    bus.hub().disable::<OrderPlaced>();
    let stopped = bus.replay("orders").group("look").run_until(tokio::time::sleep(Duration::from_millis(50)));
    let replayed = stopped.await.expect("a normal stop");
    assert!(!replayed.finished && replayed.consumed.paused > 0, "{replayed:?}");
    let replay = tokio::spawn(bus.replay("orders").group("look").run());
    events_tests::until(|| async { bus.status().consumers.iter().any(|one| !one.disabled.is_empty()) }).await;
    bus.hub().enable::<OrderPlaced>();
    let replayed = replay.await.expect("no panic").expect("it ends");
    assert!(replayed.finished && replayed.consumed.acked == 1, "{replayed:?}");
    assert_eq!(next(&mut asked).await, 1);
}

#[test]
fn a_disabled_type_is_logged_once_until_it_is_enabled() {
    let log = events_tests::log::Log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let bus = bus("paused log").await;
            let mut asked = answer(&bus, "charge", |_, _| Ok(()));
            place_orders(&bus, &["ada", "bob", "eve"]).await;
            bus.hub().disable::<OrderPlaced>();
            let running = Running::billing(&bus);
            tokio::time::sleep(Duration::from_millis(50)).await;
            bus.hub().enable::<OrderPlaced>();
            for _ in 0..3 {
                next(&mut asked).await;
            }
            settled(&bus, "billing").await;
            running.stop().await;
        });
    });
    for text in ["events of a type are paused", "events of a type are handled again"] {
        assert_eq!(log.matches(text).count(), 1, "{text}: {log}");
    }
}
