//! What is published is known again: every definition is what its own schema's text says.

use std::collections::BTreeMap;

use events_runtime::private::{Side, can_read, canonical_form, is_text};
use events_runtime::{EventData, PublicSignal};
use events_tests::zoo::specimens;
use serde_json::Value;

#[test]
fn every_specimen_is_its_own_published_schema() {
    for specimen in specimens() {
        assert_eq!(is_text(specimen.schema, specimen.schema_json), Ok(true), "{}", specimen.schema_json);
    }
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

/// How a text is laid out, and the order of its attributes, make no other schema.
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
fn defaults_of_every_kind_are_known_again() {
    let text = DefaultsWritten::SCHEMA_JSON;
    assert_eq!(is_text(DefaultsWritten::SCHEMA, text), Ok(true), "{text}");
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(is_text(DefaultsWritten::SCHEMA, &value.to_string()), Ok(true), "{value}");
}

/// Each of these is a change, though most break nothing.
#[test]
fn a_difference_in_a_default_a_name_or_an_alias_is_one() {
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
