//! JSON ▶ datum, with every fault named at once.

use std::fmt;

use serde_json::{Map, Value};

use super::logical::{self, Decimal};
use crate::avro::{MAX_DEPTH, varint};
use events_schema::definitions::{Definitions, Place, short_name};
use events_schema::tree::{Enum, Field, Logical, Record, Schema};

/// One thing in a JSON value that the schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonFault {
    path: String,
    message: String,
}

impl JsonFault {
    /// Where: `lines[3].price`; empty for the value itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong and what to write.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything in a JSON value that the schema does not allow; there is at least one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonFaults(Vec<JsonFault>);

impl JsonFaults {
    /// The faults, in the order of the schema.
    pub fn faults(&self) -> &[JsonFault] {
        &self.0
    }
}

impl fmt::Display for JsonFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "the JSON does not fit the schema: {only}"),
            many => {
                write!(f, "the JSON does not fit the schema in {} places:", many.len())?;
                many.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

impl std::error::Error for JsonFaults {}

/// The datum of a JSON value.
///
/// # Errors
/// [`JsonFaults`] that name everything that does not fit.
pub fn from_json(schema: &'static Schema, value: &Value) -> Result<Vec<u8>, JsonFaults> {
    let mut walk = Walk {
        definitions: Definitions::of(schema),
        path: String::new(),
        depth: 0,
        datum: Vec::new(),
        faults: Vec::new(),
    };
    walk.value(Place::root(schema), value);
    if walk.faults.is_empty() { Ok(walk.datum) } else { Err(JsonFaults(walk.faults)) }
}

struct Walk {
    definitions: Definitions,
    path: String,
    depth: usize,
    datum: Vec<u8>,
    faults: Vec<JsonFault>,
}

impl Walk {
    fn fault(&mut self, message: impl Into<String>) {
        self.faults.push(JsonFault { path: self.path.clone(), message: message.into() });
    }

    fn expected(&mut self, expected: &str, found: &Value) {
        self.fault(format!("expected {expected}, found {}", describe(found)));
    }

    /// Runs with a longer path.
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
        let (bytes, len) = varint::to_bytes(varint::zigzag(value));
        self.datum.extend_from_slice(bytes.get(..len).unwrap_or_default());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        // No allocation is longer than this.
        self.long(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        self.datum.extend_from_slice(bytes);
    }

    fn value(&mut self, place: Place, value: &Value) {
        let place = self.definitions.resolve(place);
        match (place.schema, value) {
            (Schema::Null | Schema::Ref(_), Value::Null) => {}
            (Schema::Null | Schema::Ref(_), other) => self.expected("null", other),
            (Schema::Boolean, Value::Bool(value)) => self.datum.push(u8::from(*value)),
            (Schema::Boolean, other) => self.expected("true or false", other),
            (Schema::Int, value) => self.integer(i64::from(i32::MIN)..=i64::from(i32::MAX), value),
            (Schema::Long, value) => self.integer(i64::MIN..=i64::MAX, value),
            (Schema::Float, value) => self.single(value),
            (Schema::Double, value) => self.float(value, |datum, value| {
                datum.extend_from_slice(&value.to_le_bytes());
            }),
            (Schema::Bytes, Value::String(text)) => match logical::from_base64(text) {
                Some(bytes) => self.bytes(&bytes),
                None => self.fault("expected bytes in base64, with padding"),
            },
            (Schema::Bytes, other) => self.expected("bytes in base64 as a string", other),
            (Schema::String, Value::String(text)) => self.bytes(text.as_bytes()),
            (Schema::String, other) => self.expected("a string", other),
            (Schema::Logical(schema), value) => self.logical(place, schema, value),
            (Schema::Array(item), Value::Array(items)) => {
                self.block(items.len());
                for (index, value) in items.iter().enumerate() {
                    self.at(format_args!("[{index}]"), |walk| walk.value(place.inner(item), value));
                }
                self.long(0);
            }
            (Schema::Array(_), other) => self.expected("an array", other),
            (Schema::Map(inner), Value::Object(entries)) => {
                self.block(entries.len());
                for (key, value) in entries {
                    self.bytes(key.as_bytes());
                    self.at(format_args!("[{key:?}]"), |walk| walk.value(place.inner(inner), value));
                }
                self.long(0);
            }
            (Schema::Map(_), other) => self.expected("an object", other),
            (Schema::Enum(symbols), value) => self.symbol(symbols, value),
            (Schema::Nullable(_), Value::Null) => self.long(0),
            (Schema::Nullable(inner), value) => {
                if let Some(union) = self.definitions.union(inner, place.namespace) {
                    self.branch(place, union.branches, 1, value);
                } else {
                    self.long(1);
                    self.value(place.inner(inner), value);
                }
            }
            (Schema::Union(union), value) => self.branch(place, union.branches, 0, value),
            (Schema::Record(record), Value::Object(fields)) => self.record(place, record, fields),
            (Schema::Record(record), other) => {
                let expected = format!("an object with the fields of `{}`", record.name.base);
                self.expected(&expected, other);
            }
        }
    }

    fn block(&mut self, items: usize) {
        if items > 0 {
            self.long(i64::try_from(items).unwrap_or(i64::MAX));
        }
    }

    fn integer(&mut self, range: std::ops::RangeInclusive<i64>, value: &Value) {
        match value.as_number().and_then(super::whole) {
            Some(number) if range.contains(&number) => self.long(number),
            _ if value.is_number() => {
                let (low, high) = range.into_inner();
                self.fault(format!("{value} is no whole number from {low} to {high}"));
            }
            _ => self.expected("a whole number", value),
        }
    }

    fn single(&mut self, value: &Value) {
        #[allow(clippy::cast_possible_truncation, reason = "a JSON number has no single precision")]
        let single = |number: f64| number as f32;
        match value.as_f64() {
            Some(number) if single(number).is_infinite() => {
                self.fault(format!("{value} is no number from {} to {}", f32::MIN, f32::MAX));
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

    fn logical(&mut self, place: Place, schema: &'static Logical, value: &Value) {
        let below = place.inner(&schema.base);
        match (schema.base, value) {
            (Schema::Int | Schema::Long, Value::String(text)) => {
                match (logical::text_number(schema.name, text), logical::number_example(schema.name)) {
                    (Some(number), _) => self.value(below, &Value::from(number)),
                    (None, Some(example)) => self.expected(example, value),
                    (None, None) => self.value(below, value),
                }
            }
            (Schema::Int | Schema::Long, Value::Number(_)) => self.value(below, value),
            (Schema::Int | Schema::Long, other) => {
                let example = logical::number_example(schema.name).unwrap_or("a whole number");
                self.expected(example, other);
            }
            (Schema::Bytes, value) => match (Decimal::of(schema), value) {
                (Some(decimal), Value::String(text)) => self.decimal(decimal, text),
                // A JSON number is a double to most that write it.
                (Some(_), _) => self.expected("a decimal number in quotes such as \"12.30\"", value),
                (None, _) => self.value(below, value),
            },
            (Schema::String, Value::String(text))
                if schema.name == "uuid" && uuid::Uuid::try_parse(text).is_err() =>
            {
                self.expected("a UUID such as \"0190a6e0-2b3c-7d4e-8f50-112233445566\"", value);
            }
            _ => self.value(below, value),
        }
    }

    fn decimal(&mut self, decimal: Decimal, text: &str) {
        match (decimal.bytes(text), decimal) {
            (Some(bytes), _) => self.bytes(&bytes),
            (None, Decimal::Own) => self.expected("a decimal number such as \"12.30\"", &Value::from(text)),
            (None, Decimal::Fixed(scale)) => {
                let expected = format!("a decimal number with at most {scale} digits behind the point");
                self.expected(&expected, &Value::from(text));
            }
        }
    }

    fn symbol(&mut self, symbols: &Enum, value: &Value) {
        let Value::String(text) = value else {
            return self.expected(&one_of(symbols.symbols.iter().copied()), value);
        };
        match symbols.symbols.iter().position(|symbol| symbol == text) {
            Some(index) => self.long(i64::try_from(index).unwrap_or(i64::MAX)),
            None => self.expected(&one_of(symbols.symbols.iter().copied()), value),
        }
    }

    fn branch(&mut self, place: Place, branches: &'static [&'static Record], first: i64, value: &Value) {
        let names = || branches.iter().map(|record| short_name(&record.name));
        let (name, fields) = match value {
            Value::String(name) => (Some(name), None),
            Value::Object(object) => match object.iter().collect::<Vec<_>>().as_slice() {
                [(name, fields)] => (Some(*name), Some(*fields)),
                _ => (None, None),
            },
            _ => (None, None),
        };
        let found = name.and_then(|name| {
            let index = names().position(|known| known == *name)?;
            Some((index, *branches.get(index)?))
        });
        let Some((index, record)) = found else {
            let names: Vec<_> = names().collect();
            let of = one_of(names.iter().map(String::as_str));
            let example = names.first().map_or("Name", String::as_str);
            let expected = format!("an object of one entry, {of}, such as {{\"{example}\": {{…}}}}");
            return self.expected(&expected, value);
        };
        self.long(i64::try_from(index).map_or(i64::MAX, |index| index + first));
        let none = Value::Object(Map::new());
        self.at_field(&short_name(&record.name), |walk| match fields.unwrap_or(&none) {
            Value::Object(fields) => walk.record(place, record, fields),
            other => walk.expected("an object", other),
        });
    }

    fn record(&mut self, place: Place, record: &'static Record, fields: &Map<String, Value>) {
        if self.depth == MAX_DEPTH {
            return self.fault(format!("nested more than {MAX_DEPTH} levels deep"));
        }
        self.depth += 1;
        let inner = place.within(record);
        for field in record.fields {
            self.at_field(field.name, |walk| match fields.get(field.name) {
                Some(value) => walk.value(inner.inner(field.schema), value),
                None => walk.absent(inner, field),
            });
        }
        for name in fields.keys() {
            if record.fields.iter().all(|field| field.name != name) {
                let known = one_of(record.fields.iter().map(|field| field.name));
                self.at_field(name, |walk| walk.fault(format!("unknown field; there are {known}")));
            }
        }
        self.depth -= 1;
    }

    /// A field that the JSON leaves out: its default, or null where it may be.
    fn absent(&mut self, place: Place, field: &'static Field) {
        let default = field.default.map(|default| serde_json::from_str(default.text));
        match (default, field.schema) {
            (Some(Ok(default)), _) => {
                let place = place.inner(field.schema);
                let default = self.plain(place, default);
                self.value(place, &default);
            }
            (_, Schema::Nullable(_)) => self.long(0),
            _ => self.fault("is missing and has no default"),
        }
    }

    /// A default as Avro writes it in the form that is read here: bytes are a string of the
    /// characters 0 to 255 there, and a union's default is a bare value of the first branch that it fits.
    fn plain(&mut self, place: Place, default: Value) -> Value {
        let place = self.definitions.resolve(place);
        let latin =
            |text: &str| text.chars().map(|c| u8::try_from(c).unwrap_or_default()).collect::<Vec<_>>();
        match (place.schema, default) {
            (Schema::Bytes, Value::String(text)) => Value::String(logical::base64(&latin(&text))),
            (Schema::Logical(schema), Value::String(text)) if matches!(schema.base, Schema::Bytes) => {
                let bytes = latin(&text);
                let text = Decimal::of(schema).and_then(|decimal| decimal.text(&bytes));
                Value::String(text.unwrap_or_else(|| logical::base64(&bytes)))
            }
            (Schema::Array(item), Value::Array(items)) => {
                items.into_iter().map(|value| self.plain(place.inner(item), value)).collect()
            }
            (Schema::Map(inner), Value::Object(entries)) => {
                entries.into_iter().map(|(key, value)| (key, self.plain(place.inner(inner), value))).collect()
            }
            (Schema::Nullable(inner), value) if !value.is_null() => self.plain(place.inner(inner), value),
            (Schema::Union(union), value) => {
                let mut branches = union.branches.iter().map(|record| {
                    let fields = self.plain_record(place, record, value.clone());
                    (self.is_record(place, record, &fields), short_name(&record.name), fields)
                });
                match branches.find(|(fits, ..)| *fits) {
                    Some((_, name, fields)) => Value::Object(Map::from_iter([(name, fields)])),
                    None => value,
                }
            }
            (Schema::Record(record), value) => self.plain_record(place, record, value),
            (_, value) => value,
        }
    }

    /// Whether a value is one of a record, by writing it and forgetting it.
    fn is_record(&mut self, place: Place, record: &'static Record, value: &Value) -> bool {
        let Value::Object(fields) = value else { return false };
        let (datum, faults) = (self.datum.len(), self.faults.len());
        self.record(place, record, fields);
        let fits = self.faults.len() == faults;
        self.datum.truncate(datum);
        self.faults.truncate(faults);
        fits
    }

    fn plain_record(&mut self, place: Place, record: &'static Record, default: Value) -> Value {
        let Value::Object(fields) = default else { return default };
        let inner = place.within(record);
        let plain = |(name, value): (String, Value)| {
            let field = record.fields.iter().find(|field| field.name == name);
            let value = match field {
                Some(field) => self.plain(inner.inner(field.schema), value),
                None => value,
            };
            (name, value)
        };
        fields.into_iter().map(plain).collect()
    }
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
