//! `schema import`: the code generated from the files in `tests/import/schemas` is checked in,
//! compiles as a part of this test, and has the same schema.
//!
//! To update it: `UPDATE_IMPORTED=1 cargo test -p events-tests --test import`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use apache_avro::validator::{SchemaNamespaceValidator, set_schema_namespace_validator};
use events_runtime::private::{self, Form};
use events_runtime::{EventData, PublicSignal};
use events_tests::sample_types::terms::physical;
use events_tests::sandbox::CommandOutput;
use serde_json::Value;

macro_rules! generated {
    ($($name:ident = $path:literal;)*) => {$(
        #[rustfmt::skip]
        #[path = $path]
        #[allow(missing_docs, unreachable_pub, dead_code, clippy::pedantic, reason = "named and documented as the schemas are")]
        mod $name;
    )*};
}

generated! {
    generated = "../import/generated.rs";
    times_jiff = "../import/times_jiff.rs";
    times_chrono = "../import/times_chrono.rs";
    times_time = "../import/times_time.rs";
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("import")
}

/// Runs `schema import` in a folder.
fn import(folder: &Path, arguments: &[&str]) -> CommandOutput {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop_cli"));
    CommandOutput::of(command.current_dir(folder).args(["schema", "import"]).args(arguments))
}

/// The files in `tests/import/schemas`, as relative paths.
fn schemas() -> Vec<String> {
    fn find(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { find(&path, found) } else { found.push(path) }
        }
    }
    let root = folder().join("schemas");
    let mut found = Vec::new();
    find(&root, &mut found);
    let mut names: Vec<_> =
        found.iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Compares the generated code with the checked-in file.
fn assert_kept(name: &str, arguments: &[&str]) {
    let ran = import(&folder().join("schemas"), arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let path = folder().join(name);
    if env::var_os("UPDATE_IMPORTED").is_some() {
        fs::write(&path, &ran.out).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(ran.out.lines()).find(|(kept, new)| kept != new);
    assert!(
        kept == ran.out,
        "the generated code differs from {name}, first in {differs:?}; to update it run with UPDATE_IMPORTED=1"
    );
}

#[test]
fn generated_code_is_as_reviewed() {
    let schemas = schemas();
    let schemas: Vec<_> = schemas.iter().map(String::as_str).collect();
    assert_kept("generated.rs", &schemas);
    for times in ["jiff", "chrono", "time"] {
        assert_kept(&format!("times_{times}.rs"), &["times.avsc", "--times", times]);
    }
}

#[test]
fn generated_code_is_formatted() {
    for name in ["generated.rs", "times_jiff.rs", "times_chrono.rs", "times_time.rs"] {
        // In another folder, since the configuration of this workspace is not the default one.
        let elsewhere = tempfile::tempdir().unwrap();
        fs::copy(folder().join(name), elsewhere.path().join(name)).unwrap();
        let output = Command::new("rustfmt")
            .current_dir(elsewhere.path())
            .args(["--edition", "2024", "--check", name])
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Accepts any namespace, since Open edX uses hyphens.
struct AnyNamespace;

impl SchemaNamespaceValidator for AnyNamespace {
    fn validate(&self, _: &str) -> Result<(), apache_avro::Error> {
        Ok(())
    }
}

fn source(file: &str) -> String {
    fs::read_to_string(folder().join("schemas").join(file)).unwrap()
}

/// Asserts that the canonical form of the file, by apache-avro, is that of the definition.
fn assert_equal(file: &str, canonical: &str) {
    // Only the first call has an effect, and all set the same.
    let _ = set_schema_namespace_validator(Box::new(AnyNamespace));
    assert_eq!(physical(&source(file)).unwrap().canonical_form(), canonical, "{file}");
}

/// The canonical form of a type that is not an event, which has no constant for it.
const MONEY: &[u8] = &{
    let text: [u8; private::length(generated::Money::SCHEMA, Form::Canonical)] =
        private::write(generated::Money::SCHEMA, Form::Canonical);
    text
};

#[test]
fn every_event_has_the_schema_of_its_file() {
    macro_rules! events {
        ($($file:literal: $event:ty, $event_type:literal, $minor:literal;)*) => {{
            $(
                assert_equal($file, <$event>::CANONICAL);
                assert_eq!((<$event>::EVENT_TYPE, <$event>::MINOR_VERSION), ($event_type, $minor));
            )*
            vec![$($file.to_owned()),*]
        }};
    }
    let mut checked = events! {
        "defaults.avsc": generated::DefaultsSet, "org.acme.imports.defaults.set.v1", 0;
        "docs.avsc": generated::PageDocumented, "org.acme.imports.page.documented.v1", 0;
        "keywords.avsc": generated::KeywordUsed, "org.acme.imports.keyword.used.v1", 0;
        "namespaces.avsc": generated::ParcelSent, "org.acme.imports.parcel.sent.v1", 0;
        "org.acme.imports.order.cancelled.v1/0.avsc": generated::OrderCancelled, "org.acme.imports.order.cancelled.v1", 0;
        "org.acme.imports.order.placed.v1/3.avsc": generated::OrderPlaced, "org.acme.imports.order.placed.v1", 3;
        "org.openedx.enterprise.subsidy.redemption-reversed.v1/0.avsc": generated::SubsidyRedemptionReversed,
            "org.openedx.enterprise.subsidy.redemption-reversed.v1", 0;
        "recursive.avsc": generated::TreeGrown, "org.acme.imports.tree.grown.v1", 0;
        "times.avsc": generated::TimesTold, "org.acme.imports.times.told.v1", 0;
        "unions.avsc": generated::OrderPaid, "org.acme.imports.order.paid.v1", 0;
    };
    assert_equal("data.avsc", std::str::from_utf8(MONEY).unwrap());
    checked.push("data.avsc".to_owned());
    checked.sort();
    assert_eq!(checked, schemas());
}

#[test]
fn docs_defaults_aliases_and_enum_defaults_are_kept() {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for (file, schema_json) in [
        ("docs.avsc", generated::PageDocumented::SCHEMA_JSON),
        ("keywords.avsc", generated::KeywordUsed::SCHEMA_JSON),
        ("recursive.avsc", generated::TreeGrown::SCHEMA_JSON),
        ("times.avsc", times_jiff::TimesTold::SCHEMA_JSON),
        ("times.avsc", times_chrono::TimesTold::SCHEMA_JSON),
        ("times.avsc", times_time::TimesTold::SCHEMA_JSON),
        ("defaults.avsc", generated::DefaultsSet::SCHEMA_JSON),
    ] {
        assert_eq!(json(schema_json), json(&source(file)), "{file}");
    }
}

#[test]
fn dropped_attributes_are_noted() {
    let ran = import(&folder().join("schemas"), &["data.avsc", "unions.avsc", "times.avsc"]);
    for note in [
        "note: data.avsc: amount: the logical type `decimal` on `bytes` is dropped",
        "note: data.avsc: currency: the attribute `owner` is dropped",
        "note: data.avsc: the root: `Money` is imported as data since its event type is unknown",
        "note: unions.avsc: without_default: has no default",
        "note: times.avsc: millis, maybe_millis: the logical type `timestamp-millis` is dropped",
    ] {
        assert!(ran.err.contains(note), "no {note:?} in {}", ran.err);
    }
}

/// Creates a folder with a schema whose record has one field of this type.
fn with_field(ty: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let schema = format!(
        r#"{{"type": "record", "name": "A", "namespace": "org.acme.a.b.c.v1", "fields": [{{"name": "a", "type": {ty}}}]}}"#
    );
    fs::write(folder.path().join("a.avsc"), schema).unwrap();
    folder
}

/// The schema of an `int` in nested arrays.
fn nested(arrays: usize) -> String {
    (0..arrays).fold("\"int\"".to_owned(), |items, _| format!(r#"{{"type": "array", "items": {items}}}"#))
}

type Vec6<T> = Vec<Vec<Vec<Vec<Vec<Vec<T>>>>>>;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.imports.deeply.nested.v1")]
struct DeeplyNested {
    deep: Vec6<Vec6<Vec6<Vec6<i32>>>>,
}

#[test]
fn deepest_supported_arrays_compile() {
    assert_eq!(DeeplyNested::SCHEMA_JSON.matches("\"array\"").count(), 24);
    let folder = with_field(&nested(24));
    let ran = import(folder.path(), &["a.avsc"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out.matches("Vec<").count(), 24);
}

#[test]
fn unusual_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let schema = "\u{feff}{\"type\": \"record\", \"name\": \"A\", \"namespace\": \"org.acme.a.b.c.v1\", \"aliases\": null, \"fields\": [
        {\"name\": \"zero\", \"type\": \"int\", \"aliases\": null, \"default\": -0},
        {\"name\": \"later\", \"type\": [\"null\", \"int\"], \"default\": -0},
        {\"name\": \"prose\", \"type\": \"int\", \"doc\": \"As in:\\n\\n    let it = be\"},
        {\"name\": \"fenced\", \"type\": \"int\", \"doc\": \"As in:\\n```\\nlet it = be\\n```\"}]}";
    fs::write(folder.path().join("a.avsc"), schema).unwrap();
    let ran = import(folder.path(), &["a.avsc"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for line in [
        "    #[event(default = 0)]\n    pub zero: i32,",
        "    #[event(default = 0)]\n    pub later: Option<i32>,",
        "    #[event(doc = \"As in:\\n\\n    let it = be\")]\n    pub prose: i32,",
        "    #[event(doc = \"As in:\\n```\\nlet it = be\\n```\")]\n    pub fenced: i32,",
    ] {
        assert!(ran.out.contains(line), "no {line} in {}", ran.out);
    }
}

#[test]
fn unsupported_schemas_are_refused_with_path_and_advice() {
    for (ty, error) in [
        (
            r#"{"type": "array", "items": {"type": "record", "name": "B", "fields": [{"name": "price", "type": ["int", "string"]}]}}"#,
            "error: a.avsc: a[].price: a union of `int`, `string`; an enum must be a union of records named `<Enum><Variant>`: put each branch into such a record",
        ),
        (
            r#"{"type": "fixed", "name": "F", "size": 16}"#,
            "error: a.avsc: a: `fixed` of 16 bytes is not supported: use `bytes`",
        ),
        (
            r#"["null", ["int"]]"#,
            "error: a.avsc: a<union>: Avro does not allow a union directly inside a union: merge their branches",
        ),
        (
            r#"["null", "int", "int"]"#,
            "error: a.avsc: the root: invalid Avro schema: at `a`: branch 2 of the union has the type of an earlier one",
        ),
        (&nested(100), "error: a.avsc: "),
        (&nested(25), "error: a.avsc: a: more than 24 directly nested arrays or maps are not supported"),
        (r#"["int", "null"]"#, "error: a.avsc: a: `null` is not the first branch of the union"),
        (
            r#"{"type": "map", "values": "null"}"#,
            "error: a.avsc: a{}: the type `null` holds no value: remove it",
        ),
        (r#"["null"]"#, "error: a.avsc: a: the union has no branch with a value: remove it"),
        (
            r#"{"type": "record", "name": "B", "namespace": "", "fields": []}"#,
            "error: a.avsc: a: `B` has no namespace, but the type that contains it has one: use that namespace",
        ),
        (
            r#"{"type": "record", "name": "B", "fields": [
                {"name": "maybe", "type": ["null", {"type": "record", "name": "C", "fields": [{"name": "b", "type": "B"}]}]},
                {"name": "d", "type": {"type": "record", "name": "D", "fields": [{"name": "c", "type": "C"}]}}]}"#,
            "error: a.avsc: the root: `B` always contains itself, so it has no finite value",
        ),
        (
            r#"{"type": "record", "name": "B", "fields": [
                {"name": "either", "type": [{"type": "record", "name": "CX", "fields": []}, {"type": "record", "name": "CY", "fields": []}]},
                {"name": "alone", "type": "CX"}]}"#,
            "error: a.avsc: a.alone: the record `org.acme.a.b.c.v1.CX` is a branch of one union and also used elsewhere",
        ),
    ] {
        let ran = import(with_field(ty).path(), &["a.avsc"]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ty}");
        assert!(ran.err.starts_with(error), "no {error:?} in {}", ran.err);
    }
    let folder = tempfile::tempdir().unwrap();
    for (text, error) in [
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#,
            "the root: an event must be a record, not an enum",
        ),
        (r#""string""#, "the root: an event must be a record: make this type"),
    ] {
        fs::write(folder.path().join("a.avsc"), text).unwrap();
        let ran = import(folder.path(), &["a.avsc"]);
        assert!(ran.code == 1 && ran.err.contains(error), "no {error:?} in {}", ran.err);
    }
}

#[test]
fn invalid_file_does_not_prevent_others_from_being_imported() {
    let folder = with_field("\"int\"");
    fs::write(folder.path().join("b.avsc"), "[]").unwrap();
    let ran = import(folder.path(), &["b.avsc", "a.avsc", "absent.avsc", "--out", "out.rs"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("error: b.avsc: the root: "), "{}", ran.err);
    assert!(ran.err.contains("error: absent.avsc: the root: cannot read the file"), "{}", ran.err);
    assert!(ran.err.contains("failed to import 2 of 3 files"), "{}", ran.err);
    let written = fs::read_to_string(folder.path().join("out.rs")).unwrap();
    let expected = "use events_runtime::PublicSignal;\n\n#[derive(Debug, Clone, PartialEq, PublicSignal)]\n#[public_signal(event_type = \"org.acme.a.b.c.v1\")]\npub struct A {\n    pub a: i32,\n}\n";
    assert_eq!(written, expected);
    // Without a valid file, no output is written.
    assert_eq!(import(folder.path(), &["b.avsc", "--out", "none.rs"]).code, 1);
    assert!(!folder.path().join("none.rs").exists());
}

#[test]
fn event_type_option_applies_to_one_file_and_types_are_unique() {
    let folder = with_field("\"int\"");
    let ran = import(folder.path(), &["a.avsc", "--event-type", "a/b"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let options = "#[public_signal(\n    event_type = \"a/b\",\n    namespace = \"org.acme.a.b.c.v1\",\n    foreign = \"imported from a.avsc\"\n)]";
    assert!(ran.out.contains(options), "{}", ran.out);
    let ran = import(folder.path(), &["a.avsc", "a.avsc", "--event-type", "a/b"]);
    assert!(ran.code == 2 && ran.err.contains("`--event-type` applies to one file"), "{}", ran.err);
    assert_eq!(import(folder.path(), &["a.avsc", "--event-type", "a b"]).code, 2);
    assert_eq!(import(folder.path(), &[]).code, 2);
    let ran = import(folder.path(), &["a.avsc", "a.avsc"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("`org.acme.a.b.c.v1` was already imported from a.avsc"), "{}", ran.err);
}
