//! Fields of personal data: what an error of another writer's data must not tell.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::numbers::{Millis, logical};
use super::*;

#[derive(Debug, PartialEq, EventData)]
enum Mood {
    Well,
    Ill,
}

#[derive(Debug, PartialEq, EventData)]
struct Inner {
    seen: Option<Millis>,
    born: Option<DateTime<Utc>>,
    moods: BTreeMap<String, Mood>,
}

#[derive(Debug, PartialEq, EventData)]
struct Told {
    inner: Inner,
}

#[derive(Debug, PartialEq, EventData)]
struct Marked {
    #[event(pii)]
    inner: Inner,
}

#[derive(Debug, PartialEq, EventData)]
struct MarkedInList {
    #[event(pii)]
    list: Vec<Told>,
}

#[derive(Debug, PartialEq, EventData)]
struct Both {
    n: i32,
    marked: Marked,
}

const SECRET: &str = "secret";

/// The writer's `Inner`, with its fields in this order.
fn inner(order: [usize; 3]) -> String {
    let fields = [
        ("seen", logical("long", "timestamp-nanos")),
        ("born", logical("long", "timestamp-millis")),
        ("moods", format!(r#"{{"type":"map","values":{}}}"#, moods())),
    ];
    let fields = order.map(|index| (fields[index].0, fields[index].1.as_str()));
    record("Inner", &fields)
}

fn moods() -> String {
    format!(r#"{{"type":"enum","name":"Mood","symbols":["{SECRET}"]}}"#)
}

/// What can't be read of an `Inner` in the order of its fields: its bytes, and what an error tells of it.
fn faults() -> Vec<([Vec<u8>; 3], &'static str)> {
    let long = |value: i64| crate::avro::to_vec(&value).unwrap();
    let entry = [&[2, 12][..], SECRET.as_bytes()].concat();
    vec![
        ([long(19_991_231), long(0), vec![0]], "19991231"),
        ([long(0), long(i64::MAX - 7), vec![0]], "9223372036854775800"),
        ([long(0), long(0), [&entry[..], &[0, 0]].concat()], SECRET),
        ([long(0), long(0), entry], SECRET),
    ]
}

/// The errors of a type whose `inner` is somewhere in it.
fn errors<T: EventData + Debug>(
    around: impl Fn(&str) -> String,
    before: &[u8],
) -> Vec<(DecodeError, &'static str)> {
    let mut errors = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0]] {
        for (bytes, secret) in faults() {
            let datum: Vec<u8> = order.iter().flat_map(|index| bytes[*index].clone()).collect();
            let error = read::<T>(&around(&inner(order)), &[before, &datum, &[0]].concat()).unwrap_err();
            errors.push((error, secret));
        }
    }
    errors
}

#[track_caller]
fn tells_nothing(errors: Vec<(DecodeError, &str)>, path: &str) {
    assert!(!errors.is_empty());
    for (error, secret) in errors {
        let shown = format!("{error} {error:?} {:?}", error.kind());
        assert!(!shown.contains(secret) && !shown.contains(SECRET), "{shown}");
        assert!(error.path().starts_with(path), "{shown}");
    }
}

#[test]
fn a_marked_field_of_another_writer_tells_nothing() {
    tells_nothing(errors::<Marked>(|inner| record("Marked", &[("inner", inner)]), &[]), "inner.");
    let list = |inner: &str| {
        let told = record("Told", &[("inner", inner)]);
        record("MarkedInList", &[("list", &format!(r#"{{"type":"array","items":{told}}}"#))])
    };
    tells_nothing(errors::<MarkedInList>(list, &[2]), "list[0].inner.");
    // In another place than the writer's, so that it is looked up first.
    let moved =
        |inner: &str| record("Both", &[("marked", &record("Marked", &[("inner", inner)])), ("n", INT)]);
    tells_nothing(errors::<Both>(moved, &[]), "marked.inner.");
}

#[test]
fn what_is_not_marked_is_told() {
    let errors = errors::<Told>(|inner| record("Told", &[("inner", inner)]), &[]);
    for (error, secret) in &errors[..4] {
        assert!(error.to_string().contains(secret), "{error}");
    }
}

#[test]
fn an_error_of_personal_data_says_where_and_what_kind() {
    let errors = errors::<Marked>(|inner| record("Marked", &[("inner", inner)]), &[]);
    let shown: Vec<_> = errors[..3].iter().map(|(error, _)| error.to_string()).collect();
    let hidden =
        "data of another schema can't be read: the reason is not shown because the field holds personal data";
    assert_eq!(
        shown,
        [
            format!("field `inner.seen`: {hidden} (at byte 4)"),
            "field `inner.born`: *** is out of range for `the reader's unit` (at byte 11)".to_owned(),
            format!(r#"field `inner.moods["***"]`: {hidden} (at byte 11)"#),
        ]
    );
}

#[test]
fn the_keys_of_what_is_passed_over_are_not_told() {
    #[derive(Debug, PartialEq, EventData)]
    struct Nothing {}

    let map = |values: &str| format!(r#"{{"type":"map","values":{values}}}"#);
    let bytes = [&[2, 12][..], SECRET.as_bytes(), &[9]].concat();
    for schema in [
        record("Nothing", &[("gone", &map(STRING))]),
        record("Nothing", &[("gone", &record("Other", &[("x", &map(STRING))]))]),
        record("Told", &[("more", &map(STRING)), ("inner", &inner([0, 1, 2]))]),
    ] {
        let error = if schema.contains("Told") {
            read::<Told>(&schema, &bytes).unwrap_err()
        } else {
            read::<Nothing>(&schema, &bytes).unwrap_err()
        };
        assert!(error.path().ends_with(r#"["***"]"#), "{error}");
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
    }
}
