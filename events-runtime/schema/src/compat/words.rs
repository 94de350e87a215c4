//! A schema in a few words.

use super::text::Text;
use crate::view::{NameView, Shape, View, same};

/// Says what a schema is: `` a `long` ``, ``the record `Customer` ``, `an array`.
pub(super) const fn describe<const N: usize>(text: &mut Text<N>, schema: View<'_>) {
    let Some(logical) = schema.logical() else {
        describe_base(text, schema);
        return;
    };
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
}

/// Says what two schemas are that differ: their base types, where those are the difference.
pub(super) const fn describe_change<const N: usize>(text: &mut Text<N>, old: View<'_>, new: View<'_>) {
    let base_alone = match (old.logical(), new.logical()) {
        (Some(old), Some(new)) => {
            same(old.name, new.name) && old.precision == new.precision && old.scale == new.scale
        }
        _ => false,
    };
    text.push(" was ");
    say(text, old, base_alone);
    text.push(" and is ");
    say(text, new, base_alone);
}

const fn say<const N: usize>(text: &mut Text<N>, schema: View<'_>, base_alone: bool) {
    if base_alone {
        describe_base(text, schema);
    } else {
        describe(text, schema);
    }
}

const fn describe_base<const N: usize>(text: &mut Text<N>, schema: View<'_>) {
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
            text.number(size);
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

const fn definition<const N: usize>(text: &mut Text<N>, kind: &str, name: NameView<'_>) {
    text.push(kind);
    text.push_bytes(name.short(&mut [0; 512]));
    text.push("`");
}
