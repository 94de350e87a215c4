use super::*;

fn errors(text: &str) -> Vec<String> {
    let mut report = Report::default();
    assert!(read(text, &mut report).is_none(), "{text}");
    report.lines("x.avsc").iter().map(|line| line.replace("error: x.avsc: ", "")).collect()
}

fn read_valid(text: &str) -> (Source, Vec<String>) {
    let mut report = Report::default();
    let source = read(text, &mut report);
    (source.unwrap_or_else(|| panic!("{:?}", report.lines("x"))), report.lines("x"))
}

#[test]
fn names_are_resolved_in_the_enclosing_namespace() {
    let (source, _) = read_valid(
        r#"{"type": "record", "name": "a.b.Root", "namespace": "ignored", "fields": [
            {"name": "x", "type": {"type": "record", "name": "X", "namespace": "c", "fields": [
                {"name": "y", "type": {"type": "enum", "name": "Y", "symbols": ["S"]}}]}},
            {"name": "again", "type": ["null", "c.Y"]},
            {"name": "none", "type": {"type": "record", "name": "Z", "namespace": "", "fields": []}},
            {"name": "own", "type": {"type": "array", "items": "Root"}}]}"#,
    );
    let names: Vec<_> = source.definitions.iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["a.b.Root", "c.X", "c.Y", "Z"]);
}

#[test]
fn invalid_schemas_are_reported_with_their_path() {
    for (text, error) in [
        ("{", "the root: invalid JSON: "),
        ("7", "the root: `7` is not a schema"),
        (r#"{"name": "A"}"#, "the root: the schema has no `type`"),
        (r#"{"type": "record", "name": "A"}"#, "the root: the record `A` has no `fields`"),
        (r#"{"type": "record", "fields": []}"#, "the root: the record, enum or fixed type has no `name`"),
        (r#"{"type": "record", "name": "a-b", "fields": []}"#, "the root: `a-b` is not a valid Avro name"),
        (r#"{"type": "record", "name": "int", "fields": []}"#, "the root: `int` is a primitive type of Avro"),
        (r#"{"type": "enum", "name": "E", "symbols": []}"#, "the root: the enum `E` has no `symbols`"),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A", "A"]}"#,
            "the root: the enum `E` has the symbol `A` twice",
        ),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}"#,
            "the root: the default \"B\" is not a symbol",
        ),
        (r#"{"type": "error", "name": "E", "fields": []}"#, "the root: `error` types are for protocols only"),
        (r#"{"type": "fixed", "name": "F"}"#, "the root: the `fixed` type has no valid `size`"),
        (r#"{"type": "array"}"#, "the root: the array has no `items`"),
        (r#"{"type": "record", "name": "A", "fields": [{"name": "b"}]}"#, "b: the field has no `type`"),
        (
            r#"{"type": "record", "name": "A", "fields": [{"type": "int"}]}"#,
            "the root: the field `{\"type\":\"int\"}` has no `name`",
        ),
        (
            r#"{"type": "record", "name": "A", "fields": [{"name": "b", "type": {"type": "map", "values": "B"}}]}"#,
            "b{}: `B` is not defined before",
        ),
        (
            r#"{"type": "record", "name": "A", "fields": [{"name": "b", "type": "int"}, {"name": "b", "type": "int"}]}"#,
            "b: the record `A` has two fields with this name",
        ),
        (
            r#"{"type": "record", "name": "A", "fields": [{"name": "b", "type": [{"type": "record", "name": "A", "fields": []}]}]}"#,
            "b<A>: `A` is defined twice",
        ),
    ] {
        let found = errors(text);
        assert!(found[0].starts_with(error), "{text}: {found:?}");
    }
}

#[test]
fn all_errors_of_a_file_are_reported() {
    let text = r#"{"type": "record", "name": "A", "fields": [{"name": "a", "type": "B"}, {"name": "b", "type": 1}]}"#;
    assert_eq!(errors(text).len(), 2);
}

#[test]
fn dropped_attributes_are_noted() {
    let (_, notes) = read_valid(
        r#"{"type": "record", "name": "A", "owner": "me", "fields": [
            {"name": "a", "type": {"type": "string", "avro.java.string": "String"}, "order": "ignore"},
            {"name": "b", "type": "int", "order": "ignore", "pii": true, "aliases": ["a", "c"]}]}"#,
    );
    assert_eq!(
        notes,
        [
            "note: x: the root: the attribute `owner` is dropped",
            "note: x: a, b: the attribute `order` is dropped",
            "note: x: a: the attribute `avro.java.string` is dropped",
            "note: x: b: the alias `a` is dropped: it refers to another field too",
        ]
    );
}
