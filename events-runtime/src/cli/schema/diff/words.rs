//! Schemas in a few words.

use events_schema::view::{NameView, Shape, Texts, View};

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A type as a line can hold it: `array of Line`, `null or decimal(10, 2)`.
pub(super) fn type_of(schema: View<'_>) -> String {
    if let Some(logical) = schema.logical() {
        let name = text(logical.name);
        return match logical.precision {
            0 => name,
            precision => format!("{name}({precision}, {})", logical.scale),
        };
    }
    match schema.shape() {
        Shape::Fixed(name, size) => format!("{} of {size} bytes", text(name.base)),
        Shape::Enum(symbols) => text(symbols.name.base),
        Shape::Array(items) => format!("array of {}", type_of(items)),
        Shape::Map(values) => format!("map of {}", type_of(values)),
        Shape::Record(record) => text(record.name.base),
        Shape::Union(union) => {
            let branches = (0..union.len()).map(|index| type_of(union.branch(index)));
            branches.collect::<Vec<_>>().join(" or ")
        }
        primitive => name_of(&primitive).to_owned(),
    }
}

/// A type with its kind, its full name and what a logical type stands on, for two that are the same
/// in a few words.
pub(super) fn in_full(schema: View<'_>) -> String {
    let base = match schema.shape() {
        Shape::Fixed(name, size) => format!("fixed {} of {size} bytes", full_name(&name)),
        Shape::Enum(symbols) => format!("enum {}", full_name(&symbols.name)),
        Shape::Record(record) => format!("record {}", full_name(&record.name)),
        Shape::Array(items) => format!("array of {}", in_full(items)),
        Shape::Map(values) => format!("map of {}", in_full(values)),
        Shape::Union(union) => {
            let branches = (0..union.len()).map(|index| in_full(union.branch(index)));
            format!("[{}]", branches.collect::<Vec<_>>().join(", "))
        }
        primitive => name_of(&primitive).to_owned(),
    };
    if schema.logical().is_some() { format!("{} on {base}", type_of(schema)) } else { base }
}

fn name_of(primitive: &Shape<'_>) -> &'static str {
    match primitive {
        Shape::Boolean => "boolean",
        Shape::Int => "int",
        Shape::Long => "long",
        Shape::Float => "float",
        Shape::Double => "double",
        Shape::Bytes => "bytes",
        Shape::String => "string",
        _ => "null",
    }
}

/// A name with its namespace.
pub(super) fn full_name(name: &NameView<'_>) -> String {
    match name.namespace {
        [] => text(name.base),
        namespace => format!("{}.{}", text(namespace), text(name.base)),
    }
}

/// A list, such as `a, b`; nothing where it is empty.
pub(super) fn list(texts: Texts<'_>) -> Option<String> {
    let texts: Vec<_> = (0..texts.len()).map(|index| text(texts.get(index))).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}
