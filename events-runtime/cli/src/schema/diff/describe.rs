//! Describes types in a few words.

use events_schema::view::{NameView, Shape, Texts, View};

pub(super) fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Describes a type briefly: `array of Line`, `null or decimal(10, 2)`.
pub(super) fn describe(schema: View<'_>) -> String {
    if let Some(logical) = schema.logical() {
        let name = utf8(logical.name);
        return match logical.precision {
            0 => name,
            precision => format!("{name}({precision}, {})", logical.scale),
        };
    }
    match schema.shape() {
        Shape::Fixed(name, size) => format!("{} of {size} bytes", utf8(name.base)),
        Shape::Enum(symbols) => utf8(symbols.name.base),
        Shape::Array(items) => format!("array of {}", describe(items)),
        Shape::Map(values) => format!("map of {}", describe(values)),
        Shape::Record(record) => utf8(record.name.base),
        Shape::Union(union) => {
            let branches = (0..union.len()).map(|index| describe(union.branch(index)));
            branches.collect::<Vec<_>>().join(" or ")
        }
        primitive => name_of(&primitive).to_owned(),
    }
}

/// Describes a type with its kind, its full name and the type under a logical type. Distinguishes types
/// with the same brief description.
pub(super) fn describe_in_full(schema: View<'_>) -> String {
    let base = match schema.shape() {
        Shape::Fixed(name, size) => format!("fixed {} of {size} bytes", full_name(&name)),
        Shape::Enum(symbols) => format!("enum {}", full_name(&symbols.name)),
        Shape::Record(record) => format!("record {}", full_name(&record.name)),
        Shape::Array(items) => format!("array of {}", describe_in_full(items)),
        Shape::Map(values) => format!("map of {}", describe_in_full(values)),
        Shape::Union(union) => {
            let branches = (0..union.len()).map(|index| describe_in_full(union.branch(index)));
            format!("[{}]", branches.collect::<Vec<_>>().join(", "))
        }
        primitive => name_of(&primitive).to_owned(),
    };
    if schema.logical().is_some() { format!("{} on {base}", describe(schema)) } else { base }
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
        [] => utf8(name.base),
        namespace => format!("{}.{}", utf8(namespace), utf8(name.base)),
    }
}

/// Joins names as `a, b`; `None` if there are none.
pub(super) fn join_names(texts: Texts<'_>) -> Option<String> {
    let texts: Vec<_> = (0..texts.len()).map(|index| utf8(texts.get(index))).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}
