//! One file: an event, two receivers, and the embedded bus between them.
//!
//! `cargo run --example quickstart`

use std::error::Error;
use std::time::Duration;

use events_runtime::{Config, Event, EventBus, EventData, Origin, PublicSignal, receiver};
use tokio::sync::Notify;

/// A customer placed an order.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.kitchen.order.placed.v1", key = customer.id)]
pub struct OrderPlaced {
    /// The order's number.
    pub order_id: uuid::Uuid,
    /// Who placed it.
    pub customer: Customer,
    /// A word to the kitchen.
    pub note: Option<String>,
}

/// A person who buys.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Customer {
    /// The key: events of one customer keep their order.
    pub id: String,
    /// Masked where the command line shows events.
    #[event(pii)]
    pub email: String,
}

static BILLED: Notify = Notify::const_new();

/// Runs at once when the event is emitted, and again when it arrives over the bus.
#[receiver(ORDER_PLACED)]
#[allow(clippy::unnecessary_wraps, reason = "a receiver that sends something can fail")]
fn send_receipt(event: &Event<OrderPlaced>) -> Result<(), std::io::Error> {
    let id = event.metadata().id();
    match event.origin() {
        Origin::Local => println!("local receiver:    order of {}, event {id}", event.customer.id),
        Origin::Bus => {
            println!("consumer receiver: order of {}, event {id}", event.customer.id);
            BILLED.notify_one();
        }
    }
    Ok(())
}

const CONFIG: &str = r#"
[service]
name = "shop"
expect = ["org.acme.kitchen.order.placed.v1"]

[bus]
url = "sqlite://quickstart.db"

[routes."org.acme.kitchen.order.placed.v1"]
orders = {}
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let bus = EventBus::builder().config(Config::from_toml(CONFIG)?).start().await?;

    let emission = ORDER_PLACED.emit(OrderPlaced {
        order_id: uuid::Uuid::now_v7(),
        customer: Customer { id: "c-42".into(), email: "ada@acme.example".into() },
        note: None,
    });
    for response in emission.responses() {
        println!("answer:            {} {:?}", response.receiver(), response.result());
    }
    for stored in emission.delivered().await?.topics() {
        println!("stored message:    topic {}, position {:?}", stored.topic(), stored.result());
    }

    let consumed = bus.consume("orders").group("billing").run_until(BILLED.notified()).await?;
    println!("consumer:          {} acknowledged", consumed.acked);
    bus.shutdown(Duration::from_secs(5)).await?;
    Ok(())
}
