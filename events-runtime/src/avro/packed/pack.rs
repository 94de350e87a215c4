//! JSON text ▶ packed schema and its Parsing Canonical Form, in one walk.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write as _};

use serde_json::{Map, Value};

use super::fault::SchemaFault;
use super::json::{normal, quoted};
use super::logical::logical;
use super::{
    ARRAY, BOOLEAN, BYTES, DOUBLE, ENUM, FIXED, FLOAT, INT, LOGICAL, LONG, MAP, NONE, NULL, RECORD, STRING,
    UNION,
};

/// How deep a schema may be nested.
const MAX_DEPTH: usize = 100;

/// A packed schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The bytes that `view` reads; the root begins at 0.
    pub(crate) bytes: Vec<u8>,
    /// The Parsing Canonical Form.
    pub(crate) canonical: String,
}

/// Packs the text of a schema.
///
/// # Errors
/// The text is no JSON, or no Avro schema.
pub(crate) fn pack(text: &str) -> Result<Schema, SchemaFault> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| SchemaFault::new(format!("not JSON: {error}")))?;
    let mut pack = Pack { bytes: Vec::new(), canonical: String::new(), names: HashMap::new(), depth: 0 };
    // The root is what is written first, and so at the start.
    pack.node(&value, "")?;
    Ok(Schema { bytes: pack.bytes, canonical: pack.canonical })
}

/// A name in full.
struct FullName {
    namespace: String,
    base: String,
}

impl FullName {
    /// A name as it stands in a schema: in full, or with a namespace beside or around it.
    fn new(name: &str, namespace: &str) -> Self {
        let (namespace, base) = name.rsplit_once('.').unwrap_or((namespace, name));
        Self { namespace: namespace.to_owned(), base: base.to_owned() }
    }

    fn text(&self) -> String {
        if self.namespace.is_empty() {
            self.base.clone()
        } else {
            format!("{}.{}", self.namespace, self.base)
        }
    }
}

struct Pack {
    bytes: Vec<u8>,
    canonical: String,
    /// Where the definitions that were passed begin, by full name.
    names: HashMap<String, u32>,
    depth: usize,
}

impl Pack {
    /// Writes a schema, or finds the definition that a name stands for; says where it begins.
    fn node(&mut self, schema: &Value, namespace: &str) -> Result<u32, SchemaFault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SchemaFault::new(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let at = match schema {
            Value::String(name) => self.named(name, namespace),
            Value::Array(branches) => self.union(branches, namespace),
            Value::Object(attributes) => self.object(attributes, namespace),
            other => Err(SchemaFault::new(format!("{other} is no schema: a name, an object or an array is"))),
        };
        self.depth -= 1;
        at
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<u32, SchemaFault> {
        if let Some(tag) = primitive(name) {
            self.canonical.push_str(&quoted(name));
            return self.tag(tag);
        }
        let full = FullName::new(name, namespace).text();
        // A name alone may also be one without a namespace.
        for known in [full.as_str(), name] {
            if let Some(at) = self.names.get(known) {
                self.canonical.push_str(&quoted(known));
                return Ok(*at);
            }
        }
        Err(SchemaFault::new(format!("`{name}` is no type and not defined before this place")))
    }

    fn object(&mut self, attributes: &Map<String, Value>, namespace: &str) -> Result<u32, SchemaFault> {
        let kind = match attributes.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            // `{"type": {"type": "string"}}`: the outer braces say nothing.
            Some(inner @ (Value::Object(_) | Value::Array(_))) => return self.node(inner, namespace),
            _ => return Err(SchemaFault::new("an object without a `type`")),
        };
        match kind {
            "array" => self.container(ARRAY, "array", "items", attributes, namespace),
            "map" => self.container(MAP, "map", "values", attributes, namespace),
            "record" | "error" => self.record(attributes, namespace),
            "enum" => self.symbols(attributes, namespace),
            "fixed" => self.fixed(attributes, namespace),
            name => {
                let start = self.logical(attributes, name)?;
                let at = self.named(name, namespace)?;
                Ok(start.unwrap_or(at))
            }
        }
    }

    /// Writes the head of a logical type, whose base follows.
    fn logical(&mut self, attributes: &Map<String, Value>, base: &str) -> Result<Option<u32>, SchemaFault> {
        let Some(logical) = logical(attributes, base) else { return Ok(None) };
        let at = self.tag(LOGICAL)?;
        self.text(logical.name)?;
        self.number(logical.precision);
        self.number(logical.scale);
        Ok(Some(at))
    }

    fn container(
        &mut self,
        tag: u8,
        kind: &str,
        inner: &str,
        attributes: &Map<String, Value>,
        namespace: &str,
    ) -> Result<u32, SchemaFault> {
        let Some(schema) = attributes.get(inner) else {
            return Err(SchemaFault::new(format!("a schema of type `{kind}` without `{inner}`")));
        };
        self.say(format_args!("{{\"type\":\"{kind}\",\"{inner}\":"));
        let at = self.tag(tag)?;
        let slots = self.slots(1);
        let schema = self.node(schema, namespace).map_err(|fault| fault.within(inner))?;
        self.set(slots, 0, schema);
        self.canonical.push('}');
        Ok(at)
    }

    fn union(&mut self, branches: &[Value], namespace: &str) -> Result<u32, SchemaFault> {
        let at = self.tag(UNION)?;
        self.count(branches.len())?;
        let slots = self.slots(branches.len());
        let mut kinds = HashSet::new();
        self.canonical.push('[');
        for (index, branch) in branches.iter().enumerate() {
            if index > 0 {
                self.canonical.push(',');
            }
            let branch = self.node(branch, namespace).map_err(|fault| fault.within(&format!("[{index}]")))?;
            self.set(slots, index, branch);
            let Some(kind) = self.kind(branch) else {
                return Err(SchemaFault::new("a union directly within a union"));
            };
            if !kinds.insert(kind) {
                return Err(SchemaFault::new(format!(
                    "branch {index} of the union has the type of an earlier one"
                )));
            }
        }
        self.canonical.push(']');
        Ok(at)
    }

    /// What may stand once in a union, by its tag: a definition, which has its place too, or a type;
    /// not another union.
    fn kind(&self, at: u32) -> Option<(u8, u32)> {
        let mut rest = self.bytes.get(at as usize..)?;
        while let [LOGICAL, tail @ ..] = rest {
            let (len, tail) = tail.split_first_chunk()?;
            // The name, the precision, the scale.
            rest = tail.get(u32::from_le_bytes(*len) as usize + 8..)?;
        }
        match *rest.first()? {
            UNION => None,
            tag @ (RECORD | ENUM | FIXED) => Some((tag, at)),
            tag => Some((tag, 0)),
        }
    }

    /// Writes what every definition begins with; says where it begins, and its name.
    fn definition(
        &mut self,
        tag: u8,
        kind: &str,
        attributes: &Map<String, Value>,
        enclosing: &str,
    ) -> Result<(u32, FullName), SchemaFault> {
        let Some(name) = attributes.get("name").and_then(Value::as_str) else {
            return Err(SchemaFault::new(format!("a schema of type `{kind}` without a `name`")));
        };
        let namespace = attributes.get("namespace").and_then(Value::as_str).unwrap_or(enclosing);
        let name = FullName::new(name, namespace);
        if name.base.is_empty() || primitive(&name.text()).is_some() {
            return Err(SchemaFault::new(format!("`{}` is no name for a type", name.text())));
        }
        let start = if kind == "fixed" { self.logical(attributes, kind)? } else { None };
        let at = self.tag(tag)?;
        if self.names.insert(name.text(), start.unwrap_or(at)).is_some() {
            return Err(SchemaFault::new(format!("`{}` is defined twice", name.text())));
        }
        self.text(&name.namespace)?;
        self.text(&name.base)?;
        let aliases = texts(attributes, "aliases")?;
        let aliases: Vec<_> =
            aliases.into_iter().map(|alias| FullName::new(alias, &name.namespace).text()).collect();
        self.texts(&aliases.iter().map(String::as_str).collect::<Vec<_>>())?;
        self.say(format_args!("{{\"name\":{},\"type\":\"{kind}\"", quoted(&name.text())));
        Ok((start.unwrap_or(at), name))
    }

    fn fixed(&mut self, attributes: &Map<String, Value>, namespace: &str) -> Result<u32, SchemaFault> {
        let (at, name) = self.definition(FIXED, "fixed", attributes, namespace)?;
        let size = attributes.get("size").and_then(Value::as_u64).and_then(|size| u32::try_from(size).ok());
        let Some(size) = size else {
            return Err(SchemaFault::new(format!("the fixed `{}` has no `size`", name.text())));
        };
        self.number(size);
        self.say(format_args!(",\"size\":{size}}}"));
        Ok(at)
    }

    fn symbols(&mut self, attributes: &Map<String, Value>, namespace: &str) -> Result<u32, SchemaFault> {
        let (at, name) = self.definition(ENUM, "enum", attributes, namespace)?;
        let symbols = texts(attributes, "symbols")?;
        if !attributes.contains_key("symbols") {
            return Err(SchemaFault::new(format!("the enum `{}` has no `symbols`", name.text())));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = symbols.iter().find(|symbol| !seen.insert(**symbol)) {
            return Err(SchemaFault::new(format!("`{}` has two symbols `{twice}`", name.text())));
        }
        let index = match attributes.get("default") {
            None => NONE,
            Some(default) => {
                let index = symbols.iter().position(|symbol| Some(*symbol) == default.as_str());
                index.and_then(|index| u32::try_from(index).ok()).ok_or_else(|| {
                    SchemaFault::new(format!(
                        "the default {default} of `{}` is none of its symbols",
                        name.text()
                    ))
                })?
            }
        };
        self.number(index);
        self.texts(&symbols)?;
        let symbols: Vec<_> = symbols.into_iter().map(quoted).collect();
        self.say(format_args!(",\"symbols\":[{}]}}", symbols.join(",")));
        Ok(at)
    }

    fn record(&mut self, attributes: &Map<String, Value>, namespace: &str) -> Result<u32, SchemaFault> {
        let (at, name) = self.definition(RECORD, "record", attributes, namespace)?;
        let Some(fields) = attributes.get("fields").and_then(Value::as_array) else {
            return Err(SchemaFault::new(format!("the record `{}` has no `fields`", name.text())));
        };
        self.count(fields.len())?;
        let slots = self.slots(fields.len());
        let mut seen = HashSet::new();
        self.canonical.push_str(",\"fields\":[");
        for (index, field) in fields.iter().enumerate() {
            if let Some(twice) = field.get("name").and_then(Value::as_str).filter(|name| !seen.insert(*name))
            {
                return Err(SchemaFault::new(format!("`{}` has two fields `{twice}`", name.text())));
            }
            if index > 0 {
                self.canonical.push(',');
            }
            let start = self.field(field, &name)?;
            self.set(slots, index, start);
        }
        self.canonical.push_str("]}");
        Ok(at)
    }

    fn field(&mut self, field: &Value, record: &FullName) -> Result<u32, SchemaFault> {
        let (Some(name), Some(schema)) = (field.get("name").and_then(Value::as_str), field.get("type"))
        else {
            let record = record.text();
            return Err(SchemaFault::new(format!("a field of `{record}` without a `name` or a `type`")));
        };
        self.say(format_args!("{{\"name\":{},\"type\":", quoted(name)));
        let at = self.position()?;
        self.text(name)?;
        let slots = self.slots(1);
        match field.get("default") {
            Some(default) => self.text(&normal(default))?,
            None => self.number(NONE),
        }
        let aliases = match field {
            Value::Object(attributes) => texts(attributes, "aliases")?,
            _ => Vec::new(),
        };
        self.texts(&aliases)?;
        // A type within a record inherits its namespace.
        let schema = self.node(schema, &record.namespace).map_err(|fault| fault.within(name))?;
        self.set(slots, 0, schema);
        self.canonical.push('}');
        Ok(at)
    }

    /// Adds to the canonical form.
    fn say(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a `String` does not fail.
        let _ = self.canonical.write_fmt(text);
    }

    fn position(&self) -> Result<u32, SchemaFault> {
        u32::try_from(self.bytes.len()).map_err(|_| SchemaFault::new("the schema is larger than 4 GiB"))
    }

    fn tag(&mut self, tag: u8) -> Result<u32, SchemaFault> {
        let at = self.position()?;
        self.bytes.push(tag);
        Ok(at)
    }

    fn number(&mut self, number: u32) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn count(&mut self, count: usize) -> Result<(), SchemaFault> {
        let count = u32::try_from(count).map_err(|_| SchemaFault::new("the schema is larger than 4 GiB"))?;
        self.number(count);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), SchemaFault> {
        self.count(text.len())?;
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn texts(&mut self, texts: &[&str]) -> Result<(), SchemaFault> {
        self.count(texts.len())?;
        let slots = self.slots(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let at = self.position()?;
            self.set(slots, index, at);
            self.text(text)?;
        }
        Ok(())
    }

    /// Room for so many offsets, which are set later.
    fn slots(&mut self, count: usize) -> usize {
        let at = self.bytes.len();
        self.bytes.resize(at + 4 * count, 0);
        at
    }

    fn set(&mut self, slots: usize, index: usize, offset: u32) {
        let at = slots + 4 * index;
        if let Some(slot) = self.bytes.get_mut(at..at + 4) {
            slot.copy_from_slice(&offset.to_le_bytes());
        }
    }
}

/// An attribute that is a list of names.
fn texts<'a>(attributes: &'a Map<String, Value>, name: &str) -> Result<Vec<&'a str>, SchemaFault> {
    let Some(value) = attributes.get(name) else { return Ok(Vec::new()) };
    let texts =
        value.as_array().and_then(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    texts.ok_or_else(|| SchemaFault::new(format!("`{name}` is no list of names")))
}

fn primitive(name: &str) -> Option<u8> {
    Some(match name {
        "null" => NULL,
        "boolean" => BOOLEAN,
        "int" => INT,
        "long" => LONG,
        "float" => FLOAT,
        "double" => DOUBLE,
        "bytes" => BYTES,
        "string" => STRING,
        _ => return None,
    })
}
