//! Observability of a bus: audit lines, the error log, gauges, histograms, spans.

mod again;
mod audit;
mod environment;
mod error_log;
mod metrics;
mod spans;

use std::time::Duration;

use events_runtime::{BoxError, Config, Event, EventBus, EventData, Hub, Origin, PublicSignal};
use events_tests::gate;
use tokio::sync::oneshot;

/// A customer placed an order; the type is one that the command line of the tests links too.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.cli.order.placed.v1", minor_version = 2, key = customer.id)]
struct OrderPlaced {
    number: u8,
    customer: Customer,
    lines: Vec<Line>,
    note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Customer {
    #[event(rename = "customer_id")]
    id: String,
    #[event(pii)]
    email: String,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Line {
    sku: String,
}

/// Has no personal data.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.observe.till.opened.v1", key = till)]
struct TillOpened {
    till: String,
    note: String,
}

/// Its key is personal data.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.observe.letter.sent.v1", key = to)]
struct LetterSent {
    #[event(pii)]
    to: String,
    number: u32,
}

fn placed(number: u8) -> OrderPlaced {
    OrderPlaced {
        number,
        customer: Customer { id: format!("c-{number}"), email: "bob@foo.example".to_owned() },
        lines: vec![Line { sku: "a".to_owned() }],
        note: Some("zoë\n".to_owned()),
    }
}

fn till(note: &str) -> TillOpened {
    TillOpened { till: "t-1".to_owned(), note: note.to_owned() }
}

fn letter(number: u32) -> LetterSent {
    LetterSent { to: "ada@foo.example".to_owned(), number }
}

const PLACED: &str = "org.acme.cli.order.placed.v1";

/// A configuration with these lines for `[bus]`, at this address.
fn config(url: &str, settings: &str) -> Config {
    let config = Config::from_toml(&format!(
        r#"
        [service]
        name = "shop"
        topic_prefix = "dev"
        [bus]
        url = "{url}"
        retry = {{ initial = "1ms", max = "2ms", max_attempts = 2 }}
        {settings}
        [routes."org.acme.cli.order.placed.v1"]
        orders = {{}}
        mail = {{ key = "customer.email" }}
        numbers = {{ key = "number" }}
        [routes."org.acme.observe.till.opened.v1"]
        tills = {{}}
        [routes."org.acme.observe.letter.sent.v1"]
        letters = {{}}
        "#
    ));
    config.expect("a right configuration")
}

async fn bus(url: &str, settings: &str) -> EventBus {
    EventBus::builder().config(config(url, settings)).hub(Hub::new()).start().await.expect("the bus starts")
}

/// A bus whose topics are unavailable until it is shut down.
async fn stuck(settings: &str, topics: &[&str]) -> EventBus {
    let (transport, gates) = gate::over_memory();
    for topic in topics {
        gates.set(topic, gate::State::Hangs);
    }
    let builder = EventBus::builder().config(config("memory:", settings)).hub(Hub::new());
    builder.transport(transport).start().await.expect("the bus starts")
}

/// Runs on this thread only, so that the test's subscriber or recorder applies.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// Connects a receiver of orders.
fn receive_orders(bus: &EventBus) {
    bus.hub().scope(|| ORDER_PLACED.connect("receiver", |_: &Event<OrderPlaced>| {}));
}

/// Consumes a topic until the receiver of its orders was called this often, with the results of the test.
async fn consume_orders(
    bus: &EventBus,
    topic: &str,
    times: usize,
    answer: impl Fn(&OrderPlaced) -> Result<(), BoxError> + Send + Sync + 'static,
) {
    let (end, ended) = oneshot::channel::<()>();
    let left = std::sync::Mutex::new((times, Some(end)));
    let connection = bus.hub().scope(|| {
        ORDER_PLACED.connect("answer", move |event: &Event<OrderPlaced>| {
            if event.origin() == Origin::Local {
                return Ok(());
            }
            let mut left = left.lock().expect("no panic");
            left.0 = left.0.saturating_sub(1);
            if left.0 == 0 {
                left.1 = None;
            }
            answer(event)
        })
    });
    let consume = bus.consume(topic).group("billing").run_until(ended);
    tokio::time::timeout(Duration::from_secs(30), consume).await.expect("in time").expect("a normal stop");
    drop(connection);
}
