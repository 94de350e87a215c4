//! Enumerations and unions of records.

use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};

use super::Specimen;

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.enums.symbols.v1")]
struct Symbols {
    colour: Colour,
    again: Option<Colour>,
    list: Vec<Colour>,
    map: BTreeMap<String, Colour>,
}

#[derive(Debug, Clone, Copy, PartialEq, EventData)]
enum Colour {
    #[event(rename = "RED")]
    Red,
    Green,
    #[event(default)]
    Other,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.enums.unions.v1")]
struct Unions {
    payment: Payment,
    optional: Option<Payment>,
    list: Vec<Payment>,
    optional_list: Vec<Option<Payment>>,
    map: BTreeMap<String, Payment>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Payment {
    Cash,
    Card { last4: String, issuer: Option<Issuer> },
    Transfer(Transfer),
    Split { parts: Vec<Part> },
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Transfer {
    iban: String,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Part {
    cents: i64,
    colour: Colour,
}

#[derive(Debug, Clone, Copy, PartialEq, EventData)]
enum Issuer {
    Visa,
    Master,
}

fn symbols() -> Specimen {
    let all = [Colour::Red, Colour::Green, Colour::Other];
    Specimen::of(&all.map(|colour| Symbols {
        colour,
        again: (colour != Colour::Green).then_some(colour),
        list: all.to_vec(),
        map: BTreeMap::from([("k".to_owned(), colour)]),
    }))
}

fn unions() -> Specimen {
    let all = [
        Payment::Cash,
        Payment::Card { last4: "1111".to_owned(), issuer: None },
        Payment::Card { last4: "2222".to_owned(), issuer: Some(Issuer::Master) },
        Payment::Transfer(Transfer { iban: "DE".to_owned() }),
        Payment::Split { parts: vec![Part { cents: 5, colour: Colour::Green }] },
    ];
    let values: Vec<_> = all
        .iter()
        .map(|payment| Unions {
            payment: payment.clone(),
            optional: (*payment != Payment::Cash).then(|| payment.clone()),
            list: all.to_vec(),
            optional_list: vec![None, Some(payment.clone()), Some(Payment::Cash)],
            map: BTreeMap::from([("k".to_owned(), payment.clone())]),
        })
        .collect();
    Specimen::of(&values)
}

pub(super) fn specimens() -> Vec<Specimen> {
    vec![symbols(), unions()]
}
