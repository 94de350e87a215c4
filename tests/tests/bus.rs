//! The promises of the bus between a hub and a transport, on `memory:`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events_runtime::bus::{Backoff, Consumed, StartError};
use events_runtime::config::UnknownEvents;
use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, ErrorKind, Message, Subscription, Topic, Transport, TransportError,
    connect,
};
use events_runtime::{Config, Event, EventBus, EventData, EventMetadata, Hub, Origin, PublicSignal};
use events_tests::over::Over;
use tokio::sync::{mpsc, oneshot};

/// A customer placed an order.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = customer.id)]
struct OrderPlaced {
    order: u32,
    customer: Customer,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Customer {
    id: String,
}

/// Not routed anywhere.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.counted.v1")]
struct OrderCounted {
    orders: u64,
}

fn order(order: u32, customer: &str) -> OrderPlaced {
    OrderPlaced { order, customer: Customer { id: customer.to_owned() } }
}

fn config(name: &str) -> Config {
    Config::from_toml(&format!(
        r#"
        [service]
        name = "shop"
        topic_prefix = "dev"

        [bus]
        url = "memory:{name}"
        retry = {{ initial = "1ms", max = "2ms", max_attempts = 3 }}

        [routes."org.acme.orders.order.placed.v1"]
        orders = {{}}

        [routes."org.acme.orders.order.counted.v1"]
        counts = {{ key = "orders" }}
        "#
    ))
    .expect("a right configuration")
}

/// A bus with its own hub, on the memory store of this name.
async fn bus(name: &str) -> EventBus {
    EventBus::builder().config(config(name)).hub(Hub::new()).start().await.expect("the bus starts")
}

/// Runs a consumer until `stop` is dropped or sent.
fn consumer(
    bus: &EventBus,
    setup: impl FnOnce(events_runtime::bus::Consume) -> events_runtime::bus::Consume,
) -> (oneshot::Sender<()>, tokio::task::JoinHandle<Consumed>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let consume = setup(bus.consume("orders").group("billing"));
    let task = tokio::spawn(async move {
        consume.run_until(stopped).await.expect("the consumer runs until it is stopped")
    });
    (stop, task)
}

type Seen = (u32, EventMetadata, Origin);

/// Connects a receiver that forwards its events.
fn watch(hub: &Hub) -> mpsc::UnboundedReceiver<Seen> {
    let (sender, receiver) = mpsc::unbounded_channel();
    hub.scope(|| {
        ORDER_PLACED.connect("watch", move |event: &Event<OrderPlaced>| {
            // The test may have dropped the channel.
            let _ = sender.send((event.order, event.metadata().clone(), event.origin()));
        });
    });
    receiver
}

async fn next<T>(receiver: &mut mpsc::UnboundedReceiver<T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), receiver.recv())
        .await
        .expect("it arrives within ten seconds")
        .expect("the sender is there")
}

/// All messages of a topic, by its full name.
async fn messages(bus: &EventBus, topic: &str) -> Vec<Message> {
    let topic = Topic::new(topic).expect("a name");
    let group = ConsumerGroup::new("reader").expect("a name");
    let mut consumer = bus.transport().consumer(Subscription::new(topic, group)).await.expect("a consumer");
    let deliveries = consumer.receive(1000, Duration::from_millis(10)).await.expect("messages");
    deliveries.iter().map(|delivery| delivery.message().clone()).collect()
}

fn header(message: &Message, name: &str) -> String {
    let value = message.headers.get(name).unwrap_or_else(|| panic!("{name} is there"));
    String::from_utf8(value.to_vec()).expect("text")
}

#[tokio::test]
async fn an_emitted_event_is_emitted_again_elsewhere_with_its_metadata() {
    let (shop, billing) = (bus("metadata").await, bus("metadata").await);
    let mut seen = watch(billing.hub());
    let (end, task) = consumer(&billing, |consume| consume);

    let emission = shop.hub().emit(order(7, "c1"));
    let metadata = emission.event().metadata().clone();
    let delivered = emission.delivered().await.expect("the broker acknowledges");
    assert_eq!(delivered.topics()[0].topic(), "orders");
    assert_eq!(delivered.topics()[0].result().expect("a position"), "1");

    assert_eq!(next(&mut seen).await, (7, metadata.clone(), Origin::Bus));
    assert_eq!(metadata.source(), "shop");
    drop(end);
    assert_eq!(task.await.expect("no panic").acked, 1);

    let message = &messages(&shop, "dev-orders").await[0];
    assert_eq!(message.key.as_deref(), Some(&b"c1"[..]));
    assert_eq!(header(message, "ce_schemafp"), format!("{:016x}", OrderPlaced::FINGERPRINT));
}

#[tokio::test]
async fn an_event_from_a_bus_is_not_sent_again() {
    let bus = bus("loop").await;
    let mut seen = watch(bus.hub());
    let (stop, task) = consumer(&bus, |consume| consume);
    bus.hub().emit(order(1, "c1")).delivered().await.expect("sent");
    assert_eq!(next(&mut seen).await.2, Origin::Local);
    assert_eq!(next(&mut seen).await.2, Origin::Bus);
    bus.hub().emit(order(2, "c1")).delivered().await.expect("sent");
    assert_eq!(next(&mut seen).await.0, 2);
    assert_eq!(next(&mut seen).await.0, 2);
    drop(stop);
    assert_eq!(task.await.expect("no panic").acked, 2);
    assert_eq!(messages(&bus, "dev-orders").await.len(), 2, "two were emitted here, two are stored");
}

#[tokio::test]
async fn a_route_keys_by_its_own_field() {
    let bus = bus("route key").await;
    bus.hub().emit(OrderCounted { orders: 1200 }).delivered().await.expect("sent");
    assert_eq!(messages(&bus, "dev-counts").await[0].key.as_deref(), Some(&b"1200"[..]));
}

#[tokio::test]
async fn a_payload_that_can_not_be_encoded_is_an_error_of_the_emission() {
    let bus = bus("encode").await;
    let error = bus.hub().emit(OrderCounted { orders: u64::MAX }).delivered().await.unwrap_err();
    assert_eq!(error.topics()[0].topic(), "counts");
    let text = events_tests::chain(error.topics()[0].result().unwrap_err());
    assert!(text.contains("`orders`") && text.contains("out of range"), "{text}");
}

#[tokio::test]
async fn attempts_are_counted_literally_and_then_the_event_is_a_dead_letter() {
    let bus = bus("attempts").await;
    let attempts = Arc::new(AtomicU32::new(0));
    let (sender, mut seen) = mpsc::unbounded_channel();
    let counted = Arc::clone(&attempts);
    bus.hub().scope(|| {
        ORDER_PLACED.connect("fails", move |event: &Event<OrderPlaced>| -> Result<(), std::io::Error> {
            if event.origin() == Origin::Local {
                return Ok(());
            }
            let attempt = counted.fetch_add(1, Ordering::SeqCst) + 1;
            let _ = sender.send(attempt);
            Err(std::io::Error::other("no printer"))
        });
    });
    let (stop, task) = consumer(&bus, |consume| consume.max_attempts(3));
    let emission = bus.hub().emit(order(1, "c1"));
    let id = emission.event().metadata().id();
    for attempt in 1..=3 {
        assert_eq!(next(&mut seen).await, attempt);
    }
    drop(stop);
    let consumed = task.await.expect("no panic");
    assert_eq!((consumed.retried, consumed.dead_lettered, consumed.acked), (2, 1, 0));
    assert_eq!(attempts.load(Ordering::SeqCst), 3);

    let letters = messages(&bus, "dev-orders.billing.dlq").await;
    assert_eq!(letters.len(), 1);
    assert_eq!(header(&letters[0], "ce_id"), id.to_string());
    assert_eq!(header(&letters[0], "dlq_attempts"), "3");
    let reason = header(&letters[0], "dlq_reason");
    assert!(reason.contains("`fails`") && reason.contains("no printer"), "{reason}");
}

#[tokio::test]
async fn a_failing_event_holds_back_its_key_and_no_other() {
    let bus = bus("key order").await;
    let order_seen = Arc::new(Mutex::new(Vec::new()));
    let failures = Arc::new(AtomicU32::new(0));
    let (sender, mut done) = mpsc::unbounded_channel();
    let (list, failed) = (Arc::clone(&order_seen), Arc::clone(&failures));
    bus.hub().scope(|| {
        ORDER_PLACED.connect("picky", move |event: &Event<OrderPlaced>| -> Result<(), &str> {
            if event.origin() == Origin::Local {
                return Ok(());
            }
            if event.order == 1 && failed.fetch_add(1, Ordering::SeqCst) < 2 {
                return Err("not yet");
            }
            list.lock().expect("no panic").push((event.customer.id.clone(), event.order));
            let _ = sender.send(());
            Ok(())
        });
    });
    for (number, customer) in [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "b")] {
        bus.hub().emit(order(number, customer)).delivered().await.expect("sent");
    }
    let (stop, task) = consumer(&bus, |consume| {
        consume.backoff(Backoff::new(Duration::from_millis(20), Duration::from_millis(40)))
    });
    for _ in 0..5 {
        next(&mut done).await;
    }
    drop(stop);
    assert_eq!(task.await.expect("no panic").acked, 5);
    let order_seen = order_seen.lock().expect("no panic");
    let of = |key: &str| order_seen.iter().filter(|(k, _)| k == key).map(|(_, n)| *n).collect::<Vec<_>>();
    assert_eq!(of("a"), [1, 2, 4]);
    assert_eq!(of("b"), [3, 5]);
    assert_eq!(order_seen[0].0, "b", "the other key did not wait");
}

async fn send(bus: &EventBus, message: Message) {
    let producer = bus.transport().producer().await.expect("a producer");
    let topic = Topic::new("dev-orders").expect("a name");
    producer.send(&topic, &[message]).await.pop().expect("a result").expect("stored");
}

/// The message of an event, with modified headers.
async fn message(bus: &EventBus, change: impl Fn(&mut Message)) -> Message {
    bus.hub().emit(order(1, "c1")).delivered().await.expect("sent");
    let mut message = messages(bus, "dev-orders").await.pop().expect("the message");
    change(&mut message);
    message
}

fn set(message: &mut Message, name: &'static str, value: &'static str) {
    message.headers.retain(|header, _| header != name);
    message.headers.push(name, value);
}

#[tokio::test]
async fn undecodable_data_is_a_dead_letter_at_the_first_attempt() {
    let bus = bus("poison").await;
    let cut = message(&bus, |message| message.data = message.data.slice(..message.data.len() - 1)).await;
    send(&bus, cut.clone()).await;
    let mut other_schema = cut.clone();
    set(&mut other_schema, "ce_schemafp", "00000000000000ff");
    send(&bus, other_schema).await;
    let mut no_id = cut;
    no_id.headers.retain(|name, _| name != "ce_id");
    send(&bus, no_id).await;
    send(&bus, Message::new("no event at all")).await;

    let mut seen = watch(bus.hub());
    let (stop, task) = consumer(&bus, |consume| consume.unknown_schema_wait(Duration::ZERO));
    assert_eq!(next(&mut seen).await.0, 1);
    events_tests::until(|| async { messages(&bus, "dev-orders.billing.dlq").await.len() == 4 }).await;
    drop(stop);
    let consumed = task.await.expect("no panic");
    assert_eq!((consumed.acked, consumed.dead_lettered, consumed.retried), (1, 4, 0));
}

#[tokio::test]
async fn unknown_event_types_are_skipped_or_dead_letters_or_stop_the_consumer() {
    for policy in [UnknownEvents::Skip, UnknownEvents::DeadLetter, UnknownEvents::Stop] {
        let bus = bus(&format!("unknown {policy:?}")).await;
        let unknown = message(&bus, |m| set(m, "ce_type", "org.acme.orders.order.unheard_of.v1")).await;
        send(&bus, unknown).await;
        let mut seen = watch(bus.hub());
        let (stop, stopped) = oneshot::channel::<()>();
        let consume = bus.consume("orders").group("billing").unknown_events(policy);
        let task = tokio::spawn(consume.run_until(stopped));
        assert_eq!(next(&mut seen).await.0, 1);
        if policy == UnknownEvents::Stop {
            let error = task.await.expect("no panic").unwrap_err();
            assert!(error.to_string().contains("unheard_of"), "{error}");
            drop(stop);
            continue;
        }
        bus.hub().emit(order(2, "c1")).delivered().await.expect("sent");
        while next(&mut seen).await.2 != Origin::Bus {}
        drop(stop);
        let consumed = task.await.expect("no panic").expect("a normal stop");
        let expected = if policy == UnknownEvents::Skip { (1, 0) } else { (0, 1) };
        assert_eq!((consumed.skipped, consumed.dead_lettered), expected, "{policy:?}");
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_an_error_and_attaches_nothing() {
    let hub = Hub::new();
    let config = Config::from_toml(
        r#"
        [service]
        expect = ["org.acme.orders.order.plcaed.v1"]
        [bus]
        url = "memory:"
        [routes."org.acme.orders.order.placed.v1"]
        orders = { key = "customer.nme" }
        "#,
    )
    .expect("well formed");
    let error = EventBus::builder().config(config).hub(hub.clone()).start().await.unwrap_err();
    let text = events_tests::chain(&error);
    assert!(matches!(error, StartError::Config(_)), "{text}");
    assert!(text.contains("org.acme.orders.order.placed.v1"), "the nearest name: {text}");
    assert!(text.contains("`nme`"), "all problems at once: {text}");
    let delivered = hub.emit(order(1, "c1")).delivered().await.expect("nothing is attached");
    assert!(delivered.topics().is_empty());
}

#[tokio::test]
async fn a_bus_without_configuration_or_group_is_an_error() {
    let error = EventBus::builder().start().await.unwrap_err();
    assert!(matches!(error, StartError::NoConfig));
    let config = Config::from_toml("[bus]\nurl = 'memory:'").expect("well formed");
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await.expect("starts");
    let error = bus.consume("orders").run().await.unwrap_err();
    assert!(error.to_string().contains("`orders`"), "{error}");
}

#[allow(clippy::unnecessary_wraps, reason = "the form of a conversion module")]
mod explosive {
    //! Text whose conversion panics.

    pub(crate) type Repr = String;

    pub(crate) fn to_repr(text: &String) -> Result<String, &'static str> {
        assert!(text != "boom on the way out", "it went off");
        Ok(text.clone())
    }

    pub(crate) fn from_repr(text: String) -> Result<String, &'static str> {
        assert!(text != "boom on the way in", "it went off");
        Ok(text)
    }
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.note.taken.v1")]
struct NoteTaken {
    #[event(with = explosive)]
    text: String,
}

#[tokio::test]
async fn a_panic_in_a_definitions_code_fails_the_event_and_not_the_bus() {
    let config = Config::from_toml(
        r#"
        [bus]
        url = "memory:panics"
        [routes."org.acme.orders.note.taken.v1"]
        orders = {}
        "#,
    )
    .expect("well formed");
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await.expect("starts");
    let emit = |text: &str| bus.hub().emit(NoteTaken { text: text.to_owned() });
    let error = emit("boom on the way out").delivered().await.unwrap_err();
    assert!(events_tests::chain(&error).contains("it went off"), "{}", events_tests::chain(&error));
    emit("boom on the way in").delivered().await.expect("sent");
    emit("fine").delivered().await.expect("sent");

    let (sender, mut seen) = mpsc::unbounded_channel();
    bus.hub().scope(|| {
        NOTE_TAKEN.connect("notes", move |event: &Event<NoteTaken>| {
            let _ = sender.send(event.text.clone());
        });
    });
    let (stop, task) = consumer(&bus, |consume| consume);
    assert_eq!(next(&mut seen).await, "fine");
    drop(stop);
    let consumed = task.await.expect("no panic");
    assert_eq!((consumed.acked, consumed.dead_lettered), (1, 1));
    let letters = messages(&bus, "orders.billing.dlq").await;
    assert!(header(&letters[0], "dlq_reason").contains("it went off"));
}

#[tokio::test]
async fn a_stopped_consumer_releases_unstarted_events() {
    let bus = bus("hand back").await;
    let emissions: Vec<_> = (1..=10).map(|number| bus.hub().emit(order(number, "c1"))).collect();
    for emission in emissions {
        emission.delivered().await.expect("sent");
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let stop = Mutex::new(Some(stop));
    bus.hub().scope(|| {
        ORDER_PLACED.connect("stops", move |event: &Event<OrderPlaced>| {
            if event.order == 3 {
                drop(stop.lock().expect("no panic").take());
            }
        });
    });
    let consumed = bus.consume("orders").group("billing").run_until(stopped).await.expect("a normal stop");
    assert_eq!(consumed.acked, 3);
    let mut seen = watch(bus.hub());
    let (stop, task) = consumer(&bus, |consume| consume);
    for number in 4..=10 {
        assert_eq!(next(&mut seen).await.0, number);
    }
    drop(stop);
    assert_eq!(task.await.expect("no panic").acked, 7);
}

#[tokio::test]
async fn a_consumer_that_lost_its_leases_leaves_the_rest_to_their_new_owner() {
    let (slow, quick) = (bus("lost").await, bus("lost").await);
    for number in 1..=5 {
        slow.hub().emit(order(number, "c1")).delivered().await.expect("sent");
    }
    let (sender, mut blocks) = mpsc::unbounded_channel();
    let seen_by_slow = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&seen_by_slow);
    slow.hub().scope(|| {
        ORDER_PLACED.connect("blocks", move |event: &Event<OrderPlaced>| {
            list.lock().expect("no panic").push(event.order);
            let _ = sender.send(());
            std::thread::sleep(Duration::from_millis(600));
        });
    });
    let (slow_stop, slow_stopped) = oneshot::channel::<()>();
    let consume = slow.consume("orders").group("billing").lease(Duration::from_millis(100));
    // In a separate thread and runtime, which the receiver blocks.
    let blocked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(consume.run_until(slow_stopped)).expect("it runs until it is stopped")
    });
    next(&mut blocks).await;
    let mut seen = watch(quick.hub());
    let (stop, task) = consumer(&quick, |consume| consume);
    for number in 1..=5 {
        assert_eq!(next(&mut seen).await.0, number, "in order, by one owner");
    }
    drop(slow_stop);
    blocked.join().expect("no panic");
    drop(stop);
    task.await.expect("no panic");
    assert_eq!(*seen_by_slow.lock().expect("no panic"), [1], "the others were no longer its own");
}

/// A memory store that stores nothing until the test opens it. A send while it is closed fails at once if
/// `fails`, else it hangs.
fn stuck(fails: bool) -> (Box<dyn Transport>, tokio::sync::watch::Sender<bool>) {
    let (sender, open) = tokio::sync::watch::channel(false);
    let memory = connect("memory:", &ConnectOptions::new()).expect("memory");
    let stuck = Over::new(memory).sends(move |memory, topic, batch| {
        let (mut open, memory) = (open.clone(), Arc::clone(memory));
        let (topic, batch) = (topic.clone(), batch.to_vec());
        Box::pin(async move {
            let failed = |kind, why: &str| -> Vec<_> {
                batch.iter().map(|_| Err(TransportError::new(kind, "send to", &topic, why))).collect()
            };
            if fails && !*open.borrow() {
                return failed(ErrorKind::Unavailable, "it is unavailable");
            }
            open.wait_for(|open| *open).await.expect("the test holds the other end");
            // Stores all of a batch or none, as a transaction does.
            if batch.iter().any(|message| message.key.as_deref() == Some(b"too large")) {
                return failed(ErrorKind::TooLarge, "it is too large");
            }
            memory.send(&topic, &batch).await
        })
    });
    (Box::new(stuck), sender)
}

async fn stuck_bus(fails: bool, queue: usize) -> (EventBus, tokio::sync::watch::Sender<bool>) {
    let (transport, open) = stuck(fails);
    let config = Config::from_toml(&format!(
        r#"
        [bus]
        url = "memory:"
        queue_capacity = {queue}
        retry = {{ initial = "1ms", max = "2ms" }}
        [routes."org.acme.orders.order.placed.v1"]
        orders = {{}}
        "#
    ))
    .expect("well formed");
    let bus = EventBus::builder().config(config).hub(Hub::new()).transport(transport).start().await;
    (bus.expect("starts"), open)
}

#[tokio::test]
async fn events_wait_while_the_transport_is_unavailable_and_keep_their_order() {
    let (bus, open) = stuck_bus(true, 100).await;
    let emissions: Vec<_> = (1..=50).map(|number| bus.hub().emit(order(number, "c1"))).collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    open.send(true).expect("the bus listens");
    for (index, emission) in emissions.into_iter().enumerate() {
        let delivered = emission.delivered().await.expect("sent eventually");
        assert_eq!(delivered.topics()[0].result().expect("a position"), (index + 1).to_string());
    }
}

#[tokio::test]
async fn a_full_queue_is_an_error_of_the_emission_and_never_blocks() {
    let (bus, open) = stuck_bus(false, 2).await;
    let emissions: Vec<_> = (1..=10).map(|number| bus.hub().emit(order(number, "c1"))).collect();
    open.send(true).expect("the bus listens");
    let mut refused = 0;
    for emission in emissions {
        if let Err(error) = emission.delivered().await {
            let text = events_tests::chain(error.topics()[0].result().unwrap_err());
            assert!(text.contains("queue_capacity"), "{text}");
            refused += 1;
        }
    }
    // On this single thread, the sender drains the queue only after all ten are queued.
    assert_eq!(refused, 8);
}

#[tokio::test]
async fn an_event_that_the_store_rejects_fails_no_other() {
    let (bus, open) = stuck_bus(false, 100).await;
    let emissions: Vec<_> = [(1, "c1"), (2, "too large"), (3, "c1"), (4, "c2")]
        .map(|(number, customer)| bus.hub().emit(order(number, customer)))
        .into_iter()
        .collect();
    open.send(true).expect("the bus listens");
    let mut stored = Vec::new();
    for emission in emissions {
        let number = emission.event().order;
        match emission.delivered().await {
            Ok(delivered) => stored.push((number, delivered.topics()[0].result().map(str::to_owned).ok())),
            Err(error) => {
                assert_eq!(number, 2);
                let text = events_tests::chain(error.topics()[0].result().unwrap_err());
                assert!(text.contains("too large"), "{text}");
            }
        }
    }
    let at = |position: &str| Some(position.to_owned());
    assert_eq!(stored, [(1, at("1")), (3, at("2")), (4, at("3"))]);
}

#[tokio::test]
async fn shutdown_sends_waiting_events() {
    let bus = bus("drain").await;
    let emissions: Vec<_> = (1..=1000).map(|number| bus.hub().emit(order(number, "c1"))).collect();
    bus.shutdown(Duration::from_secs(10)).await.expect("all is sent");
    for emission in emissions {
        emission.delivered().await.expect("sent");
    }
    let delivered = bus.hub().emit(order(1, "c1")).delivered().await.expect("nothing is attached");
    assert!(delivered.topics().is_empty());
    bus.shutdown(Duration::ZERO).await.expect("a second call does nothing");
}

#[tokio::test]
async fn a_dropped_handle_stops_nothing() {
    let hub = Hub::new();
    drop(EventBus::builder().config(config("dropped")).hub(hub.clone()).start().await.expect("starts"));
    tokio::task::yield_now().await;
    let delivered = hub.emit(order(1, "c1")).delivered().await.expect("the hub keeps the bus running");
    assert_eq!(delivered.topics()[0].result().expect("a position"), "1");
}

#[tokio::test]
async fn every_caller_of_shutdown_waits_for_its_end() {
    let (bus, open) = stuck_bus(false, 100).await;
    let emission = bus.hub().emit(order(1, "c1"));
    // One call is dropped while pending, two are awaited.
    let given_up =
        tokio::time::timeout(Duration::from_millis(5), bus.shutdown(Duration::from_secs(10))).await;
    assert!(given_up.is_err(), "the transport is closed");
    let (first, second) = (bus.clone(), bus.clone());
    let waiting = tokio::spawn(async move {
        let ends = async { tokio::join!(first.shutdown(LONG), second.shutdown(LONG)) };
        tokio::pin!(ends);
        assert!(tokio::time::timeout(Duration::from_millis(5), &mut ends).await.is_err());
        open.send(true).expect("the bus listens");
        ends.await
    });
    let (first, second) = waiting.await.expect("no panic");
    first.expect("sent");
    second.expect("sent");
    emission.delivered().await.expect("sent before the shutdown ended");
}

const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn shutdown_returns_unsent_events() {
    for fails in [true, false] {
        let (bus, _open) = stuck_bus(fails, 100).await;
        let emissions: Vec<_> = (1..=10).map(|number| bus.hub().emit(order(number, "c1"))).collect();
        let error = bus.shutdown(Duration::from_millis(20)).await.unwrap_err();
        let ids: Vec<_> = error.undelivered().iter().map(|u| header(&u.message, "ce_id")).collect();
        let emitted: Vec<_> = emissions.iter().map(|e| e.event().metadata().id().to_string()).collect();
        assert_eq!(ids, emitted, "{error}");
        for emission in emissions {
            let error = emission.delivered().await.unwrap_err();
            assert!(events_tests::chain(&error).contains("shut down"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_receiver_slower_than_the_lease_keeps_its_event() {
    let (one, other) = (bus("slow").await, bus("slow").await);
    let calls = Arc::new(AtomicU32::new(0));
    let (sender, mut done) = mpsc::unbounded_channel();
    for hub in [one.hub(), other.hub()] {
        let (calls, sender) = (Arc::clone(&calls), sender.clone());
        hub.scope(|| {
            ORDER_PLACED.connect_async("slow", move |event: Arc<Event<OrderPlaced>>| {
                let (calls, sender) = (Arc::clone(&calls), sender.clone());
                async move {
                    if event.origin() == Origin::Bus {
                        calls.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(600)).await;
                        let _ = sender.send(());
                    }
                }
            });
        });
    }
    let consumers =
        [&one, &other].map(|bus| consumer(bus, |consume| consume.lease(Duration::from_millis(150))));
    one.hub().emit(order(1, "c1")).delivered().await.expect("sent");
    next(&mut done).await;
    let mut acked = 0;
    for (stop, task) in consumers {
        drop(stop);
        acked += task.await.expect("no panic").acked;
    }
    assert_eq!((acked, calls.load(Ordering::SeqCst)), (1, 1), "no other delivery was made");
}
