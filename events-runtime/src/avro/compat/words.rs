//! A schema in a few words.

use super::report::Text;
use crate::avro::view::{Shape, View};

/// Says what a schema is: `` a `long` ``, ``the record `Customer` ``, `an array`.
pub(super) const fn describe<const N: usize>(text: &mut Text<N>, schema: View<'_>) {
    if let Some(logical) = schema.logical() {
        text.push("a `");
        text.push_bytes(logical.name);
        if logical.precision > 0 {
            text.push("(");
            text.number(logical.precision as usize);
            text.push(", ");
            text.number(logical.scale as usize);
            text.push(")");
        }
        text.push("`");
        return;
    }
    let (kind, name) = match schema.shape() {
        Shape::Null => ("`null`", None),
        Shape::Boolean => ("a `boolean`", None),
        Shape::Int => ("an `int`", None),
        Shape::Long => ("a `long`", None),
        Shape::Float => ("a `float`", None),
        Shape::Double => ("a `double`", None),
        Shape::Bytes => ("`bytes`", None),
        Shape::String => ("a `string`", None),
        Shape::Fixed(name, size) => {
            text.push("a `fixed` of ");
            text.number(size);
            text.push(" bytes, ");
            ("", Some(name))
        }
        Shape::Enum(symbols) => ("the enum ", Some(symbols.name)),
        Shape::Array(_) => ("an array", None),
        Shape::Map(_) => ("a map", None),
        Shape::Record(record) => ("the record ", Some(record.name)),
        Shape::Union(branches) => {
            if branches.len() == 2 && matches!(branches.branch(0).shape(), Shape::Null) {
                text.push("an Option of ");
                describe(text, branches.branch(1));
                return;
            }
            ("a union", None)
        }
    };
    text.push(kind);
    if let Some(name) = name {
        text.push("`");
        text.push_bytes(name.short(&mut [0; 512]));
        text.push("`");
    }
}
