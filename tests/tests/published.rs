//! Every definition equals the text of its own published schema.

use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};
use events_schema::compat::{Side, can_read, canonical_form, is_text, is_text_by_digest};
use events_tests::sample_types::specimens;
use serde_json::Value;

#[test]
fn every_specimen_is_its_own_published_schema() {
    for specimen in specimens() {
        assert_eq!(is_text(specimen.schema, specimen.schema_json), Ok(true), "{}", specimen.schema_json);
    }
}

/// All but those whose recursion Avro repeats where Rust refers back: they are compared in full.
#[test]
fn nearly_every_specimen_is_recognized_by_its_digest() {
    let by_digest = |schema, text| is_text_by_digest(schema, text).unwrap();
    let mut others = specimens();
    others.retain(|specimen| !by_digest(specimen.schema, specimen.schema_json));
    let names: Vec<_> = others.iter().map(|specimen| specimen.name).collect();
    assert_eq!(names, ["org.samples.recursive.unions.v1", "org.samples.recursive.blocks.v1"]);
}

/// All schemas that differ from this one in one place: a changed text, number or boolean, a removed item or
/// entry, or two swapped items.
fn changed_at_one_place(schema: &Value) -> Vec<Value> {
    let within = |inner: &Value, put: &dyn Fn(Value) -> Value| -> Vec<Value> {
        changed_at_one_place(inner).into_iter().map(put).collect()
    };
    match schema {
        Value::Null => vec![Value::from(0)],
        Value::Bool(value) => vec![Value::from(!value)],
        Value::Number(number) => vec![Value::from(number.as_f64().unwrap_or_default() + 1.0)],
        Value::String(text) => ["x", "long", "string"]
            .iter()
            .map(|other| if text == other { Value::from("int") } else { Value::from(other.to_string()) })
            .chain([Value::from(format!("{text}x"))])
            .collect(),
        Value::Array(items) => {
            let mut changed = Vec::new();
            for index in 0..items.len() {
                changed.extend(within(&items[index], &|item| {
                    let mut items = items.clone();
                    items[index] = item;
                    Value::Array(items)
                }));
                let mut fewer = items.clone();
                fewer.remove(index);
                changed.push(Value::Array(fewer));
                let mut swapped = items.clone();
                swapped.swap(0, index);
                changed.push(Value::Array(swapped));
            }
            changed
        }
        Value::Object(entries) => {
            let mut changed = Vec::new();
            for (key, value) in entries {
                changed.extend(within(value, &|value| {
                    let mut entries = entries.clone();
                    entries.insert(key.clone(), value);
                    Value::Object(entries)
                }));
                let mut fewer = entries.clone();
                fewer.remove(key);
                changed.push(Value::Object(fewer));
            }
            changed
        }
    }
}

/// A digest that missed a change would let a breaking change compile.
#[test]
fn no_change_at_one_place_is_missed_by_the_digest() {
    let (mut distinguished, mut without_meaning) = (0, 0);
    for specimen in specimens() {
        let schema: Value = serde_json::from_str(specimen.schema_json).unwrap();
        for changed in changed_at_one_place(&schema) {
            let text = changed.to_string();
            let Ok(same) = is_text(specimen.schema, &text) else { continue };
            match is_text_by_digest(specimen.schema, &text) {
                Ok(true) if same => without_meaning += 1,
                Ok(by_digest) => {
                    assert!(!by_digest, "{} is not {text}", specimen.name);
                    distinguished += usize::from(!same);
                }
                Err(fault) => panic!("{}: {fault}", specimen.name),
            }
        }
    }
    println!("{distinguished} changed schemas distinguished, {without_meaning} changes of docs and the like");
    assert!(distinguished > 2_000 && without_meaning > 100, "{distinguished}, {without_meaning}");
}

#[test]
fn every_specimen_reads_and_is_read_by_its_own_text() {
    for specimen in specimens() {
        let (tree, text) = (Side::Tree(specimen.schema), Side::Text(specimen.schema_json));
        for (reader, writer) in [(tree, text), (text, tree), (tree, tree), (text, text)] {
            assert_eq!(can_read(reader, writer), Ok(true), "{}", specimen.name);
        }
    }
}

#[test]
fn the_canonical_form_of_a_text_is_that_of_its_definition() {
    for specimen in specimens() {
        assert_eq!(canonical_form(specimen.schema_json).as_deref(), Ok(specimen.canonical));
        assert_eq!(canonical_form(specimen.canonical).as_deref(), Ok(specimen.canonical));
    }
}

/// Layout and the order of attributes do not change a schema.
#[test]
fn a_schema_that_a_tool_has_written_again_is_the_same() {
    for specimen in specimens() {
        let value: Value = serde_json::from_str(specimen.schema_json).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        assert_ne!(pretty, specimen.schema_json);
        assert_eq!(is_text(specimen.schema, &pretty), Ok(true), "{}", specimen.name);
    }
}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(alias = "Location", alias = "org.acme.old.Place")]
struct Address {
    street: String,
    #[event(default = "")]
    zip: String,
    note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Channel {
    Web,
    #[event(default)]
    Other,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.published.defaults.written.v1")]
struct DefaultsWritten {
    #[event(default = 0.1)]
    tenth: f64,
    #[event(default = -0.0)]
    zero: f64,
    #[event(default = 1.50)]
    trailing: f32,
    #[event(default = 2)]
    whole: f32,
    #[event(default = 1e300)]
    huge: f64,
    #[event(default = 1e-7)]
    tiny: f64,
    #[event(default = 123_456_789.125)]
    grouped: f64,
    #[event(default = -9_223_372_036_854_775_808)]
    lowest: i64,
    #[event(default = 9_223_372_036_854_775_807)]
    highest: u64,
    #[event(default = -1)]
    negative: i32,
    #[event(default = "ä \u{1f980} \" \\ / \n \r \t \u{8} \u{c} \u{1} \u{7f} \u{2028}")]
    text: String,
    #[event(default = "\u{0}\u{7f}\u{80}\u{ff}")]
    raw: Vec<u8>,
    #[event(default = { "street": "Main", "zip": "1" })]
    in_order: Address,
    #[event(default = { "zip": "1", "street": "Main" })]
    out_of_order: Address,
    #[event(default = [{ "street": "A" }, { "street": "B", "note": null }])]
    list: Vec<Address>,
    #[event(default = { "b": [1, 2], "a": [], "ü": [-3] })]
    map: BTreeMap<String, Vec<i32>>,
    #[event(default = "Web", alias = "source")]
    channel: Channel,
    #[event(default = true)]
    flag: bool,
    #[event(default = null)]
    nothing: Option<Address>,
}

#[test]
fn defaults_of_every_kind_are_recognized() {
    let text = DefaultsWritten::SCHEMA_JSON;
    assert_eq!(is_text(DefaultsWritten::SCHEMA, text), Ok(true), "{text}");
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(is_text(DefaultsWritten::SCHEMA, &value.to_string()), Ok(true), "{value}");
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Counted {
    #[event(default = 0)]
    count: i32,
    again: Option<Box<Counted>>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.published.zeros.written.v1")]
struct ZerosWritten {
    #[event(default = 0)]
    int: i32,
    #[event(default = 0)]
    long: i64,
    #[event(default = 0)]
    maybe: Option<u32>,
    #[event(default = [0, 1])]
    list: Vec<i64>,
    #[event(default = { "a": [0] })]
    map: BTreeMap<String, Vec<i32>>,
    #[event(default = { "count": 0, "again": null })]
    record: Counted,
    #[event(default = [{ "count": 0 }])]
    records: Vec<Option<Counted>>,
    #[event(default = -0.0)]
    double: f64,
    #[event(default = -0.0)]
    single: Option<f32>,
}

/// RFC 8259 allows the minus sign in front of any number; a `double` has a zero of each sign.
#[test]
fn minus_zero_of_a_whole_number_is_its_zero() {
    let text = ZerosWritten::SCHEMA_JSON;
    let known = |text: &str| {
        let by_digest = is_text_by_digest(ZerosWritten::SCHEMA, text).unwrap();
        assert_eq!(is_text(ZerosWritten::SCHEMA, text), Ok(by_digest), "{text}");
        by_digest
    };
    let mut signed = text.to_owned();
    for (zero, minus_zero, times) in [
        ("\"default\":0", "\"default\":-0", 4),
        ("[0", "[-0", 2),
        ("\"count\":0", "\"count\":-0", 2),
        ("-0.0", "-0", 2),
    ] {
        assert_eq!(signed.matches(zero).count(), times, "{zero} in {signed}");
        signed = signed.replace(zero, minus_zero);
    }
    assert!(known(text) && known(&signed), "{signed}");
    for zero in ["0", "0.0"] {
        let changed = text.replacen("-0.0", zero, 1);
        assert!(!known(&changed), "a double's zero has its sign: {changed}");
    }
    // A union's first numeric branch decides.
    let union = |branches: &str, default: &str| {
        format!(
            r#"{{"type":"record","name":"A","fields":[{{"name":"a","type":{branches},"default":{default}}}]}}"#
        )
    };
    for branches in [r#"["string","long"]"#, r#"["string","double","int"]"#] {
        for default in ["0", "-0"] {
            let text = union(branches, default);
            assert_eq!(can_read(Side::Text(&text), Side::Text(&text)), Ok(true), "{text}");
        }
    }
}

/// Each of these is a change, though most are compatible.
#[test]
fn a_changed_default_name_or_alias_is_a_difference() {
    let text = DefaultsWritten::SCHEMA_JSON;
    for (from, to) in [
        ("0.1", "0.2"),
        ("1e300", "1e301"),
        (":-1", ":1"),
        ("Main", "Maine"),
        ("[1,2]", "[2,1]"),
        ("\"source\"", "\"origin\""),
        ("\"Location\"", "\"Place\""),
        ("org.acme.old.Place", "org.acme.older.Place"),
        ("\"default\":\"Other\"", "\"default\":\"Web\""),
        ("\"default\":true", "\"default\":false"),
        ("\"name\":\"DefaultsWritten\"", "\"name\":\"Defaults\""),
        ("\"name\":\"flag\"", "\"name\":\"flags\""),
        ("\"string\"", "\"bytes\""),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert_eq!(is_text(DefaultsWritten::SCHEMA, &changed), Ok(false), "{from} ▶ {to}");
    }
}

mod a {
    use super::{EventData, b};

    #[derive(Debug, EventData)]
    #[event(namespace = "a")]
    pub(super) struct Node {
        x: i32,
        child: Option<Box<b::Node>>,
    }
}

mod b {
    use super::{EventData, a};

    #[derive(Debug, EventData)]
    #[event(namespace = "b")]
    pub(super) struct Node {
        #[event(back_ref = a::Node)]
        next: Option<Box<a::Node>>,
        y: i32,
    }
}

/// A name that refers to one of two enclosing types.
#[test]
fn a_reference_to_another_type_of_the_same_name_is_a_difference() {
    let text = |next: &str| {
        format!(
            r#"{{"type":"record","name":"Node","namespace":"a","fields":[{{"name":"x","type":"int"}},
            {{"name":"child","type":["null",{{"type":"record","name":"Node","namespace":"b","fields":[
            {{"name":"next","type":["null","{next}"],"default":null}},{{"name":"y","type":"int"}}]}}],
            "default":null}}]}}"#
        )
    };
    assert_eq!(is_text(a::Node::SCHEMA, &text("a.Node")), Ok(true));
    assert_eq!(is_text(a::Node::SCHEMA, &text("b.Node")), Ok(false));
    assert_eq!(is_text_by_digest(a::Node::SCHEMA, &text("b.Node")), Ok(false));
}

#[derive(Debug, EventData)]
#[event(namespace = "r")]
struct Both {
    one: One,
    other: Other,
}

#[derive(Debug, EventData)]
#[event(namespace = "a")]
struct One {
    value: Inherits,
}

#[derive(Debug, EventData)]
#[event(namespace = "b")]
struct Other {
    value: Inherits,
}

#[derive(Debug, EventData)]
struct Inherits {
    x: i32,
}

/// A type without a namespace is `a.Inherits` in one namespace and `b.Inherits` in another.
#[test]
fn a_reference_into_another_namespace_is_a_difference() {
    let text = |of_other: &str| {
        format!(
            r#"{{"type":"record","name":"Both","namespace":"r","fields":[
            {{"name":"one","type":{{"type":"record","name":"One","namespace":"a","fields":[
            {{"name":"value","type":{{"type":"record","name":"Inherits","fields":[{{"name":"x","type":"int"}}]}}}}]}}}},
            {{"name":"other","type":{{"type":"record","name":"Other","namespace":"b","fields":[
            {{"name":"value","type":{of_other}}}]}}}}]}}"#
        )
    };
    let own = r#"{"type":"record","name":"Inherits","fields":[{"name":"x","type":"int"}]}"#;
    assert_eq!(is_text_by_digest(Both::SCHEMA, &text(own)), Ok(true));
    assert_eq!(is_text(Both::SCHEMA, &text("\"a.Inherits\"")), Ok(false));
    assert_eq!(is_text_by_digest(Both::SCHEMA, &text("\"a.Inherits\"")), Ok(false));
}
