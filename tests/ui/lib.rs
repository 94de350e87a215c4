//! Types of another crate, for mistakes that involve several crates.

use events_runtime::with::{Instant, TimeError};
use events_runtime::{EventData, PublicSignal};

/// A customer, as another team defined it.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Customer {
    /// Its number.
    pub id: String,
}

/// An address, which other crates have published in another form.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Address {
    /// The street, with the number of the house.
    pub street: String,
    /// The postal code.
    pub zip: String,
    /// The building, where the street is not enough.
    pub building: Option<String>,
}

/// Where an order came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EventData)]
pub enum Channel {
    /// The web site.
    Web,
    /// A shop.
    Shop,
    /// A call.
    Phone,
}

/// A page of many items.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins.
    pub next: Option<i64>,
}

/// An instant, for the modules of `events_runtime::with`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(i128);

impl Instant for Moment {
    fn to_nanos(&self) -> Result<i128, TimeError> {
        Ok(self.0)
    }

    fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
        Some(Self(i128::from(seconds) * 1_000_000_000 + i128::from(nanos)))
    }
}

/// A type without a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque;

/// An event of another crate.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.customers.customer.registered.v1")]
pub struct CustomerRegistered {
    /// The customer.
    pub customer: Customer,
}
