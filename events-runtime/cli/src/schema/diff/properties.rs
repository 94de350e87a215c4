//! Property tests: a schema equals itself, and every changed attribute is reported.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::*;

/// Generates schemas whose types share unqualified names in several namespaces, and whose unnamed
/// types have a `name` attribute.
struct SchemaGenerator {
    rng: Rng,
    defined: Vec<String>,
}

const NAMESPACES: [&str; 3] = ["a", "b", "b.c"];
const NAMES: [&str; 3] = ["X", "Y", "Z"];

impl SchemaGenerator {
    fn root(seed: u64) -> Value {
        let mut generator = Self { rng: Rng::with_seed(seed), defined: Vec::new() };
        generator.record("Root", "org.acme", 3)
    }

    /// Adds user-defined attributes, and Avro attributes that have no meaning for the type.
    fn add_attributes(&mut self, mut schema: Value, names: &[&str]) -> Value {
        for name in names {
            if let Some(object) = schema.as_object_mut()
                && self.rng.bool()
            {
                object.insert((*name).to_owned(), json!(format!("{}", self.rng.u8(0..3))));
            }
        }
        schema
    }

    fn record(&mut self, name: &str, namespace: &str, depth: usize) -> Value {
        self.defined.push(format!("{namespace}.{name}"));
        let mut fields = Vec::new();
        for index in 0..self.rng.usize(1..4) {
            let ty = self.schema(depth);
            let mut field =
                self.add_attributes(json!({"name": format!("f{index}"), "type": ty}), &["doc", "pii"]);
            if self.rng.bool() {
                field["aliases"] = json!([format!("old{index}")]);
            }
            if field["type"] == "int" {
                field["default"] = json!(7);
            }
            fields.push(field);
        }
        let record = json!({"type": "record", "name": name, "namespace": namespace, "fields": fields});
        self.add_attributes(record, &["doc", "owner", "size"])
    }

    fn definition(&mut self, depth: usize) -> Option<Value> {
        let (namespace, name) = (*self.rng.choice(&NAMESPACES)?, *self.rng.choice(&NAMES)?);
        let full = format!("{namespace}.{name}");
        if self.defined.contains(&full) {
            return Some(json!(full));
        }
        Some(match self.rng.u8(0..4) {
            0 => {
                self.defined.push(full);
                let symbols = json!({"type": "enum", "name": name, "namespace": namespace,
                    "symbols": ["A", "B"], "default": "A"});
                self.add_attributes(symbols, &["doc"])
            }
            1 => {
                self.defined.push(full);
                let logical = *self.rng.choice(&["decimal", "duration", "unheard"])?;
                json!({"type": "fixed", "name": name, "namespace": namespace, "size": 12,
                    "logicalType": logical, "precision": 9, "scale": 2})
            }
            _ => self.record(name, namespace, depth - 1),
        })
    }

    fn schema(&mut self, depth: usize) -> Value {
        let kind = if depth == 0 { 0 } else { self.rng.u8(0..6) };
        match kind {
            1 => {
                let array = json!({"type": "array", "items": self.schema(depth - 1)});
                self.add_attributes(array, &["name", "doc"])
            }
            2 => {
                let map = json!({"type": "map", "values": self.schema(depth - 1)});
                self.add_attributes(map, &["name", "pii"])
            }
            3 => {
                let mut branches =
                    vec![json!("null"), self.add_attributes(json!({"type": "string"}), &["pii", "name"])];
                let mut names = Vec::new();
                for _ in 0..3 {
                    let Some(branch) = self.definition(depth) else { continue };
                    let name = full_name(&branch);
                    if !names.contains(&name) {
                        names.push(name);
                        branches.push(branch);
                    }
                }
                Value::Array(branches)
            }
            4 | 5 => self.definition(depth).unwrap_or_default(),
            _ => match self.rng.u8(0..4) {
                0 => json!("int"),
                1 => json!("string"),
                2 => self.add_attributes(
                    json!({"type": "long", "logicalType": "timestamp-millis"}),
                    &["name", "precision"],
                ),
                _ => json!({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
            },
        }
    }
}

fn full_name(schema: &Value) -> String {
    match schema {
        Value::Object(object) => {
            let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{}.{}", text("namespace"), text("name"))
        }
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

fn side(schema: &Value) -> Option<Side> {
    Side::new("a schema".to_owned(), &schema.to_string()).ok()
}

/// Every schema with one attribute or item changed, with a description of the change.
fn edits(schema: &Value) -> Vec<(String, Value)> {
    let mut edits = Vec::new();
    visit(schema, &mut |path, value| {
        edits.extend(changed(value).into_iter().map(|new| (path.to_owned(), new)));
    });
    edits
        .into_iter()
        .map(|(path, new)| {
            let mut edited = schema.clone();
            if let Some(value) = edited.pointer_mut(&path) {
                *value = new.clone();
            }
            (format!("{path} becomes {new}"), edited)
        })
        .collect()
}

fn visit(value: &Value, visitor: &mut impl FnMut(&str, &Value)) {
    fn inner(value: &Value, path: &str, visitor: &mut impl FnMut(&str, &Value)) {
        visitor(path, value);
        match value {
            Value::Object(object) => {
                object.iter().for_each(|(key, value)| inner(value, &format!("{path}/{key}"), visitor));
            }
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(index, item)| inner(item, &format!("{path}/{index}"), visitor));
            }
            _ => {}
        }
    }
    inner(value, "", visitor);
}

/// Changed values: another string or number, fewer and more attributes, another order.
fn changed(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(value) => vec![json!(!value)],
        Value::Number(number) => vec![json!(number.as_i64().unwrap_or_default() + 1)],
        Value::String(text) => vec![json!(format!("{text}x")), json!("string"), json!("boolean")],
        Value::Object(object) => {
            let without = object.keys().map(|removed| {
                let kept = object.iter().filter(|(key, _)| *key != removed);
                Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
            });
            let mut more = object.clone();
            more.insert("added".to_owned(), json!("value"));
            without.chain([Value::Object(more)]).collect()
        }
        Value::Array(items) => {
            let reversed: Value = items.iter().rev().cloned().collect();
            let shorter: Value = items.iter().skip(1).cloned().collect();
            vec![reversed, shorter]
        }
        Value::Null => Vec::new(),
    }
}

/// Removes all `namespace` attributes, since a namespace can be explicit or inherited.
fn without_namespaces(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let kept = object.iter().filter(|(key, _)| *key != "namespace");
            Value::Object(kept.map(|(key, value)| (key.clone(), without_namespaces(value))).collect())
        }
        Value::Array(items) => items.iter().map(without_namespaces).collect(),
        other => other.clone(),
    }
}

#[test]
fn every_schema_equals_itself() {
    let mut compared = 0;
    for seed in 0..400 {
        let schema = SchemaGenerator::root(seed);
        let Some(own) = side(&schema) else { panic!("seed {seed}: {schema:#}") };
        let changes = compare(&own, &own);
        assert!(changes.is_empty(), "seed {seed}: {changes:?} of {schema:#}");
        compared += 1;
    }
    assert_eq!(compared, 400);
}

#[test]
fn every_changed_attribute_is_reported() {
    let mut compared = 0;
    for seed in 0..12 {
        let schema = SchemaGenerator::root(seed);
        let Some(own) = side(&schema) else { panic!("seed {seed}: {schema:#}") };
        for (what, edited) in edits(&schema) {
            // Some edits are not valid schemas, and some are equivalent to the original.
            let Some(other) = side(&edited) else { continue };
            if without_namespaces(&edited) == without_namespaces(&schema)
                && own.schema.bytes == other.schema.bytes
            {
                continue;
            }
            compared += 1;
            assert!(!compare(&own, &other).is_empty(), "seed {seed}: {what}, of {schema}");
            assert!(!compare(&other, &own).is_empty(), "seed {seed}: {what}, back, of {schema}");
        }
    }
    assert!(compared > 300, "{compared} edits");
}
