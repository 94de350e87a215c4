//! A program's own command line, over two events.

use events_runtime::{EventData, PublicSignal};

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

fn main() -> std::process::ExitCode {
    events_runtime::cli::run()
}
