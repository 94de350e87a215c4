//! The definitions that both services share; a separate crate in a real project.

use events_runtime::{EventData, PublicSignal};

/// A customer placed an order.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = customer.id)]
pub(crate) struct OrderPlaced {
    /// Counts the orders of this customer, from 1.
    pub(crate) number: u64,
    /// Who placed it.
    pub(crate) customer: Customer,
    /// What was ordered.
    pub(crate) lines: Vec<Line>,
}

/// A person who buys.
#[derive(Debug, Clone, PartialEq, EventData)]
pub(crate) struct Customer {
    /// The key: events of one customer keep their order.
    pub(crate) id: String,
    /// Masked where the command line shows events.
    #[event(pii)]
    pub(crate) email: String,
}

/// One article of an order.
#[derive(Debug, Clone, PartialEq, EventData)]
pub(crate) struct Line {
    /// The article.
    pub(crate) sku: String,
    /// How many of it.
    pub(crate) quantity: u32,
}
