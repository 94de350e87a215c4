//! Parses the JSON text of a schema into the packed form (module `packed`).

mod error;
mod json;
mod logical;
mod name;
mod output;
mod zero;

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use json::normal;
use logical::logical;
use name::FullName;
use output::Output;

use crate::digest;
use crate::packed::{
    ARRAY, BOOLEAN, BYTES, DOUBLE, ENUM, FIXED, FLOAT, INT, LOGICAL, LONG, MAP, NONE, NULL, RECORD, STRING,
    UNION,
};
use crate::text::canonical_form_of_packed;

pub use error::ParseError;
pub use json::{quoted, without_bom};

/// The deepest nesting of a schema.
const MAX_DEPTH: usize = 100;

/// A packed schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedSchema {
    /// The bytes that `view` reads; the root begins at 0.
    pub bytes: Vec<u8>,
    /// The Parsing Canonical Form.
    pub canonical: String,
}

/// Packs the text of a schema.
///
/// # Errors
/// If the text is not JSON or not an Avro schema.
pub fn pack(text: &str) -> Result<PackedSchema, ParseError> {
    let mut value: Value =
        serde_json::from_str(without_bom(text)).map_err(|error| ParseError::new(not_json(&error)))?;
    let mut bytes = Pack::root(&value)?;
    if text.contains("-0") && zero::normalize(&mut value, &bytes) {
        bytes = Pack::root(&value)?;
    }
    Ok(PackedSchema { canonical: canonical_form_of_packed(&bytes), bytes })
}

fn not_json(error: &serde_json::Error) -> String {
    let reason = error.to_string();
    if reason.starts_with("recursion limit exceeded") {
        // Each record takes three: its object, its fields, the field.
        return format!(
            "nested too deep, at line {} column {}: JSON may have at most 127 levels and a schema at most \
             {MAX_DEPTH}, which is about 40 nested records",
            error.line(),
            error.column()
        );
    }
    format!("not JSON: {reason}")
}

/// A written schema.
#[derive(Clone, Copy)]
struct Node {
    at: u32,
    digest: u64,
}

/// The head of a logical type.
#[derive(Clone, Copy)]
struct Head {
    at: u32,
    digest: u64,
}

impl Head {
    fn on(self, base: Node) -> Node {
        Node { at: self.at, digest: digest::add(base.digest, self.digest) }
    }
}

/// A definition. Its digest is known once all of it is written.
struct Definition {
    at: u32,
    digest: Option<u64>,
    /// The namespace that it inherits from the enclosing definition.
    inherits: Option<String>,
}

/// A definition whose head has been written.
struct Begun {
    at: u32,
    name: FullName,
    logical: Option<Head>,
    /// The digest of the name and the aliases.
    digest: u64,
    /// The offset for the digest of the definition.
    slot: usize,
}

struct Pack {
    out: Output,
    /// The definitions that were written, by full name.
    names: HashMap<String, Definition>,
    /// By the offset of a record: the name of the variant that takes unknown branches of a union with it.
    others: HashMap<u32, String>,
    depth: usize,
}

impl Pack {
    /// Writes a whole schema, whose root is at offset 0.
    fn root(schema: &Value) -> Result<Vec<u8>, ParseError> {
        let mut pack =
            Self { out: Output::default(), names: HashMap::new(), others: HashMap::new(), depth: 0 };
        pack.node(schema, "")?;
        Ok(pack.out.0)
    }

    /// Writes a schema, or finds the definition that a name refers to.
    fn node(&mut self, schema: &Value, namespace: &str) -> Result<Node, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ParseError::new(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let node = match schema {
            Value::String(name) => self.named(name, namespace),
            Value::Array(branches) => self.union(branches, namespace),
            Value::Object(attributes) => self.object(attributes, namespace),
            other => Err(ParseError::new(format!(
                "{other} is not a schema: expected a name, an object or an array"
            ))),
        };
        self.depth -= 1;
        node
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<Node, ParseError> {
        if let Some((tag, digest)) = primitive(name) {
            return Ok(Node { at: self.out.tag(tag)?, digest });
        }
        let full = FullName::new(name, namespace).text();
        // An unqualified name may also refer to a type without a namespace.
        for known in [full.as_str(), name] {
            if let Some(definition) = self.names.get(known) {
                let (at, digest) = (definition.at, self.digest_of(known, definition, namespace));
                return Ok(Node { at, digest });
            }
        }
        Err(ParseError::new(format!(
            "`{name}` is neither a primitive type nor defined earlier in the schema"
        )))
    }

    /// The digest of a reference to an enclosing or an earlier definition.
    fn digest_of(&self, name: &str, definition: &Definition, namespace: &str) -> u64 {
        let base = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let own = base(name);
        let ambiguous = |digest| {
            // Two texts are compared too: different types must not be equal because both are ambiguous.
            digest::add(digest::add(digest::AMBIGUOUS, digest::text(name.as_bytes())), digest)
        };
        match definition.digest {
            // In Rust, a type that inherits its namespace would have another namespace here.
            Some(digest)
                if definition.inherits.as_deref().is_some_and(|inherited| inherited != namespace) =>
            {
                ambiguous(digest)
            }
            Some(digest) => digest,
            None if self.names.keys().filter(|other| base(other) == own).count() > 1 => ambiguous(0),
            None => digest::reference(&own),
        }
    }

    fn object(&mut self, attributes: &Map<String, Value>, namespace: &str) -> Result<Node, ParseError> {
        let kind = match attributes.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            // `{"type": {"type": "string"}}`: the outer object means nothing.
            Some(inner @ (Value::Object(_) | Value::Array(_))) => return self.node(inner, namespace),
            _ => return Err(ParseError::new("an object without a `type`")),
        };
        match kind {
            "array" => self.container(ARRAY, "array", "items", attributes, namespace),
            "map" => self.container(MAP, "map", "values", attributes, namespace),
            "record" | "error" => self.record(attributes, namespace),
            "enum" => self.symbols(attributes, namespace),
            "fixed" => self.fixed(attributes, namespace),
            name => {
                let logical = self.logical(attributes, name)?;
                let base = self.named(name, namespace)?;
                Ok(logical.map_or(base, |logical| logical.on(base)))
            }
        }
    }

    /// Writes the head of a logical type, whose base follows.
    fn logical(&mut self, attributes: &Map<String, Value>, base: &str) -> Result<Option<Head>, ParseError> {
        let Some(logical) = logical(attributes, base) else { return Ok(None) };
        let at = self.out.tag(LOGICAL)?;
        self.out.text(logical.name)?;
        self.out.number(logical.precision);
        self.out.number(logical.scale);
        Ok(Some(Head { at, digest: digest::logical(logical.name, logical.precision, logical.scale) }))
    }

    fn container(
        &mut self,
        tag: u8,
        kind: &str,
        inner: &str,
        attributes: &Map<String, Value>,
        namespace: &str,
    ) -> Result<Node, ParseError> {
        let Some(schema) = attributes.get(inner) else {
            return Err(ParseError::new(format!("a schema of type `{kind}` without `{inner}`")));
        };
        let at = self.out.tag(tag)?;
        let slots = self.out.slots(1);
        let schema = self.node(schema, namespace).map_err(|fault| fault.within(inner))?;
        self.out.set(slots, 0, schema.at);
        let kind = if tag == ARRAY { digest::ARRAY } else { digest::MAP };
        Ok(Node { at, digest: digest::add(kind, schema.digest) })
    }

    fn union(&mut self, branches: &[Value], namespace: &str) -> Result<Node, ParseError> {
        let at = self.out.tag(UNION)?;
        let other_slot = self.out.slots(1);
        self.out.set(other_slot, 0, NONE);
        self.out.count(branches.len())?;
        let slots = self.out.slots(branches.len());
        let mut kinds = HashSet::new();
        let mut digest = digest::UNION;
        let mut other = None;
        for (index, branch) in branches.iter().enumerate() {
            let branch = self.node(branch, namespace).map_err(|fault| fault.within(&format!("[{index}]")))?;
            self.out.set(slots, index, branch.at);
            digest = digest::add(digest, branch.digest);
            other = other.or_else(|| self.others.get(&branch.at).cloned());
            let Some(kind) = self.kind(branch.at) else {
                return Err(ParseError::new("a union directly within a union"));
            };
            if !kinds.insert(kind) {
                return Err(ParseError::new(format!(
                    "branch {index} of the union has the type of an earlier one"
                )));
            }
        }
        if let Some(name) = other {
            let at = self.out.position()?;
            self.out.set(other_slot, 0, at);
            self.out.text(&name)?;
            digest = digest::add(digest, digest::OTHER);
        }
        Ok(Node { at, digest })
    }

    /// A key that a union may have once: the tag, and the offset of a definition. `None` for a union.
    fn kind(&self, at: u32) -> Option<(u8, u32)> {
        let mut rest = self.out.0.get(at as usize..)?;
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

    /// Writes the start of a definition.
    fn definition(
        &mut self,
        (tag, kind): (u8, &str),
        attributes: &Map<String, Value>,
        enclosing: &str,
    ) -> Result<Begun, ParseError> {
        let Some(name) = attributes.get("name").and_then(Value::as_str) else {
            return Err(ParseError::new(format!("a schema of type `{kind}` without a `name`")));
        };
        let namespace = attributes.get("namespace").and_then(Value::as_str).unwrap_or(enclosing);
        let name = FullName::new(name, namespace);
        if name.base.is_empty() || primitive(&name.text()).is_some() {
            return Err(ParseError::new(format!("`{}` is not a valid name of a type", name.text())));
        }
        let logical = if tag == FIXED { self.logical(attributes, kind)? } else { None };
        let inherits = (name.namespace == enclosing).then(|| enclosing.to_owned());
        let own = self.out.tag(tag)?;
        let at = logical.map_or(own, |logical| logical.at);
        if self.names.insert(name.text(), Definition { at, digest: None, inherits }).is_some() {
            return Err(ParseError::new(format!("`{}` is defined twice", name.text())));
        }
        let slot = if tag == RECORD { self.out.digest_slot() } else { 0 };
        self.out.text(&name.namespace)?;
        self.out.text(&name.base)?;
        let aliases = texts(attributes, "aliases")?;
        let aliases: Vec<_> =
            aliases.into_iter().map(|alias| FullName::new(alias, &name.namespace)).collect();
        self.out.texts(&aliases.iter().map(FullName::text).collect::<Vec<_>>())?;
        let relative: Vec<_> = aliases.iter().map(|alias| alias.relative_to(&name.namespace)).collect();
        let kind = if tag == RECORD { digest::RECORD } else { digest::ENUM };
        let relative = relative.iter().map(String::as_str);
        let digest = digest::name(kind, &name.base, name.own_namespace(enclosing), relative);
        Ok(Begun { at, name, logical, digest, slot })
    }

    /// Notes the digest of a complete definition.
    fn defined(&mut self, begun: &Begun, digest: u64) -> Node {
        let node = Node { at: begun.at, digest };
        let node = begun.logical.map_or(node, |logical| logical.on(node));
        if let Some(definition) = self.names.get_mut(&begun.name.text()) {
            definition.digest = Some(node.digest);
        }
        node
    }

    fn fixed(&mut self, attributes: &Map<String, Value>, namespace: &str) -> Result<Node, ParseError> {
        let begun = self.definition((FIXED, "fixed"), attributes, namespace)?;
        let size = attributes.get("size").and_then(Value::as_u64).and_then(|size| u32::try_from(size).ok());
        let Some(size) = size else {
            return Err(ParseError::new(format!("the fixed `{}` has no `size`", begun.name.text())));
        };
        self.out.number(size);
        Ok(self.defined(&begun, digest::add(begun.digest, u64::from(size))))
    }

    fn symbols(&mut self, attributes: &Map<String, Value>, namespace: &str) -> Result<Node, ParseError> {
        let begun = self.definition((ENUM, "enum"), attributes, namespace)?;
        let symbols = texts(attributes, "symbols")?;
        if attributes.get("symbols").is_none_or(Value::is_null) {
            return Err(ParseError::new(format!("the enum `{}` has no `symbols`", begun.name.text())));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = symbols.iter().find(|symbol| !seen.insert(**symbol)) {
            return Err(ParseError::new(format!("`{}` has two symbols `{twice}`", begun.name.text())));
        }
        let default = attributes.get("default").filter(|default| !default.is_null());
        let index = match default {
            None => NONE,
            Some(default) => {
                let index = symbols.iter().position(|symbol| Some(*symbol) == default.as_str());
                index.and_then(|index| u32::try_from(index).ok()).ok_or_else(|| {
                    let name = begun.name.text();
                    ParseError::new(format!("the default {default} of `{name}` is not one of its symbols"))
                })?
            }
        };
        self.out.number(index);
        self.out.texts(&symbols)?;
        let digest = digest::symbols(begun.digest, symbols, default.and_then(Value::as_str));
        Ok(self.defined(&begun, digest))
    }

    fn record(&mut self, attributes: &Map<String, Value>, namespace: &str) -> Result<Node, ParseError> {
        let begun = self.definition((RECORD, "record"), attributes, namespace)?;
        let Some(fields) = attributes.get("fields").and_then(Value::as_array) else {
            return Err(ParseError::new(format!("the record `{}` has no `fields`", begun.name.text())));
        };
        if let Some(other) = attributes.get("other").and_then(Value::as_str) {
            self.others.insert(begun.at, other.to_owned());
        }
        self.out.count(fields.len())?;
        let slots = self.out.slots(fields.len());
        let mut seen = HashSet::new();
        let mut digest = begun.digest;
        for (index, field) in fields.iter().enumerate() {
            if let Some(twice) = field.get("name").and_then(Value::as_str).filter(|name| !seen.insert(*name))
            {
                return Err(ParseError::new(format!("`{}` has two fields `{twice}`", begun.name.text())));
            }
            let field = self.field(field, &begun.name)?;
            self.out.set(slots, index, field.at);
            digest = digest::add(digest, field.digest);
        }
        self.out.set_digest(begun.slot, digest);
        Ok(self.defined(&begun, digest))
    }

    fn field(&mut self, field: &Value, record: &FullName) -> Result<Node, ParseError> {
        let (Some(name), Some(schema)) = (field.get("name").and_then(Value::as_str), field.get("type"))
        else {
            let record = record.text();
            return Err(ParseError::new(format!("a field of `{record}` without a `name` or a `type`")));
        };
        let at = self.out.position()?;
        let slot = self.out.digest_slot();
        self.out.text(name)?;
        let slots = self.out.slots(1);
        let default = field.get("default").map(normal);
        match &default {
            Some(default) => self.out.text(default)?,
            None => self.out.number(NONE),
        }
        let aliases = match field {
            Value::Object(attributes) => texts(attributes, "aliases")?,
            _ => Vec::new(),
        };
        self.out.texts(&aliases)?;
        // A type within a record inherits its namespace.
        let schema = self.node(schema, &record.namespace).map_err(|fault| fault.within(name))?;
        self.out.set(slots, 0, schema.at);
        let field = digest::field(name, aliases);
        let field = default.map_or(field, |default| digest::default(field, &default));
        let digest = digest::add(field, schema.digest);
        self.out.set_digest(slot, digest);
        Ok(Node { at, digest })
    }
}

/// An attribute that is a list of names. `null` is equal to none, as for `doc`.
fn texts<'a>(attributes: &'a Map<String, Value>, name: &str) -> Result<Vec<&'a str>, ParseError> {
    let Some(value) = attributes.get(name).filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
    let texts =
        value.as_array().and_then(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    texts.ok_or_else(|| ParseError::new(format!("`{name}` is not a list of names")))
}

/// The tag and the digest of a primitive.
fn primitive(name: &str) -> Option<(u8, u64)> {
    let tag = match name {
        "null" => NULL,
        "boolean" => BOOLEAN,
        "int" => INT,
        "long" => LONG,
        "float" => FLOAT,
        "double" => DOUBLE,
        "bytes" => BYTES,
        "string" => STRING,
        _ => return None,
    };
    digest::PRIMITIVES.get(usize::from(tag)).map(|digest| (tag, *digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_has_definitions_once_and_full_names() {
        let text = r#"{"type": "record", "name": "A", "namespace": "org.a", "doc": "d", "fields": [
            {"name": "f", "type": {"type": "fixed", "name": "F", "size": 16, "logicalType": "uuid"}, "default": ""},
            {"name": "g", "type": ["null", "F", {"type": "enum", "name": "e.E", "symbols": ["X", "Y"]}]},
            {"name": "h", "type": {"type": "map", "values": {"type": "array", "items": "A"}}},
            {"name": "i", "type": {"type": "error", "name": "B\"\u0001", "namespace": "", "fields": []}},
            {"name": "j", "type": {"type": {"type": "long", "logicalType": "timestamp-micros"}}},
            {"name": "k", "type": "e.E"}
        ]}"#;
        let canonical = [
            r#"{"name":"org.a.A","type":"record","fields":[{"name":"f","type":{"name":"org.a.F","type":"fixed","#,
            r#""size":16}},{"name":"g","type":["null","org.a.F",{"name":"e.E","type":"enum","symbols":["X","Y"]}"#,
            r#"]},{"name":"h","type":{"type":"map","values":{"type":"array","items":"org.a.A"}}},{"name":"i","#,
            r#""type":{"name":"B\"\u0001","type":"record","fields":[]}},{"name":"j","type":"long"},"#,
            r#"{"name":"k","type":"e.E"}]}"#,
        ];
        assert_eq!(pack(text).unwrap().canonical, canonical.concat());
    }

    #[test]
    fn a_packed_schema_has_any_number_of_types() {
        let types = (0..300).map(|index| format!(r#"{{"type":"record","name":"T{index}","fields":[]}}"#));
        let text =
            format!("[{},{}]", types.collect::<Vec<_>>().join(","), r#"{"type":"array","items":"T299"}"#);
        assert!(pack(&text).unwrap().canonical.ends_with(r#",{"type":"array","items":"T299"}]"#));
    }
}
