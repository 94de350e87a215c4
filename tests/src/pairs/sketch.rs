//! A schema in a form that is easy to change and always gives well-formed text.
//!
//! Named types are in a table and referred to by index. The text defines a type at its first use and names
//! it afterwards, so that a change can move, remove and add uses freely.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

/// A schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    pub(super) root: Type,
    pub(super) named: Vec<Named>,
}

/// A node of a schema.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Plain(&'static str),
    Logical(&'static str, Logical),
    Array(Box<Type>),
    Map(Box<Type>),
    Union(Vec<Type>),
    /// An index into the table.
    Named(usize),
}

/// A logical type; precision and scale are those of `decimal`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Logical {
    pub(super) name: &'static str,
    pub(super) precision: u32,
    pub(super) scale: u32,
}

/// A named type.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    pub(super) base: String,
    /// `None` inherits the namespace of the enclosing definition.
    pub(super) namespace: Option<String>,
    pub(super) aliases: Vec<String>,
    /// Whether readers of a union with this record take unknown branches.
    pub(super) other: bool,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Record(Vec<Field>),
    Enum { symbols: Vec<String>, default: Option<String> },
    Fixed { size: u32, logical: Option<Logical> },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) schema: Type,
    /// Whether there is a default; its value follows from the type.
    pub(super) default: bool,
}

impl Logical {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, precision: 0, scale: 0 }
    }

    /// The JSON attributes beside `"type"`.
    pub(super) fn attributes(self) -> Map<String, Value> {
        let mut attributes = Map::new();
        attributes.insert("logicalType".into(), self.name.into());
        if self.name == "decimal" {
            attributes.insert("precision".into(), self.precision.into());
            attributes.insert("scale".into(), self.scale.into());
        }
        attributes
    }
}

impl Type {
    pub(super) fn is_null(&self) -> bool {
        *self == Self::Plain("null")
    }

    /// Whether Avro allows each union in it; not recursive into named types.
    fn unions_are_sound(&self) -> bool {
        match self {
            Self::Array(inner) | Self::Map(inner) => inner.unions_are_sound(),
            Self::Union(branches) => {
                let kinds: HashSet<_> = branches.iter().map(Self::kind).collect();
                kinds.len() == branches.len()
                    && !branches.is_empty()
                    && !kinds.contains("union")
                    && branches.iter().all(Self::unions_are_sound)
            }
            _ => true,
        }
    }

    /// The kinds of branches of which a union may have one each.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Plain(name) | Self::Logical(name, _) => (*name).to_owned(),
            Self::Array(_) => "array".to_owned(),
            Self::Map(_) => "map".to_owned(),
            Self::Union(_) => "union".to_owned(),
            Self::Named(index) => format!("type {index}"),
        }
    }
}

/// The full name of a type within a namespace.
pub(super) fn full(namespace: &str, base: &str) -> String {
    if namespace.is_empty() { base.to_owned() } else { format!("{namespace}.{base}") }
}

impl Sketch {
    /// The schema as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        Text { sketch: self, met: HashMap::new() }.of(&self.root, "")
    }

    /// The schema as JSON without logical types.
    pub(super) fn bare_json(&self) -> Value {
        fn bare(value: Value) -> Value {
            match value {
                Value::Array(items) => items.into_iter().map(bare).collect(),
                Value::Object(mut entries) => {
                    entries.remove("logicalType");
                    entries.into_iter().map(|(key, value)| (key, bare(value))).collect()
                }
                other => other,
            }
        }
        bare(self.json())
    }

    /// The namespace of each type so far, by its index.
    pub(super) fn namespaces(&self) -> HashMap<usize, String> {
        let mut text = Text { sketch: self, met: HashMap::new() };
        text.of(&self.root, "");
        text.met
    }

    /// Whether a union of these branches takes branches that the reader does not know.
    pub(super) fn has_other(&self, branches: &[Type]) -> bool {
        branches.iter().any(|branch| matches!(branch, Type::Named(index) if self.named[*index].other))
    }

    /// Whether Avro allows this schema and each of its types has values.
    pub(super) fn is_sound(&self) -> bool {
        let namespaces = self.namespaces();
        let names: HashSet<_> =
            namespaces.iter().map(|(index, namespace)| full(namespace, &self.named[*index].base)).collect();
        names.len() == namespaces.len()
            // A type without a namespace can't be referred to from within one.
            && namespaces.values().all(|namespace| !namespace.is_empty())
            && namespaces.keys().all(|index| self.has_values(&Type::Named(*index), &mut Vec::new()))
            && self.root.unions_are_sound()
            && namespaces.keys().all(|index| match &self.named[*index].kind {
                Kind::Record(fields) => fields.iter().all(|field| field.schema.unions_are_sound()),
                Kind::Enum { symbols, .. } => !symbols.is_empty(),
                Kind::Fixed { .. } => true,
            })
    }

    fn has_values(&self, ty: &Type, within: &mut Vec<usize>) -> bool {
        match ty {
            Type::Union(branches) => branches.iter().any(|branch| self.has_values(branch, within)),
            Type::Named(index) => match &self.named[*index].kind {
                Kind::Record(_) if within.contains(index) => false,
                Kind::Record(fields) => {
                    within.push(*index);
                    let has = fields.iter().all(|field| self.has_values(&field.schema, within));
                    within.pop();
                    has
                }
                _ => true,
            },
            _ => true,
        }
    }

    /// The default of a field: the least value of its type, or of the first branch of a union.
    ///
    /// `None` if the field has none, or if an implementation rejects it: apache-avro wants a
    /// default to be a value of the logical type, knows none for logical types of bytes and fixed,
    /// and none for a record that is still being defined around the field.
    pub(super) fn default(&self, field: &Field) -> Option<Value> {
        if field.default { self.least(&field.schema) } else { None }
    }

    fn least(&self, ty: &Type) -> Option<Value> {
        Some(match ty {
            Type::Logical("string", _) => json!("00000000-0000-0000-0000-000000000000"),
            Type::Logical("bytes", _) => return None,
            Type::Plain(base) | Type::Logical(base, _) => match *base {
                "null" => Value::Null,
                "boolean" => json!(true),
                "int" | "long" => json!(7),
                "float" | "double" => json!(1.5),
                _ => json!(""),
            },
            Type::Array(_) => json!([]),
            Type::Map(_) => json!({}),
            Type::Union(branches) => self.least(branches.first()?)?,
            Type::Named(index) => match &self.named[*index].kind {
                Kind::Enum { symbols, .. } => json!(symbols.first()?),
                Kind::Fixed { logical: Some(_), .. } => return None,
                Kind::Fixed { size, logical: None } => json!("\u{0}".repeat(*size as usize)),
                Kind::Record(fields) => {
                    let least = fields.iter().map(|field| match &field.schema {
                        Type::Plain(_) => Some((field.name.clone(), self.least(&field.schema)?)),
                        _ => None,
                    });
                    Value::Object(least.collect::<Option<_>>()?)
                }
            },
        })
    }
}

struct Text<'a> {
    sketch: &'a Sketch,
    /// The namespaces of the types defined so far.
    met: HashMap<usize, String>,
}

impl Text<'_> {
    fn of(&mut self, ty: &Type, enclosing: &str) -> Value {
        match ty {
            Type::Plain(name) => json!(name),
            Type::Logical(base, logical) => {
                let mut attributes = logical.attributes();
                attributes.insert("type".into(), (*base).into());
                Value::Object(attributes)
            }
            Type::Array(items) => json!({ "type": "array", "items": self.of(items, enclosing) }),
            Type::Map(values) => json!({ "type": "map", "values": self.of(values, enclosing) }),
            Type::Union(branches) => branches.iter().map(|branch| self.of(branch, enclosing)).collect(),
            Type::Named(index) => self.named(*index, enclosing),
        }
    }

    fn named(&mut self, index: usize, enclosing: &str) -> Value {
        let sketch = self.sketch;
        let named = &sketch.named[index];
        if let Some(namespace) = self.met.get(&index) {
            // Within its namespace, a bare name suffices.
            return if namespace == enclosing {
                json!(named.base)
            } else {
                json!(full(namespace, &named.base))
            };
        }
        let own = named.namespace.as_deref().unwrap_or(enclosing);
        self.met.insert(index, own.to_owned());
        let mut text = match &named.kind {
            Kind::Enum { symbols, default } => {
                let mut text = json!({ "type": "enum", "symbols": symbols });
                if let Some(default) = default {
                    text["default"] = json!(default);
                }
                text
            }
            Kind::Fixed { size, logical } => {
                let mut text = logical.map(Logical::attributes).unwrap_or_default();
                text.insert("type".into(), "fixed".into());
                text.insert("size".into(), (*size).into());
                Value::Object(text)
            }
            Kind::Record(fields) => {
                let fields: Vec<_> = fields.iter().map(|field| self.field(field, own)).collect();
                json!({ "type": "record", "fields": fields })
            }
        };
        text["name"] = json!(named.base);
        if let Some(namespace) = &named.namespace {
            text["namespace"] = json!(namespace);
        }
        if !named.aliases.is_empty() {
            text["aliases"] = json!(named.aliases);
        }
        if named.other {
            text["other"] = json!("Other");
        }
        text
    }

    fn field(&mut self, field: &Field, enclosing: &str) -> Value {
        let mut text = json!({ "name": field.name, "type": self.of(&field.schema, enclosing) });
        if !field.aliases.is_empty() {
            text["aliases"] = json!(field.aliases);
        }
        if let Some(default) = self.sketch.default(field) {
            text["default"] = default;
        }
        text
    }
}
