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

/// Documentation that a derive can't read, with a text for the schema.
#[doc = include_str!("../../../README.md")]
#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.docs.order.filed.v1")]
#[event(doc = "An order was put into a file.")]
struct OrderFiled {
    #[doc = concat!("Its", " file.")]
    #[event(doc = "The file's name.")]
    file: String,
    kept: Kept,
    number: Number,
}

/// The schema has neither the documentation of an enum with data, nor of a newtype, nor of a symbol.
#[doc = concat!("Where", " it is kept.")]
#[derive(Debug, PartialEq, EventData)]
enum Kept {
    #[doc = concat!("In a", " shelf.")]
    #[event(doc = "In a shelf.")]
    Shelf {
        #[doc = concat!("Which", " one.")]
        #[event(doc = "The number of the shelf.")]
        number: i32,
    },
    Box(Size),
}

#[doc = concat!("Its", " number.")]
#[derive(Debug, PartialEq, EventData)]
struct Number(#[doc = concat!("It", "self.")] i64);

#[doc = concat!("How", " large.")]
#[derive(Debug, PartialEq, EventData)]
#[event(doc = "How large.")]
enum Size {
    #[doc = concat!("For", " letters.")]
    Small,
    Large,
}

macro_rules! documented {
    ($name:ident, $literal:literal, $expression:expr) => {
        #[doc = $literal]
        #[derive(Debug, PartialEq, EventData)]
        struct $name {
            #[doc = $expression]
            id: i64,
        }
    };
}

documented!(Documented, "By a macro.", "Its number.");

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.docs.order.made.v1")]
struct OrderMade {
    by: Documented,
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
fn doc_comments_are_in_the_schema() {
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

#[test]
fn documentation_from_a_file_needs_a_text_for_the_schema() {
    let schema = schema::<OrderFiled>();
    assert_eq!(schema["doc"], "An order was put into a file.");
    assert_eq!(field(&schema, "file")["doc"], "The file's name.");
    assert_eq!(field(&schema, "number").get("doc"), None);
    let shelf = &field(&schema, "kept")["type"][0];
    assert_eq!(shelf["doc"], "In a shelf.");
    assert_eq!(field(shelf, "number")["doc"], "The number of the shelf.");
    let size = &field(&field(&schema, "kept")["type"][1], "value")["type"];
    assert_eq!(size["doc"], "How large.");
}

#[test]
fn documentation_from_a_macro_is_in_the_schema() {
    let schema = schema::<OrderMade>();
    let by = &field(&schema, "by")["type"];
    assert_eq!(by["doc"], "By a macro.");
    assert_eq!(field(by, "id")["doc"], "Its number.");
}
