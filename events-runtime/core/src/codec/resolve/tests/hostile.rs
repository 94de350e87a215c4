//! Schemas and bytes that mean harm.

use super::super::output::Buffers;
use super::super::plan::Limit;
use super::super::rewrite::rewrite;
use super::*;
use crate::avro::MAX_EMPTY_ITEMS;
use crate::avro::to_vec;

#[derive(Debug, PartialEq, EventData)]
struct Small {
    #[event(default = "as long as this text is in the datum of each item")]
    text: String,
}

#[derive(Debug, PartialEq, EventData)]
struct Items {
    items: Vec<Small>,
}

/// A record that holds `inner`, another of the same kind, and so on.
fn chain(levels: usize, innermost: &str) -> String {
    let mut fields = vec![format!(r#"{{"name":"f0","type":{}}}"#, record("R0", &[("x", innermost)]))];
    for level in 1..levels {
        let below = format!("\"R{}\"", level - 1);
        let twice = record(&format!("R{level}"), &[("a", &below), ("b", &below)]);
        fields.push(format!(r#"{{"name":"f{level}","type":{twice}}}"#));
    }
    format!(r#"{{"type":"record","name":"Small","fields":[{}]}}"#, fields.join(","))
}

#[test]
fn a_record_that_never_ends_is_too_deep() {
    let endless = r#"{"type":"record","name":"Small","fields":[
        {"name":"more","type":{"type":"record","name":"Endless","fields":[{"name":"again","type":"Endless"}]}}]}"#;
    let error = read::<Small>(endless, &[]).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::TooDeep { .. }), "{error}");
}

#[test]
fn records_of_nothing_cost_nothing() {
    // 2^60 of the innermost ones.
    let schema = chain(60, "\"null\"");
    assert_eq!(read::<Small>(&schema, &[]).unwrap().text.len(), 49);
    // And of those that hold something, the bytes end.
    let error = read::<Small>(&chain(60, INT), &[0; 10_000]).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::UnexpectedEnd { .. }), "{error}");
}

#[test]
fn a_chain_of_types_does_not_take_the_stack() {
    for levels in [150, 5_000] {
        let chain = chain(levels, r#"["null","int"]"#);
        let error = read::<Small>(&chain, &[0; 1_000]).unwrap_err();
        assert!(
            matches!(error.kind(), DecodeErrorKind::UnexpectedEnd { .. } | DecodeErrorKind::Unresolvable(_)),
            "{error}"
        );
    }
}

#[test]
fn deep_bytes_are_refused() {
    let list = r#"{"type":"record","name":"Small","fields":[
        {"name":"more","type":["null",{"type":"array","items":{"type":"map","values":"Small"}}]}]}"#;
    let level = [2, 2, 2, 0];
    let error = read::<Small>(list, &level.repeat(100_000)).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::TooDeep { .. }), "{error}");
}

#[test]
fn defaults_of_items_without_bytes_are_bounded() {
    let items = |count: usize| {
        let empty = record("Small", &[]);
        let schema = record("Items", &[("items", &format!(r#"{{"type":"array","items":{empty}}}"#))]);
        let count = to_vec(&i64::try_from(count).unwrap()).unwrap();
        read::<Items>(&schema, &[&count[..], &[0]].concat())
    };
    for count in [1_000, 2_000, MAX_EMPTY_ITEMS] {
        let items = items(count).unwrap().items;
        assert_eq!((items.len(), items.last().map(|item| item.text.len())), (count, Some(49)));
    }
    let error = items(MAX_EMPTY_ITEMS + 1).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::TooManyEmptyItems { .. }), "{error}");
}

#[test]
fn what_defaults_make_of_items_without_bytes_is_bounded_in_memory() {
    #[derive(Debug, PartialEq, EventData)]
    struct Wide {
        // One byte in the datum, 4 kB in memory.
        numbers: Option<[i64; 512]>,
    }
    #[derive(Debug, PartialEq, EventData)]
    struct Wides {
        items: Vec<Wide>,
    }
    #[derive(Debug, PartialEq, EventData)]
    struct Entries {
        items: std::collections::BTreeMap<String, Wide>,
    }
    let array = format!(r#"{{"type":"array","items":{}}}"#, record("Wide", &[]));
    let array_of = |count: i64| [to_vec(&count).unwrap(), vec![0]].concat();
    let read_items = |count| read::<Wides>(&record("Wides", &[("items", &array)]), &array_of(count));
    assert_eq!(read_items(1_000).unwrap().items.len(), 1_000);
    let error = read_items(10_000).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::TooMuchMemory { .. }), "{error}");

    // An entry has a key, and with it bytes of its own: memory grows with the input.
    let map = format!(r#"{{"type":"map","values":{}}}"#, record("Wide", &[]));
    let mut entries = to_vec(&2_000_i64).unwrap();
    (0..2_000).for_each(|n| entries.extend(to_vec(&format!("{n:04}")).unwrap()));
    entries.push(0);
    let read_map = read::<Entries>(&record("Entries", &[("items", &map)]), &entries).unwrap();
    assert_eq!(read_map.items.len(), 2_000);
}

#[test]
fn the_text_of_defaults_in_items_without_bytes_is_bounded() {
    #[derive(Debug, PartialEq, EventData)]
    struct Long {
        #[event(default = "\
            0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\
            0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\
            0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789")]
        text: String,
    }
    #[derive(Debug, PartialEq, EventData)]
    struct Longs {
        items: Vec<Long>,
    }
    let array = format!(r#"{{"type":"array","items":{}}}"#, record("Long", &[]));
    let read_items = |count: i64| {
        read::<Longs>(&record("Longs", &[("items", &array)]), &[to_vec(&count).unwrap(), vec![0]].concat())
    };
    assert_eq!(read_items(10_000).unwrap().items.len(), 10_000);
    let error = read_items(65_536).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::TooLong { .. }), "{error}");
}

#[test]
fn the_limit_rises_with_items_without_bytes_once() {
    let empty = record("Small", &[]);
    let array = format!(r#"{{"type":"array","items":{empty}}}"#);
    let schema = writer(&record("Items", &[("items", &array)]));
    let plan = schema.plan(Items::SCHEMA);
    // The default and its length.
    let limit = plan.limit(3);
    assert_eq!(limit.bytes, 4 * (1 + 50) + 65_536);
    let mut raised = limit;
    raised.add_empty_item();
    assert_eq!(raised.bytes, 5 * (1 + 50) + 65_536);
    // A datum that its limit is too low for.
    let error = rewrite(plan, &[4, 0], &mut Buffers::default(), Limit::exactly(51)).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::TooLong { limit: 51 });
    rewrite(plan, &[4, 0], &mut Buffers::default(), Limit::exactly(102)).unwrap();
}

#[test]
fn empty_items_of_fields_that_change_places_are_read() {
    #[derive(Debug, PartialEq, EventData)]
    struct Moved {
        n: i32,
        items: Vec<Small>,
    }
    let array = format!(r#"{{"type":"array","items":{}}}"#, record("Small", &[]));
    let schema = record("Moved", &[("items", &array), ("n", INT)]);
    let of = |count: usize| [to_vec(&i64::try_from(count).unwrap()).unwrap(), vec![0, 2]].concat();
    assert_eq!(read::<Moved>(&schema, &of(10_000)).unwrap().items.len(), 10_000);
    let error = read::<Moved>(&schema, &of(MAX_EMPTY_ITEMS + 1)).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::TooManyEmptyItems { .. }), "{error}");
}

#[test]
fn a_plan_is_in_proportion_to_the_schemas() {
    #[derive(Debug, PartialEq, EventData)]
    #[event(rename = "E")]
    enum Letter {
        A,
    }
    #[derive(Debug, PartialEq, EventData)]
    struct Holder {
        letter: Letter,
    }
    // Each record of the union meets the reader's, and with it the enum of so many symbols.
    let union = |records: usize, symbols: usize| {
        let symbols: Vec<_> = (0..symbols).map(|index| format!("\"S{index}\"")).collect();
        let letter = format!(r#"{{"type":"enum","name":"e.E","symbols":[{}]}}"#, symbols.join(","));
        let holder = |index: usize| {
            let letter = if index == 0 { &letter } else { "\"e.E\"" };
            record("Holder", &[("letter", letter)]).replacen("Holder\"", &format!("n{index}.Holder\""), 1)
        };
        format!("[{}]", (0..records).map(holder).collect::<Vec<_>>().join(","))
    };
    let reason = |schema: &str| {
        let error = read::<Holder>(schema, &[0, 0]).unwrap_err();
        let DecodeErrorKind::Unresolvable(reason) = error.kind() else { panic!("{error}") };
        reason.clone()
    };
    assert!(reason(&union(20, 200)).contains("no symbol `S0`"));
    let reason = reason(&union(1_000, 5_000));
    assert!(reason.contains("out of proportion to the schemas"), "{reason}");
}

#[test]
fn huge_counts_end_early() {
    let schema = record(
        "Items",
        &[("items", &format!(r#"{{"type":"array","items":{}}}"#, record("Small", &[("n", INT)])))],
    );
    for count in [i64::MAX, i64::MIN, i64::MIN + 1] {
        let bytes = [to_vec(&count).unwrap(), vec![2; 100]].concat();
        let error = read::<Items>(&schema, &bytes).unwrap_err();
        assert!(
            matches!(
                error.kind(),
                DecodeErrorKind::UnexpectedEnd { .. } | DecodeErrorKind::NegativeLength(_)
            ),
            "{error}"
        );
    }
}

#[test]
fn schema_texts_are_bounded() {
    let long = format!("\"{}\"", "a".repeat(1 << 20));
    let error = WriterSchema::parse(&long).unwrap_err();
    assert_eq!(error.to_string(), "not an Avro schema: 1048578 bytes of text, at most 1048576 are allowed");
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(101), "}".repeat(101));
    WriterSchema::parse(&deep).unwrap_err();
    WriterSchema::parse(&"[".repeat(100_000)).unwrap_err();
    // An empty union is a schema that no value has.
    let error = read::<i64>("[]", &[0]).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::UnknownBranch { index: 0, branches: 0 });
}
