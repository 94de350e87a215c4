//! One consumer of several topics.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use events_runtime::bus::{Backoff, Circuit, Consume, ConsumeError};
use events_runtime::transport::{ConnectOptions, ConsumerGroup, ErrorKind, Topic, TransportError, connect};
use events_runtime::{BoxError, Config, Event, EventBus, Hub, Origin, PublicSignal};
use events_tests::over::Over;
use events_tests::values::Values;
use tokio::sync::{Semaphore, mpsc};

use crate::flaky::flaky_while;
use crate::shop::{LONG, Running, header, messages, next};

/// An order was shipped.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.topics.order.shipped.v1", key = customer)]
struct OrderShipped {
    number: u32,
    customer: String,
}

/// A payment was made.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.topics.payment.made.v1", key = customer)]
struct PaymentMade {
    number: u32,
    customer: String,
}

/// Goods came back.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.topics.goods.returned.v1", key = customer)]
struct GoodsReturned {
    number: u32,
    customer: String,
}

const TOPICS: [&str; 3] = ["orders", "payments", "returns"];

fn config(more: &str) -> Config {
    let payments = if more.contains("[transports.bank]") { "bank" } else { "bus" };
    let config = Config::from_toml(&format!(
        r#"
        [service]
        name = "shop"
        topic_prefix = "dev"
        [bus]
        url = "memory:"
        retry = {{ initial = "1ms", max = "2ms", max_attempts = 3 }}
        {more}
        [routes."org.acme.topics.order.shipped.v1"]
        orders = {{}}
        [routes."org.acme.topics.payment.made.v1"]
        payments = {{ transport = "{payments}" }}
        [routes."org.acme.topics.goods.returned.v1"]
        returns = {{}}
        "#
    ));
    config.expect("a valid configuration")
}

async fn bus(more: &str) -> EventBus {
    EventBus::builder().config(config(more)).hub(Hub::new()).start().await.expect("the bus starts")
}

/// A consumer of all topics.
fn consume(bus: &EventBus) -> Consume {
    bus.consume("orders").also("payments").also("returns").group("billing")
}

/// Sends an event to each topic.
async fn send(bus: &EventBus, number: u32, name: &str) {
    let customer = || name.to_owned();
    let shipped = bus.hub().emit(OrderShipped { number, customer: customer() });
    let made = bus.hub().emit(PaymentMade { number, customer: customer() });
    let returned = bus.hub().emit(GoodsReturned { number, customer: customer() });
    shipped.delivered().await.expect("sent");
    made.delivered().await.expect("sent");
    returned.delivered().await.expect("sent");
}

/// Connects receivers of consumed events, which report each call, such as `payments 1`.
fn answer(
    bus: &EventBus,
    answer: impl Fn(&str, u32) -> Result<(), BoxError> + Send + Sync + 'static,
) -> mpsc::UnboundedReceiver<String> {
    let (sender, asked) = mpsc::unbounded_channel();
    let asks = Arc::new(move |origin: Origin, topic: &str, number: u32| {
        if origin == Origin::Local {
            return Ok(());
        }
        let _ = sender.send(format!("{topic} {number}"));
        answer(topic, number)
    });
    bus.hub().scope(|| {
        let asked = Arc::clone(&asks);
        ORDER_SHIPPED.connect("ship", move |event: &Event<OrderShipped>| {
            asked(event.origin(), "orders", event.number)
        });
        let asked = Arc::clone(&asks);
        PAYMENT_MADE.connect("book", move |event: &Event<PaymentMade>| {
            asked(event.origin(), "payments", event.number)
        });
        GOODS_RETURNED.connect("store", move |event: &Event<GoodsReturned>| {
            asks(event.origin(), "returns", event.number)
        });
    });
    asked
}

/// Connects async receivers of consumed events, which wait for a permit. Gives the greatest number of events in
/// flight.
fn wait_for(bus: &EventBus, permits: &Arc<Semaphore>) -> (Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (now, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    macro_rules! connect {
        ($signal:ident, $event:ty) => {{
            let (permits, now, most) = (Arc::clone(permits), Arc::clone(&now), Arc::clone(&most));
            $signal.connect_async("wait", move |event: Arc<Event<$event>>| {
                let (permits, now, most) = (Arc::clone(&permits), Arc::clone(&now), Arc::clone(&most));
                async move {
                    if event.origin() == Origin::Bus {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        permits.acquire().await.expect("it is open").forget();
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            });
        }};
    }
    bus.hub().scope(|| {
        connect!(ORDER_SHIPPED, OrderShipped);
        connect!(PAYMENT_MADE, PaymentMade);
        connect!(GOODS_RETURNED, GoodsReturned);
    });
    (now, most)
}

/// A counter or gauge.
fn number(values: &Values, name: &str) -> Option<f64> {
    values.numbers.lock().expect("no panic").get(name).copied()
}

/// The events that the group has not settled, of each topic.
async fn lags(bus: &EventBus) -> [u64; 3] {
    let mut lags = [0; 3];
    for (lag, topic) in lags.iter_mut().zip(TOPICS) {
        let topic = Topic::new(format!("dev-{topic}")).expect("a name");
        let groups = bus.transport().groups(&topic).await.unwrap_or_default();
        let billing = ConsumerGroup::new("billing").expect("a name");
        *lag = groups.iter().filter(|status| status.group == billing).map(|status| status.lag).sum();
    }
    lags
}

/// The group that a test removes.
fn removed() -> (Topic, ConsumerGroup) {
    (Topic::new("dev-returns").expect("a name"), ConsumerGroup::new("billing").expect("a name"))
}

async fn all(asked: &mut mpsc::UnboundedReceiver<String>, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(next(asked).await);
    }
    all.sort();
    all
}

fn source(error: &ConsumeError) -> &TransportError {
    error.source().and_then(|source| source.downcast_ref()).expect("an error of the transport")
}

#[tokio::test]
async fn the_events_of_three_topics_come_through_one_consumer() {
    let bus = bus("").await;
    let mut asked = answer(&bus, |_, _| Ok(()));
    let running = Running::start(consume(&bus));
    for number in 1..=3 {
        send(&bus, number, "ada").await;
        let expected = TOPICS.map(|topic| format!("{topic} {number}"));
        assert_eq!(all(&mut asked, 3).await, expected);
    }
    let consumers = bus.status().consumers;
    let names: Vec<_> = consumers.iter().map(|one| format!("{} {}", one.topic, one.group)).collect();
    assert_eq!(names, TOPICS.map(|topic| format!("dev-{topic} billing")));
    let consumed = running.stop().await;
    assert_eq!(consumed.acked, 9);
    assert_eq!(lags(&bus).await, [0; 3]);
    assert!(bus.status().consumers.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_concurrency_is_shared_and_the_greatest_of_the_topics() {
    let bus = bus("[consumers.payments.billing]\nconcurrency = 4").await;
    let permits = Arc::new(Semaphore::new(0));
    let (now, most) = wait_for(&bus, &permits);
    for number in 0..4 {
        send(&bus, number, &format!("customer {number}")).await;
    }
    let running = Running::start(consume(&bus));
    events_tests::until(|| async { now.load(Ordering::SeqCst) == 4 }).await;
    permits.add_permits(100);
    events_tests::until(|| async { lags(&bus).await == [0; 3] }).await;
    assert_eq!(running.stop().await.acked, 12);
    assert_eq!(most.load(Ordering::SeqCst), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_key_blocks_its_own_topic_only() {
    for concurrency in [1, 3] {
        let bus = bus("").await;
        let mut asked = answer(&bus, |topic, _| match topic {
            "payments" => Err("the bank is closed".into()),
            _ => Ok(()),
        });
        for number in 1..=2 {
            send(&bus, number, "ada").await;
        }
        let slow = consume(&bus).max_attempts(9).backoff(Backoff::new(LONG, LONG));
        let running = Running::start(slow.concurrency(concurrency));
        assert_eq!(
            all(&mut asked, 5).await,
            ["orders 1", "orders 2", "payments 1", "returns 1", "returns 2"]
        );
        events_tests::until(|| async { lags(&bus).await == [0, 2, 0] }).await;
        let consumed = running.stop().await;
        assert_eq!((consumed.acked, consumed.retried), (4, 1));
        assert!(asked.try_recv().is_err(), "the second payment waits for the first");
    }
}

#[tokio::test]
async fn a_dead_letter_goes_to_the_dead_letters_of_its_topic() {
    let bus = bus("").await;
    let mut asked = answer(&bus, |topic, number| match (topic, number) {
        ("payments", 1) | ("returns", 2) => Err("it is wrong".into()),
        _ => Ok(()),
    });
    for number in 1..=2 {
        send(&bus, number, "ada").await;
    }
    let running = Running::start(consume(&bus).max_attempts(1));
    all(&mut asked, 6).await;
    events_tests::until(|| async { lags(&bus).await == [0; 3] }).await;
    assert_eq!(running.stop().await.dead_lettered, 2);
    for (topic, expected) in TOPICS.into_iter().zip([0, 1, 1]) {
        let dead_letters = messages(&bus, &format!("dev-{topic}.billing.dlq")).await;
        assert_eq!(dead_letters.len(), expected, "{topic}");
        for dead_letter in dead_letters {
            assert_eq!(header(&dead_letter, "dlq_topic"), format!("dev-{topic}"));
        }
    }
}

#[tokio::test]
async fn each_topic_has_the_settings_of_its_own_group() {
    let bus = bus("[consumers.orders.billing]
        max_attempts = 1
        [consumers.payments.billing]
        max_attempts = 2
        [consumers.returns.billing]
        start = 'latest'")
    .await;
    let mut asked = answer(&bus, |_, _| Err("no".into()));
    send(&bus, 1, "ada").await;
    let running = Running::start(consume(&bus));
    assert_eq!(all(&mut asked, 3).await, ["orders 1", "payments 1", "payments 1"]);
    events_tests::until(|| async { lags(&bus).await == [0; 3] }).await;
    let consumed = running.stop().await;
    assert_eq!((consumed.dead_lettered, consumed.retried), (2, 1));
    assert!(asked.try_recv().is_err(), "the returned goods are before the start");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_finishes_the_events_in_flight_of_all_topics() {
    let bus = bus("").await;
    let permits = Arc::new(Semaphore::new(0));
    let (now, _) = wait_for(&bus, &permits);
    send(&bus, 1, "ada").await;
    // They wait behind the others, and are released.
    send(&bus, 2, "ada").await;
    let running = Running::start(consume(&bus).concurrency(3));
    events_tests::until(|| async { now.load(Ordering::SeqCst) == 3 }).await;
    let stopping = tokio::spawn(running.stop());
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!stopping.is_finished());
    permits.add_permits(100);
    assert_eq!(stopping.await.expect("no panic").acked, 3);
    assert_eq!(lags(&bus).await, [1; 3]);
    for topic in TOPICS {
        let topic = Topic::new(format!("dev-{topic}")).expect("a name");
        let groups = bus.transport().groups(&topic).await.expect("the groups are listed");
        assert_eq!(groups.iter().map(|status| status.in_flight).sum::<u64>(), 0, "{topic}");
    }
}

#[tokio::test]
async fn a_topic_that_can_not_be_subscribed_to_ends_the_consumer_and_is_named() {
    let bus = bus("[consumers.payments.billing]\nstart = '1526919030474-55'").await;
    let error = Running::start(consume(&bus)).fails().await;
    assert_eq!(source(&error).subject(), "dev-payments", "{error:?}");
    assert!(bus.status().consumers.is_empty());
}

#[tokio::test]
async fn a_topic_whose_group_is_removed_ends_the_consumer_and_is_named() {
    let bus = bus("").await;
    let mut asked = answer(&bus, |_, _| Ok(()));
    let running = Running::start(consume(&bus));
    send(&bus, 1, "ada").await;
    all(&mut asked, 3).await;
    let (topic, group) = removed();
    bus.transport().remove_group(&topic, &group).await.expect("it is removed");
    // It wakes the consumer.
    send(&bus, 2, "ada").await;
    let error = running.fails().await;
    assert_eq!(source(&error).kind(), ErrorKind::NotFound);
    assert_eq!(source(&error).subject(), "dev-returns", "{error:?}");
}

#[tokio::test]
async fn a_topic_is_named_once() {
    let bus = bus("").await;
    let error = Running::start(consume(&bus).also("payments")).fails().await;
    assert_eq!(
        source(&error).to_string(),
        "can't consume `payments`: the topic is named twice: name each topic once, also on different transports"
    );
    let error = Running::start(consume(&bus).also("pay ments")).fails().await;
    assert!(matches!(error, ConsumeError::Name(_)), "{error}");
}

#[tokio::test]
async fn a_replay_has_one_topic() {
    let bus = bus("").await;
    let replay = bus.replay("orders").group("again").settings(|consume| consume.also("payments"));
    let error = replay.run().await.expect_err("it is refused");
    assert!(error.to_string().contains("a replay has one topic"), "{error}");
}

#[tokio::test]
async fn a_topic_on_an_unavailable_transport_does_not_hold_back_the_others() {
    let failures = Arc::new(AtomicU32::new(u32::MAX));
    let builder = EventBus::builder()
        .config(config(
            "[transports.bank]\nurl = 'memory:'\n[consumers.payments.billing]\ntransport = 'bank'",
        ))
        .hub(Hub::new());
    let bank = flaky_while(&failures, ErrorKind::Unavailable);
    let bus = builder.transport_named("bank", bank).start().await.expect("the bus starts");
    let mut asked = answer(&bus, |_, _| Ok(()));
    let running = Running::start(
        bus.consume("orders")
            .also("payments")
            .also("returns")
            .group("billing")
            .backoff(Backoff::new(Duration::from_millis(20), Duration::from_millis(20))),
    );
    for number in 1..=3 {
        send(&bus, number, "ada").await;
        assert_eq!(all(&mut asked, 2).await, [format!("orders {number}"), format!("returns {number}")]);
    }
    let circuits = || bus.status().consumers.into_iter().map(|one| one.circuit).collect::<Vec<_>>();
    events_tests::until(|| async { circuits().iter().any(|circuit| circuit.failures() >= 2) }).await;
    let open: Vec<_> = circuits().iter().map(|circuit| *circuit != Circuit::Closed).collect();
    assert_eq!(open, [false, true, false]);
    failures.store(0, Ordering::SeqCst);
    assert_eq!(all(&mut asked, 3).await, ["payments 1", "payments 2", "payments 3"]);
    events_tests::until(|| async { circuits().iter().all(|circuit| *circuit == Circuit::Closed) }).await;
    assert_eq!(running.stop().await.acked, 9);
}

/// With a transport whose consumer has several topics by itself.
#[tokio::test]
async fn the_topics_of_a_capable_transport_share_its_consumer() {
    let memory = connect("memory:", &ConnectOptions::new()).expect("memory");
    let subscribed = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&subscribed);
    let capable = Over::new(memory)
        .capability(|mut capability| {
            capability.multi_topic = true;
            capability
        })
        .subscribes(move || {
            count.fetch_add(1, Ordering::SeqCst);
            std::future::ready(())
        });
    let builder = EventBus::builder().config(config("")).hub(Hub::new()).transport(Box::new(capable));
    let bus = builder.start().await.expect("the bus starts");
    let mut asked = answer(&bus, |_, _| Ok(()));
    let running = Running::start(consume(&bus));
    send(&bus, 1, "ada").await;
    all(&mut asked, 3).await;
    assert_eq!(bus.status().consumers.len(), 3);
    let (topic, group) = removed();
    bus.transport().remove_group(&topic, &group).await.expect("it is removed");
    send(&bus, 2, "ada").await;
    assert_eq!(source(&running.fails().await).subject(), "dev-returns");
    assert_eq!(subscribed.load(Ordering::SeqCst), 3);
}

#[test]
fn metrics_are_those_of_each_topic() {
    let values = Values::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    metrics::with_local_recorder(&values, || {
        runtime.block_on(async {
            let bus =
                bus("[transports.bank]\nurl = 'memory:'\n[consumers.payments.billing]\ntransport = 'bank'")
                    .await;
            let mut asked = answer(&bus, |topic, number| match (topic, number) {
                ("returns", 1) => Err("no".into()),
                _ => Ok(()),
            });
            for number in 1..=2 {
                send(&bus, number, "ada").await;
            }
            let running = Running::start(consume(&bus));
            all(&mut asked, 8).await;
            events_tests::until(|| async { lags(&bus).await == [0; 3] }).await;
            running.stop().await;
        });
    });
    let count = |name: &str, labels: &str| number(&values, &format!("events_{name}_total{{{labels}}}"));
    let orders = "topic=dev-orders,group=billing";
    let payments = "topic=dev-payments,transport=bank,group=billing";
    let returns = "topic=dev-returns,group=billing";
    for (labels, consumed, retried, dead_lettered) in
        [(orders, 2.0, None, None), (payments, 2.0, None, None), (returns, 1.0, Some(2.0), Some(1.0))]
    {
        assert_eq!(count("consumed", labels), Some(consumed), "{labels}");
        assert_eq!(count("retried", labels), retried, "{labels}");
        assert_eq!(count("dead_lettered", labels), dead_lettered, "{labels}");
    }
    assert!(number(&values, &format!("events_consumer_lag{{{payments},partition=0}}")).is_some());
}
