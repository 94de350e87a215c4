//! Checks of handwritten schemas, in the form that the derives write.

use super::*;
use crate::text::{Form, length, write};
use crate::tree::{Field, Json, JsonKind, Reference, field};

const HERE: Origin = Origin::new("here::A", "here.rs:1:1");
const THERE: Origin = Origin::new("there::A", "there.rs:2:2");

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn name(base: &'static str) -> Name {
    Name { base, arguments: &[], namespace: None }
}

fn a_record(name: Name, origin: Origin, fields: Vec<Field>) -> &'static Record {
    leak(Record { name, origin, aliases: &[], attributes: "", fields: Vec::leak(fields), digest: 0 })
}

fn record(name: Name, origin: Origin, fields: Vec<Field>) -> &'static Schema {
    leak(Schema::Record(a_record(name, origin, fields)))
}

fn union(name: Name, branches: Vec<&'static Record>) -> &'static Schema {
    leak(Schema::Union(leak(Union { name, branches: Vec::leak(branches), other: None })))
}

fn reference(name: Name, origin: Origin) -> &'static Schema {
    leak(Schema::Ref(leak(Reference { name, origin })))
}

fn event(fields: Vec<Field>) -> &'static Schema {
    let name = Name { namespace: Some("org.acme.v1"), ..name("Event") };
    record(name, Origin::new("Event", "event.rs:1:1"), fields)
}

/// The field and the text of the violation.
#[track_caller]
fn fault(schema: &'static Schema) -> (usize, String) {
    let fault = check(schema).expect("the schema has a violation");
    (fault.field, fault.message().to_owned())
}

fn canonical(schema: &'static Schema) -> String {
    let text = write::<1024>(schema, Form::Canonical);
    String::from_utf8(text[..length(schema, Form::Canonical)].to_vec()).unwrap()
}

#[test]
fn one_type_in_many_fields_is_valid() {
    let line = || record(name("A"), HERE, vec![field("sku", &Schema::String)]);
    let lines = leak(Schema::Array(line()));
    assert!(check(event(vec![field("first", line()), field("lines", lines)])).is_none());
}

#[test]
fn two_types_with_one_name_are_a_violation_that_names_both() {
    let here = record(name("A"), HERE, vec![]);
    let there = record(name("A"), THERE, vec![field("x", &Schema::Int)]);
    let outer = record(name("Outer"), Origin::new("Outer", "o.rs:1:1"), vec![field("inner", there)]);
    let (at, text) = fault(event(vec![field("a", here), field("b", outer)]));
    assert_eq!(at, 1);
    for part in ["`A`", "`here::A` (here.rs:1:1)", "`there::A` (there.rs:2:2)", "`b.inner`", "rename"] {
        assert!(text.contains(part), "{text}");
    }
    // Not in two namespaces.
    let elsewhere = record(Name { namespace: Some("org.there"), ..name("A") }, THERE, vec![]);
    assert!(check(event(vec![field("a", here), field("b", elsewhere)])).is_none());
}

#[test]
fn generic_types_of_one_name_have_the_same_arguments() {
    let page = |argument: &'static Schema| {
        let arguments = Vec::leak(vec![argument]);
        let page = Name { arguments, ..name("Page") };
        let origin = Origin::new("Page", "p.rs:1:1");
        record(page, origin, vec![field("items", leak(Schema::Array(argument)))])
    };
    let here = record(Name { namespace: Some("org.here"), ..name("A") }, HERE, vec![]);
    let there = record(Name { namespace: Some("org.there"), ..name("A") }, THERE, vec![]);
    assert!(check(event(vec![field("a", page(here)), field("b", page(here))])).is_none());
    assert!(check(event(vec![field("a", page(here)), field("b", page(&Schema::Long))])).is_none());
    let (at, text) = fault(event(vec![field("a", page(here)), field("b", page(there))]));
    assert_eq!(at, 1);
    assert!(text.contains("here::A") && text.contains("there::A"), "{text}");
    // `Page<A>` and a type that is called `Page_A`.
    let plain = record(name("Page_A"), THERE, vec![]);
    let (_, text) = fault(event(vec![field("a", page(here)), field("b", plain)]));
    assert!(text.contains("two types have the Avro name"), "{text}");
}

#[test]
fn two_enums_with_one_name_are_a_violation_even_if_their_records_differ() {
    // A recursive enum refers to its union by the enum's name: it must not find another's.
    let here = union(name("A"), vec![a_record(name("AOne"), HERE, vec![])]);
    let inner = field("inner", reference(name("A"), THERE));
    let there = union(name("A"), vec![a_record(name("ATwo"), THERE, vec![inner])]);
    let (at, text) = fault(event(vec![field("a", here), field("b", there)]));
    assert_eq!(at, 1);
    assert!(text.contains("here::A") && text.contains("there::A"), "{text}");
    let plain = record(name("A"), THERE, vec![]);
    assert!(check(event(vec![field("a", here), field("b", plain)])).is_some());
    assert!(check(event(vec![field("b", plain), field("a", here)])).is_some());
    assert!(check(event(vec![field("a", here), field("b", here)])).is_none());
}

#[test]
fn a_reference_leads_to_the_definition_around_it() {
    let tree =
        record(name("A"), HERE, vec![field("children", leak(Schema::Array(reference(name("A"), HERE))))]);
    assert!(check(event(vec![field("tree", tree)])).is_none());
    let (at, text) = fault(event(vec![field("x", &Schema::Int), field("back", reference(name("A"), HERE))]));
    assert_eq!(at, 1);
    assert!(text.contains("`back` refers back to `here::A`") && text.contains("back_ref"), "{text}");
    let wrong = record(name("A"), HERE, vec![field("child", reference(name("A"), THERE))]);
    assert!(check(event(vec![field("tree", wrong)])).is_some());
}

#[test]
fn an_option_of_an_option_is_a_violation_at_its_path() {
    let twice = leak(Schema::Nullable(&Schema::Nullable(&Schema::Int)));
    let outer = record(name("Outer"), HERE, vec![field("maybe", twice)]);
    let (at, text) = fault(event(vec![field("outer", outer)]));
    assert_eq!(at, 0);
    assert!(text.contains("`outer.maybe` is an Option of an Option"), "{text}");
}

#[test]
fn too_many_types_are_a_violation() {
    let types = |count: usize| {
        let types = (0..count).map(|index| {
            let base = String::leak(format!("T{index}"));
            field(base, record(name(base), Origin::new(base, "t.rs:1:1"), vec![]))
        });
        event(types.collect())
    };
    // The event is one of them.
    assert!(check(types(MAX_NAMES - 1)).is_none());
    let (at, text) = fault(types(MAX_NAMES));
    assert_eq!(at, MAX_NAMES - 1);
    assert!(text.contains("at most 256 named types"), "{text}");
}

#[test]
fn a_wrong_default_is_a_violation_that_says_what_is_valid() {
    let default = Json { text: "\"one\"", kind: JsonKind::String("one") };
    let count = Field { default: Some(default), ..field("count", &Schema::Int) };
    let outer = record(name("Outer"), HERE, vec![count]);
    let (at, text) = fault(event(vec![field("outer", outer)]));
    assert_eq!(at, 0);
    assert!(
        text.contains("the default of field `outer.count` does not fit: \"one\" is not an `int`"),
        "{text}"
    );
}

#[test]
fn a_message_that_is_too_long_loses_whole_parts() {
    let long = String::leak("a::very_long_module_name".repeat(80));
    let long = Origin::new(long, "long.rs:1:1");
    let (_, text) = fault(event(vec![
        field("a", record(name("A"), HERE, vec![])),
        field("b", record(name("A"), long, vec![])),
    ]));
    assert!(text.contains("here::A") && text.contains("long.rs:1:1"), "{text}");
}

#[test]
fn the_canonical_form_has_full_names_and_nothing_else() {
    let inner = record(
        Name { namespace: Some("org.other"), ..name("A") },
        HERE,
        vec![field(
            "again",
            leak(Schema::Nullable(reference(Name { namespace: Some("org.other"), ..name("A") }, HERE))),
        )],
    );
    let timed = Field {
        attributes: ",\"doc\":\"x\"",
        aliases: &["old"],
        ..field(
            "at",
            &Schema::Logical(&crate::tree::Logical {
                base: Schema::Long,
                name: "timestamp-nanos",
                attributes: "\"logicalType\":\"timestamp-nanos\"",
            }),
        )
    };
    let event = event(vec![field("a", inner), timed, field("b", inner)]);
    let expected = "{\"name\":\"org.acme.v1.Event\",\"type\":\"record\",\"fields\":[{\"name\":\"a\",\"type\":{\"name\":\"org.other.A\",\"type\":\"record\",\"fields\":[{\"name\":\"again\",\"type\":[\"null\",\"org.other.A\"]}]}},{\"name\":\"at\",\"type\":\"long\"},{\"name\":\"b\",\"type\":\"org.other.A\"}]}";
    assert_eq!(canonical(event), expected);
}

#[test]
fn generic_names_contain_their_arguments() {
    let nanos = &Schema::Logical(&crate::tree::Logical {
        base: Schema::Long,
        name: "timestamp-nanos",
        attributes: "",
    });
    let inner: &'static [&'static Schema] = Vec::leak(vec![nanos]);
    let arguments: &'static [&'static Schema] = Vec::leak(vec![
        leak(Schema::Map(&Schema::Array(&Schema::Nullable(&Schema::Bytes)))) as &'static Schema,
        record(Name { arguments: inner, ..name("Inner") }, HERE, vec![]),
    ]);
    let pair = record(Name { arguments, ..name("Pair") }, HERE, vec![]);
    let expected = "{\"name\":\"Pair_map_array_nullable_bytes_Inner_timestamp_nanos\",\"type\":\"record\",\"fields\":[]}";
    assert_eq!(canonical(pair), expected);
}
