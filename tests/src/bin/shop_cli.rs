//! The command line of a program with two events.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use events_runtime::{Event, EventData, PublicSignal, receiver};

/// A customer placed an order.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.cli.order.placed.v1", minor_version = 2, key = customer.id)]
pub struct OrderPlaced {
    /// The order's number.
    pub number: u8,
    /// Who placed it.
    pub customer: Customer,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// What the customer remarked.
    pub note: Option<String>,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Customer {
    /// The customer's number.
    #[event(rename = "customer_id")]
    pub id: String,
    /// Where to write to.
    #[event(pii)]
    pub email: String,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Line {
    /// The article.
    pub sku: String,
}

/// An order was called off.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.cli.order.cancelled.v1")]
pub struct OrderCancelled {
    /// The order's number.
    pub number: i64,
}

/// Appends the numbers and ids of received orders to the file `SHOP_TAKEN`, with a delay of
/// `SHOP_PAUSE` milliseconds. Order 13 fails.
#[receiver(ORDER_PLACED)]
fn take_down(event: &Event<OrderPlaced>) -> std::io::Result<()> {
    let Some(path) = std::env::var_os("SHOP_TAKEN") else { return Ok(()) };
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file, "{} {}", event.number, event.metadata().id())?;
    if let Some(pause) = std::env::var("SHOP_PAUSE").ok().and_then(|pause| pause.parse().ok()) {
        std::thread::sleep(Duration::from_millis(pause));
    }
    if event.number == 13 { Err(std::io::Error::other("thirteen is refused")) } else { Ok(()) }
}

fn main() -> std::process::ExitCode {
    events_runtime::cli::run()
}
