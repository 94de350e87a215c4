//! How a consumer stops and pauses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events_runtime::bus::{Backoff, ConsumeError};
use events_runtime::transport::ErrorKind;
use events_runtime::{Event, EventBus, Hub, receiver};
use tokio::sync::{Semaphore, mpsc};

use crate::flaky::flaky;
use crate::shop::{
    LONG, ORDER_PLACED, OrderPlaced, Running, answer, bus, bus_with, config, dead_letters, next,
    place_orders, settled,
};

#[tokio::test]
async fn a_consumer_stops_after_max_consecutive_errors_and_loses_nothing() {
    let bus = bus_with("errors", "consumer = { max_consecutive_errors = 4 }").await;
    place_orders(&bus, &["ada", "bob", "eve", "joe", "kim", "leo"]).await;
    // A success resets the count.
    let mut asked = answer(&bus, "charge", |order, _| match order {
        3 => Ok(()),
        _ => Err("no money".into()),
    });
    let slow = Backoff::new(LONG, LONG);
    let running = Running::start(bus.consume("orders").group("billing").max_attempts(9).backoff(slow));
    for order in 1..=6 {
        // The seventh would be the fourth in a row.
        assert_eq!(next(&mut asked).await, order);
    }
    place_orders(&bus, &["mia", "ned", "oda"]).await;
    let error = running.fails().await;
    let ConsumeError::TooManyErrors { failed, ref last, .. } = error else { panic!("{error}") };
    assert_eq!(failed, 4);
    assert!(last.contains("no money") && error.to_string().contains("max_consecutive_errors"), "{error}");
    let topic = events_runtime::transport::Topic::new("orders").expect("a name");
    let status = bus.transport().groups(&topic).await.expect("the groups").remove(0);
    assert_eq!((status.lag, status.in_flight), (8, 0), "all but one are redelivered");
    assert!(dead_letters(&bus).await.is_empty());
}

#[tokio::test]
async fn a_failing_poll_is_retried_after_a_pause() {
    let transport = flaky(4, ErrorKind::Unavailable);
    let bus = EventBus::builder().config(config("", "")).hub(Hub::new()).transport(transport);
    let bus = bus.start().await.expect("the bus starts");
    place_orders(&bus, &["ada"]).await;
    let mut asked = answer(&bus, "charge", |_, _| Ok(()));
    let started = Instant::now();
    let backoff = Backoff::new(Duration::from_millis(40), Duration::from_millis(40));
    let running = Running::start(bus.consume("orders").group("billing").backoff(backoff));
    next(&mut asked).await;
    assert!(started.elapsed() >= Duration::from_millis(4 * 20), "half a pause at least: {started:?}");
    assert_eq!(running.stop().await.acked, 1);
}

#[tokio::test]
async fn no_time_that_is_asked_for_is_too_long() {
    let transport = flaky(0, ErrorKind::Unavailable);
    let bus = EventBus::builder().config(config("", "")).hub(Hub::new()).transport(transport);
    let bus = bus.start().await.expect("the bus starts");
    place_orders(&bus, &["ada", "bob", "eve"]).await;
    let mut asked = answer(&bus, "charge", |order, _| match order {
        1 => Err("again".into()),
        2 => Err(receiver::retry_after("much later", Duration::MAX).into()),
        _ => Ok(()),
    });
    let endless = Backoff::new(Duration::MAX, Duration::MAX);
    let consume = bus.consume("orders").group("billing").backoff(endless);
    let running = Running::start(consume.lease(Duration::MAX).drain_timeout(Duration::MAX));
    for order in 1..=3 {
        assert_eq!(next(&mut asked).await, order);
    }
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.retried), (1, 2));
    bus.flush(Duration::MAX).await.expect("nothing waits");
    bus.shutdown(Duration::MAX).await.expect("nothing waits");
}

#[tokio::test]
async fn an_unlimited_pause_before_the_next_poll_ends_with_the_consumer() {
    let bus = EventBus::builder().config(config("", "")).hub(Hub::new());
    let bus = bus.transport(flaky(1, ErrorKind::Unavailable)).start().await.expect("the bus starts");
    let endless = Backoff::new(Duration::MAX, Duration::MAX);
    let running = Running::start(bus.consume("orders").group("billing").backoff(endless));
    tokio::time::sleep(Duration::from_millis(50)).await;
    running.stop().await;
}

#[tokio::test]
async fn a_permanent_poll_error_stops_the_consumer() {
    let transport = flaky(1, ErrorKind::Invalid);
    let bus = EventBus::builder().config(config("", "")).hub(Hub::new()).transport(transport);
    let bus = bus.start().await.expect("the bus starts");
    let error = Running::billing(&bus).fails().await;
    assert!(matches!(error, ConsumeError::Transport(_)), "{error}");
}

#[tokio::test]
async fn a_disabled_consumer_receives_nothing_until_it_is_enabled() {
    let bus = bus_with("switched off", "consumer = { enabled = false }").await;
    assert!(bus.consumers_paused());
    place_orders(&bus, &["ada"]).await;
    let mut asked = answer(&bus, "charge", |_, _| Ok(()));
    let running = Running::billing(&bus);
    let waited = tokio::time::timeout(Duration::from_millis(50), asked.recv()).await;
    assert!(waited.is_err(), "it receives nothing");
    bus.resume_consumers();
    assert_eq!(next(&mut asked).await, 1);
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.acked, 1);
}

#[tokio::test]
async fn a_paused_consumer_releases_unstarted_events() {
    let bus = bus("paused").await;
    place_orders(&bus, &["ada", "bob", "eve"]).await;
    let switch = bus.clone();
    let mut asked = answer(&bus, "charge", move |order, _| {
        if order == 1 {
            switch.pause_consumers();
        }
        Ok(())
    });
    let running = Running::billing(&bus);
    assert_eq!(next(&mut asked).await, 1);
    let topic = events_runtime::transport::Topic::new("orders").expect("a name");
    events_tests::until(|| async {
        let status = bus.transport().groups(&topic).await.expect("the groups").remove(0);
        (status.lag, status.in_flight) == (2, 0)
    })
    .await;
    bus.resume_consumers();
    assert_eq!((next(&mut asked).await, next(&mut asked).await), (2, 3));
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.acked, 3);
}

/// Connects an async receiver that reports each start and waits for a permit.
fn held(bus: &EventBus) -> (mpsc::UnboundedReceiver<u32>, Arc<Semaphore>) {
    let (sender, begun) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    bus.hub().scope(|| {
        ORDER_PLACED.connect_async("held", move |event: Arc<Event<OrderPlaced>>| {
            let (sender, gate) = (sender.clone(), Arc::clone(&opened));
            async move {
                let _ = sender.send(event.order);
                gate.acquire().await.expect("the semaphore is open").forget();
            }
        });
    });
    (begun, gate)
}

#[tokio::test]
async fn a_stopping_consumer_finishes_events_in_progress() {
    let bus = bus("drain").await;
    place_orders(&bus, &["ada", "bob", "eve"]).await;
    let (mut begun, gate) = held(&bus);
    let consume = bus.consume("orders").group("billing").concurrency(2).drain_timeout(LONG);
    let running = Running::start(consume);
    next(&mut begun).await;
    next(&mut begun).await;
    let stopping = tokio::spawn(running.stop());
    let topic = events_runtime::transport::Topic::new("orders").expect("a name");
    events_tests::until(|| async {
        let status = bus.transport().groups(&topic).await.expect("the groups").remove(0);
        status.in_flight == 2
    })
    .await;
    assert!(!stopping.is_finished());
    gate.add_permits(2);
    let consumed = stopping.await.expect("no panic");
    assert_eq!((consumed.acked, consumed.unfinished), (2, 0));
}

#[tokio::test]
async fn events_unfinished_at_the_drain_timeout_are_redelivered_with_the_attempt_counted() {
    for concurrency in [1, 4] {
        let bus = bus(&format!("drain timeout {concurrency}")).await;
        place_orders(&bus, &["ada", "bob", "eve", "joe"]).await;
        let (mut begun, _gate) = held(&bus);
        let quick = Duration::from_millis(20);
        let consume = || {
            let consume = bus.consume("orders").group("billing").drain_timeout(quick);
            consume.concurrency(concurrency)
        };
        let running = Running::start(consume());
        for _ in 0..concurrency {
            next(&mut begun).await;
        }
        let consumed = running.stop().await;
        assert_eq!((consumed.acked, consumed.unfinished), (0, concurrency as u64));
        let (sender, mut attempts) = mpsc::unbounded_channel();
        let running = Running::start(consume().middleware(move |message, next| {
            let _ = sender.send(message.attempt);
            async { Ok(next.run().await) }
        }));
        for _ in 0..concurrency {
            assert_eq!(next(&mut attempts).await, 2);
        }
        running.stop().await;
    }
}

#[test]
fn events_interrupted_by_the_drain_timeout_are_logged_at_any_concurrency() {
    for concurrency in [1, 2] {
        let log = events_tests::log::Log::of(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let bus = bus(&format!("drain log {concurrency}")).await;
                place_orders(&bus, &["ada", "bob"]).await;
                let (mut begun, _gate) = held(&bus);
                let consume = bus.consume("orders").group("billing").concurrency(concurrency);
                let running = Running::start(consume.drain_timeout(Duration::from_millis(20)));
                for _ in 0..concurrency {
                    next(&mut begun).await;
                }
                running.stop().await;
            });
        });
        let lines = log.matches("an event was not finished before the drain timeout").count();
        assert_eq!(lines, concurrency, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_consumer_abandons_a_sync_receiver_that_blocks() {
    let bus = bus("blocks").await;
    place_orders(&bus, &["ada"]).await;
    let (begun, mut begins) = mpsc::unbounded_channel();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    bus.hub().scope(|| {
        ORDER_PLACED.connect("blocks", move |event: &Event<OrderPlaced>| {
            let _ = begun.send(event.order);
            // Blocks until the test ends.
            let _ = gate.lock().expect("no panic").recv();
        });
    });
    let consume = bus.consume("orders").group("billing").concurrency(2);
    let running = Running::start(consume.drain_timeout(Duration::from_millis(20)));
    next(&mut begins).await;
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.unfinished), (0, 1));
    drop(open);
}

#[tokio::test]
async fn dropping_a_consumer_costs_unstarted_events_no_attempt() {
    let bus = bus("dropped").await;
    place_orders(&bus, &["ada", "bob", "eve"]).await;
    let (begun, mut begins) = mpsc::unbounded_channel();
    bus.hub().scope(|| {
        ORDER_PLACED.connect_async("hangs on the first", move |event: Arc<Event<OrderPlaced>>| {
            let begun = begun.clone();
            async move {
                begun.send(event.order).map_err(|_| "the test is over")?;
                if event.order == 1 {
                    std::future::pending::<()>().await;
                }
                Ok::<(), &'static str>(())
            }
        });
    });
    // One more than max_attempts: each time, the second and third are fetched and not started.
    for _ in 0..4 {
        let consumer = tokio::spawn(bus.consume("orders").group("billing").run());
        if next(&mut begins).await != 1 {
            // The first is rejected, and the others have been handled.
            consumer.abort();
            break;
        }
        consumer.abort();
        assert!(consumer.await.expect_err("it was aborted").is_cancelled());
    }
    let running = Running::billing(&bus);
    settled(&bus, "billing").await;
    running.stop().await;
    let dead_letters = dead_letters(&bus).await;
    let given_up: Vec<_> =
        dead_letters.iter().map(|dead_letter| dead_letter.key.as_deref().unwrap_or_default()).collect();
    assert_eq!(given_up, [b"ada"], "an unstarted event is not a dead letter");
}

#[test]
fn start_and_stop_of_a_consumer_are_logged_and_a_retried_attempt_is_a_warning() {
    let log = events_tests::log::Log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let bus = bus("levels").await;
            place_orders(&bus, &["ada"]).await;
            let mut asked = answer(&bus, "charge", |_, _| Err("no money".into()));
            let running = Running::billing(&bus);
            for _ in 0..3 {
                next(&mut asked).await;
            }
            settled(&bus, "billing").await;
            running.stop().await;
        });
    });
    let level_of = |text: &str| {
        let at = log.find(text).unwrap_or_else(|| panic!("no line `{text}` in {log}"));
        let before = log.get(..at).unwrap_or_default();
        before.lines().rev().find_map(|line| line.strip_prefix("level=")).unwrap_or_default().to_owned()
    };
    for (text, level) in [
        ("consumer started", "INFO"),
        ("receiver failed", "WARN"),
        ("an event failed; retrying", "WARN"),
        ("an event was moved to the dead letters", "ERROR"),
        ("consumer stopped", "INFO"),
    ] {
        assert_eq!(level_of(text), level, "{text}");
    }
    assert!(log.contains("error=\"the receiver returned an error: no money\""), "{log}");
}
