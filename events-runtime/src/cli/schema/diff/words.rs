//! Schemas in a few words.

use crate::avro::{NameView, Shape, Texts, View};

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
        Shape::Null => "null".to_owned(),
        Shape::Boolean => "boolean".to_owned(),
        Shape::Int => "int".to_owned(),
        Shape::Long => "long".to_owned(),
        Shape::Float => "float".to_owned(),
        Shape::Double => "double".to_owned(),
        Shape::Bytes => "bytes".to_owned(),
        Shape::String => "string".to_owned(),
        Shape::Fixed(name, size) => format!("{} of {size} bytes", text(name.base)),
        Shape::Enum(symbols) => text(symbols.name.base),
        Shape::Array(items) => format!("array of {}", type_of(items)),
        Shape::Map(values) => format!("map of {}", type_of(values)),
        Shape::Record(record) => text(record.name.base),
        Shape::Union(union) => {
            let branches = (0..union.len()).map(|index| type_of(union.branch(index)));
            branches.collect::<Vec<_>>().join(" or ")
        }
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
