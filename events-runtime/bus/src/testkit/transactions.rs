//! Events that receivers emit while they handle an event, stored with its acknowledgement.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::bus::{Backoff, Consumed, EventBus};
use events_core::{Event, Hub, Origin, Signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::versions::first::OrderPlaced;
use super::versions::program;
use super::{Fixture, LONG, can, connect};

/// What is derived from an order has its number plus this.
const DERIVED: i64 = 100;
const COUNT: i64 = 6;

type Handled = Arc<Mutex<Vec<i64>>>;

fn order(number: i64) -> OrderPlaced {
    OrderPlaced { number, customer: format!("c{}", number % 2), coupon: None, lines: Vec::new() }
}

/// A bus on the fixture with some orders in its topic; `None` if the transport has no transactions.
async fn placed(fixture: &dyn Fixture, name: &str) -> Option<EventBus> {
    if !can(&*connect(fixture), name, |can| can.transactions) {
        return None;
    }
    let writer = program::<OrderPlaced>(fixture, &[]).await;
    for number in 0..COUNT {
        writer.hub().emit(order(number));
    }
    writer.shutdown(LONG).await.expect("all is sent");
    Some(program::<OrderPlaced>(fixture, &[]).await)
}

/// Whether something is to be derived from an event: not from what this program emits itself.
fn is_original(event: &Event<OrderPlaced>) -> bool {
    event.origin() == Origin::Bus && event.number < DERIVED
}

/// Connects a sync receiver of what the bus delivers.
fn connect_receiver(
    bus: &EventBus,
    receiver: impl Fn(&Event<OrderPlaced>) -> Result<(), &'static str> + Send + Sync + 'static,
) {
    bus.hub().scope(|| Signal::<OrderPlaced>::new().connect("receiver", receiver));
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Consumed>,
}

fn consume(bus: &EventBus) -> Running {
    let brief = Backoff::new(Duration::from_millis(1), Duration::from_millis(4));
    let consume = bus.consume("orders").group("billing").backoff(brief).concurrency(2).transactions(true);
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move { consume.run_until(stopped).await.expect("it consumes") });
    Running { stop, task }
}

/// Waits until all events are handled, and stops.
async fn finish(running: Running, bus: EventBus, handled: &Handled) -> Consumed {
    super::until(|| async { handled.lock().expect("no panic").len() >= each_once().len() }).await;
    drop(running.stop);
    let consumed = tokio::time::timeout(LONG, running.task).await.expect("it ends").expect("no panic");
    bus.shutdown(LONG).await.expect("nothing waits");
    consumed
}

fn sorted(handled: &Handled) -> Vec<i64> {
    let mut handled = handled.lock().expect("no panic").clone();
    handled.sort_unstable();
    handled
}

/// Each order and each derived order, once.
fn each_once() -> Vec<i64> {
    (0..COUNT).chain(DERIVED..DERIVED + COUNT).collect()
}

/// Each is there once, and its emission answers within the receiver.
pub async fn events_of_a_receiver_are_stored_with_the_acknowledgement(fixture: &dyn Fixture) {
    let name = "events_of_a_receiver_are_stored_with_the_acknowledgement";
    let Some(bus) = placed(fixture, name).await else { return };
    let handled = Handled::default();
    let seen = Arc::clone(&handled);
    connect_receiver(&bus, move |event| {
        if is_original(event) {
            let mut emission = Hub::current().emit(order(event.number + DERIVED));
            emission.wait_acknowledged().map_err(|_| "it answers")?;
        }
        if event.origin() == Origin::Bus {
            seen.lock().expect("no panic").push(event.number);
        }
        Ok(())
    });
    let running = consume(&bus);
    let consumed = finish(running, bus, &handled).await;
    assert_eq!(sorted(&handled), each_once());
    assert_eq!(consumed.acked, 2 * u64::try_from(COUNT).expect("it is positive"));
}

/// A receiver that emits and then fails emits nothing; the attempt that succeeds emits once.
pub async fn a_failed_attempt_emits_nothing(fixture: &dyn Fixture) {
    let Some(bus) = placed(fixture, "a_failed_attempt_emits_nothing").await else { return };
    let (handled, tried) = (Handled::default(), Handled::default());
    let (seen, calls) = (Arc::clone(&handled), Arc::clone(&tried));
    connect_receiver(&bus, move |event| {
        if is_original(event) {
            Hub::current().emit(order(event.number + DERIVED));
            let mut calls = calls.lock().expect("no panic");
            calls.push(event.number);
            if calls.iter().filter(|number| **number == event.number).count() < 3 {
                return Err("not yet");
            }
        }
        if event.origin() == Origin::Bus {
            seen.lock().expect("no panic").push(event.number);
        }
        Ok(())
    });
    let running = consume(&bus);
    finish(running, bus, &handled).await;
    assert_eq!(sorted(&handled), each_once());
    assert_eq!(tried.lock().expect("no panic").len(), 3 * usize::try_from(COUNT).expect("it is positive"));
}

/// An async receiver emits after it has waited, on another task.
pub async fn events_of_async_receivers_belong_to_the_event(fixture: &dyn Fixture) {
    let Some(bus) = placed(fixture, "events_of_async_receivers_belong_to_the_event").await else { return };
    let (handled, tried) = (Handled::default(), Handled::default());
    let (seen, calls) = (Arc::clone(&handled), Arc::clone(&tried));
    let receiver = move |event: Arc<Event<OrderPlaced>>| {
        let (seen, calls) = (Arc::clone(&seen), Arc::clone(&calls));
        async move {
            tokio::time::sleep(Duration::from_millis(2)).await;
            if is_original(&event) {
                Hub::current().emit(order(event.number + DERIVED));
                let mut calls = calls.lock().expect("no panic");
                calls.push(event.number);
                if calls.iter().filter(|number| **number == event.number).count() < 2 {
                    return Err("not yet");
                }
            }
            if event.origin() == Origin::Bus {
                seen.lock().expect("no panic").push(event.number);
            }
            Ok(())
        }
    };
    bus.hub().scope(|| Signal::<OrderPlaced>::new().connect_async("receiver", receiver));
    let running = consume(&bus);
    finish(running, bus, &handled).await;
    assert_eq!(sorted(&handled), each_once());
}

/// What spawned work emits when the event is acknowledged already is not lost.
pub async fn events_emitted_later_are_sent_as_usual(fixture: &dyn Fixture) {
    let Some(bus) = placed(fixture, "events_emitted_later_are_sent_as_usual").await else { return };
    let handled = Handled::default();
    let seen = Arc::clone(&handled);
    let (later, mut laters) = tokio::sync::mpsc::unbounded_channel();
    connect_receiver(&bus, move |event| {
        if is_original(event) {
            // The test emits it outside of the receiver.
            later.send(event.number + DERIVED).map_err(|_| "the test has ended")?;
        }
        if event.origin() == Origin::Bus {
            seen.lock().expect("no panic").push(event.number);
        }
        Ok(())
    });
    let running = consume(&bus);
    for _ in 0..COUNT {
        let number = tokio::time::timeout(LONG, laters.recv()).await.expect("it comes").expect("a receiver");
        let mut emission = bus.hub().emit(order(number));
        emission.acknowledged().await.expect("the event is stored");
    }
    finish(running, bus, &handled).await;
    assert_eq!(sorted(&handled), each_once());
}
