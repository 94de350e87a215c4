//! Describes schemas in compile errors.

use crate::const_str::StrWriter;
use crate::view::{NameView, Shape, View, same};

/// Describes a schema: `` a `long` ``, ``the record `Customer` ``, `an array`.
pub(super) const fn describe(text: &mut StrWriter<'_>, schema: View<'_>) {
    let Some(logical) = schema.logical() else {
        describe_base(text, schema);
        return;
    };
    text.push("a `");
    text.push_bytes(logical.name);
    if logical.precision > 0 {
        text.push("(");
        text.push_number(logical.precision as usize);
        text.push(", ");
        text.push_number(logical.scale as usize);
        text.push(")");
    }
    text.push("`");
}

/// Describes two schemas that differ; by their base types alone if only those differ.
pub(super) const fn describe_change(text: &mut StrWriter<'_>, old: View<'_>, new: View<'_>) {
    let base_alone = match (old.logical(), new.logical()) {
        (Some(old), Some(new)) => {
            same(old.name, new.name) && old.precision == new.precision && old.scale == new.scale
        }
        _ => false,
    };
    text.push(" was ");
    describe_side(text, old, base_alone);
    text.push(" and is ");
    describe_side(text, new, base_alone);
}

const fn describe_side(text: &mut StrWriter<'_>, schema: View<'_>, base_alone: bool) {
    if base_alone {
        describe_base(text, schema);
    } else {
        describe(text, schema);
    }
}

const fn describe_base(text: &mut StrWriter<'_>, schema: View<'_>) {
    match schema.shape() {
        Shape::Null => text.push("`null`"),
        Shape::Boolean => text.push("a `boolean`"),
        Shape::Int => text.push("an `int`"),
        Shape::Long => text.push("a `long`"),
        Shape::Float => text.push("a `float`"),
        Shape::Double => text.push("a `double`"),
        Shape::Bytes => text.push("`bytes`"),
        Shape::String => text.push("a `string`"),
        Shape::Fixed(name, size) => {
            definition(text, "the fixed `", name);
            text.push(" of ");
            text.push_number(size);
            text.push(" bytes");
        }
        Shape::Enum(symbols) => definition(text, "the enum `", symbols.name),
        Shape::Array(_) => text.push("an array"),
        Shape::Map(_) => text.push("a map"),
        Shape::Record(record) => definition(text, "the record `", record.name),
        Shape::Union(branches) => {
            if branches.len() == 2 && matches!(branches.branch(0).shape(), Shape::Null) {
                text.push("an Option of ");
                describe(text, branches.branch(1));
            } else {
                text.push("a union");
            }
        }
    }
}

const fn definition(text: &mut StrWriter<'_>, kind: &str, name: NameView<'_>) {
    text.push(kind);
    name.write_short(text);
    text.push("`");
}
