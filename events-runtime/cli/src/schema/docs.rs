//! Compares the documentation of two versions of a schema's text.
//!
//! Documentation has no effect on compatibility, and is not compiled into the program.

use serde_json::Value;

/// The paths whose documentation or personal-data mark differs.
pub(super) fn differences(one: &Value, other: &Value) -> Vec<String> {
    let (one, other) = (Docs::of(one), Docs::of(other));
    let mut paths = Vec::new();
    for (path, _) in one.without(&other).chain(other.without(&one)) {
        if !paths.contains(&path.display) {
            paths.push(path.display.clone());
        }
    }
    paths
}

/// A path in a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Path {
    /// The field names, for output.
    display: String,
    /// The same with the full name of each record, since branches of a union may share field names.
    full: String,
}

impl Path {
    fn field(&self, name: &str) -> Self {
        let display =
            if self.display.is_empty() { name.to_owned() } else { format!("{}.{name}", self.display) };
        Self { display, full: format!("{}.{name}", self.full) }
    }
}

/// The documentation of all fields and types of a schema, as path, kind and value.
#[derive(Default)]
struct Docs(Vec<(Path, (&'static str, Value))>);

impl Docs {
    fn of(schema: &Value) -> Self {
        let mut docs = Self::default();
        docs.add_schema(&Path::default(), "", schema);
        docs
    }

    fn without(&self, other: &Self) -> impl Iterator<Item = &(Path, (&'static str, Value))> {
        self.0.iter().filter(|entry| !other.0.contains(entry))
    }

    fn add_schema(&mut self, path: &Path, namespace: &str, schema: &Value) {
        match schema {
            Value::Array(branches) => {
                for branch in branches {
                    self.add_schema(path, namespace, branch);
                }
            }
            Value::Object(object) => {
                let get = |key| object.get(key).unwrap_or(&Value::Null);
                match get("type").as_str() {
                    Some("record" | "error" | "enum" | "fixed") => {
                        self.add_definition(path, namespace, schema);
                    }
                    Some("array") => self.add_schema(path, namespace, get("items")),
                    Some("map") => self.add_schema(path, namespace, get("values")),
                    Some(_) => self.add(path, "type", get("doc")),
                    None => self.add_schema(path, namespace, get("type")),
                }
            }
            _ => {}
        }
    }

    fn add_definition(&mut self, path: &Path, enclosing: &str, schema: &Value) {
        let get = |key| schema.get(key).unwrap_or(&Value::Null);
        let name = get("name").as_str().unwrap_or_default();
        let (namespace, name) =
            name.rsplit_once('.').unwrap_or((get("namespace").as_str().unwrap_or(enclosing), name));
        let full = format!("{}<{namespace}.{name}>", path.full);
        // The name distinguishes the branches of a union.
        let display = match (schema.get("fields"), path.display.as_str()) {
            (None, display) => display.to_owned(),
            (Some(_), "") => name.to_owned(),
            (Some(_), display) => format!("{display}: {name}"),
        };
        self.add(&Path { display, full: full.clone() }, "type", get("doc"));
        let inner = Path { display: path.display.clone(), full };
        for field in get("fields").as_array().into_iter().flatten() {
            let get = |key| field.get(key).unwrap_or(&Value::Null);
            let path = inner.field(get("name").as_str().unwrap_or_default());
            self.add(&path, "doc", get("doc"));
            self.add(&path, "pii", get("pii"));
            self.add_schema(&path, namespace, get("type"));
        }
    }

    fn add(&mut self, path: &Path, kind: &'static str, value: &Value) {
        if !value.is_null() {
            self.0.push((path.clone(), (kind, value.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"type": "record", "name": "a.b.Placed", "doc": "An order.", "fields": [
            {"name": "id", "type": "string", "doc": "Its number."},
            {"name": "email", "type": "string", "pii": true},
            {"name": "mode", "type": {"type": "enum", "name": "Mode", "symbols": ["A"], "doc": "How."}},
            {"name": "lines", "type": {"type": "array", "items": ["null",
                {"type": "record", "name": "Line", "doc": "A line.", "fields": [
                    {"name": "sku", "type": {"type": "map", "values": "string"}, "doc": "What."},
                ]},
            ]}},
        ]})
    }

    #[test]
    fn changed_documentation_is_listed_by_path_and_equal_forms_are_not() {
        let text = schema().to_string();
        for (from, to, path) in [
            ("An order.", "The order.", "Placed"),
            ("Its number.", "A number.", "id"),
            ("\"pii\":true", "\"pii\":false", "email"),
            ("How.", "Why.", "mode"),
            ("A line.", "Lines.", "lines: Line"),
            ("What.", "Which.", "lines.sku"),
        ] {
            assert!(text.contains(from), "{from}");
            let edited = serde_json::from_str(&text.replace(from, to)).unwrap();
            assert_eq!(differences(&schema(), &edited), [path]);
            assert_eq!(differences(&edited, &schema()), [path]);
        }
        let same = text.replace("\"a.b.Placed\"", "\"Placed\",\"namespace\":\"a.b\"");
        assert_eq!(differences(&schema(), &serde_json::from_str(&same).unwrap()), [""; 0]);
    }

    #[test]
    fn types_of_the_same_name_in_two_namespaces_are_distinguished() {
        let union = |one: &str, two: &str| {
            let record = |namespace: &str, doc: &str| {
                json!({"type": "record", "name": "X", "namespace": namespace, "fields": [
                    {"name": "id", "type": "int", "doc": doc}]})
            };
            json!({"type": "record", "name": "Root", "fields": [
                {"name": "who", "type": [record("one", one), record("two", two)]}]})
        };
        assert_eq!(differences(&union("a", "b"), &union("b", "a")), ["who.id"]);
        assert_eq!(differences(&union("a", "b"), &union("a", "b")), [""; 0]);
    }
}
