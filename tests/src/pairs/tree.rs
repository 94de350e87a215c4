//! A schema as a definition's tree of constants, if a definition can have it.

use std::collections::{HashMap, HashSet};

use events_runtime::avro::schema::{
    Enum, Field, Json, JsonKind, Logical, Name, Origin, Record, Reference, Schema, Union,
};
use serde_json::Value;

use super::sketch::{self, Kind, Sketch, Type};

const ORIGIN: Origin = Origin::new("events_tests::pairs", "made up");

/// The tree of a schema, which is never freed; `None` if no definition can have it.
#[must_use]
pub fn tree(sketch: &Sketch) -> Option<&'static Schema> {
    let mut maker = Maker {
        sketch,
        namespaces: sketch.namespaces(),
        met: HashSet::new(),
        open: Vec::new(),
        open_unions: Vec::new(),
        unions: 0,
    };
    Some(leak(maker.schema(&sketch.root)?))
}

struct Maker<'a> {
    sketch: &'a Sketch,
    /// Full names, as in the text.
    namespaces: HashMap<usize, String>,
    met: HashSet<usize>,
    /// The enclosing types: recursion into one of them is a reference, any other use repeats the definition.
    open: Vec<usize>,
    open_unions: Vec<(Vec<Type>, Name)>,
    unions: usize,
}

impl Maker<'_> {
    fn schema(&mut self, ty: &Type) -> Option<Schema> {
        Some(match ty {
            Type::Plain(base) => plain(base),
            Type::Logical(base, logical) => {
                let attributes = Value::Object(logical.attributes()).to_string();
                let attributes = attributes.trim_start_matches('{').trim_end_matches('}');
                Schema::Logical(leak(Logical {
                    base: plain(base),
                    name: logical.name,
                    attributes: text(attributes),
                }))
            }
            Type::Array(inner) => Schema::Array(leak(self.schema(inner)?)),
            Type::Map(inner) => Schema::Map(leak(self.schema(inner)?)),
            Type::Union(branches) => match branches.as_slice() {
                [null, one] if null.is_null() && !self.sketch.has_other(branches) => {
                    Schema::Nullable(leak(self.schema(one)?))
                }
                [null, several @ ..] if null.is_null() => Schema::Nullable(leak(self.union(several)?)),
                branches => self.union(branches)?,
            },
            Type::Named(index) => self.named(*index, false)?,
        })
    }

    /// An enum of a definition, whose variants are its own records.
    fn union(&mut self, branches: &[Type]) -> Option<Schema> {
        if let Some((_, name)) = self.open_unions.iter().find(|(open, _)| open == branches) {
            return Some(Schema::Ref(leak(Reference { name: *name, origin: ORIGIN })));
        }
        if branches.is_empty() {
            return None;
        }
        let base = text(&format!("Enum{}", self.unions));
        self.unions += 1;
        let name = Name { base, arguments: &[], namespace: Some("enums") };
        self.open_unions.push((branches.to_vec(), name));
        let records = branches.iter().map(|branch| match branch {
            Type::Named(index) => match self.named(*index, true)? {
                Schema::Record(record) => Some(record),
                _ => None,
            },
            _ => None,
        });
        let records = records.collect::<Option<Vec<_>>>()?.leak();
        self.open_unions.pop();
        let other = self.sketch.has_other(branches).then_some("Other");
        Some(Schema::Union(leak(Union { name, branches: records, other })))
    }

    /// The variants of an enum share one namespace in a definition, so their names are full.
    fn named(&mut self, index: usize, variant: bool) -> Option<Schema> {
        let sketch = self.sketch;
        let named = &sketch.named[index];
        let namespace = text(&self.namespaces[&index]);
        let mut name = Name { base: text(&named.base), arguments: &[], namespace: Some(namespace) };
        if self.open.contains(&index) {
            // A variant can't be referred to.
            let is_variant = self.open_unions.iter().any(|(open, _)| open.contains(&Type::Named(index)));
            return (!is_variant).then(|| Schema::Ref(leak(Reference { name, origin: ORIGIN })));
        }
        if self.met.insert(index) && !variant {
            name.namespace = named.namespace.as_deref().map(text);
        }
        let aliases = texts(&named.aliases);
        Some(match &named.kind {
            Kind::Fixed { .. } => return None,
            Kind::Enum { symbols, default } => Schema::Enum(leak(Enum {
                name,
                origin: ORIGIN,
                aliases,
                attributes: "",
                symbols: texts(symbols),
                default: default.as_deref().map(text),
                digest: 0,
            })),
            Kind::Record(fields) => {
                self.open.push(index);
                let fields = fields.iter().map(|field| self.field(field)).collect::<Option<Vec<_>>>()?.leak();
                self.open.pop();
                Schema::Record(leak(Record {
                    name,
                    origin: ORIGIN,
                    aliases,
                    attributes: "",
                    fields,
                    digest: 0,
                }))
            }
        })
    }

    fn field(&mut self, field: &sketch::Field) -> Option<Field> {
        let schema = self.schema(&field.schema)?;
        let default = self.sketch.default(field);
        // In a definition, `["null", T]` always has a default.
        if matches!(schema, Schema::Nullable(_)) && default.is_none() {
            return None;
        }
        Some(Field {
            name: text(&field.name),
            aliases: texts(&field.aliases),
            attributes: "",
            schema: leak(schema),
            may_be_falsy: true,
            default: default.map(|default| json(&default)),
            python_default: None,
            pii: false,
            digest: 0,
        })
    }
}

fn plain(base: &str) -> Schema {
    match base {
        "boolean" => Schema::Boolean,
        "int" => Schema::Int,
        "long" => Schema::Long,
        "float" => Schema::Float,
        "double" => Schema::Double,
        "bytes" => Schema::Bytes,
        "string" => Schema::String,
        _ => Schema::Null,
    }
}

fn json(value: &Value) -> Json {
    let kind = match value {
        Value::Null => JsonKind::Null,
        Value::Bool(_) => JsonKind::Bool,
        Value::Number(number) => number.as_i64().map_or_else(
            || JsonKind::Float(number.as_f64().unwrap_or_default()),
            |whole| JsonKind::Integer(whole.into()),
        ),
        Value::String(value) => JsonKind::String(text(value)),
        Value::Array(items) => JsonKind::Array(items.iter().map(json).collect::<Vec<_>>().leak()),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| (text(key), json(value)));
            JsonKind::Object(entries.collect::<Vec<_>>().leak())
        }
    };
    Json { text: text(&value.to_string()), kind }
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn text(text: &str) -> &'static str {
    String::leak(text.to_owned())
}

fn texts(texts: &[String]) -> &'static [&'static str] {
    texts.iter().map(|item| text(item)).collect::<Vec<_>>().leak()
}
