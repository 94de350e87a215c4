//! Where the documentation of two texts of one schema differs.
//!
//! Documentation is no part of what is checked for compatibility, nor of what is compiled in.

use serde_json::Value;

/// The paths of what is documented in other words, or marked as personal data in one of them alone.
pub(super) fn differences(one: &Value, other: &Value) -> Vec<String> {
    let (one, other) = (Said::of(one), Said::of(other));
    let mut paths = Vec::new();
    for (path, _) in one.without(&other).chain(other.without(&one)) {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    paths
}

/// A path, and what is said there: of a field, or of the type that is defined there.
#[derive(Default)]
struct Said(Vec<(String, (&'static str, Value))>);

impl Said {
    fn of(schema: &Value) -> Self {
        let mut said = Self::default();
        said.schema("", schema);
        said
    }

    fn without(&self, other: &Self) -> impl Iterator<Item = &(String, (&'static str, Value))> {
        self.0.iter().filter(|said| !other.0.contains(said))
    }

    fn schema(&mut self, path: &str, schema: &Value) {
        match schema {
            Value::Array(branches) => branches.iter().for_each(|branch| self.schema(path, branch)),
            Value::Object(object) => {
                let of = |key| object.get(key).unwrap_or(&Value::Null);
                match of("type").as_str() {
                    Some("record" | "error") => {
                        // The branches of a union are told apart by their names.
                        let name = of("name").as_str().unwrap_or_default();
                        let name = name.rsplit('.').next().unwrap_or_default();
                        let own = if path.is_empty() { name.to_owned() } else { format!("{path}: {name}") };
                        self.say(&own, "type", of("doc"));
                        for field in of("fields").as_array().into_iter().flatten() {
                            self.field(path, field);
                        }
                    }
                    Some("array") => self.schema(path, of("items")),
                    Some("map") => self.schema(path, of("values")),
                    Some(_) => self.say(path, "type", of("doc")),
                    None => self.schema(path, of("type")),
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, path: &str, field: &Value) {
        let of = |key| field.get(key).unwrap_or(&Value::Null);
        let name = of("name").as_str().unwrap_or_default();
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        self.say(&path, "doc", of("doc"));
        self.say(&path, "pii", of("pii"));
        self.schema(&path, of("type"));
    }

    fn say(&mut self, path: &str, what: &'static str, said: &Value) {
        if !said.is_null() {
            self.0.push((path.to_owned(), (what, said.clone())));
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
}
