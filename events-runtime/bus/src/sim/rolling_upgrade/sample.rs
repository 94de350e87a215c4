//! A sample of the current version, as a value of an older one.

use serde_json::{Map, Value};

use events_core::avro::Schema;
use events_schema::view::{EnumView, FieldView, RecordView, Shape, UnionView, View, text};

/// The JSON of a sample with the fields of another schema. Fields that the sample lacks get their default, or a zero.
pub(super) fn fitted(schema: &'static Schema, sample: &Value) -> Value {
    value(View::tree(schema), Some(sample))
}

fn value(view: View<'static>, sample: Option<&Value>) -> Value {
    if let Some(logical) = view.logical() {
        return logical_value(text(logical.name), view.shape(), sample);
    }
    let or_zero = |sample: Option<&Value>| sample.cloned().unwrap_or_else(|| zero(view.shape()));
    match view.shape() {
        Shape::Record(fields) => record(fields, sample),
        Shape::Array(items) => {
            let given = sample.and_then(Value::as_array).into_iter().flatten();
            given.map(|item| value(items, Some(item))).collect()
        }
        Shape::Map(values) => {
            let given = sample.and_then(Value::as_object).into_iter().flatten();
            given.map(|(key, item)| (key.clone(), value(values, Some(item)))).collect()
        }
        Shape::Enum(symbols) => symbol(&symbols, sample),
        Shape::Union(branches) => union(branches, sample),
        Shape::Int => {
            or_zero(sample.filter(|given| given.as_i64().is_some_and(|it| i32::try_from(it).is_ok())))
        }
        Shape::Long => or_zero(sample.filter(|given| given.is_i64())),
        Shape::Float | Shape::Double => or_zero(sample.filter(|given| given.is_number())),
        Shape::Boolean => or_zero(sample.filter(|given| given.is_boolean())),
        Shape::String | Shape::Bytes | Shape::Fixed(..) => or_zero(sample.filter(|given| given.is_string())),
        Shape::Null => Value::Null,
    }
}

fn zero(shape: Shape<'static>) -> Value {
    match shape {
        Shape::Boolean => false.into(),
        Shape::Int | Shape::Long => 0.into(),
        Shape::Float | Shape::Double => 0.0.into(),
        Shape::String | Shape::Bytes | Shape::Fixed(..) => "".into(),
        _ => Value::Null,
    }
}

/// A value of a logical type, which has a text of its own in JSON.
fn logical_value(name: &str, shape: Shape<'static>, sample: Option<&Value>) -> Value {
    if let Some(sample) = sample.filter(|sample| sample.is_string()) {
        return sample.clone();
    }
    match name {
        "uuid" => "00000000-0000-0000-0000-000000000000".into(),
        "date" => "1970-01-01".into(),
        "decimal" | "big-decimal" => "0".into(),
        _ if name.starts_with("time-") => "00:00:00".into(),
        _ if name.starts_with("timestamp-") => "1970-01-01T00:00:00Z".into(),
        _ if name.starts_with("local-timestamp-") => "1970-01-01T00:00:00".into(),
        _ => zero(shape),
    }
}

fn record(fields: RecordView<'static>, sample: Option<&Value>) -> Value {
    let mut object = Map::new();
    for field in (0..fields.len()).map(|index| fields.field(index)) {
        let given = sample.and_then(|sample| of_field(&field, sample));
        // A field that is left out gets its default.
        if given.is_some() || field.default.is_none() {
            object.insert(text(field.name).to_owned(), value(field.schema, given));
        }
    }
    Value::Object(object)
}

fn of_field<'a>(field: &FieldView<'static>, sample: &'a Value) -> Option<&'a Value> {
    let aliases = (0..field.aliases.len()).map(|index| field.aliases.get(index));
    std::iter::once(field.name).chain(aliases).find_map(|name| sample.get(text(name)))
}

fn symbol(symbols: &EnumView<'static>, sample: Option<&Value>) -> Value {
    let given = sample.and_then(Value::as_str);
    let index = given.and_then(|given| symbols.symbols.position(given.as_bytes()));
    let index = index.or(symbols.default).unwrap_or_default();
    text(symbols.symbols.get(index)).into()
}

fn union(union: UnionView<'static>, sample: Option<&Value>) -> Value {
    let branches: Vec<_> = (0..union.len()).map(|index| union.branch(index)).collect();
    let is_nullable = branches.first().is_some_and(|first| matches!(first.shape(), Shape::Null));
    match branches.as_slice() {
        [_, ..] if is_nullable && sample.is_none_or(Value::is_null) => Value::Null,
        [_, only] if matches!(union, UnionView::Nullable { .. }) => value(*only, sample),
        branches => {
            let named = |view: &View<'static>| match view.shape() {
                Shape::Record(record) => Some((record.name.short_text(), *view)),
                _ => None,
            };
            let records: Vec<_> = branches.iter().filter_map(named).collect();
            let known = records.iter().find_map(|(name, view)| Some((name, *view, Some(sample?.get(name)?))));
            let Some((name, view, inner)) =
                known.or_else(|| records.first().map(|(name, view)| (name, *view, None)))
            else {
                return Value::Null;
            };
            Value::Object(Map::from_iter([(name.clone(), value(view, inner))]))
        }
    }
}
