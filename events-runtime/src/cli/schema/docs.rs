//! Where the documentation of two texts of one schema differs.
//!
//! Documentation is no part of what is checked for compatibility, nor of what is compiled in.

use serde_json::Value;

/// The paths of what is documented in other words, or marked as personal data in one of them alone.
pub(super) fn differences(one: &Value, other: &Value) -> Vec<String> {
    let (one, other) = (Said::of(one), Said::of(other));
    let mut paths = Vec::new();
    for (path, _) in one.without(&other).chain(other.without(&one)) {
        if !paths.contains(&path.shown) {
            paths.push(path.shown.clone());
        }
    }
    paths
}

/// A place in a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Path {
    /// The fields that lead to it, as people read them.
    shown: String,
    /// The same with the full name of each record: two branches of a union may share a field's name.
    full: String,
}

impl Path {
    fn field(&self, name: &str) -> Self {
        let shown = if self.shown.is_empty() { name.to_owned() } else { format!("{}.{name}", self.shown) };
        Self { shown, full: format!("{}.{name}", self.full) }
    }
}

/// A place, and what is said there: of a field, or of the type that is defined there.
#[derive(Default)]
struct Said(Vec<(Path, (&'static str, Value))>);

impl Said {
    fn of(schema: &Value) -> Self {
        let mut said = Self::default();
        said.schema(&Path::default(), "", schema);
        said
    }

    fn without(&self, other: &Self) -> impl Iterator<Item = &(Path, (&'static str, Value))> {
        self.0.iter().filter(|said| !other.0.contains(said))
    }

    fn schema(&mut self, path: &Path, namespace: &str, schema: &Value) {
        match schema {
            Value::Array(branches) => branches.iter().for_each(|branch| self.schema(path, namespace, branch)),
            Value::Object(object) => {
                let of = |key| object.get(key).unwrap_or(&Value::Null);
                match of("type").as_str() {
                    Some("record" | "error" | "enum" | "fixed") => self.definition(path, namespace, schema),
                    Some("array") => self.schema(path, namespace, of("items")),
                    Some("map") => self.schema(path, namespace, of("values")),
                    Some(_) => self.say(path, "type", of("doc")),
                    None => self.schema(path, namespace, of("type")),
                }
            }
            _ => {}
        }
    }

    fn definition(&mut self, path: &Path, enclosing: &str, schema: &Value) {
        let of = |key| schema.get(key).unwrap_or(&Value::Null);
        let name = of("name").as_str().unwrap_or_default();
        let (namespace, name) =
            name.rsplit_once('.').unwrap_or((of("namespace").as_str().unwrap_or(enclosing), name));
        let full = format!("{}<{namespace}.{name}>", path.full);
        // The branches of a union are told apart by their names.
        let shown = match (schema.get("fields"), path.shown.as_str()) {
            (None, shown) => shown.to_owned(),
            (Some(_), "") => name.to_owned(),
            (Some(_), shown) => format!("{shown}: {name}"),
        };
        self.say(&Path { shown, full: full.clone() }, "type", of("doc"));
        let inside = Path { shown: path.shown.clone(), full };
        for field in of("fields").as_array().into_iter().flatten() {
            let of = |key| field.get(key).unwrap_or(&Value::Null);
            let path = inside.field(of("name").as_str().unwrap_or_default());
            self.say(&path, "doc", of("doc"));
            self.say(&path, "pii", of("pii"));
            self.schema(&path, namespace, of("type"));
        }
    }

    fn say(&mut self, path: &Path, what: &'static str, said: &Value) {
        if !said.is_null() {
            self.0.push((path.clone(), (what, said.clone())));
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
    fn other_words_are_told_by_their_path_and_other_forms_are_none() {
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
    fn what_two_types_of_one_name_say_is_told_apart() {
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
