//! A transport that hangs: the consumer waits no longer than necessary.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events_runtime::receiver::reject;
use events_runtime::transport::{
    BoxFuture, ConnectOptions, Consumer, Delivery, Outcome, Position, Receipt, Recipient, Settle, Settlement,
    TransportError, connect,
};
use events_runtime::{Event, EventBus, Hub};
use events_tests::over::Over;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::shop::{ORDER_PLACED, OrderPlaced, Running, answer, config, next, place_orders, settled};

type Results = Vec<Result<(), TransportError>>;

/// Whether the store responds, and the number of calls by kind.
#[derive(Clone)]
struct Store {
    answers: watch::Sender<bool>,
    calls: Arc<Mutex<HashMap<&'static str, usize>>>,
}

impl Store {
    async fn answers(&self) {
        let _ = self.answers.subscribe().wait_for(|answers| *answers).await;
    }

    fn count(&self, call: &'static str) {
        *self.calls.lock().expect("no panic").entry(call).or_default() += 1;
    }

    fn calls(&self, call: &str) -> usize {
        self.calls.lock().expect("no panic").get(call).copied().unwrap_or_default()
    }
}

/// A consumer of a memory store whose settlements, renewals and close wait for the store.
struct Waiting {
    memory: Box<dyn Consumer>,
    store: Store,
}

impl Consumer for Waiting {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            let deliveries = self.memory.receive(max, wait).await?;
            let Some(first) = deliveries.first() else { return Ok(deliveries) };
            let (topic, group) = (first.topic().clone(), first.group().clone());
            let held = Arc::new(Held { inner: Mutex::default(), store: self.store.clone() });
            let recipient = Arc::new(Recipient::new(topic, group, Arc::clone(&held) as Arc<dyn Settle>));
            let mut inner = held.inner.lock().expect("no panic");
            let outer = deliveries.into_iter().map(|delivery| {
                let (message, position) = (delivery.message().clone(), delivery.position());
                let (attempt, time) = (delivery.attempt(), delivery.time());
                inner.insert(position, delivery);
                Delivery::new(message, position, attempt, time, 0, Arc::clone(&recipient))
            });
            Ok(outer.collect())
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        Box::pin(async move {
            self.store.answers().await;
            self.memory.close().await
        })
    }
}

struct Held {
    inner: Mutex<HashMap<Position, Delivery>>,
    store: Store,
}

impl Settle for Held {
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Results> {
        let mut inner = self.inner.lock().expect("no panic");
        let store = self.store.clone();
        let settled = settlements.into_iter().map(|Settlement { receipt, outcome, .. }| {
            store.count(match outcome {
                Outcome::Ack | Outcome::AckWith(_) => "outcomes: ack",
                Outcome::Release => "outcomes: release",
                Outcome::Retry(_) => "outcomes: retry",
                Outcome::Postpone(_) => "outcomes: postpone",
                Outcome::Reject(_) => "outcomes: reject",
            });
            (inner.remove(&receipt.position).expect("settled once"), outcome)
        });
        let settled: Vec<_> = settled.collect();
        if settled.iter().any(|(_, outcome)| *outcome == Outcome::Release) {
            store.count("calls: release");
        }
        Box::pin(async move {
            store.answers().await;
            let mut results = Results::new();
            for (delivery, outcome) in settled {
                results.push(match outcome {
                    Outcome::Ack | Outcome::AckWith(_) => delivery.ack().await,
                    Outcome::Release => delivery.release().await,
                    Outcome::Retry(after) => delivery.retry(after).await,
                    Outcome::Postpone(after) => delivery.postpone(after).await,
                    Outcome::Reject(_) => delivery.reject("wrong").await,
                });
            }
            results
        })
    }

    fn abandon(&self, receipt: Receipt) {
        drop(self.inner.lock().expect("no panic").remove(&receipt.position));
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Results> {
        let store = self.store.clone();
        store.count("calls: renew");
        Box::pin(async move {
            store.answers().await;
            receipts.iter().map(|_| Ok(())).collect()
        })
    }
}

/// A bus on a store that hangs until the test releases it.
async fn start() -> (EventBus, Store) {
    let store = Store { answers: watch::Sender::new(false), calls: Arc::default() };
    let memory = connect("memory:", &ConnectOptions::new()).expect("memory");
    let consumed = store.clone();
    let over = Over::new(memory).consumer(move |memory| Waiting { memory, store: consumed.clone() });
    let bus = EventBus::builder().config(config("", "")).hub(Hub::new()).transport(Box::new(over));
    (bus.start().await.expect("the bus starts"), store)
}

/// Forty customers.
fn customers() -> Vec<String> {
    (0..40).map(|number| format!("customer {number}")).collect()
}

/// Stops a consumer with a drain timeout of one second, and returns the time that takes.
async fn time_to_stop(running: Running) -> Duration {
    let began = Instant::now();
    running.stop().await;
    began.elapsed()
}

const DRAIN: Duration = Duration::from_secs(1);
/// The time that a hanging store may take after the drain timeout.
const A_LITTLE: Duration = Duration::from_millis(300);

#[tokio::test(start_paused = true)]
async fn a_consumer_stopped_while_it_subscribes_ends_at_once() {
    let memory = connect("memory:", &ConnectOptions::new()).expect("memory");
    let over = Over::new(memory).subscribes(|| tokio::time::sleep(Duration::from_secs(10)));
    let bus = EventBus::builder().config(config("", "")).hub(Hub::new()).transport(Box::new(over));
    let bus = bus.start().await.expect("the bus starts");
    let began = Instant::now();
    let consumed = bus.consume("orders").group("billing").run_until(tokio::time::sleep(DRAIN)).await;
    assert_eq!(consumed.expect("a normal stop").acked, 0);
    assert_eq!(began.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_stops_within_its_drain_timeout_if_the_transport_hangs() {
    for concurrency in [1, 4] {
        let (bus, store) = start().await;
        let names = customers();
        place_orders(&bus, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let (begun, mut begins) = mpsc::unbounded_channel();
        bus.hub().scope(|| {
            ORDER_PLACED.connect_async("all ends", move |event: Arc<Event<OrderPlaced>>| {
                let begun = begun.clone();
                async move {
                    let _ = begun.send(event.order);
                    match event.order {
                        1 => Ok(()),
                        2 => Err(events_runtime::BoxError::from("again")),
                        3 => Err(reject("never").into()),
                        _ => std::future::pending().await,
                    }
                }
            });
        });
        let consume = bus.consume("orders").group("billing").concurrency(concurrency);
        let running = Running::start(consume.lease(Duration::from_millis(300)).drain_timeout(DRAIN));
        for _ in 0..3 + concurrency {
            next(&mut begins).await;
        }
        let took = time_to_stop(running).await;
        assert!(took < DRAIN + A_LITTLE, "{took:?} with concurrency {concurrency}");
        let outcomes =
            ["ack", "retry", "reject", "release"].map(|kind| store.calls(&format!("outcomes: {kind}")));
        assert_eq!(outcomes, [1, 1 + concurrency, 1, 37 - concurrency], "all are submitted");
        assert_eq!(store.calls("calls: release"), 1, "releases are batched in one call");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_consumer_does_not_wait_long_for_a_hanging_transport() {
    let (bus, _store) = start().await;
    place_orders(&bus, &["ada"]).await;
    let mut asked = answer(&bus, "charge", |_, _| Ok(()));
    let running = Running::start(bus.consume("orders").group("billing").drain_timeout(DRAIN));
    next(&mut asked).await;
    let took = time_to_stop(running).await;
    assert!(took < DRAIN + A_LITTLE, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn releasing_the_events_of_a_key_delays_no_other_key() {
    let (bus, store) = start().await;
    place_orders(&bus, &["hot", "hot", "hot", "cold"]).await;
    let mut asked = answer(&bus, "charge", |order, attempt| match (order, attempt) {
        (1, 1) => Err("again".into()),
        _ => Ok(()),
    });
    let running = Running::billing(&bus);
    assert_eq!((next(&mut asked).await, next(&mut asked).await), (1, 4), "no outcome is stored yet");
    assert_eq!(store.calls("calls: release"), 1, "one call for all of the key");
    store.answers.send_replace(true);
    assert_eq!([next(&mut asked).await, next(&mut asked).await, next(&mut asked).await], [1, 2, 3]);
    settled(&bus, "billing").await;
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.retried), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_pending_lease_renewal_blocks_no_work() {
    let (bus, store) = start().await;
    place_orders(&bus, &["ada", "bob"]).await;
    let (begun, mut begins) = mpsc::unbounded_channel();
    bus.hub().scope(|| {
        ORDER_PLACED.connect_async("slow", move |event: Arc<Event<OrderPlaced>>| {
            let begun = begun.clone();
            async move {
                let _ = begun.send(event.order);
                tokio::time::sleep(DRAIN).await;
            }
        });
    });
    let consume = bus.consume("orders").group("billing").lease(Duration::from_millis(300));
    let running = Running::start(consume.drain_timeout(2 * DRAIN));
    assert_eq!((next(&mut begins).await, next(&mut begins).await), (1, 2));
    assert_eq!(store.calls("calls: renew"), 1, "one call for all, and no second one before its result");
    store.answers.send_replace(true);
    assert_eq!(running.stop().await.acked, 2);
    assert!(store.calls("calls: renew") > 1);
}
