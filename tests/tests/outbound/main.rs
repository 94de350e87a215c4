//! The promises of the outbound bus: order, topic queues, flush, circuit breakers, spill files, traces.

mod fan_out;
mod flush;
mod in_flight;
mod metrics;
mod queues;
mod schemas;
mod spill;
mod trace;
mod transports;

use events_runtime::{Config, EventBus, Hub, PublicSignal};

use events_tests::gate::{self, Gates};

/// An event with two topics.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.outbound.order.placed.v1", key = customer)]
struct OrderPlaced {
    number: u32,
    customer: String,
}

/// An event with a third topic.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.outbound.order.counted.v1", key = shop)]
struct OrderCounted {
    number: u32,
    shop: String,
}

fn placed(number: u32) -> OrderPlaced {
    OrderPlaced { number, customer: format!("c{}", number % 2) }
}

fn counted(number: u32) -> OrderCounted {
    OrderCounted { number, shop: "s1".to_owned() }
}

/// A configuration with minimal retry delays.
fn config(capacity: usize) -> Config {
    Config::from_toml(&format!(
        r#"
        [service]
        name = "shop"
        topic_prefix = "dev"
        [bus]
        url = "memory:"
        queue_capacity = {capacity}
        retry = {{ initial = "1ms", max = "2ms" }}
        [routes."org.acme.outbound.order.placed.v1"]
        orders = {{}}
        mail = {{ enabled = false }}
        audit = {{ key = "number" }}
        [routes."org.acme.outbound.order.counted.v1"]
        counts = {{}}
        "#
    ))
    .expect("a right configuration")
}

/// A bus on a memory store whose topics are all open, and the gates to close them.
async fn bus(capacity: usize) -> (EventBus, Gates) {
    let (transport, gates) = gate::over_memory();
    let bus = EventBus::builder().config(config(capacity)).hub(Hub::new()).transport(transport).start();
    (bus.await.expect("the bus starts"), gates)
}
