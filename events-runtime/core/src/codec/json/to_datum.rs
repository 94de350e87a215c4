//! JSON ▶ datum, with all mismatches reported at once.

use std::fmt;

use serde_json::{Map, Value};

use super::logical::{self, Decimal};
use crate::codec::{MAX_DEPTH, other, varint};
use events_schema::tree::Schema;
use events_schema::view::{FieldView, LogicalView, RecordView, Shape, Texts, UnionView, View, text};

/// A part of a JSON value that does not match the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonMismatch {
    path: String,
    message: String,
}

impl JsonMismatch {
    /// The path to the part, such as `lines[3].price`; empty for the value itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong and what is expected.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for JsonMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// All mismatches of a JSON value and a schema; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError(Vec<JsonMismatch>);

impl JsonError {
    /// The mismatches, in the order of the schema.
    pub fn mismatches(&self) -> &[JsonMismatch] {
        &self.0
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "the JSON does not match the schema: {only}"),
            many => {
                write!(f, "the JSON does not match the schema in {} places:", many.len())?;
                many.iter().try_for_each(|mismatch| write!(f, "\n  {mismatch}"))
            }
        }
    }
}

impl std::error::Error for JsonError {}

/// The datum of a JSON value.
///
/// # Errors
/// The value does not match the schema. The error has all mismatches.
pub fn from_json(schema: &'static Schema, value: &Value) -> Result<Vec<u8>, JsonError> {
    let mut writer = JsonToDatum::default();
    writer.value(View::tree(schema), value);
    if writer.mismatches.is_empty() { Ok(writer.datum) } else { Err(JsonError(writer.mismatches)) }
}

#[derive(Default)]
struct JsonToDatum {
    path: String,
    depth: usize,
    datum: Vec<u8>,
    mismatches: Vec<JsonMismatch>,
}

impl JsonToDatum {
    fn mismatch(&mut self, message: impl Into<String>) {
        self.mismatches.push(JsonMismatch { path: self.path.clone(), message: message.into() });
    }

    fn expected(&mut self, expected: &str, found: &Value) {
        self.mismatch(format!("expected {expected}, found {}", describe(found)));
    }

    /// Calls `run` with a longer path.
    fn at(&mut self, segment: fmt::Arguments<'_>, run: impl FnOnce(&mut Self)) {
        let len = self.path.len();
        self.path.push_str(&segment.to_string());
        run(self);
        self.path.truncate(len);
    }

    fn at_field(&mut self, name: &str, run: impl FnOnce(&mut Self)) {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.at(format_args!("{dot}{name}"), run);
    }

    fn long(&mut self, value: i64) {
        varint::append(value, &mut self.datum);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.datum.extend_from_slice(bytes);
    }

    fn length(&mut self, length: usize) {
        // No allocation is longer than this.
        self.long(i64::try_from(length).unwrap_or(i64::MAX));
    }

    fn value(&mut self, schema: View<'static>, value: &Value) {
        match schema.logical() {
            Some(logical) => self.logical(schema.shape(), logical, value),
            None => self.plain_value(schema.shape(), value),
        }
    }

    /// Writes a value without its logical type.
    fn plain_value(&mut self, shape: Shape<'static>, value: &Value) {
        match (shape, value) {
            (Shape::Null, Value::Null) => {}
            (Shape::Null, other) => self.expected("null", other),
            (Shape::Boolean, Value::Bool(value)) => self.datum.push(u8::from(*value)),
            (Shape::Boolean, other) => self.expected("true or false", other),
            (Shape::Int, value) => self.integer(i64::from(i32::MIN)..=i64::from(i32::MAX), value),
            (Shape::Long, value) => self.integer(i64::MIN..=i64::MAX, value),
            (Shape::Float, value) => self.single(value),
            (Shape::Double, value) => self.float(value, |datum, value| {
                datum.extend_from_slice(&value.to_le_bytes());
            }),
            (Shape::Bytes, Value::String(text)) => match logical::from_base64(text) {
                Some(bytes) => self.bytes(&bytes),
                None => self.mismatch("expected bytes in base64, with padding"),
            },
            (Shape::Fixed(_, size), Value::String(text)) => match logical::from_base64(text) {
                Some(bytes) if bytes.len() == size => self.datum.extend_from_slice(&bytes),
                _ => self.mismatch(format!("expected {size} bytes in base64, with padding")),
            },
            (Shape::Bytes | Shape::Fixed(..), other) => self.expected("bytes in base64 as a string", other),
            (Shape::String, Value::String(text)) => self.bytes(text.as_bytes()),
            (Shape::String, other) => self.expected("a string", other),
            (Shape::Array(item), Value::Array(items)) => {
                self.block(items.len());
                for (index, value) in items.iter().enumerate() {
                    self.at(format_args!("[{index}]"), |writer| writer.value(item, value));
                }
                self.long(0);
            }
            (Shape::Array(_), other) => self.expected("an array", other),
            (Shape::Map(inner), Value::Object(entries)) => {
                self.block(entries.len());
                for (key, value) in entries {
                    self.bytes(key.as_bytes());
                    self.at(format_args!("[{key:?}]"), |writer| writer.value(inner, value));
                }
                self.long(0);
            }
            (Shape::Map(_), other) => self.expected("an object", other),
            (Shape::Enum(view), value) => self.symbol(view.symbols, value),
            (
                Shape::Union(UnionView::Nullable { .. } | UnionView::Records { null: true, .. }),
                Value::Null,
            ) => self.long(0),
            (Shape::Union(union @ UnionView::Nullable { .. }), value) => {
                self.long(1);
                self.value(union.branch(1), value);
            }
            (Shape::Union(union), value) => self.branch(union, value),
            (Shape::Record(record), Value::Object(fields)) => self.record(record, fields),
            (Shape::Record(record), other) => {
                let expected = format!("an object with the fields of `{}`", text(record.name.base));
                self.expected(&expected, other);
            }
        }
    }

    fn block(&mut self, items: usize) {
        if items > 0 {
            self.length(items);
        }
    }

    fn integer(&mut self, range: std::ops::RangeInclusive<i64>, value: &Value) {
        match value.as_number().and_then(super::whole) {
            Some(number) if range.contains(&number) => self.long(number),
            _ if value.is_number() => {
                let (low, high) = range.into_inner();
                self.mismatch(format!("{value} is not a whole number from {low} to {high}"));
            }
            _ => self.expected("a whole number", value),
        }
    }

    fn single(&mut self, value: &Value) {
        #[allow(clippy::cast_possible_truncation, reason = "a JSON number has double precision")]
        let single = |number: f64| number as f32;
        match value.as_f64() {
            Some(number) if single(number).is_infinite() => {
                self.mismatch(format!("{value} is not a number from {} to {}", f32::MIN, f32::MAX));
            }
            _ => self.float(value, |datum, number| datum.extend_from_slice(&single(number).to_le_bytes())),
        }
    }

    fn float(&mut self, value: &Value, write: impl FnOnce(&mut Vec<u8>, f64)) {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                _ => None,
            },
            _ => None,
        };
        match number {
            Some(number) => write(&mut self.datum, number),
            None => self.expected("a number, or \"NaN\", \"Infinity\", \"-Infinity\"", value),
        }
    }

    fn logical(&mut self, shape: Shape<'static>, logical: LogicalView<'static>, value: &Value) {
        let name = text(logical.name);
        match (shape, value) {
            (Shape::Int | Shape::Long, Value::String(text)) => {
                match (logical::text_number(name, text), logical::number_example(name)) {
                    (Some(number), _) => self.plain_value(shape, &Value::from(number)),
                    (None, Some(example)) => self.expected(example, value),
                    (None, None) => self.plain_value(shape, value),
                }
            }
            (Shape::Int | Shape::Long, Value::Number(_)) => self.plain_value(shape, value),
            (Shape::Int | Shape::Long, other) => {
                self.expected(logical::number_example(name).unwrap_or("a whole number"), other);
            }
            (Shape::Bytes, value) => match (Decimal::of(logical), value) {
                (Some(decimal), Value::String(text)) => self.decimal(decimal, text),
                // Most JSON parsers read a number as a double.
                (Some(_), _) => self.expected("a decimal number in quotes such as \"12.30\"", value),
                (None, _) => self.plain_value(shape, value),
            },
            (Shape::String, Value::String(text))
                if name == "uuid" && uuid::Uuid::try_parse(text).is_err() =>
            {
                self.expected("a UUID such as \"0190a6e0-2b3c-7d4e-8f50-112233445566\"", value);
            }
            _ => self.plain_value(shape, value),
        }
    }

    fn decimal(&mut self, decimal: Decimal, text: &str) {
        match (decimal.bytes(text), decimal) {
            (Some(bytes), _) => self.bytes(&bytes),
            (None, Decimal::Own) => self.expected("a decimal number such as \"12.30\"", &Value::from(text)),
            (None, Decimal::Fixed(scale)) => {
                let expected = format!("a decimal number with at most {scale} digits after the point");
                self.expected(&expected, &Value::from(text));
            }
        }
    }

    fn symbol(&mut self, symbols: Texts<'static>, value: &Value) {
        let found = value.as_str().and_then(|symbol| symbols.position(symbol.as_bytes()));
        match found {
            Some(index) => self.length(index),
            None => self.expected(&one_of((0..symbols.len()).map(|at| text(symbols.get(at)))), value),
        }
    }

    fn branch(&mut self, union: UnionView<'static>, value: &Value) {
        let (name, fields) = match value {
            Value::String(name) => (Some(name), None),
            Value::Object(object) if object.len() == 1 => object.iter().next().unzip(),
            _ => (None, None),
        };
        let mut records = records(union).map(|(index, record)| (index, record, record.name.short_text()));
        let Some((index, record, name)) = records.find(|(.., known)| Some(known) == name) else {
            if name.is_some() && union.other().as_ref() == name {
                return self.mismatch(other::UNWRITABLE);
            }
            let names: Vec<_> = self::records(union).map(|(_, record)| record.name.short_text()).collect();
            let of = one_of(names.iter().map(String::as_str));
            let example = names.first().map_or("Name", String::as_str);
            let expected = format!("an object of one entry, {of}, such as {{\"{example}\": {{…}}}}");
            return self.expected(&expected, value);
        };
        self.length(index);
        let none = Value::Object(Map::new());
        self.at_field(&name, |writer| match fields.unwrap_or(&none) {
            Value::Object(fields) => writer.record(record, fields),
            other => writer.expected("an object", other),
        });
    }

    fn record(&mut self, record: RecordView<'static>, fields: &Map<String, Value>) {
        if self.depth == MAX_DEPTH {
            return self.mismatch(format!("nested more than {MAX_DEPTH} levels deep"));
        }
        self.depth += 1;
        for field in self::fields(record) {
            let name = text(field.name);
            self.at_field(name, |writer| match fields.get(name) {
                Some(value) => writer.value(field.schema, value),
                None => writer.absent(field),
            });
        }
        for name in fields.keys() {
            if record.position(name.as_bytes()).is_none() {
                let known = one_of(self::fields(record).map(|field| text(field.name)));
                self.at_field(name, |writer| {
                    writer.mismatch(format!("unknown field, expected one of {known}"));
                });
            }
        }
        self.depth -= 1;
    }

    /// Writes the default of a field that the JSON lacks; null is the default of a field that may be null.
    fn absent(&mut self, field: FieldView<'static>) {
        match field.default.map(serde_json::from_slice) {
            Some(Ok(default)) => {
                let default = self.plain(field.schema, default);
                self.value(field.schema, &default);
            }
            _ => self.mismatch("missing, and has no default"),
        }
    }

    /// Converts a default from Avro's form: there, bytes are a string of the characters 0 to 255, and the
    /// default of a union is a bare value of the first branch that it matches.
    fn plain(&mut self, schema: View<'static>, default: Value) -> Value {
        let latin =
            |text: &str| text.chars().map(|c| u8::try_from(c).unwrap_or_default()).collect::<Vec<_>>();
        match (schema.shape(), default) {
            (Shape::Bytes | Shape::Fixed(..), Value::String(text)) => {
                let bytes = latin(&text);
                let decimal = schema.logical().and_then(Decimal::of).and_then(|decimal| decimal.text(&bytes));
                Value::String(decimal.unwrap_or_else(|| logical::base64(&bytes)))
            }
            (Shape::Array(item), Value::Array(items)) => {
                items.into_iter().map(|value| self.plain(item, value)).collect()
            }
            (Shape::Map(inner), Value::Object(entries)) => {
                entries.into_iter().map(|(key, value)| (key, self.plain(inner, value))).collect()
            }
            (Shape::Union(_), Value::Null) => Value::Null,
            (Shape::Union(union @ UnionView::Nullable { .. }), value) => self.plain(union.branch(1), value),
            (Shape::Union(union), value) => {
                let mut branches = records(union).map(|(_, record)| {
                    let fields = self.plain_record(record, value.clone());
                    (self.is_record(record, &fields), record, fields)
                });
                match branches.find(|(fits, ..)| *fits) {
                    Some((_, record, fields)) => {
                        Value::Object(Map::from_iter([(record.name.short_text(), fields)]))
                    }
                    None => value,
                }
            }
            (Shape::Record(record), value) => self.plain_record(record, value),
            (_, value) => value,
        }
    }

    /// Whether a value matches a record. Writes the value and discards the result.
    fn is_record(&mut self, record: RecordView<'static>, value: &Value) -> bool {
        let Value::Object(fields) = value else { return false };
        let (datum, mismatches) = (self.datum.len(), self.mismatches.len());
        self.record(record, fields);
        let fits = self.mismatches.len() == mismatches;
        self.datum.truncate(datum);
        self.mismatches.truncate(mismatches);
        fits
    }

    fn plain_record(&mut self, record: RecordView<'static>, default: Value) -> Value {
        let Value::Object(fields) = default else { return default };
        let plain = |(name, value): (String, Value)| {
            let value = match record.position(name.as_bytes()) {
                Some(index) => self.plain(record.field(index).schema, value),
                None => value,
            };
            (name, value)
        };
        fields.into_iter().map(plain).collect()
    }
}

/// The records of a union, with their indexes.
fn records(union: UnionView<'static>) -> impl Iterator<Item = (usize, RecordView<'static>)> {
    (0..union.len()).filter_map(move |index| match union.branch(index).shape() {
        Shape::Record(record) => Some((index, record)),
        _ => None,
    })
}

fn fields(record: RecordView<'static>) -> impl Iterator<Item = FieldView<'static>> {
    (0..record.len()).map(move |index| record.field(index))
}

fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.chars().count() <= 40 => format!("{text:?}"),
        Value::String(_) => "a long string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
