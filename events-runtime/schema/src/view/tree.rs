//! The view of a tree.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::{EnumView, Fields, NameView, RecordView, Shape, Texts, UnionView, View};
use crate::tree::{Record, Schema};

pub(super) const fn shape(
    schema: &'static Schema,
    namespace: &'static str,
    root: &'static Schema,
) -> Shape<'static> {
    match schema {
        Schema::Null => Shape::Null,
        Schema::Boolean => Shape::Boolean,
        Schema::Int => Shape::Int,
        Schema::Long => Shape::Long,
        Schema::Float => Shape::Float,
        Schema::Double => Shape::Double,
        Schema::Bytes => Shape::Bytes,
        Schema::String => Shape::String,
        Schema::Logical(logical) => shape(&logical.base, namespace, root),
        Schema::Array(items) => Shape::Array(View::Tree { schema: items, namespace, root }),
        Schema::Map(values) => Shape::Map(View::Tree { schema: values, namespace, root }),
        Schema::Nullable(inner) => {
            let inner = resolved(inner, namespace, root);
            Shape::Union(match inner {
                Schema::Union(union) => UnionView::Records { union, null: true, namespace, root },
                _ => UnionView::Nullable { inner, namespace, root },
            })
        }
        Schema::Union(union) => Shape::Union(UnionView::Records { union, null: false, namespace, root }),
        Schema::Record(record) => Shape::Record(record_view(record, namespace, root)),
        Schema::Enum(symbols) => Shape::Enum(EnumView {
            name: NameView::new(&symbols.name, namespace, symbols.aliases),
            symbols: Texts::Slice(symbols.symbols),
            default: match symbols.default {
                Some(default) => Texts::Slice(symbols.symbols).position(default.as_bytes()),
                None => None,
            },
        }),
        Schema::Ref(_) => match resolved(schema, namespace, root) {
            // The constant check refuses references to nothing.
            Schema::Ref(_) => Shape::Null,
            definition => shape(definition, namespace, root),
        },
    }
}

pub(super) const fn record_view(
    record: &'static Record,
    namespace: &'static str,
    root: &'static Schema,
) -> RecordView<'static> {
    let own = record.name.namespace_in(namespace);
    RecordView {
        name: NameView::new(&record.name, namespace, record.aliases),
        fields: Fields::Tree { fields: record.fields, namespace: own, root },
    }
}

/// What a reference refers to; any other schema is itself.
const fn resolved(
    schema: &'static Schema,
    namespace: &'static str,
    root: &'static Schema,
) -> &'static Schema {
    let Schema::Ref(reference) = schema else { return schema };
    let wanted = NameView::new(&reference.name, namespace, &[]);
    match find(root, "", &wanted) {
        Some(definition) => definition,
        None => schema,
    }
}

/// The definition of a name in a tree. A union is found by its enum's name.
const fn find(
    schema: &'static Schema,
    namespace: &'static str,
    wanted: &NameView<'_>,
) -> Option<&'static Schema> {
    match schema {
        Schema::Array(inner) | Schema::Map(inner) | Schema::Nullable(inner) => find(inner, namespace, wanted),
        Schema::Record(record) => {
            let name = NameView::new(&record.name, namespace, &[]);
            if name.is(wanted) { Some(schema) } else { find_in(record, namespace, wanted) }
        }
        Schema::Enum(symbols) => {
            let name = NameView::new(&symbols.name, namespace, &[]);
            if name.is(wanted) { Some(schema) } else { None }
        }
        Schema::Union(union) => {
            let name = NameView::new(&union.name, namespace, &[]);
            if name.is(wanted) {
                return Some(schema);
            }
            let mut index = 0;
            while index < union.branches.len() {
                if let Some(found) = find_in(union.branches[index], namespace, wanted) {
                    return Some(found);
                }
                index += 1;
            }
            None
        }
        _ => None,
    }
}

const fn find_in(
    record: &'static Record,
    namespace: &'static str,
    wanted: &NameView<'_>,
) -> Option<&'static Schema> {
    let own = record.name.namespace_in(namespace);
    let mut index = 0;
    while index < record.fields.len() {
        if let Some(found) = find(record.fields[index].schema, own, wanted) {
            return Some(found);
        }
        index += 1;
    }
    None
}

/// The number behind a key in JSON attributes, such as `"scale":2`; 0 where there is none.
pub(super) const fn number_behind(attributes: &[u8], key: &[u8]) -> u32 {
    let mut start = 0;
    while start + key.len() < attributes.len() {
        let (_, rest) = attributes.split_at(start);
        let (found, mut digits) = rest.split_at(key.len());
        if super::same(found, key) {
            let mut number = 0;
            while let [b' ', rest @ ..] = digits {
                digits = rest;
            }
            while let [digit @ b'0'..=b'9', rest @ ..] = digits {
                number = number * 10 + (*digit - b'0') as u32;
                digits = rest;
            }
            return number;
        }
        start += 1;
    }
    0
}
