//! The view of the packed form.
#![allow(clippy::indexing_slicing, reason = "`get` is not const, and only `parse` writes these bytes")]

use super::{EnumView, FieldView, Fields, LogicalView, NameView, RecordView, Shape, Texts, UnionView, View};
use crate::packed as tag;
use crate::tree::Field;

/// A node of packed bytes.
#[derive(Debug, Clone, Copy)]
pub struct PackedNode<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

/// A number of packed bytes, by operators alone: a call costs a constant as much as fifty of them.
macro_rules! number {
    ($bytes:expr, $at:expr) => {{
        let (bytes, at) = ($bytes, $at);
        bytes[at] as u32
            | (bytes[at + 1] as u32) << 8
            | (bytes[at + 2] as u32) << 16
            | (bytes[at + 3] as u32) << 24
    }};
}

impl<'a> PackedNode<'a> {
    const fn number(self) -> u32 {
        number!(self.bytes, self.at)
    }

    pub(super) const fn size(self) -> usize {
        number!(self.bytes, self.at) as usize
    }

    /// What stands behind the tag of a node.
    pub(super) const fn behind_tag(self) -> Self {
        self.base().skip(1)
    }

    const fn skip(self, bytes: usize) -> Self {
        Self { bytes: self.bytes, at: self.at + bytes }
    }

    const fn to(self, at: usize) -> Self {
        Self { bytes: self.bytes, at }
    }

    /// Where the offset here points.
    const fn follow(self) -> Self {
        self.to(self.size())
    }

    pub(super) const fn text(self) -> &'a [u8] {
        let (_, rest) = self.bytes.split_at(self.at + 4);
        rest.split_at(self.size()).0
    }

    const fn behind_text(self) -> Self {
        self.skip(4 + self.size())
    }

    /// Past a list of texts, whose last one ends it.
    const fn behind_texts(self) -> Self {
        match self.size() {
            0 => self.skip(4),
            count => self.skip(4 * count).follow().behind_text(),
        }
    }

    /// The node without a logical type.
    pub(super) const fn base(self) -> Self {
        if self.bytes[self.at] == tag::LOGICAL { self.skip(1).behind_text().skip(8) } else { self }
    }

    pub(super) const fn logical(self) -> Option<LogicalView<'a>> {
        if self.bytes[self.at] != tag::LOGICAL {
            return None;
        }
        let name = self.skip(1);
        let numbers = name.behind_text();
        Some(LogicalView { name: name.text(), precision: numbers.number(), scale: numbers.skip(4).number() })
    }

    /// Where the offset of this index points, in a list that begins here.
    pub(super) const fn item(self, index: usize) -> Self {
        self.to(number!(self.bytes, self.at + 4 + 4 * index) as usize)
    }

    /// The digest of the field that begins here.
    pub(super) const fn digest(self) -> u64 {
        number!(self.bytes, self.at) as u64 | (number!(self.bytes, self.at + 4) as u64) << 32
    }

    /// The index of the field of this name, in a list of fields that begins here.
    pub(super) const fn field_position(self, name: &[u8]) -> Option<usize> {
        let (bytes, count) = (self.bytes, self.size());
        let mut index = 0;
        while index < count {
            let text = number!(bytes, self.at + 4 + 4 * index) as usize + 8;
            // Most names differ in their length or in their last letter.
            if number!(bytes, text) as usize == name.len()
                && (name.is_empty() || bytes[text + 3 + name.len()] == name[name.len() - 1])
                && super::same(self.to(text).text(), name)
            {
                return Some(index);
            }
            index += 1;
        }
        None
    }

    /// How many fields at the start of a list of fields are those of a tree, by their digests.
    pub(super) const fn same_prefix(self, fields: &[Field]) -> usize {
        let (bytes, count) = (self.bytes, self.size());
        let mut index = 0;
        while index < count && index < fields.len() {
            let at = number!(bytes, self.at + 4 + 4 * index) as usize;
            let digest = number!(bytes, at) as u64 | (number!(bytes, at + 4) as u64) << 32;
            if fields[index].digest != digest {
                break;
            }
            index += 1;
        }
        index
    }

    /// The digest of the record that begins here.
    pub(super) const fn record_digest(self) -> Option<u64> {
        if self.bytes[self.at] == tag::RECORD { Some(self.skip(1).digest()) } else { None }
    }

    /// The name of the field that begins here.
    pub(super) const fn field_name(self) -> &'a [u8] {
        self.skip(8).text()
    }

    /// The field that begins here.
    pub(super) const fn field(self) -> FieldView<'a> {
        let name = self.skip(8);
        let schema = name.behind_text();
        let default = schema.skip(4);
        let is_none = default.number() == tag::NONE;
        FieldView {
            name: name.text(),
            aliases: Texts::Packed(if is_none { default.skip(4) } else { default.behind_text() }),
            default: if is_none { None } else { Some(default.text()) },
            pii: false,
            schema: View::Packed(schema.follow()),
        }
    }

    /// The name at the start of a definition, and what stands behind it.
    const fn name(self) -> (NameView<'a>, Self) {
        let base = self.behind_text();
        let aliases = base.behind_text();
        let name = NameView {
            namespace: self.text(),
            base: base.text(),
            generic: None,
            aliases: Texts::Packed(aliases),
        };
        (name, aliases.behind_texts())
    }

    /// The name of the variant that takes unknown branches, at the start of a union.
    pub(super) const fn other(self) -> Option<&'a [u8]> {
        if self.number() == tag::NONE { None } else { Some(self.follow().text()) }
    }

    /// The list of branches of the union that begins here.
    pub(super) const fn branches(self) -> Self {
        self.skip(4)
    }

    pub(super) const fn shape(self) -> Shape<'a> {
        let node = self.base();
        let inside = node.behind_tag();
        match node.bytes[node.at] {
            tag::BOOLEAN => Shape::Boolean,
            tag::INT => Shape::Int,
            tag::LONG => Shape::Long,
            tag::FLOAT => Shape::Float,
            tag::DOUBLE => Shape::Double,
            tag::BYTES => Shape::Bytes,
            tag::STRING => Shape::String,
            tag::FIXED => {
                let (name, size) = inside.name();
                Shape::Fixed(name, size.size())
            }
            tag::ENUM => {
                let (name, default) = inside.name();
                Shape::Enum(EnumView {
                    name,
                    symbols: Texts::Packed(default.skip(4)),
                    default: if default.number() == tag::NONE { None } else { Some(default.size()) },
                })
            }
            tag::ARRAY => Shape::Array(View::Packed(inside.follow())),
            tag::MAP => Shape::Map(View::Packed(inside.follow())),
            tag::UNION => Shape::Union(UnionView::Packed(inside)),
            tag::RECORD => {
                let (name, fields) = inside.skip(8).name();
                Shape::Record(RecordView { name, fields: Fields::Packed(fields) })
            }
            _ => Shape::Null,
        }
    }
}
