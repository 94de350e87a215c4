//! Reads Avro JSON into [`Definition`]s with full names.

use serde_json::{Map, Value};

use super::model::{Definition, Field, FieldAttributes, FullName, Kind, Primitive, Schema, is_avro_name};
use super::report::{Report, SchemaPath};
use events_schema::parse::pack;
use events_schema::parse::without_bom;

/// The attributes that are read in all objects.
const ATTRIBUTES: [&str; 4] = ["type", "name", "namespace", "logicalType"];

/// The content of a schema file.
#[derive(Debug)]
pub(super) struct Source {
    /// In the order of the file, without duplicates.
    pub(super) definitions: Vec<Definition>,
    pub(super) root: Schema,
}

/// Reads a schema; `None` after an error in the report.
pub(super) fn read(text: &str, report: &mut Report) -> Option<Source> {
    let path = SchemaPath::default();
    let json: Value = match serde_json::from_str(without_bom(text)) {
        Ok(json) => json,
        Err(error) => {
            report.error(&path, format!("invalid JSON: {error}"));
            return None;
        }
    };
    let mut reader = Reader { report, names: Vec::new(), definitions: Vec::new() };
    let root = reader.schema(&json, "", &path);
    // Definitions are completed from the inside out, but their names are in the order of the file.
    let Reader { names, mut definitions, .. } = reader;
    definitions.sort_by_key(|definition| names.iter().position(|name| *name == definition.name));
    // Checks the rules that this reader does not, such as two branches of the same type.
    if report.is_ok()
        && let Err(error) = pack(text)
    {
        report.error(&path, format!("invalid Avro schema: {error}"));
    }
    root.filter(|_| report.is_ok()).map(|root| Source { definitions, root })
}

struct Reader<'a> {
    report: &'a mut Report,
    names: Vec<FullName>,
    definitions: Vec<Definition>,
}

impl Reader<'_> {
    fn error<T>(&mut self, path: &SchemaPath, what: impl Into<String>) -> Option<T> {
        self.report.error(path, what);
        None
    }

    fn schema(&mut self, json: &Value, namespace: &str, path: &SchemaPath) -> Option<Schema> {
        match json {
            Value::String(name) => self.named(name, None, namespace, path),
            Value::Array(branches) => {
                let branches: Vec<_> = branches
                    .iter()
                    .map(|branch| {
                        let path = path.branch(&branch_name(branch));
                        match self.schema(branch, namespace, &path)? {
                            Schema::Union(_) => self.error(
                                &path,
                                "Avro does not allow a union directly inside a union: merge their branches",
                            ),
                            branch => Some(branch),
                        }
                    })
                    .collect();
                branches.into_iter().collect::<Option<_>>().map(Schema::Union)
            }
            Value::Object(object) => self.object(object, namespace, path),
            _ => self.error(
                path,
                format!(
                    "`{json}` is not a schema: use a name, such as \"string\", or an object with a `type`"
                ),
            ),
        }
    }

    fn named(
        &mut self,
        name: &str,
        logical: Option<String>,
        namespace: &str,
        path: &SchemaPath,
    ) -> Option<Schema> {
        if let Some(kind) = Primitive::from_name(name) {
            return Some(Schema::Primitive { kind, logical });
        }
        if let Some(logical) = logical {
            self.report.note(path, format!("the attribute `logicalType` = `{logical}` is dropped"));
        }
        let full = FullName::resolve(name, namespace);
        // An unqualified name may also refer to a type without a namespace.
        let defined =
            [full.clone(), FullName::resolve(name, "")].into_iter().find(|it| self.names.contains(it));
        if let Some(defined) = defined {
            return Some(Schema::Named(defined));
        }
        self.error(
            path,
            format!("`{full}` is not defined before it is used: define it at its first use in this file"),
        )
    }

    fn object(&mut self, object: &Map<String, Value>, namespace: &str, path: &SchemaPath) -> Option<Schema> {
        let Some(kind) = object.get("type") else {
            return self.error(path, "the schema has no `type`: add it");
        };
        let logical = object.get("logicalType").and_then(Value::as_str).map(str::to_owned);
        match kind.as_str() {
            Some("record") => self.record(object, namespace, path),
            Some("error") => {
                self.error(path, "`error` types are for protocols only: use `\"type\": \"record\"`")
            }
            Some("enum") => self.symbols(object, namespace, path),
            Some("fixed") => self.fixed(object, namespace, path),
            Some("array") => {
                self.unknown(object, &["items"], path);
                let Some(items) = object.get("items") else {
                    return self.error(path, "the array has no `items`: add the schema of its items");
                };
                self.schema(items, namespace, &path.item()).map(|items| Schema::Array(Box::new(items)))
            }
            Some("map") => {
                self.unknown(object, &["values"], path);
                let Some(values) = object.get("values") else {
                    return self.error(path, "the map has no `values`: add the schema of its values");
                };
                self.schema(values, namespace, &path.value()).map(|values| Schema::Map(Box::new(values)))
            }
            Some(name) => {
                // These attributes have a meaning only for a `decimal`.
                let decimal: &[&str] =
                    if logical.as_deref() == Some("decimal") { &["precision", "scale"] } else { &[] };
                self.unknown(object, decimal, path);
                self.named(name, logical, namespace, path)
            }
            None => {
                self.unknown(object, &[], path);
                self.schema(kind, namespace, path)
            }
        }
    }

    fn record(&mut self, object: &Map<String, Value>, namespace: &str, path: &SchemaPath) -> Option<Schema> {
        let known: &[&str] = match object.get("other") {
            Some(Value::String(_)) => &["fields", "doc", "aliases", "other"],
            _ => &["fields", "doc", "aliases"],
        };
        self.unknown(object, known, path);
        let name = self.define(object, namespace, path)?;
        let Some(Value::Array(fields)) = object.get("fields") else {
            return self.error(path, format!("the record `{name}` has no `fields`: add `\"fields\": []`"));
        };
        let mut read: Vec<Field> = Vec::new();
        for field in fields {
            let Some(field) = self.field(field, &name.namespace, path) else { continue };
            if read.iter().any(|other| other.attributes.name == field.attributes.name) {
                let what = format!("the record `{name}` has two fields with this name: rename one");
                self.report.error(&path.field(&field.attributes.name), what);
            }
            read.push(field);
        }
        self.drop_ambiguous_aliases(&mut read, path);
        Some(self.finish(object, name, Kind::Record(read), path))
    }

    fn field(&mut self, json: &Value, namespace: &str, record: &SchemaPath) -> Option<Field> {
        let Some(name) = json.get("name").and_then(Value::as_str) else {
            return self.error(record, format!("the field `{json}` has no `name`: add it"));
        };
        let path = record.field(name);
        if !is_avro_name(name) {
            return self.error(&path, invalid_name(name));
        }
        let pii = json.get("pii") == Some(&Value::Bool(true));
        let object = json.as_object()?;
        let known: &[&str] =
            if pii { &["doc", "aliases", "default", "pii"] } else { &["doc", "aliases", "default"] };
        self.unknown(object, known, &path);
        let Some(schema) = object.get("type") else {
            return self.error(&path, "the field has no `type`: add it");
        };
        if let Some(Value::String(logical)) = object.get("logicalType") {
            let what = format!(
                "`logicalType` = `{logical}` has no effect on a field: move it into the field's type"
            );
            self.report.note(&path, what);
        }
        let attributes = FieldAttributes {
            name: name.to_owned(),
            doc: doc(object),
            aliases: self.aliases(object, &path),
            pii,
            default: object.get("default").cloned(),
        };
        Some(Field { attributes, schema: self.schema(schema, namespace, &path)? })
    }

    fn symbols(&mut self, object: &Map<String, Value>, namespace: &str, path: &SchemaPath) -> Option<Schema> {
        self.unknown(object, &["symbols", "default", "doc", "aliases"], path);
        let name = self.define(object, namespace, path)?;
        let read = object.get("symbols").and_then(Value::as_array).and_then(|symbols| {
            symbols.iter().map(|symbol| symbol.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        let Some(symbols) = read.filter(|symbols| !symbols.is_empty()) else {
            return self.error(path, format!("the enum `{name}` has no `symbols`: add at least one"));
        };
        for (index, symbol) in symbols.iter().enumerate() {
            if !is_avro_name(symbol) {
                self.report.error(path, invalid_name(symbol));
            }
            if symbols.iter().take(index).any(|other| other == symbol) {
                self.report
                    .error(path, format!("the enum `{name}` has the symbol `{symbol}` twice: remove one"));
            }
        }
        let default = object.get("default").and_then(Value::as_str).map(str::to_owned);
        if let Some(given) = object.get("default").filter(|given| !given.is_null())
            && default.as_ref().is_none_or(|default| !symbols.contains(default))
        {
            return self.error(path, format!("the default {given} is not a symbol of the enum `{name}`"));
        }
        Some(self.finish(object, name, Kind::Enum { symbols, default }, path))
    }

    fn fixed(&mut self, object: &Map<String, Value>, namespace: &str, path: &SchemaPath) -> Option<Schema> {
        self.define(object, namespace, path)?;
        match object.get("size").and_then(Value::as_u64) {
            Some(size) => Some(Schema::Fixed(size)),
            None => self.error(path, "the `fixed` type has no valid `size`: add its number of bytes"),
        }
    }

    /// Records the name of a definition. Must be called before its content, which may refer to it.
    fn define(
        &mut self,
        object: &Map<String, Value>,
        enclosing: &str,
        path: &SchemaPath,
    ) -> Option<FullName> {
        let Some(text) = object.get("name").and_then(Value::as_str) else {
            return self.error(path, "the record, enum or fixed type has no `name`: add it");
        };
        let own = object.get("namespace").and_then(Value::as_str).unwrap_or(enclosing);
        let name = FullName::resolve(text, own);
        if !is_avro_name(&name.name) {
            return self.error(path, invalid_name(&name.name));
        }
        if Primitive::from_name(&name.name).is_some() {
            return self.error(path, format!("`{text}` is a primitive type of Avro: rename this type"));
        }
        if self.names.contains(&name) {
            let what =
                format!("`{name}` is defined twice: refer to the first definition by name, or rename one");
            return self.error(path, what);
        }
        self.names.push(name.clone());
        Some(name)
    }

    fn finish(
        &mut self,
        object: &Map<String, Value>,
        name: FullName,
        kind: Kind,
        path: &SchemaPath,
    ) -> Schema {
        let aliases = self.aliases(object, path);
        let other = object.get("other").and_then(Value::as_str).map(str::to_owned);
        self.definitions.push(Definition { name: name.clone(), doc: doc(object), aliases, other, kind });
        Schema::Named(name)
    }

    fn aliases(&mut self, object: &Map<String, Value>, path: &SchemaPath) -> Vec<String> {
        let mut read = Vec::new();
        for alias in object.get("aliases").and_then(Value::as_array).into_iter().flatten() {
            match alias.as_str() {
                Some(alias) if alias.split('.').all(is_avro_name) => read.push(alias.to_owned()),
                _ => self.report.note(path, format!("the alias {alias} is dropped: not a valid Avro name")),
            }
        }
        read
    }

    /// Drops aliases that another field has as its name or alias.
    fn drop_ambiguous_aliases(&mut self, fields: &mut [Field], path: &SchemaPath) {
        let mut taken: Vec<_> = fields.iter().map(|field| field.attributes.name.clone()).collect();
        for field in fields {
            let here = path.field(&field.attributes.name);
            field.attributes.aliases.retain(|alias| {
                let is_free = !taken.contains(alias);
                if is_free {
                    taken.push(alias.clone());
                } else {
                    let what = format!("the alias `{alias}` is dropped: it refers to another field too");
                    self.report.note(&here, what);
                }
                is_free
            });
        }
    }

    fn unknown(&mut self, object: &Map<String, Value>, known: &[&str], path: &SchemaPath) {
        for key in object.keys().map(String::as_str) {
            if !known.contains(&key) && !ATTRIBUTES.contains(&key) {
                self.report.note(path, format!("the attribute `{key}` is dropped"));
            }
        }
    }
}

fn doc(object: &Map<String, Value>) -> Option<String> {
    object.get("doc").and_then(Value::as_str).map(str::to_owned)
}

fn invalid_name(text: &str) -> String {
    format!(
        "`{text}` is not a valid Avro name (letters a-z and A-Z, digits and `_`, not starting with a digit): rename it"
    )
}

fn branch_name(branch: &Value) -> String {
    let name = branch.as_str().or_else(|| {
        let object = branch.as_object()?;
        object.get("name").or_else(|| object.get("type"))?.as_str()
    });
    name.unwrap_or("union").to_owned()
}

#[cfg(test)]
mod tests;
