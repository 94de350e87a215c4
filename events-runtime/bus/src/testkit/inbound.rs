//! Bus consumers on a transport: concurrent events, failures, shutdown.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use crate::bus::{Backoff, Consume, ConsumeError, Consumed, EventBus};
use crate::config::Exhausted;
use crate::envelope::Envelope;
use events_core::{Event, Origin, Signal};
use events_transport::Topic;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::versions::first::OrderPlaced;
use super::versions::program;
use super::{Fixture, LONG, ack, can, connect, group, member, named, send_to, topic};

/// Sends this number of orders to the topic, with rising numbers for each customer.
async fn place(fixture: &dyn Fixture, customers: &[&str], count: i64) {
    let writer = program::<OrderPlaced>(fixture, &[]).await;
    for number in 0..count {
        for customer in customers {
            let customer = (*customer).to_owned();
            let order = OrderPlaced { number, customer, coupon: None, lines: Vec::new() };
            writer.hub().emit(order);
        }
    }
    writer.shutdown(LONG).await.expect("all is sent");
}

/// Connects an async receiver of consumed orders.
fn receive<F>(bus: &EventBus, receiver: impl Fn(Arc<Event<OrderPlaced>>) -> F + Send + Sync + 'static)
where
    F: Future<Output = Result<(), &'static str>> + Send + 'static,
{
    bus.hub().scope(|| Signal::<OrderPlaced>::new().connect_async("receiver", receiver));
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Consumed>,
}

impl Running {
    /// A group member with unlimited attempts, further configured by the caller.
    fn start(bus: &EventBus, setup: impl FnOnce(Consume) -> Consume) -> Self {
        let brief = Backoff::new(Duration::from_millis(1), Duration::from_millis(4));
        let consume = bus.consume("orders").group("billing").max_attempts(u32::MAX).backoff(brief);
        let consume = setup(consume);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move { consume.run_until(stopped).await.expect("it consumes") });
        Self { stop, task }
    }

    async fn stop(self) -> Consumed {
        drop(self.stop);
        tokio::time::timeout(LONG, self.task).await.expect("it ends").expect("no panic")
    }
}

/// Waits until the group has settled all messages.
async fn settled(fixture: &dyn Fixture) {
    settled_in(fixture, &topic()).await;
}

async fn settled_in(fixture: &dyn Fixture, topic: &Topic) {
    let transport = connect(fixture);
    let billing = group("billing");
    super::until(|| async {
        let groups = transport.groups(topic).await.unwrap_or_default();
        groups.iter().any(|status| status.group == billing && status.lag == 0)
    })
    .await;
}

/// The events that receivers handled, in order, and the keys in progress.
#[derive(Default)]
struct Seen {
    taken: Vec<(String, i64)>,
    at_work: HashSet<String>,
    most: usize,
}

/// A receiver that fails at random, and asserts that no other call of its key is in progress.
fn watch(bus: &EventBus, seen: &Arc<Mutex<Seen>>) {
    let seen = Arc::clone(seen);
    receive(bus, move |event| {
        let seen = Arc::clone(&seen);
        async move {
            {
                let mut seen = seen.lock().expect("no panic");
                assert!(seen.at_work.insert(event.customer.clone()), "two of one key at once");
                seen.most = seen.most.max(seen.at_work.len());
            }
            tokio::time::sleep(Duration::from_micros(fastrand::u64(0..2000))).await;
            let fails = fastrand::u8(0..4) == 0;
            let mut seen = seen.lock().expect("no panic");
            seen.at_work.remove(&event.customer);
            if fails {
                return Err("at random");
            }
            seen.taken.push((event.customer.clone(), event.number));
            Ok(())
        }
    });
}

fn assert_in_order(seen: &Mutex<Seen>, customers: &[&str], count: i64) {
    let seen = seen.lock().expect("no panic");
    for customer in customers {
        let of_key = seen.taken.iter().filter(|(name, _)| name == customer);
        let numbers: Vec<_> = of_key.map(|(_, number)| *number).collect();
        let expected: Vec<_> = (0..count).collect();
        assert_eq!(numbers, expected, "{customer}");
    }
}

const CUSTOMERS: [&str; 6] = ["ada", "bob", "eve", "joe", "kim", "leo"];

/// Two members with a concurrency of four.
pub async fn parallel_work_that_fails_at_random_keeps_each_key_in_order_and_loses_nothing(
    fixture: &dyn Fixture,
) {
    let store = connect(fixture);
    if !can(&*store, "parallel_work_that_fails_at_random_keeps_each_key_in_order_and_loses_nothing", |can| {
        can.retries_hold_key
    }) {
        return;
    }
    place(fixture, &CUSTOMERS, 25).await;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut members = Vec::new();
    for _ in 0..2 {
        let bus = program::<OrderPlaced>(fixture, &[]).await;
        watch(&bus, &seen);
        members.push((Running::start(&bus, |consume| consume.concurrency(4).batch_size(16)), bus));
    }
    settled(fixture).await;
    let mut acked = 0;
    for (running, bus) in members {
        acked += running.stop().await.acked;
        bus.shutdown(LONG).await.expect("nothing waits");
    }
    assert_eq!(acked, 150);
    assert_in_order(&seen, &CUSTOMERS, 25);
    assert!(seen.lock().expect("no panic").most > 1, "keys are worked on in parallel");
}

/// Two members of a group in three topics with the same keys, with a concurrency of four. Each key is in order in
/// each topic, and a key at work in one topic blocks no other.
pub async fn consumers_of_several_topics_keep_each_key_in_order_and_lose_nothing(fixture: &dyn Fixture) {
    const TOPICS: [&str; 3] = ["orders", "payments", "returns"];
    let store = connect(fixture);
    if !can(&*store, "consumers_of_several_topics_keep_each_key_in_order_and_lose_nothing", |can| {
        can.retries_hold_key
    }) {
        return;
    }
    place(fixture, &CUSTOMERS, 10).await;
    let copied = {
        let mut consumer = member(&*store, "copier").await;
        let deliveries = super::receive(&mut *consumer, 60).await;
        let copied: Vec<_> = deliveries.iter().map(|delivery| delivery.message().clone()).collect();
        ack(deliveries).await;
        copied
    };
    for topic in ["payments", "returns"] {
        send_to(&*store, &named(topic), &copied).await;
    }
    let seen = Arc::new(Mutex::new(BTreeMap::<(Topic, Option<Bytes>), Vec<Option<String>>>::new()));
    let at_work = Arc::new(Mutex::new(HashSet::new()));
    let mut members = Vec::new();
    for _ in 0..2 {
        let bus = program::<OrderPlaced>(fixture, &[]).await;
        receive(&bus, |_| async {
            tokio::time::sleep(Duration::from_micros(fastrand::u64(0..2000))).await;
            if fastrand::u8(0..4) == 0 { Err("at random") } else { Ok(()) }
        });
        let (seen, at_work) = (Arc::clone(&seen), Arc::clone(&at_work));
        let running = Running::start(&bus, |consume| {
            let consume = TOPICS[1..].iter().fold(consume, |consume, topic| consume.also(*topic));
            consume.concurrency(4).batch_size(16).middleware(move |message, next| {
                let (seen, at_work) = (Arc::clone(&seen), Arc::clone(&at_work));
                async move {
                    let key = (message.topic.clone(), message.message.key.clone());
                    let is_alone = at_work.lock().expect("no panic").insert(key.clone());
                    assert!(is_alone, "two of one key at once");
                    let processed = next.run().await;
                    at_work.lock().expect("no panic").remove(&key);
                    if processed.error().is_none() {
                        let id = message.id().map(str::to_owned);
                        seen.lock().expect("no panic").entry(key).or_default().push(id);
                    }
                    Ok(processed)
                }
            })
        });
        members.push((running, bus));
    }
    for topic in TOPICS {
        settled_in(fixture, &named(topic)).await;
    }
    let mut acked = 0;
    for (running, bus) in members {
        acked += running.stop().await.acked;
        bus.shutdown(LONG).await.expect("nothing waits");
    }
    assert_eq!(acked, 180);
    let seen = seen.lock().expect("no panic");
    assert_eq!(seen.len(), TOPICS.len() * CUSTOMERS.len());
    for ((topic, key), ids) in &*seen {
        let of_key = copied.iter().filter(|message| message.key == *key);
        let sent: Vec<_> = of_key.map(|message| Envelope::id_of(message).map(str::to_owned)).collect();
        assert_eq!(*ids, sent, "{key:?} in {topic}");
    }
}

/// Members run one after another, each stopped while events are in progress.
pub async fn consumers_that_stop_and_start_lose_nothing(fixture: &dyn Fixture) {
    let store = connect(fixture);
    if !can(&*store, "consumers_that_stop_and_start_lose_nothing", |can| can.retries_hold_key) {
        return;
    }
    place(fixture, &CUSTOMERS, 20).await;
    let bus = program::<OrderPlaced>(fixture, &[]).await;
    let seen = Arc::new(Mutex::new(Seen::default()));
    watch(&bus, &seen);
    let mut acked = 0;
    for round in 0..6 {
        let running = Running::start(&bus, |consume| consume.concurrency(3).batch_size(32));
        let begun = seen.lock().expect("no panic").taken.len();
        super::until(|| async {
            let taken = seen.lock().expect("no panic").taken.len();
            taken > begun + round || taken == 120
        })
        .await;
        acked += running.stop().await.acked;
    }
    let running = Running::start(&bus, |consume| consume);
    settled(fixture).await;
    acked += running.stop().await.acked;
    bus.shutdown(LONG).await.expect("nothing waits");
    assert_eq!(acked, 120);
    assert_in_order(&seen, &CUSTOMERS, 20);
}

/// A hanging receiver does not block a shutdown, and its attempts are counted.
pub async fn an_interrupted_event_returns_with_its_attempt_counted(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "an_interrupted_event_returns_with_its_attempt_counted", |can| can.counts_attempts) {
        return;
    }
    place(fixture, &["ada"], 1).await;
    let bus = program::<OrderPlaced>(fixture, &[]).await;
    receive(&bus, |_| std::future::pending());
    for attempt in 1..=3 {
        let (sender, mut attempts) = mpsc::unbounded_channel();
        let running = Running::start(&bus, |consume| {
            consume.drain_timeout(Duration::from_millis(5)).middleware(move |message, next| {
                let _ = sender.send(message.attempt);
                async { Ok(next.run().await) }
            })
        });
        let seen = tokio::time::timeout(LONG, attempts.recv()).await.expect("it arrives in time");
        assert_eq!(seen, Some(attempt));
        assert_eq!(running.stop().await.unfinished, 1);
    }
    bus.shutdown(LONG).await.expect("nothing waits");
}

/// Even if its event keeps failing.
pub async fn a_parked_key_does_not_block_other_keys(fixture: &dyn Fixture) {
    let store = connect(fixture);
    if !can(&*store, "a_parked_key_does_not_block_other_keys", |can| can.retries_hold_key) {
        return;
    }
    place(fixture, &["ada", "bob"], 10).await;
    let bus = program::<OrderPlaced>(fixture, &[]).await;
    let (sender, mut taken) = mpsc::unbounded_channel();
    let mended = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    receive(&bus, move |event| {
        let (sender, mended) = (sender.clone(), is_mended.load(std::sync::atomic::Ordering::SeqCst));
        assert_eq!(event.origin(), Origin::Bus);
        async move {
            if event.customer == "ada" && !mended {
                return Err("not yet");
            }
            let _ = sender.send((event.customer.clone(), event.number));
            Ok(())
        }
    });
    let running = Running::start(&bus, |consume| consume.max_attempts(2).exhausted(Exhausted::Park));
    let mut next = async || tokio::time::timeout(LONG, taken.recv()).await.expect("it arrives in time");
    for number in 0..10 {
        assert_eq!(next().await, Some(("bob".to_owned(), number)));
    }
    mended.store(true, std::sync::atomic::Ordering::SeqCst);
    for number in 0..10 {
        assert_eq!(next().await, Some(("ada".to_owned(), number)));
    }
    settled(fixture).await;
    let consumed = running.stop().await;
    bus.shutdown(LONG).await.expect("nothing waits");
    assert_eq!((consumed.acked, consumed.dead_lettered), (20, 0));
}

/// The event is released, without an attempt.
pub async fn an_event_that_no_receiver_takes_stops_its_consumer_and_stays(fixture: &dyn Fixture) {
    let _store = connect(fixture);
    place(fixture, &["ada"], 3).await;
    let bus = program::<OrderPlaced>(fixture, &[]).await;
    for _ in 0..2 {
        let consumer = bus.consume("orders").group("billing").run();
        let error = tokio::time::timeout(LONG, consumer).await.expect("it ends").expect_err("no receiver");
        assert!(matches!(error, ConsumeError::Unhandled { .. }), "{error:?}");
    }
    let (running, mut taken) = taking(&bus, |consume| consume);
    for number in 0..3 {
        assert_eq!(next(&mut taken).await, ("ada".to_owned(), number, 1));
    }
    settled(fixture).await;
    assert_eq!(running.stop().await.acked, 3);
    bus.shutdown(LONG).await.expect("nothing waits");
}

/// Without an attempt, in the order of each key.
pub async fn events_of_a_disabled_signal_stay_until_it_is_enabled_and_keep_their_order(
    fixture: &dyn Fixture,
) {
    let _store = connect(fixture);
    place(fixture, &["ada", "bob"], 3).await;
    let bus = program::<OrderPlaced>(fixture, &[]).await;
    bus.hub().disable::<OrderPlaced>();
    let returned = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&returned);
    let (running, mut taken) = taking(&bus, |consume| {
        consume.max_attempts(1).concurrency(4).middleware(move |_, next| {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async { Ok(next.run().await) }
        })
    });
    super::until(|| async { returned.load(std::sync::atomic::Ordering::SeqCst) >= 6 }).await;
    assert!(taken.try_recv().is_err(), "no receiver ran");
    bus.hub().enable::<OrderPlaced>();
    let mut all = BTreeMap::<String, Vec<(i64, u32)>>::new();
    for _ in 0..6 {
        let (customer, number, attempt) = next(&mut taken).await;
        all.entry(customer).or_default().push((number, attempt));
    }
    for (customer, events) in all {
        assert_eq!(events, [(0, 1), (1, 1), (2, 1)], "{customer}");
    }
    settled(fixture).await;
    let consumed = running.stop().await;
    bus.shutdown(LONG).await.expect("nothing waits");
    assert_eq!((consumed.acked, consumed.dead_lettered, consumed.retried), (6, 0, 0));
    assert!(consumed.paused >= 2, "{consumed:?}");
}

type Taken = mpsc::UnboundedReceiver<(String, i64, u32)>;

/// A member whose receiver succeeds, and the customer, number and attempt of each event that it takes.
fn taking(bus: &EventBus, setup: impl FnOnce(Consume) -> Consume) -> (Running, Taken) {
    tokio::task_local! { static ATTEMPT: u32; }
    let (sender, taken) = mpsc::unbounded_channel();
    bus.hub().scope(|| {
        Signal::<OrderPlaced>::new().connect("receiver", move |event: &Event<OrderPlaced>| {
            let _ = sender.send((event.customer.clone(), event.number, ATTEMPT.get()));
        })
    });
    let running = Running::start(bus, |consume| {
        setup(consume)
            .middleware(|message, next| ATTEMPT.scope(message.attempt, async { Ok(next.run().await) }))
    });
    (running, taken)
}

async fn next(taken: &mut Taken) -> (String, i64, u32) {
    tokio::time::timeout(LONG, taken.recv())
        .await
        .expect("it arrives in time")
        .expect("the receiver is connected")
}
