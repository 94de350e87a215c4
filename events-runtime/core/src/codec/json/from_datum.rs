//! Datum ▶ JSON.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use super::logical::{self, Decimal};
use crate::codec::error::MASK;
use crate::codec::skip::{blocks, branch, nested};
use crate::codec::{DecodeError, DecodeErrorKind, Reader};
use events_schema::tree::Schema;
use events_schema::view::{RecordView, Shape, UnionView, View, text};

/// Whether fields that hold personal data are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalData {
    /// As `"***"`; `null` stays `null`.
    Masked,
    /// Like any other field.
    Shown,
}

/// The JSON form of a datum that takes all of the bytes.
///
/// # Errors
/// The bytes are not a datum of the schema.
pub fn to_json(
    schema: &'static Schema,
    datum: &[u8],
    personal_data: PersonalData,
) -> Result<Value, DecodeError> {
    convert(View::tree(schema), Reader::new(datum), personal_data)
}

/// [`to_json`] of a datum that may hold variants `#[event(other)]`: it was rewritten from an input of this length, or
/// made to be shown.
///
/// # Errors
/// The bytes are not a datum of the schema.
pub(crate) fn rewritten_to_json(
    schema: &'static Schema,
    datum: &[u8],
    input_len: usize,
    personal_data: PersonalData,
) -> Result<Value, DecodeError> {
    convert(View::tree(schema), Reader::rewritten(datum, input_len), personal_data)
}

/// Like [`to_json`], for a schema that is not of this program.
///
/// # Errors
/// The bytes are not a datum of the schema.
#[doc(hidden)]
pub fn to_json_as(schema: View<'_>, datum: &[u8], personal_data: PersonalData) -> Result<Value, DecodeError> {
    convert(schema, Reader::new(datum), personal_data)
}

fn convert(
    schema: View<'_>,
    mut reader: Reader<'_>,
    personal_data: PersonalData,
) -> Result<Value, DecodeError> {
    let converter = DatumToJson { personal_data };
    let value = converter.value(schema, &mut reader)?;
    reader.finish()?;
    Ok(value)
}

struct DatumToJson {
    personal_data: PersonalData,
}

impl DatumToJson {
    fn value(&self, schema: View<'_>, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
        nested(schema, reader, |reader| self.resolved(schema, reader))
    }

    fn resolved(&self, schema: View<'_>, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
        Ok(match (schema.shape(), schema.logical()) {
            (Shape::Null, _) => Value::Null,
            (Shape::Boolean, _) => Value::Bool(reader.boolean()?),
            (Shape::Int | Shape::Long, logical) => {
                let number = reader.long()?;
                let date_or_time =
                    logical.and_then(|logical| logical::number_text(text(logical.name), number));
                date_or_time.map_or_else(|| Value::from(number), Value::String)
            }
            (Shape::Float, _) => float(f64::from(reader.float()?)),
            (Shape::Double, _) => float(reader.double()?),
            (Shape::Bytes, logical) => {
                let bytes = reader.bytes()?;
                let decimal = logical.and_then(Decimal::of).and_then(|decimal| decimal.text(bytes));
                Value::String(decimal.unwrap_or_else(|| logical::base64(bytes)))
            }
            (Shape::Fixed(_, size), _) => Value::String(logical::base64(reader.raw(size)?)),
            (Shape::String, _) => Value::from(reader.string()?),
            (Shape::Array(item), _) => {
                let mut items = Vec::new();
                blocks(reader, |reader| {
                    let index = items.len();
                    items.push(self.value(item, reader).map_err(|error| error.in_item(index))?);
                    Ok(())
                })?;
                Value::Array(items)
            }
            (Shape::Map(value), _) => {
                let mut entries = Map::new();
                blocks(reader, |reader| {
                    let key = reader.string()?.to_owned();
                    let value = self.value(value, reader).map_err(|error| error.in_entry(&key))?;
                    entries.insert(key, value);
                    Ok(())
                })?;
                Value::Object(entries)
            }
            (Shape::Enum(view), _) => {
                let index = reader.long()?;
                let symbols = view.symbols.len();
                match usize::try_from(index) {
                    Ok(index) if index < symbols => Value::from(text(view.symbols.get(index))),
                    _ => return Err(reader.error(DecodeErrorKind::UnknownSymbol { index, symbols })),
                }
            }
            (Shape::Union(union @ UnionView::Nullable { .. }), _) => {
                branch(schema, union, reader, |schema, reader| self.value(schema, reader))?
            }
            (Shape::Union(union), _) => {
                if let Some(other) = other_at(union, reader)? {
                    return Ok(Value::Object(Map::from_iter([(other, Value::Object(Map::new()))])));
                }
                branch(schema, union, reader, |schema, reader| match schema.shape() {
                    Shape::Record(record) => {
                        let fields = self.record(record, reader)?;
                        Ok(Value::Object(Map::from_iter([(record.name.short_text(), fields)])))
                    }
                    _ => self.value(schema, reader),
                })?
            }
            (Shape::Record(record), _) => self.record(record, reader)?,
        })
    }

    fn record(&self, record: RecordView<'_>, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
        let mut fields = Map::new();
        for index in 0..record.len() {
            let field = record.field(index);
            let name = text(field.name);
            let masked = field.pii && self.personal_data == PersonalData::Masked;
            let mut value = self.value(field.schema, reader).map_err(|error| {
                let name = Cow::Owned(name.to_owned());
                if masked { error.in_pii_field(name) } else { error.in_any_field(name) }
            })?;
            if masked && !value.is_null() {
                value = Value::from(MASK);
            }
            fields.insert(name.to_owned(), value);
        }
        Ok(Value::Object(fields))
    }
}

/// The name of the union's variant `#[event(other)]`, if the reader is at one. Reads past it.
fn other_at(union: UnionView<'_>, reader: &mut Reader<'_>) -> Result<Option<String>, DecodeError> {
    if !reader.has_other() || !union.has_other() {
        return Ok(None);
    }
    let mut ahead = reader.clone();
    if usize::try_from(ahead.long()?) != Ok(union.len()) {
        return Ok(None);
    }
    *reader = ahead;
    Ok(union.other())
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
