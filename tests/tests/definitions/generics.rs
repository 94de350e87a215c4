//! Generic types, whose names in the schema contain their arguments' names.

use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};
use serde_json::Value;

use crate::{field, schema, travels};

#[derive(Debug, PartialEq, EventData)]
struct Page<T> {
    items: Vec<T>,
    next: Option<i32>,
}

/// Bounds, a where clause and a default.
#[derive(Debug, PartialEq, EventData)]
struct Pair<A: Clone, B = String>
where
    B: PartialEq,
{
    first: A,
    second: B,
}

#[derive(Debug, PartialEq, EventData)]
enum Either<L, R> {
    Left { value: L },
    Right(R),
    Neither,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Line {
    sku: String,
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.shop.pages.read.v1", key = named.first.sku)]
struct PagesRead {
    lines: Page<Line>,
    more_lines: Page<Line>,
    numbers: Page<i64>,
    maybe: Page<Option<Line>>,
    pages: Page<Page<Line>>,
    maps: Page<BTreeMap<String, i32>>,
    named: Pair<Line>,
    other: Pair<i32, Line>,
    either: Either<Line, i32>,
    reversed: Either<i32, Line>,
    maybe_either: Option<Either<Line, i32>>,
}

/// The names of all definitions, in the order of their first place.
fn names(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        Value::Object(object) => {
            if object.contains_key("fields") || object.contains_key("symbols") {
                found.push(object["name"].as_str().unwrap().to_owned());
            }
            object.values().for_each(|value| names(value, found));
        }
        _ => {}
    }
}

#[test]
fn different_arguments_give_different_names_and_equal_ones_one_definition() {
    let schema = schema::<PagesRead>();
    let mut found = Vec::new();
    names(&schema, &mut found);
    let mut once = found.clone();
    once.sort();
    once.dedup();
    assert_eq!(found.len(), once.len(), "{found:?}");
    assert_eq!(field(&schema, "lines")["type"]["name"], "Page_Line");
    assert_eq!(field(&schema, "more_lines")["type"], "Page_Line");
    assert_eq!(found.iter().filter(|name| name.starts_with("Page_")).count(), 5, "{found:?}");
    assert_eq!(found.iter().filter(|name| name.starts_with("Pair")).count(), 2, "{found:?}");
    assert_eq!(found.iter().filter(|name| name.starts_with("Either")).count(), 6, "{found:?}");
}

#[test]
fn generic_types_are_encoded_and_decoded() {
    let line = || Line { sku: "a".into() };
    let page = || Page { items: vec![line()], next: Some(1) };
    let event = PagesRead {
        lines: page(),
        more_lines: Page { items: vec![], next: None },
        numbers: Page { items: vec![1, 2], next: None },
        maybe: Page { items: vec![None, Some(line())], next: None },
        pages: Page { items: vec![page(), page()], next: None },
        maps: Page { items: vec![BTreeMap::from([("a".into(), 1)])], next: None },
        named: Pair { first: line(), second: "b".into() },
        other: Pair { first: 1, second: line() },
        either: Either::Left { value: line() },
        reversed: Either::Right(line()),
        maybe_either: Some(Either::Neither),
    };
    travels(&event);
    let mut key = Vec::new();
    assert!(event.append_key(&mut key));
    assert_eq!(key, b"a");
}
