//! The parts of names, enumerations, unions and records.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and callers count first"
)]
#![allow(clippy::len_without_is_empty, reason = "nothing asks for it")]

use super::{FieldView, Fields, RecordView, Texts, UnionView, View, same, text};
use crate::tree::Schema;

static NULL: Schema = Schema::Null;

impl<'a> Texts<'a> {
    /// The number of texts.
    pub const fn len(self) -> usize {
        match self {
            Self::Slice(texts) => texts.len(),
            Self::Packed(list) => list.size(),
        }
    }

    /// The text at this index.
    pub const fn get(self, index: usize) -> &'a [u8] {
        match self {
            Self::Slice(texts) => texts[index].as_bytes(),
            Self::Packed(list) => list.item(index).text(),
        }
    }

    /// The index of a text.
    pub const fn position(self, text: &[u8]) -> Option<usize> {
        let mut index = 0;
        while index < self.len() {
            if same(self.get(index), text) {
                return Some(index);
            }
            index += 1;
        }
        None
    }
}

impl<'a> UnionView<'a> {
    /// Whether this is [`Schema::UNKNOWN`].
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::Records { union, .. } if union.branches.is_empty())
    }

    /// The number of branches.
    pub const fn len(self) -> usize {
        match self {
            Self::Nullable { .. } => 2,
            Self::Records { union, null, .. } => union.branches.len() + null as usize,
            Self::Packed(node) => node.branches().size(),
        }
    }

    /// Whether a variant takes the branches that the reader does not know.
    pub const fn has_other(self) -> bool {
        match self {
            Self::Nullable { .. } => false,
            Self::Records { union, .. } => union.other.is_some(),
            Self::Packed(node) => node.other().is_some(),
        }
    }

    /// The name of the variant that takes the branches which the reader does not know.
    pub fn other(self) -> Option<String> {
        match self {
            Self::Nullable { .. } => None,
            Self::Records { union, .. } => {
                union.other_name().map(|name| text(name.short().as_bytes()).to_owned())
            }
            Self::Packed(node) => node.other().map(|name| text(name).to_owned()),
        }
    }

    /// The branch at this index.
    pub const fn branch(self, index: usize) -> View<'a> {
        match self {
            Self::Nullable { root, .. } | Self::Records { null: true, root, .. } if index == 0 => {
                View::Tree { schema: &NULL, namespace: "", root }
            }
            Self::Nullable { inner, namespace, root } => View::Tree { schema: inner, namespace, root },
            Self::Records { union, null, namespace, root } => {
                View::Branch { record: union.branches[index - null as usize], namespace, root }
            }
            Self::Packed(node) => View::Packed(node.branches().item(index)),
        }
    }
}

impl<'a> RecordView<'a> {
    /// The number of fields.
    pub const fn len(self) -> usize {
        match self.fields {
            Fields::Tree { fields, .. } => fields.len(),
            Fields::Packed(list) => list.size(),
        }
    }

    /// The field at this index.
    pub const fn field(self, index: usize) -> FieldView<'a> {
        match self.fields {
            Fields::Tree { fields, namespace, root } => {
                let field = &fields[index];
                FieldView {
                    name: field.name.as_bytes(),
                    aliases: Texts::Slice(field.aliases),
                    default: match (&field.default, field.schema) {
                        (Some(default), _) => Some(default.text.as_bytes()),
                        (None, Schema::Nullable(_)) => Some(b"null"),
                        (None, _) => None,
                    },
                    pii: field.pii,
                    schema: View::Tree { schema: field.schema, namespace, root },
                }
            }
            Fields::Packed(list) => list.item(index).field(),
        }
    }

    /// The index of a field.
    pub const fn position(self, name: &[u8]) -> Option<usize> {
        match self.fields {
            Fields::Tree { fields, .. } => {
                let mut index = 0;
                while index < fields.len() {
                    let other = fields[index].name.as_bytes();
                    if same(other, name) {
                        return Some(index);
                    }
                    index += 1;
                }
                None
            }
            Fields::Packed(list) => list.field_position(name),
        }
    }

    /// How many fields at the start are the same in a tree and in packed bytes, by their digests.
    pub const fn same_prefix(self, other: RecordView<'_>) -> usize {
        match (self.fields, other.fields) {
            (Fields::Tree { fields, .. }, Fields::Packed(list)) => list.same_prefix(fields),
            _ => 0,
        }
    }

    /// The name of the field at this index.
    pub const fn name_at(self, index: usize) -> &'a [u8] {
        match self.fields {
            Fields::Tree { fields, .. } => fields[index].name.as_bytes(),
            Fields::Packed(list) => list.item(index).field_name(),
        }
    }

    /// The schema of the field at this index.
    pub(crate) const fn schema_at(self, index: usize) -> View<'a> {
        match self.fields {
            Fields::Tree { fields, namespace, root } => {
                View::Tree { schema: fields[index].schema, namespace, root }
            }
            Fields::Packed(list) => list.item(index).field().schema,
        }
    }

    /// The digest of a field with its schema.
    pub const fn digest_at(self, index: usize) -> u64 {
        match self.fields {
            Fields::Tree { fields, .. } => fields[index].digest,
            Fields::Packed(list) => list.item(index).digest(),
        }
    }
}
