//! A published version as a tree, for the simulator: programs of older versions read with it.

use std::collections::HashMap;

use super::{Enum, Field, Json, JsonKind, Logical, Name, Origin, Record, Reference, Schema, Union};
use crate::text::Form;
use crate::view::{LogicalView, NameView, RecordView, Shape, Texts, UnionView, View, text};

/// The tree of a packed schema. Its allocations are never freed, since trees are constants otherwise.
///
/// `None` if no definition has such a schema: one with a `fixed`, a union of other types than records, or a
/// recursive enum.
#[must_use]
pub fn tree_of_packed(packed: &'static [u8]) -> Option<&'static Schema> {
    Builder::default().schema(View::packed(packed))
}

/// The text of a tree, with docs, defaults, aliases and logical types.
#[must_use]
pub fn text_of(schema: &'static Schema) -> String {
    crate::text::text(schema, Form::Json)
}

/// The full name of a type.
type FullName = (&'static [u8], &'static [u8]);

#[derive(Default)]
struct Builder {
    /// `None` while the record is being built: inside of itself it is a reference.
    records: HashMap<FullName, Option<&'static Record>>,
    enums: HashMap<FullName, &'static Schema>,
}

fn leaked<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn slice<T>(values: Vec<T>) -> &'static [T] {
    Vec::leak(values)
}

impl Builder {
    fn schema(&mut self, view: View<'static>) -> Option<&'static Schema> {
        let schema = match view.shape() {
            Shape::Null => Schema::Null,
            Shape::Boolean => Schema::Boolean,
            Shape::Int => Schema::Int,
            Shape::Long => Schema::Long,
            Shape::Float => Schema::Float,
            Shape::Double => Schema::Double,
            Shape::Bytes => Schema::Bytes,
            Shape::String => Schema::String,
            Shape::Array(items) => Schema::Array(self.schema(items)?),
            Shape::Map(values) => Schema::Map(self.schema(values)?),
            Shape::Union(union) => self.union(union)?,
            Shape::Record(record) => match self.record(record)? {
                Some(record) => Schema::Record(record),
                None => Schema::Ref(leaked(Reference { name: name(record.name), origin: ORIGIN })),
            },
            Shape::Enum(symbols) => {
                let full_name = (symbols.name.namespace, symbols.name.base);
                let default = symbols.default.map(|index| text(symbols.symbols.get(index)));
                let new = || {
                    leaked(Schema::Enum(leaked(Enum {
                        name: name(symbols.name),
                        origin: ORIGIN,
                        aliases: texts(symbols.name.aliases),
                        attributes: "",
                        symbols: texts(symbols.symbols),
                        default,
                        digest: 0,
                    })))
                };
                return Some(self.enums.entry(full_name).or_insert_with(new));
            }
            Shape::Fixed(..) => return None,
        };
        Some(leaked(match view.logical() {
            Some(of) => Schema::Logical(leaked(logical(schema, of))),
            None => schema,
        }))
    }

    fn union(&mut self, union: UnionView<'static>) -> Option<Schema> {
        let mut branches = (0..union.len()).map(|index| union.branch(index)).collect::<Vec<_>>();
        let is_nullable = branches.first().is_some_and(|first| matches!(first.shape(), Shape::Null));
        if is_nullable {
            branches.remove(0);
        }
        let inner = match branches.as_slice() {
            [only] if is_nullable && !union.has_other() => self.schema(*only)?,
            records => {
                let records = records.iter().map(|branch| match branch.shape() {
                    Shape::Record(record) => self.record(record)?,
                    _ => None,
                });
                let branches = slice(records.collect::<Option<Vec<_>>>()?);
                let name = Name { base: "", arguments: &[], namespace: None };
                let other = union.other().map(|name| &*name.leak());
                leaked(Schema::Union(leaked(Union { name, branches, other })))
            }
        };
        Some(if is_nullable { Schema::Nullable(inner) } else { *inner })
    }

    /// The record; inside of itself `Some(None)`.
    #[allow(clippy::option_option, reason = "a reference and an unsupported schema are different")]
    fn record(&mut self, record: RecordView<'static>) -> Option<Option<&'static Record>> {
        let full_name = (record.name.namespace, record.name.base);
        if let Some(known) = self.records.get(&full_name) {
            return Some(*known);
        }
        self.records.insert(full_name, None);
        let fields = (0..record.len()).map(|index| {
            let field = record.field(index);
            Some(Field {
                name: text(field.name),
                aliases: texts(field.aliases),
                attributes: "",
                schema: self.schema(field.schema)?,
                may_be_falsy: true,
                // The kind is for checks of definitions.
                default: field.default.map(|json| Json { text: text(json), kind: JsonKind::Null }),
                python_default: None,
                pii: false,
                digest: 0,
            })
        });
        let fields = slice(fields.collect::<Option<Vec<_>>>()?);
        let built = leaked(Record {
            name: name(record.name),
            origin: ORIGIN,
            aliases: texts(record.name.aliases),
            attributes: "",
            fields,
            digest: 0,
        });
        self.records.insert(full_name, Some(built));
        Some(Some(built))
    }
}

const ORIGIN: Origin = Origin::new("a published version", "its schema file");

fn name(name: NameView<'static>) -> Name {
    Name { base: text(name.base), arguments: &[], namespace: Some(text(name.namespace)) }
}

fn texts(texts: Texts<'static>) -> &'static [&'static str] {
    slice((0..texts.len()).map(|index| text(texts.get(index))).collect())
}

fn logical(base: Schema, of: LogicalView<'static>) -> Logical {
    let name = text(of.name);
    let numbers = if name == "decimal" {
        format!(",\"precision\":{},\"scale\":{}", of.precision, of.scale)
    } else {
        String::new()
    };
    Logical { base, name, attributes: String::leak(format!("\"logicalType\":\"{name}\"{numbers}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::pack;

    #[test]
    fn a_tree_of_a_packed_schema_has_its_text() {
        let published = r#"{"type":"record","name":"Placed","namespace":"org.acme","fields":[
            {"name":"id","aliases":["number"],"type":{"type":"string","logicalType":"uuid"}},
            {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
            {"name":"note","type":["null","string"],"default":null},
            {"name":"count","type":"int","default":3},
            {"name":"state","type":{"type":"enum","name":"State","symbols":["OPEN","DONE"],"default":"OPEN"}},
            {"name":"last","type":"State"},
            {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
                {"name":"more","type":["null","Line"],"default":null}]}}},
            {"name":"paid","type":[
                {"type":"record","name":"PaidCash","other":"PaidUnknown","fields":[]},
                {"type":"record","name":"PaidCard","fields":[{"name":"digits","type":"string"}]}]},
            {"name":"by_name","type":{"type":"map","values":"Line"}}]}"#;
        let packed = pack(published).unwrap();
        let tree = tree_of_packed(packed.bytes.clone().leak()).unwrap();
        let written = pack(&text_of(tree)).unwrap();
        assert_eq!(written.canonical, packed.canonical);
        assert_eq!(written.bytes, packed.bytes, "with defaults, aliases and logical types");
    }

    #[test]
    fn a_schema_that_no_definition_has_gives_no_tree() {
        for schema in [
            r#"{"type":"fixed","name":"F","size":4}"#,
            r#"["string","long"]"#,
            r#"{"type":"record","name":"A","fields":[{"name":"a","type":["A",{"type":"record","name":"B","fields":[]}]}]}"#,
        ] {
            assert!(tree_of_packed(pack(schema).unwrap().bytes.leak()).is_none(), "{schema}");
        }
    }
}
