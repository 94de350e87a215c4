//! Datum ▶ JSON.

use serde_json::{Map, Number, Value};

use super::logical::{self, Decimal};
use crate::avro::error::MASK;
use crate::avro::skip::{blocks, branch_of, deeper, unknown};
use crate::avro::{DecodeError, DecodeErrorKind, Reader};
use events_schema::definitions::{Definitions, Place, short_name};
use events_schema::tree::{Record, Schema};

/// Whether fields that hold personal data are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalData {
    /// Each such value is `"***"`; an absent one stays `null`.
    Masked,
    /// As any other field.
    Shown,
}

/// The JSON form of a datum that takes all of the bytes.
///
/// # Errors
/// The bytes are no datum of the schema.
pub fn to_json(
    schema: &'static Schema,
    datum: &[u8],
    personal_data: PersonalData,
) -> Result<Value, DecodeError> {
    let walk = Walk { definitions: Definitions::of(schema), personal_data };
    let mut reader = Reader::new(datum);
    let value = walk.value(Place::root(schema), &mut reader)?;
    reader.finish()?;
    Ok(value)
}

struct Walk {
    definitions: Definitions,
    personal_data: PersonalData,
}

impl Walk {
    fn value(&self, place: Place, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
        deeper(place.schema, reader, |reader| self.resolved(self.definitions.resolve(place), reader))
    }

    fn resolved(&self, place: Place, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
        Ok(match place.schema {
            Schema::Null | Schema::Ref(_) => Value::Null,
            Schema::Boolean => Value::Bool(reader.boolean()?),
            Schema::Int | Schema::Long => Value::from(reader.long()?),
            Schema::Float => float(f64::from(reader.float()?)),
            Schema::Double => float(reader.double()?),
            Schema::Bytes => Value::String(logical::base64(reader.bytes()?)),
            Schema::String => Value::from(reader.string()?),
            Schema::Logical(schema) => match schema.base {
                Schema::Int | Schema::Long => {
                    let number = reader.long()?;
                    logical::number_text(schema.name, number)
                        .map_or_else(|| Value::from(number), Value::String)
                }
                Schema::Bytes => {
                    let bytes = reader.bytes()?;
                    let text = Decimal::of(schema).and_then(|decimal| decimal.text(bytes));
                    Value::String(text.unwrap_or_else(|| logical::base64(bytes)))
                }
                _ => self.value(place.inner(&schema.base), reader)?,
            },
            Schema::Array(item) => {
                let mut items = Vec::new();
                blocks(reader, |reader| {
                    let index = items.len();
                    let item = self.value(place.inner(item), reader);
                    items.push(item.map_err(|fault| fault.in_item(index))?);
                    Ok(())
                })?;
                Value::Array(items)
            }
            Schema::Map(inner) => {
                let mut entries = Map::new();
                blocks(reader, |reader| {
                    let key = reader.string()?.to_owned();
                    let value = self.value(place.inner(inner), reader);
                    let value = value.map_err(|fault| fault.in_entry(&key))?;
                    entries.insert(key, value);
                    Ok(())
                })?;
                Value::Object(entries)
            }
            Schema::Enum(symbols) => {
                let index = reader.long()?;
                let symbol = usize::try_from(index).ok().and_then(|at| symbols.symbols.get(at));
                let symbols = symbols.symbols.len();
                let symbol =
                    symbol.ok_or_else(|| reader.error(DecodeErrorKind::UnknownSymbol { index, symbols }))?;
                Value::from(*symbol)
            }
            Schema::Nullable(inner) => {
                let branch = reader.long()?;
                match self.definitions.union(inner, place.namespace) {
                    _ if branch == 0 => Value::Null,
                    Some(union) => {
                        let record = branch_of(union.branches, branch.wrapping_sub(1))
                            .ok_or_else(|| unknown(reader, branch, union.branches.len() + 1))?;
                        deeper(*inner, reader, |reader| self.branch(place, record, reader))?
                    }
                    None if branch == 1 => self.value(place.inner(inner), reader)?,
                    None => return Err(unknown(reader, branch, 2)),
                }
            }
            Schema::Union(union) => {
                let branch = reader.long()?;
                let record = branch_of(union.branches, branch)
                    .ok_or_else(|| unknown(reader, branch, union.branches.len()))?;
                self.branch(place, record, reader)?
            }
            Schema::Record(record) => self.record(place, record, reader)?,
        })
    }

    fn branch(
        &self,
        place: Place,
        record: &'static Record,
        reader: &mut Reader<'_>,
    ) -> Result<Value, DecodeError> {
        let fields = self.record(place, record, reader)?;
        Ok(Value::Object(Map::from_iter([(short_name(&record.name), fields)])))
    }

    fn record(
        &self,
        place: Place,
        record: &'static Record,
        reader: &mut Reader<'_>,
    ) -> Result<Value, DecodeError> {
        let inner = place.within(record);
        let mut fields = Map::new();
        for field in record.fields {
            let value = self.value(inner.inner(field.schema), reader);
            let masked = field.pii && self.personal_data == PersonalData::Masked;
            let mut value = value.map_err(|fault| {
                if masked { fault.in_pii_field(field.name) } else { fault.in_field(field.name) }
            })?;
            if masked && !value.is_null() {
                value = Value::from(MASK);
            }
            fields.insert(field.name.to_owned(), value);
        }
        Ok(Value::Object(fields))
    }
}

fn float(value: f64) -> Value {
    Number::from_f64(value).map_or_else(
        || {
            let name = match value {
                f64::INFINITY => "Infinity",
                f64::NEG_INFINITY => "-Infinity",
                _ => "NaN",
            };
            Value::from(name)
        },
        Value::Number,
    )
}
