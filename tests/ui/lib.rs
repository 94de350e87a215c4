//! Types of another crate, for mistakes that reach across crates.

use events_runtime::{EventData, PublicSignal};

/// A customer, as another team defined it.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Customer {
    /// Its number.
    pub id: String,
}

/// A type without a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque;

/// An event of another crate.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.customers.customer.registered.v1")]
pub struct CustomerRegistered {
    /// Who.
    pub customer: Customer,
}
