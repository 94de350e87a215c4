//! The emitting service: `cargo run --bin shop -- 10000`, with or without `billing` running.
//!
//! Prints `placed <event id> <customer> <number>` for each event that the bus has stored.

mod orders;

use std::error::Error;
use std::time::Duration;

use events_runtime::{Config, EventBus};
use orders::{Customer, Line, ORDER_PLACED, OrderPlaced};

const CUSTOMERS: u64 = 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(100), |count| count.parse())?;
    let config = Config::load(concat!(env!("CARGO_MANIFEST_DIR"), "/two_services/events.toml"))?;
    let bus = EventBus::builder().config(config).start().await?;
    bus.hub().set_service_name("shop")?;

    let mut waiting = Vec::new();
    for index in 0..count {
        waiting.push(ORDER_PLACED.emit(order(index)));
        // Orders are emitted in batches: the shop continues when the bus has stored a batch.
        if waiting.len() == 100 || index + 1 == count {
            for emission in waiting.drain(..) {
                let event = emission.event().clone();
                emission.delivered().await?;
                println!("placed {} {} {}", event.metadata().id(), event.customer.id, event.number);
            }
        }
    }
    bus.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}

fn order(index: u64) -> OrderPlaced {
    let customer = format!("c-{}", index % CUSTOMERS);
    OrderPlaced {
        number: index / CUSTOMERS + 1,
        customer: Customer { email: format!("{customer}@acme.example"), id: customer },
        lines: vec![Line { sku: "tea".to_owned(), quantity: 2 }],
    }
}
