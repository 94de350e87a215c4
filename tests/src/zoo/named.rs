//! Names, namespaces, documentation, defaults, generics.

use events_runtime::{EventData, PublicSignal};

use super::Specimen;

/// An event with "quotes", a \backslash
/// and a second line; é.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.named.documented.v1", minor_version = 3)]
struct Documented {
    /// A field's own words.
    #[event(alias = "old_name", alias = "older_name")]
    text: String,
    #[event(rename = "type")]
    kind: String,
    r#match: bool,
    #[event(pii)]
    email: String,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.named.renamed.v1", name = "AnotherName", namespace = "com.elsewhere")]
struct Renamed {
    here: Inner,
    there: Elsewhere,
    again: Inner,
    list: Vec<Elsewhere>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(rename = "In_ner", alias = "Was")]
struct Inner {
    value: i32,
}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(namespace = "net.third")]
struct Elsewhere {
    /// Inherits the namespace of the type around it.
    inner: Deep,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Deep {
    value: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.named.defaults.v1")]
struct Defaults {
    #[event(default = true)]
    flag: bool,
    #[event(default = -5)]
    number: i64,
    #[event(default = 1.5)]
    double: f64,
    #[event(default = "a \"b\"")]
    text: String,
    #[event(default = [])]
    list: Vec<i64>,
    none: Option<String>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.named.generics.v1")]
struct Generics {
    lines: Page<Line>,
    numbers: Page<i64>,
    optional: Page<Option<String>>,
    pages: Page<Page<Line>>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Page<T> {
    items: Vec<T>,
    next: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Line {
    sku: String,
}

fn page<T>(items: Vec<T>) -> Page<T> {
    let next = i64::try_from(items.len()).ok().filter(|len| *len > 0);
    Page { items, next }
}

pub(super) fn specimens() -> Vec<Specimen> {
    let inner = |value| Inner { value };
    let elsewhere = |value| Elsewhere { inner: Deep { value } };
    let line = || Line { sku: "s".to_owned() };
    vec![
        Specimen::of(&[Documented {
            text: "t".to_owned(),
            kind: "k".to_owned(),
            r#match: true,
            email: "bob@foo.example".to_owned(),
        }]),
        Specimen::of(&[Renamed {
            here: inner(1),
            there: elsewhere(None),
            again: inner(2),
            list: vec![elsewhere(Some(3))],
        }]),
        Specimen::of(&[Defaults {
            flag: false,
            number: 1,
            double: 2.5,
            text: String::new(),
            list: vec![1],
            none: Some("n".to_owned()),
        }]),
        Specimen::of(&[Generics {
            lines: page(vec![line(), line()]),
            numbers: page(vec![]),
            optional: page(vec![None, Some("x".to_owned())]),
            pages: page(vec![page(vec![line()])]),
        }]),
    ]
}
