//! Avro JSON into [`Definition`]s: whatever the specification allows, with every name in full.

use serde_json::{Map, Value};

use super::model::{Definition, Field, FullName, Kind, Labels, Primitive, Schema, is_avro_name};
use super::report::{Place, Report};
use events_schema::packed::json::without_bom;
use events_schema::packed::pack;

/// The attributes that are read, of whatever has them.
const ATTRIBUTES: [&str; 4] = ["type", "name", "namespace", "logicalType"];

/// What a schema file defines.
#[derive(Debug)]
pub(super) struct Source {
    /// In the order in which they stand in the file; none is there twice.
    pub(super) definitions: Vec<Definition>,
    pub(super) root: Schema,
}

/// Reads a schema; `None` where it is none, and the report has the reasons.
pub(super) fn read(text: &str, report: &mut Report) -> Option<Source> {
    let place = Place::default();
    let json: Value = match serde_json::from_str(without_bom(text)) {
        Ok(json) => json,
        Err(error) => {
            report.fault(&place, format!("this is no JSON: {error}"));
            return None;
        }
    };
    let mut reader = Reader { report, known: Vec::new(), definitions: Vec::new() };
    let root = reader.schema(&json, "", &place);
    // They are finished from the inside out, and known from the outside in.
    let Reader { known, mut definitions, .. } = reader;
    definitions.sort_by_key(|definition| known.iter().position(|name| *name == definition.name));
    // What this reader does not look for, such as two branches of one type, is no schema either.
    if report.is_sound()
        && let Err(fault) = pack(text)
    {
        report.fault(&place, format!("no schema that Avro allows: {fault}"));
    }
    root.filter(|_| report.is_sound()).map(|root| Source { definitions, root })
}

struct Reader<'a> {
    report: &'a mut Report,
    known: Vec<FullName>,
    definitions: Vec<Definition>,
}

impl Reader<'_> {
    fn fault<T>(&mut self, place: &Place, what: impl Into<String>) -> Option<T> {
        self.report.fault(place, what);
        None
    }

    fn schema(&mut self, json: &Value, namespace: &str, place: &Place) -> Option<Schema> {
        match json {
            Value::String(name) => self.named(name, None, namespace, place),
            Value::Array(branches) => {
                let branches: Vec<_> = branches
                    .iter()
                    .map(|branch| {
                        let place = place.branch(&branch_name(branch));
                        match self.schema(branch, namespace, &place)? {
                            Schema::Union(_) => self.fault(
                                &place,
                                "a union directly in a union, which Avro has not: write the branches of both in one",
                            ),
                            branch => Some(branch),
                        }
                    })
                    .collect();
                branches.into_iter().collect::<Option<_>>().map(Schema::Union)
            }
            Value::Object(object) => self.object(object, namespace, place),
            _ => self.fault(
                place,
                format!(
                    "`{json}` is no schema: write a name, such as \"string\", or an object with a `type`"
                ),
            ),
        }
    }

    fn named(
        &mut self,
        name: &str,
        logical: Option<String>,
        namespace: &str,
        place: &Place,
    ) -> Option<Schema> {
        if let Some(kind) = Primitive::from_name(name) {
            return Some(Schema::Primitive { kind, logical });
        }
        if let Some(logical) = logical {
            self.report.note(place, format!("the attribute `logicalType` = `{logical}` is not kept"));
        }
        let full = FullName::resolve(name, namespace);
        // A name alone may also be one without a namespace.
        let known =
            [full.clone(), FullName::resolve(name, "")].into_iter().find(|it| self.known.contains(it));
        if let Some(known) = known {
            return Some(Schema::Named(known));
        }
        self.fault(
            place,
            format!(
                "`{full}` is not defined before this place of the file: define it where it stands first; one file holds a whole schema"
            ),
        )
    }

    fn object(&mut self, object: &Map<String, Value>, namespace: &str, place: &Place) -> Option<Schema> {
        let Some(kind) = object.get("type") else {
            return self.fault(place, "a schema has a `type`, and this one has none");
        };
        let logical = object.get("logicalType").and_then(Value::as_str).map(str::to_owned);
        match kind.as_str() {
            Some("record") => self.record(object, namespace, place),
            Some("error") => {
                self.fault(place, "an `error`, which only protocols have: write `\"type\": \"record\"`")
            }
            Some("enum") => self.symbols(object, namespace, place),
            Some("fixed") => self.fixed(object, namespace, place),
            Some("array") => {
                self.unknown(object, &["items"], place);
                let Some(items) = object.get("items") else {
                    return self
                        .fault(place, "an array has the schema of its `items`, and this one has none");
                };
                self.schema(items, namespace, &place.item()).map(|items| Schema::Array(Box::new(items)))
            }
            Some("map") => {
                self.unknown(object, &["values"], place);
                let Some(values) = object.get("values") else {
                    return self.fault(place, "a map has the schema of its `values`, and this one has none");
                };
                self.schema(values, namespace, &place.value()).map(|values| Schema::Map(Box::new(values)))
            }
            Some(name) => {
                // Without a meaning in any other place than a `decimal`.
                let decimal: &[&str] =
                    if logical.as_deref() == Some("decimal") { &["precision", "scale"] } else { &[] };
                self.unknown(object, decimal, place);
                self.named(name, logical, namespace, place)
            }
            None => {
                self.unknown(object, &[], place);
                self.schema(kind, namespace, place)
            }
        }
    }

    fn record(&mut self, object: &Map<String, Value>, namespace: &str, place: &Place) -> Option<Schema> {
        self.unknown(object, &["fields", "doc", "aliases"], place);
        let name = self.define(object, namespace, place)?;
        let Some(Value::Array(fields)) = object.get("fields") else {
            return self.fault(place, format!("the record `{name}` has no `fields`: write `\"fields\": []`"));
        };
        let mut read: Vec<Field> = Vec::new();
        for field in fields {
            let Some(field) = self.field(field, &name.namespace, place) else { continue };
            if read.iter().any(|other| other.labels.name == field.labels.name) {
                let what = format!("the record `{name}` has two fields of this name: rename one");
                self.report.fault(&place.field(&field.labels.name), what);
            }
            read.push(field);
        }
        self.free_aliases(&mut read, place);
        Some(self.finish(object, name, Kind::Record(read), place))
    }

    fn field(&mut self, json: &Value, namespace: &str, record: &Place) -> Option<Field> {
        let Some(name) = json.get("name").and_then(Value::as_str) else {
            return self.fault(record, format!("`{json}` is no field: it has no `name`"));
        };
        let place = record.field(name);
        if !is_avro_name(name) {
            return self.fault(&place, no_name(name));
        }
        let pii = json.get("pii") == Some(&Value::Bool(true));
        let object = json.as_object()?;
        let known: &[&str] =
            if pii { &["doc", "aliases", "default", "pii"] } else { &["doc", "aliases", "default"] };
        self.unknown(object, known, &place);
        let Some(schema) = object.get("type") else {
            return self.fault(&place, "a field has a `type`, and this one has none");
        };
        if let Some(Value::String(logical)) = object.get("logicalType") {
            let what = format!(
                "`logicalType` = `{logical}` stands on the field and means nothing there: put it into its type"
            );
            self.report.note(&place, what);
        }
        let labels = Labels {
            name: name.to_owned(),
            doc: doc(object),
            aliases: self.aliases(object, &place),
            pii,
            default: object.get("default").cloned(),
        };
        Some(Field { labels, schema: self.schema(schema, namespace, &place)? })
    }

    fn symbols(&mut self, object: &Map<String, Value>, namespace: &str, place: &Place) -> Option<Schema> {
        self.unknown(object, &["symbols", "default", "doc", "aliases"], place);
        let name = self.define(object, namespace, place)?;
        let read = object.get("symbols").and_then(Value::as_array).and_then(|symbols| {
            symbols.iter().map(|symbol| symbol.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        let Some(symbols) = read.filter(|symbols| !symbols.is_empty()) else {
            return self
                .fault(place, format!("the enum `{name}` has no `symbols`: an enum has at least one"));
        };
        for (index, symbol) in symbols.iter().enumerate() {
            if !is_avro_name(symbol) {
                self.report.fault(place, no_name(symbol));
            }
            if symbols.iter().take(index).any(|other| other == symbol) {
                self.report.fault(place, format!("the enum `{name}` has the symbol `{symbol}` twice"));
            }
        }
        let default = object.get("default").and_then(Value::as_str).map(str::to_owned);
        if let Some(given) = object.get("default").filter(|given| !given.is_null())
            && default.as_ref().is_none_or(|default| !symbols.contains(default))
        {
            return self
                .fault(place, format!("{given} is no symbol of the enum `{name}`, as its default is"));
        }
        Some(self.finish(object, name, Kind::Enum { symbols, default }, place))
    }

    fn fixed(&mut self, object: &Map<String, Value>, namespace: &str, place: &Place) -> Option<Schema> {
        self.define(object, namespace, place)?;
        match object.get("size").and_then(Value::as_u64) {
            Some(size) => Some(Schema::Fixed(size)),
            None => self.fault(place, "a `fixed` has a `size`, a whole number of bytes"),
        }
    }

    /// Notes the name of a definition before what is in it, which may refer to it.
    fn define(&mut self, object: &Map<String, Value>, enclosing: &str, place: &Place) -> Option<FullName> {
        let Some(text) = object.get("name").and_then(Value::as_str) else {
            return self.fault(place, "a record, enum or fixed has a `name`, and this one has none");
        };
        let own = object.get("namespace").and_then(Value::as_str).unwrap_or(enclosing);
        let name = FullName::resolve(text, own);
        if !is_avro_name(&name.name) {
            return self.fault(place, no_name(&name.name));
        }
        if Primitive::from_name(&name.name).is_some() {
            return self.fault(place, format!("`{text}` is a type of Avro's own: rename this one"));
        }
        if self.known.contains(&name) {
            let what = format!("`{name}` is defined twice: refer to it by name, or rename one of them");
            return self.fault(place, what);
        }
        self.known.push(name.clone());
        Some(name)
    }

    fn finish(&mut self, object: &Map<String, Value>, name: FullName, kind: Kind, place: &Place) -> Schema {
        let aliases = self.aliases(object, place);
        self.definitions.push(Definition { name: name.clone(), doc: doc(object), aliases, kind });
        Schema::Named(name)
    }

    fn aliases(&mut self, object: &Map<String, Value>, place: &Place) -> Vec<String> {
        let mut read = Vec::new();
        for alias in object.get("aliases").and_then(Value::as_array).into_iter().flatten() {
            match alias.as_str() {
                Some(alias) if alias.split('.').all(is_avro_name) => read.push(alias.to_owned()),
                _ => self.report.note(place, format!("the alias {alias} is no Avro name, and is not kept")),
            }
        }
        read
    }

    /// An alias that means two fields means none.
    fn free_aliases(&mut self, fields: &mut [Field], place: &Place) {
        let mut taken: Vec<_> = fields.iter().map(|field| field.labels.name.clone()).collect();
        for field in fields {
            let here = place.field(&field.labels.name);
            field.labels.aliases.retain(|alias| {
                let is_free = !taken.contains(alias);
                if is_free {
                    taken.push(alias.clone());
                } else {
                    let what = format!("the alias `{alias}` means another field too, and is not kept");
                    self.report.note(&here, what);
                }
                is_free
            });
        }
    }

    fn unknown(&mut self, object: &Map<String, Value>, known: &[&str], place: &Place) {
        for key in object.keys().map(String::as_str) {
            if !known.contains(&key) && !ATTRIBUTES.contains(&key) {
                self.report.note(place, format!("the attribute `{key}` is not kept"));
            }
        }
    }
}

fn doc(object: &Map<String, Value>) -> Option<String> {
    object.get("doc").and_then(Value::as_str).map(str::to_owned)
}

fn no_name(text: &str) -> String {
    format!(
        "`{text}` is no Avro name, which has letters a-z and A-Z, digits and `_`, and begins with no digit: rename it"
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
