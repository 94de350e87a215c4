//! Writes a schema and the schemas that it refers to as one text.
//!
//! Avro has no imports: a name is defined where it occurs first, and a registry's `references` are the texts that
//! define the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// The most texts of one schema.
pub(crate) const MAX_REFERENCES: usize = 200;
/// The deepest nesting of schemas, over all references.
const MAX_DEPTH: usize = 200;
/// The most bytes of a text with its references in it.
const MAX_TEXT: usize = 4 << 20;

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// Texts by the full name that each defines.
pub(crate) type Definitions = BTreeMap<String, String>;

/// The text with each name that it does not define replaced by its definition, at the first use.
pub(crate) fn inline(text: &str, definitions: Definitions) -> Result<String, String> {
    let mut inlining = Inlining { definitions, defined: BTreeSet::new(), bytes: text.len() };
    let schema = inlining.schema(parse(text)?, "", 0)?;
    Ok(schema.to_string())
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("a schema is not JSON: {error}"))
}

struct Inlining {
    /// Those that are not written yet.
    definitions: Definitions,
    defined: BTreeSet<String>,
    bytes: usize,
}

impl Inlining {
    fn schema(&mut self, schema: Value, namespace: &str, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(format!("its schemas are nested more than {MAX_DEPTH} deep"));
        }
        match schema {
            Value::String(name) => self.name(name, namespace, depth),
            Value::Array(branches) => {
                let branches: Result<Vec<_>, _> =
                    branches.into_iter().map(|branch| self.schema(branch, namespace, depth + 1)).collect();
                branches.map(Value::Array)
            }
            Value::Object(object) => self.object(object, namespace, depth),
            other => Ok(other),
        }
    }

    fn object(
        &mut self,
        mut object: Map<String, Value>,
        namespace: &str,
        depth: usize,
    ) -> Result<Value, String> {
        let kind = object.get("type").and_then(Value::as_str).map(str::to_owned);
        match kind.as_deref() {
            Some("record" | "error" | "enum" | "fixed") => {
                let namespace = self.define(&object, namespace);
                if let Some(Value::Array(fields)) = object.get_mut("fields") {
                    for field in fields.iter_mut().filter_map(Value::as_object_mut) {
                        self.replace(field, "type", &namespace, depth)?;
                    }
                }
            }
            Some("array") => self.replace(&mut object, "items", namespace, depth)?,
            Some("map") => self.replace(&mut object, "values", namespace, depth)?,
            _ => self.replace(&mut object, "type", namespace, depth)?,
        }
        Ok(Value::Object(object))
    }

    fn replace(
        &mut self,
        object: &mut Map<String, Value>,
        name: &str,
        namespace: &str,
        depth: usize,
    ) -> Result<(), String> {
        if let Some(schema) = object.get_mut(name) {
            *schema = self.schema(schema.take(), namespace, depth + 1)?;
        }
        Ok(())
    }

    /// Notes the name that an object defines, and returns the namespace of its fields.
    fn define(&mut self, object: &Map<String, Value>, namespace: &str) -> String {
        let text = |name| object.get(name).and_then(Value::as_str);
        let full = full_name(text("name").unwrap_or_default(), text("namespace").unwrap_or(namespace));
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        self.defined.insert(full);
        namespace
    }

    fn name(&mut self, name: String, namespace: &str, depth: usize) -> Result<Value, String> {
        if PRIMITIVES.contains(&name.as_str()) {
            return Ok(Value::String(name));
        }
        let full = full_name(&name, namespace);
        // A name without a dot also finds the definition without a namespace.
        let Some(text) = self.definitions.remove(&full).or_else(|| self.definitions.remove(&name)) else {
            return Ok(Value::String(name));
        };
        if self.defined.contains(&full) {
            return Ok(Value::String(name));
        }
        self.bytes += text.len();
        if self.bytes > MAX_TEXT {
            return Err(format!("it has more than {} MiB with its references", MAX_TEXT >> 20));
        }
        let mut definition = parse(&text)?;
        if let Some(object) = definition.as_object_mut()
            && !object.contains_key("namespace")
        {
            // Otherwise it would inherit the namespace of where it is written.
            object.insert("namespace".to_owned(), Value::String(String::new()));
        }
        self.schema(definition, "", depth + 1)
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_referenced_name_is_defined_where_it_is_used_first() {
        let text = r#"{"type":"record","name":"Order","namespace":"org.acme","fields":[
            {"name":"from","type":"Address"},{"name":"to","type":["null","org.acme.Address"]},
            {"name":"lines","type":{"type":"array","items":"Line"}}]}"#;
        let definitions = Definitions::from([
            (
                "org.acme.Address".to_owned(),
                r#"{"type":"record","name":"Address","namespace":"org.acme","fields":[{"name":"country","type":"Country"}]}"#.to_owned(),
            ),
            (
                "org.acme.Country".to_owned(),
                r#"{"type":"enum","name":"org.acme.Country","symbols":["SE"]}"#.to_owned(),
            ),
            ("Line".to_owned(), r#"{"type":"fixed","name":"Line","size":1}"#.to_owned()),
        ]);
        let inlined: Value = serde_json::from_str(&inline(text, definitions).unwrap()).unwrap();
        let fields = &inlined["fields"];
        assert_eq!(fields[0]["type"]["name"], "Address");
        assert_eq!(fields[0]["type"]["fields"][0]["type"]["symbols"][0], "SE");
        assert_eq!(fields[1]["type"][1], "org.acme.Address");
        assert_eq!(fields[2]["type"]["items"]["namespace"], "");
    }

    #[test]
    fn a_reference_that_is_not_used_or_defined_twice_is_left_out() {
        let text = r#"{"type":"record","name":"A","fields":[{"name":"next","type":["null","A"]}]}"#;
        let definitions = Definitions::from([("A".to_owned(), "not JSON".to_owned())]);
        assert!(inline(text, definitions).unwrap().contains(r#"["null","A"]"#));
    }
}
