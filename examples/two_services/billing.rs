//! The consuming service: `cargo run --bin billing`; stop it with Ctrl-C.
//!
//! Prints `billed <event id> <customer> <number>` for each event.

mod orders;

use std::error::Error;
use std::io::Write as _;

use events_runtime::{Config, Event, EventBus, receiver};
use orders::{ORDER_PLACED, OrderPlaced};

#[receiver(ORDER_PLACED)]
fn write_invoice(event: &Event<OrderPlaced>) -> Result<(), std::io::Error> {
    let id = event.metadata().id();
    // One complete line, before the event is acknowledged.
    let line = format!("billed {id} {} {}\n", event.customer.id, event.number);
    std::io::stdout().write_all(line.as_bytes())?;
    std::io::stdout().flush()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::load(concat!(env!("CARGO_MANIFEST_DIR"), "/two_services/events.toml"))?;
    let bus = EventBus::builder().config(config).start().await?;
    bus.hub().set_service_name("billing")?;
    let consumed = bus.consume("orders").group("billing").run_until(tokio::signal::ctrl_c()).await?;
    eprintln!("{consumed:?}");
    Ok(())
}
