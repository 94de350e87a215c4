//! A shop with a topic of orders, shared by the tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use events_runtime::bus::{Consume, ConsumeError, Consumed};
use events_runtime::transport::{ConsumerGroup, Message, Subscription, Topic};
use events_runtime::{BoxError, Config, Event, EventBus, Hub, Origin, PublicSignal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// A customer placed an order.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.inbound.order.placed.v1", key = customer)]
pub(crate) struct OrderPlaced {
    pub(crate) order: u32,
    pub(crate) customer: String,
}

pub(crate) fn order(order: u32, customer: &str) -> OrderPlaced {
    OrderPlaced { order, customer: customer.to_owned() }
}

/// The configuration of a memory store of this name, with more lines for `[bus]`.
pub(crate) fn config(name: &str, settings: &str) -> Config {
    let config = Config::from_toml(&format!(
        r#"
        [service]
        name = "shop"

        [bus]
        url = "memory:inbound {name}"
        retry = {{ initial = "1ms", max = "2ms", max_attempts = 3 }}
        {settings}

        [routes."org.acme.inbound.order.placed.v1"]
        orders = {{}}

        [routes."org.acme.inbound.till.opened.v1"]
        orders = {{}}
        "#
    ));
    config.expect("a valid configuration")
}

/// A bus with its own hub.
pub(crate) async fn bus_with(name: &str, settings: &str) -> EventBus {
    EventBus::builder().config(config(name, settings)).hub(Hub::new()).start().await.expect("the bus starts")
}

pub(crate) async fn bus(name: &str) -> EventBus {
    bus_with(name, "").await
}

/// Sends orders numbered from 1 to the topic, one for each customer.
pub(crate) async fn place_orders(bus: &EventBus, customers: &[&str]) {
    let emissions: Vec<_> =
        (1..).zip(customers).map(|(number, customer)| bus.hub().emit(order(number, customer))).collect();
    for emission in emissions {
        emission.delivered().await.expect("sent");
    }
}

/// A running consumer.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Consumed, ConsumeError>>,
}

impl Running {
    pub(crate) fn start(consume: Consume) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(consume.run_until(stopped)) }
    }

    pub(crate) fn billing(bus: &EventBus) -> Self {
        Self::start(bus.consume("orders").group("billing"))
    }

    pub(crate) async fn stop(self) -> Consumed {
        drop(self.stop);
        ended(self.task).await.expect("a normal stop")
    }

    /// Waits for it to stop with an error.
    pub(crate) async fn fails(self) -> ConsumeError {
        let error = ended(self.task).await.expect_err("it stops with an error");
        drop(self.stop);
        error
    }
}

async fn ended<T>(task: JoinHandle<T>) -> T {
    tokio::time::timeout(LONG, task).await.expect("it ends within ten seconds").expect("no panic")
}

pub(crate) const LONG: Duration = Duration::from_secs(10);

/// Connects a receiver of consumed orders whose result depends on the order's number and the attempt, and
/// which reports each call.
pub(crate) fn answer(
    bus: &EventBus,
    name: &'static str,
    answer: impl Fn(u32, u32) -> Result<(), BoxError> + Send + Sync + 'static,
) -> mpsc::UnboundedReceiver<u32> {
    let (sender, asked) = mpsc::unbounded_channel();
    let attempts = Mutex::new(std::collections::HashMap::new());
    bus.hub().scope(|| {
        ORDER_PLACED.connect(name, move |event: &Event<OrderPlaced>| {
            if event.origin() == Origin::Local {
                return Ok(());
            }
            let attempt = {
                let mut attempts = attempts.lock().expect("no panic");
                let attempt = attempts.entry(event.order).or_insert(0);
                *attempt += 1;
                *attempt
            };
            let _ = sender.send(event.order);
            answer(event.order, attempt)
        });
    });
    asked
}

/// As [`answer`], by an async receiver.
pub(crate) fn answer_async(
    bus: &EventBus,
    name: &'static str,
    answer: impl Fn(u32) -> Result<(), BoxError> + Send + Sync + 'static,
) -> mpsc::UnboundedReceiver<u32> {
    let (sender, asked) = mpsc::unbounded_channel();
    let answer = Arc::new(answer);
    bus.hub().scope(|| {
        ORDER_PLACED.connect_async(name, move |event: Arc<Event<OrderPlaced>>| {
            let (answer, sender) = (Arc::clone(&answer), sender.clone());
            async move {
                if event.origin() == Origin::Local {
                    return Ok(());
                }
                tokio::task::yield_now().await;
                let _ = sender.send(event.order);
                answer(event.order)
            }
        });
    });
    asked
}

pub(crate) async fn next<T>(receiver: &mut mpsc::UnboundedReceiver<T>) -> T {
    tokio::time::timeout(LONG, receiver.recv())
        .await
        .expect("it arrives within ten seconds")
        .expect("the sender is there")
}

/// Waits until the group has settled all messages of the topic.
pub(crate) async fn settled(bus: &EventBus, group: &str) {
    let topic = Topic::new("orders").expect("a name");
    events_tests::until(|| async {
        let groups = bus.transport().groups(&topic).await.unwrap_or_default();
        groups.iter().any(|status| status.group.as_str() == group && status.lag == 0)
    })
    .await;
}

/// All messages of a topic.
pub(crate) async fn messages(bus: &EventBus, topic: &str) -> Vec<Message> {
    let topic = Topic::new(topic).expect("a name");
    let group = ConsumerGroup::new("reader").expect("a name");
    let mut consumer = bus.transport().consumer(Subscription::new(topic, group)).await.expect("a consumer");
    let deliveries = consumer.receive(1000, Duration::from_millis(10)).await.expect("messages");
    deliveries.iter().map(|delivery| delivery.message().clone()).collect()
}

pub(crate) async fn dead_letters(bus: &EventBus) -> Vec<Message> {
    messages(bus, "orders.billing.dlq").await
}

/// The values of a header.
pub(crate) fn headers(message: &Message, name: &str) -> Vec<String> {
    let text = |value: &bytes::Bytes| String::from_utf8(value.to_vec()).expect("text");
    message.headers.get_all(name).map(text).collect()
}

pub(crate) fn header(message: &Message, name: &str) -> String {
    headers(message, name).into_iter().next().unwrap_or_else(|| panic!("no header {name}"))
}
