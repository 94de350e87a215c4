//! Doc comments in the schema.
#![allow(clippy::tabs_in_doc_comments, reason = "JSON escapes them")]

use events_runtime::{EventData, PublicSignal};

use crate::{field, schema};

/// A customer placed an order.
///
/// It may still be *cancelled*, with "quotes", a \ backslash
/// and a	tab.
#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.docs.order.placed.v1")]
struct OrderPlaced {
    /// Who.
    customer: Customer,
    #[doc = "What was paid with: größer 💶"]
    payment: Payment,
    /** How it goes on. */
    status: Status,
    bare: i32,
    /// The Rust documentation.
    #[event(doc = "The schema's.")]
    other: i32,
}

#[doc(hidden)]
#[derive(Debug, PartialEq, EventData)]
#[event(doc = "A person.")]
struct Customer {
    id: String,
}

/// Ways to pay.
#[derive(Debug, PartialEq, EventData)]
enum Payment {
    /// With plastic.
    Card {
        /// On its front.
        number: String,
    },
    Cash,
}

/// Where an order is.
#[derive(Debug, PartialEq, EventData)]
enum Status {
    Open,
    Closed,
}

#[test]
fn doc_comments_stand_in_the_schema() {
    let schema = schema::<OrderPlaced>();
    assert_eq!(
        schema["doc"],
        "A customer placed an order.\n\nIt may still be *cancelled*, with \"quotes\", a \\ backslash\nand a\ttab."
    );
    assert_eq!(field(&schema, "customer")["doc"], "Who.");
    assert_eq!(field(&schema, "customer")["type"]["doc"], "A person.");
    assert_eq!(field(&schema, "payment")["doc"], "What was paid with: größer 💶");
    assert_eq!(field(&schema, "status")["doc"], "How it goes on.");
    assert_eq!(field(&schema, "status")["type"]["doc"], "Where an order is.");
    assert_eq!(field(&schema, "bare").get("doc"), None);
    assert_eq!(field(&schema, "other")["doc"], "The schema's.");
    let card = &field(&schema, "payment")["type"][0];
    assert_eq!(card["doc"], "With plastic.");
    assert_eq!(field(card, "number")["doc"], "On its front.");
}
