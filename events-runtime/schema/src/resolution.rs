//! The rules of schema resolution: which writer's schema a reader's schema can read
//! ([specification](https://avro.apache.org/docs/1.12.0/specification/#schema-resolution)).
//!
//! `compat` applies them while a definition compiles, and `resolve` when it plans how to decode a writer's data
//! at run time. So a definition that compiles reads what it promises to read.

use crate::view::{FieldView, NameView, RecordView, Shape, UnionView, View, same};

/// Whether a reader's named type matches a writer's: "both schemas are records with the same
/// (unqualified) name", and likewise enums and fixed, or the reader has the writer's name as an alias.
pub const fn names_match(reader: &NameView<'_>, writer: &NameView<'_>) -> bool {
    reader.same_base(writer) || reader.has_alias(writer)
}

/// Whether a primitive is read as another: int ▶ long, float, double; long ▶ float, double;
/// float ▶ double; string ▶ bytes; bytes ▶ string.
pub const fn promotes(reader: &Shape<'_>, writer: &Shape<'_>) -> bool {
    matches!(
        (writer, reader),
        (Shape::Int, Shape::Long | Shape::Float | Shape::Double)
            | (Shape::Long, Shape::Float | Shape::Double)
            | (Shape::Float, Shape::Double)
            | (Shape::String, Shape::Bytes)
            | (Shape::Bytes, Shape::String)
    )
}

/// Whether two schemas are the same primitive type.
pub const fn same_primitive(a: &Shape<'_>, b: &Shape<'_>) -> bool {
    matches!(
        (a, b),
        (Shape::Null, Shape::Null)
            | (Shape::Boolean, Shape::Boolean)
            | (Shape::Int, Shape::Int)
            | (Shape::Long, Shape::Long)
            | (Shape::Float, Shape::Float)
            | (Shape::Double, Shape::Double)
            | (Shape::Bytes, Shape::Bytes)
            | (Shape::String, Shape::String)
    )
}

/// The field of a writer's record that a reader's field reads: the field of its name, otherwise the first field
/// that one of its aliases names.
pub const fn field_of(writer: RecordView<'_>, reader: &FieldView<'_>) -> Option<usize> {
    if let Some(index) = writer.position(reader.name) {
        return Some(index);
    }
    let mut alias = 0;
    while alias < reader.aliases.len() {
        if let Some(index) = writer.position(reader.aliases.get(alias)) {
            return Some(index);
        }
        alias += 1;
    }
    None
}

/// How closely a reader's branch matches a writer's schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nearness {
    /// The same type with the same full name.
    Same,
    /// A named type that matches by unqualified name or alias.
    Name,
    /// A promotion.
    Promotion,
}

/// The branch of a reader's union that matches a writer's schema, which is not a union.
///
/// "The first schema in the reader's union that matches the writer's schema": a branch of exactly the writer's
/// type is preferred to one of another namespace, and that to a promotion, as in Java's Avro.
pub const fn branch_of(reader: UnionView<'_>, writer: View<'_>) -> Option<usize> {
    let order = [Nearness::Same, Nearness::Name, Nearness::Promotion];
    let shape = writer.shape();
    let mut rank = 0;
    while let (_, [nearness, ..]) = order.as_slice().split_at(rank) {
        let mut index = 0;
        while index < reader.len() {
            if is_near(&reader.branch(index).shape(), &shape, *nearness) {
                return Some(index);
            }
            index += 1;
        }
        rank += 1;
    }
    None
}

/// Whether a reader reads a branch of a writer's union as its variant `#[event(other)]`.
pub const fn is_other(reader: UnionView<'_>, writer: UnionView<'_>, branch: View<'_>) -> bool {
    reader.has_other() && is_unknown_variant(reader, writer, branch)
}

/// Whether a branch of a writer's union is a variant that the reader's union could take as `#[event(other)]`.
///
/// No branch of the reader matches it, and another branch of the writer's union has a match: otherwise the
/// writer's union is another type, and not another version of the reader's. `null` is no variant.
pub const fn is_unknown_variant(reader: UnionView<'_>, writer: UnionView<'_>, branch: View<'_>) -> bool {
    if matches!(branch.shape(), Shape::Null) || branch_of(reader, branch).is_some() {
        return false;
    }
    let mut index = 0;
    while index < writer.len() {
        let known = writer.branch(index);
        if !matches!(known.shape(), Shape::Null) && branch_of(reader, known).is_some() {
            return true;
        }
        index += 1;
    }
    false
}

/// Whether a reader's schema matches a writer's by type and name alone, without comparing their content.
pub const fn takes(reader: &Shape<'_>, writer: &Shape<'_>) -> bool {
    is_near(reader, writer, Nearness::Same)
        || is_near(reader, writer, Nearness::Name)
        || is_near(reader, writer, Nearness::Promotion)
}

const fn is_near(reader: &Shape<'_>, writer: &Shape<'_>, nearness: Nearness) -> bool {
    let names = match (reader, writer) {
        (Shape::Record(reader), Shape::Record(writer)) => Some((&reader.name, &writer.name)),
        (Shape::Enum(reader), Shape::Enum(writer)) => Some((&reader.name, &writer.name)),
        (Shape::Fixed(reader, size), Shape::Fixed(writer, of)) if *size == *of => Some((reader, writer)),
        _ => None,
    };
    match (nearness, names) {
        (Nearness::Same, Some((reader, writer))) => reader.is(writer),
        (Nearness::Same, None) => {
            same_primitive(reader, writer)
                || matches!(
                    (reader, writer),
                    (Shape::Array(_), Shape::Array(_)) | (Shape::Map(_), Shape::Map(_))
                )
        }
        (Nearness::Name, Some((reader, writer))) => names_match(reader, writer),
        (Nearness::Promotion, None) => promotes(reader, writer),
        _ => false,
    }
}

/// How the logical types of a reader and a writer relate, given that their base types match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// They are the same, or one side has none and uses the number unchanged.
    Same,
    /// The reader's number is the writer's times this, such as milliseconds read as microseconds.
    Times(i64),
    /// The reader's number is the writer's divided by this.
    Over(i64),
    /// They mean different things.
    Differ,
}

/// Compares the logical types of a reader and a writer.
///
/// The specification requires equal ones only for decimals ("two schemas that are decimal logical
/// types match if their scales and precisions match") and does not mention the others.
pub const fn units(reader: View<'_>, writer: View<'_>) -> Units {
    let (Some(reader), Some(writer)) = (reader.logical(), writer.logical()) else { return Units::Same };
    if same(reader.name, writer.name) {
        let same = reader.precision == writer.precision && reader.scale == writer.scale;
        return if same { Units::Same } else { Units::Differ };
    }
    let (Some((kind, reader)), Some((of, writer))) = (per_second(reader.name), per_second(writer.name))
    else {
        return Units::Differ;
    };
    if kind != of {
        Units::Differ
    } else if reader > writer {
        Units::Times(reader / writer)
    } else {
        Units::Over(writer / reader)
    }
}

/// The kind of time of a logical type, and its units per second.
const fn per_second(name: &[u8]) -> Option<(u8, i64)> {
    Some(match name {
        b"time-millis" => (0, 1_000),
        b"time-micros" => (0, 1_000_000),
        b"timestamp-millis" => (1, 1_000),
        b"timestamp-micros" => (1, 1_000_000),
        b"timestamp-nanos" => (1, 1_000_000_000),
        b"local-timestamp-millis" => (2, 1_000),
        b"local-timestamp-micros" => (2, 1_000_000),
        b"local-timestamp-nanos" => (2, 1_000_000_000),
        _ => return None,
    })
}
