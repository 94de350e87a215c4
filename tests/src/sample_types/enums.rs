//! Enums and unions of records.

use std::collections::BTreeMap;
use std::sync::Arc;

use events_runtime::{EventData, PublicSignal};

use super::generate::{newtypes, record, symbols, union};
use super::{SampleEvent, Specimen};

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.enums.symbols.v1")]
struct Symbols {
    colour: Colour,
    again: Option<Colour>,
    #[event(default = "RED")]
    red: Colour,
    list: Vec<Colour>,
    map: BTreeMap<String, Colour>,
    lone: Lone,
    boxed: Box<Lone>,
}
record!(Symbols { colour, again, red, list, map, lone, boxed });
impl SampleEvent for Symbols {}

/// Colours, with one for those of later versions.
#[derive(Debug, Clone, Copy, PartialEq, EventData)]
#[event(alias = "Color")]
enum Colour {
    #[event(rename = "RED")]
    Red,
    Green,
    #[event(default)]
    Other,
}
symbols!(Colour { Red as "RED", Green, Other });

#[derive(Debug, Clone, Copy, PartialEq, EventData)]
enum Lone {
    Only,
}
symbols!(Lone { Only });

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.enums.unions.v1")]
struct Unions {
    payment: Payment,
    optional: Option<Payment>,
    boxed: Option<Box<Payment>>,
    shared: Arc<Payment>,
    list: Vec<Payment>,
    optional_list: Vec<Option<Payment>>,
    map: BTreeMap<String, Payment>,
    wrapped: Wrapped,
    optional_wrapped: Option<Wrapped>,
    single: Single,
    optional_single: Option<Single>,
    outer: Outer,
}
record!(Unions {
    payment,
    optional,
    boxed,
    shared,
    list,
    optional_list,
    map,
    wrapped,
    optional_wrapped,
    single,
    optional_single,
    outer,
});
impl SampleEvent for Unions {}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Payment {
    /// Coins "and" notes.
    Cash,
    Card {
        last4: String,
        issuer: Option<Issuer>,
    },
    Transfer(Transfer),
    #[event(rename = "Parts", alias = "PaymentSplit")]
    Split {
        parts: Vec<Part>,
        #[event(rename = "n")]
        count: i8,
    },
    Points(i64),
    Text(Option<String>),
}
union!(Payment {
    "Cash" [Self::Cash] {},
    "Card" [Self::Card { last4, issuer }] { last4, issuer },
    "Transfer" [Self::Transfer(value)] { value },
    "Parts" [Self::Split { parts, count }] { parts, count as "n" },
    "Points" [Self::Points(value)] { value },
    "Text" [Self::Text(value)] { value },
});

#[derive(Debug, Clone, PartialEq, EventData)]
struct Transfer {
    iban: String,
}
record!(Transfer { iban });

#[derive(Debug, Clone, PartialEq, EventData)]
struct Part {
    cents: i64,
    colour: Colour,
}
record!(Part { cents, colour });

#[derive(Debug, Clone, Copy, PartialEq, EventData)]
enum Issuer {
    Visa,
    Master,
}
symbols!(Issuer { Visa, Master });

#[derive(Debug, Clone, PartialEq, EventData)]
struct Wrapped(Box<Payment>);
newtypes!(Wrapped);

/// A union of one record.
#[derive(Debug, Clone, PartialEq, EventData)]
enum Single {
    Only { value: u64 },
}
union!(Single { "Only" [Self::Only { value }] { value } });

/// A union whose records hold unions.
#[derive(Debug, Clone, PartialEq, EventData)]
enum Outer {
    None,
    One(Payment),
    Two { first: Option<Payment>, second: Box<Option<Single>> },
}
union!(Outer {
    "None" [Self::None] {},
    "One" [Self::One(value)] { value },
    "Two" [Self::Two { first, second }] { first, second },
});

pub(super) fn specimens() -> Vec<Specimen> {
    vec![Specimen::of::<Symbols>(), Specimen::of::<Unions>()]
}
