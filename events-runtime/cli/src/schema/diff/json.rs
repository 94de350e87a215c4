//! The JSON of a schema, with the attributes that the packed form omits.

use serde_json::{Map, Value};

use events_schema::parse::pack;
use events_schema::view::View;

/// The names of primitive types, which no definition can use.
const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// The attributes of an object in a schema.
#[derive(Default)]
pub(super) struct Attributes<'a> {
    pub(super) all: Vec<(&'a str, &'a Value)>,
    /// The names that the structural comparison covers.
    structure: Vec<&'static str>,
}

impl<'a> Attributes<'a> {
    fn new(object: &'a Map<String, Value>, structure: &[&'static str]) -> Self {
        let all = object.iter().map(|(name, value)| (name.as_str(), value)).collect();
        Self { all, structure: structure.iter().chain(logical(object)).copied().collect() }
    }

    pub(super) fn of_field(field: &'a Value) -> Self {
        let structure = ["name", "type", "default", "aliases"];
        let object = field.as_object();
        let all = object.into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect();
        Self { all, structure: structure.to_vec() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.all.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    pub(super) fn is_structure(&self, name: &str) -> bool {
        self.structure.contains(&name)
    }

    /// Adds the attributes of an enclosing object.
    fn add(&mut self, outer: Self) {
        self.all.extend(outer.all);
        self.structure.extend(outer.structure);
    }
}

/// The attributes of a valid logical type. Readers ignore an invalid one, so its attributes are not
/// structural.
fn logical(object: &Map<String, Value>) -> &'static [&'static str] {
    let keys = ["type", "size", "logicalType", "precision", "scale"];
    let kept = keys.iter().filter_map(|key| Some(((*key).to_owned(), object.get(*key)?.clone())));
    let mut schema: Map<String, Value> = kept.collect();
    if !schema.contains_key("logicalType") {
        return &[];
    }
    // A fixed type needs a name.
    schema.insert("name".to_owned(), "Unnamed".into());
    let packed = pack(&Value::Object(schema).to_string());
    match packed.as_ref().ok().and_then(|packed| View::packed(&packed.bytes).logical()) {
        Some(logical) if logical.precision > 0 => &["logicalType", "precision", "scale"],
        Some(_) => &["logicalType"],
        None => &[],
    }
}

/// The kind of a schema.
pub(super) enum Kind<'a> {
    Primitive(&'a str),
    /// A record, an enum or a fixed type, by its full name.
    Named(String),
    Array(&'a Value),
    Map(&'a Value),
    Union(&'a [Value]),
    None,
}

/// A record, an enum or a fixed type.
pub(super) struct Definition<'a> {
    name: String,
    /// The namespace of unqualified names inside the definition.
    namespace: String,
    path: String,
    object: &'a Map<String, Value>,
}

impl<'a> Definition<'a> {
    pub(super) fn attributes(&self) -> Attributes<'a> {
        let structure: &[_] = match self.kind() {
            "enum" => &["name", "namespace", "aliases", "symbols", "default"],
            "fixed" => &["name", "namespace", "aliases", "size"],
            _ => &["name", "namespace", "aliases", "fields", "other"],
        };
        Attributes::new(self.object, structure)
    }

    /// Avro protocols define records as `error` too.
    pub(super) fn is_record(&self) -> bool {
        matches!(self.kind(), "record" | "error")
    }

    pub(super) fn is_enum(&self) -> bool {
        self.kind() == "enum"
    }

    fn kind(&self) -> &'a str {
        self.object.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        let fields = self.object.get("fields").and_then(Value::as_array).into_iter().flatten();
        fields.filter_map(|field| Some((field.get("name")?.as_str()?, field)))
    }

    pub(super) fn field(&self, name: &str) -> Option<&'a Value> {
        self.fields().find(|(other, _)| *other == name).map(|(_, field)| field)
    }
}

/// All definitions of a schema.
#[derive(Default)]
pub(super) struct Definitions<'a>(Vec<Definition<'a>>);

impl<'a> Definitions<'a> {
    pub(super) fn of(schema: &'a Value) -> Self {
        let mut definitions = Self::default();
        definitions.collect(schema, "", "");
        definitions
    }

    pub(super) fn get(&self, name: &str) -> Option<&Definition<'a>> {
        self.0.iter().find(|definition| definition.name == name)
    }

    /// The full name and path of each definition.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|definition| (definition.name.as_str(), definition.path.as_str()))
    }

    /// The kind of a schema, and the attributes of the unnamed objects around it.
    pub(super) fn peel(&self, schema: &'a Value, namespace: &str) -> (Attributes<'a>, Kind<'a>) {
        let mut attributes = Attributes::default();
        let mut schema = schema;
        loop {
            let object = match schema {
                Value::String(name) => return (attributes, self.resolve(name, namespace)),
                Value::Array(branches) => return (attributes, Kind::Union(branches)),
                Value::Object(object) => object,
                _ => return (attributes, Kind::None),
            };
            let inner = |name| object.get(name).unwrap_or(&Value::Null);
            match inner("type") {
                Value::String(kind) => match kind.as_str() {
                    "record" | "error" | "enum" | "fixed" => {
                        let (name, _) = full_name(object, namespace);
                        return (attributes, Kind::Named(name));
                    }
                    "array" => {
                        attributes.add(Attributes::new(object, &["type", "items"]));
                        return (attributes, Kind::Array(inner("items")));
                    }
                    "map" => {
                        attributes.add(Attributes::new(object, &["type", "values"]));
                        return (attributes, Kind::Map(inner("values")));
                    }
                    name => {
                        attributes.add(Attributes::new(object, &["type"]));
                        return (attributes, self.resolve(name, namespace));
                    }
                },
                outer => {
                    attributes.add(Attributes::new(object, &["type"]));
                    schema = outer;
                }
            }
        }
    }

    /// Resolves a name: first in the enclosing namespace, then without a namespace.
    fn resolve(&self, name: &'a str, namespace: &str) -> Kind<'a> {
        if PRIMITIVES.contains(&name) {
            return Kind::Primitive(name);
        }
        let full = if name.contains('.') || namespace.is_empty() {
            name.to_owned()
        } else {
            format!("{namespace}.{name}")
        };
        match [full.as_str(), name].into_iter().find(|name| self.get(name).is_some()) {
            Some(found) => Kind::Named(found.to_owned()),
            None => Kind::Primitive(name),
        }
    }

    fn collect(&mut self, schema: &'a Value, namespace: &str, path: &str) {
        let object = match schema {
            Value::Array(branches) => {
                return branches.iter().for_each(|branch| self.collect(branch, namespace, path));
            }
            Value::Object(object) => object,
            _ => return,
        };
        let inner = |name| object.get(name).unwrap_or(&Value::Null);
        match inner("type").as_str() {
            Some("array") => self.collect(inner("items"), namespace, &format!("{path}[]")),
            Some("map") => self.collect(inner("values"), namespace, &format!("{path}[]")),
            Some("record" | "error" | "enum" | "fixed") => {
                let (name, namespace) = full_name(object, namespace);
                let definition =
                    Definition { name, namespace: namespace.clone(), path: path.to_owned(), object };
                let fields = definition.fields();
                self.0.push(definition);
                for (name, field) in fields {
                    let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                    self.collect(field.get("type").unwrap_or(&Value::Null), &namespace, &path);
                }
            }
            Some(_) => {}
            None => self.collect(inner("type"), namespace, path),
        }
    }
}

/// The full name and the namespace of a definition.
fn full_name(object: &Map<String, Value>, enclosing: &str) -> (String, String) {
    let text = |name| object.get(name).and_then(Value::as_str);
    let name = text("name").unwrap_or_default();
    let namespace = text("namespace").unwrap_or(enclosing);
    match name.rsplit_once('.') {
        Some((namespace, base)) if !namespace.is_empty() => {
            (format!("{namespace}.{base}"), namespace.to_owned())
        }
        Some((_, base)) => (base.to_owned(), String::new()),
        None if namespace.is_empty() => (name.to_owned(), String::new()),
        None => (format!("{namespace}.{name}"), namespace.to_owned()),
    }
}
