//! The events of a shop, in a crate with the strictest lints.
#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unused_lifetimes,
    unused_results,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

pub mod folder;

use std::collections::BTreeMap;

use events_runtime::{Event, EventData, Origin, PublicSignal, receiver};

/// A customer placed an order.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = customer.id)]
pub struct OrderPlaced {
    /// Its number.
    pub order_id: uuid::Uuid,
    /// Who placed it.
    pub customer: Customer,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// How it is paid.
    pub payment: Payment,
    /// A word to the kitchen.
    pub note: Option<String>,
}

/// A person who buys.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Customer {
    /// The key.
    pub id: CustomerId,
    /// Masked in logs.
    #[event(pii)]
    pub email: String,
}

/// Tells customers apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EventData)]
pub struct CustomerId(pub String);

/// A line of an order.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Line {
    /// What.
    pub sku: String,
    /// How many.
    #[event(default = 1, alias = "amount")]
    pub count: u32,
    /// Further words.
    #[event(default = {})]
    pub labels: BTreeMap<String, String>,
}

/// How an order is paid.
#[derive(Debug, Clone, PartialEq, EventData)]
pub enum Payment {
    /// By card.
    Card {
        /// Its last digits.
        digits: String,
        /// Whose.
        brand: Brand,
    },
    /// On delivery.
    Cash,
    /// With a voucher.
    Voucher(i64),
}

/// Of cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EventData)]
pub enum Brand {
    /// One.
    #[event(rename = "VISA")]
    Visa,
    /// None that we know.
    #[event(default, rename = "OTHER")]
    Other,
}

/// A comment, and the comments on it.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.comment.written.v1", minor_version = 2, signal = COMMENTS)]
pub struct CommentWritten {
    /// What it says.
    pub text: String,
    /// What others said to it.
    pub answers: Vec<CommentWritten>,
}

/// An event that is given up.
#[deprecated = "nobody waits for it"]
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.forgotten.v1")]
pub struct OrderForgotten {
    /// Its number.
    pub order_id: uuid::Uuid,
}

/// What is only spoken of in this crate.
mod private {
    use events_runtime::PublicSignal;

    #[derive(Debug, PartialEq, PublicSignal)]
    #[public_signal(event_type = "org.acme.orders.ledger.closed.v1")]
    struct LedgerClosed {
        year: i16,
    }

    #[derive(Debug, PartialEq, PublicSignal)]
    #[public_signal(event_type = "org.acme.orders.ledger.opened.v1")]
    pub(crate) struct LedgerOpened {
        year: i16,
    }
}

/// An order without lines can't be sent a receipt for.
#[derive(Debug)]
pub struct NothingOrdered;

impl std::fmt::Display for NothingOrdered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing was ordered")
    }
}

impl std::error::Error for NothingOrdered {}

/// Sends the receipt.
///
/// # Errors
/// If nothing was ordered.
#[receiver(ORDER_PLACED)]
pub fn send_receipt(event: &Event<OrderPlaced>) -> Result<(), NothingOrdered> {
    if event.lines.is_empty() { Err(NothingOrdered) } else { Ok(()) }
}

/// Says where an order came from.
#[receiver(ORDER_PLACED, order = 10, name = "origin")]
async fn note_origin(event: &Event<OrderPlaced>) {
    let from_here = event.origin() == Origin::Local;
    let _ = std::future::ready(from_here).await;
}
