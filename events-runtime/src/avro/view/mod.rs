//! One way to look at a schema, be it a definition's tree of constants or a packed one.
//!
//! All of it is `const`: the check against published schemas runs while a definition compiles, and
//! the plan that resolves a writer's data follows the same rules at run time.

mod name;
mod packed;
mod parts;
mod tree;

pub(crate) use name::same;

use super::schema::{self, Name, Record, Schema};
use packed::Packed;

/// A place in a schema.
#[derive(Debug, Clone, Copy)]
pub(crate) enum View<'a> {
    /// In a definition's tree; `root` is the whole tree, where references are looked up.
    Tree { schema: &'static Schema, namespace: &'static str, root: &'static Schema },
    /// A record that is a branch of a union in a tree.
    Branch { record: &'static Record, namespace: &'static str, root: &'static Schema },
    /// In packed bytes.
    Packed(Packed<'a>),
}

/// What kind of schema stands at a place; a logical type is its base here.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape<'a> {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(NameView<'a>, usize),
    Enum(EnumView<'a>),
    Array(View<'a>),
    Map(View<'a>),
    Union(UnionView<'a>),
    Record(RecordView<'a>),
}

/// A name, and the aliases beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameView<'a> {
    pub(crate) namespace: &'a [u8],
    pub(crate) base: &'a [u8],
    /// The whole name where generic arguments are part of it.
    pub(crate) generic: Option<&'static Name>,
    /// As they are written: in full, or relative to the namespace.
    pub(crate) aliases: Texts<'a>,
}

/// A list of texts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Texts<'a> {
    Slice(&'static [&'static str]),
    Packed(Packed<'a>),
}

/// An enumeration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EnumView<'a> {
    pub(crate) name: NameView<'a>,
    pub(crate) symbols: Texts<'a>,
    /// The index of the symbol that stands for unknown ones.
    pub(crate) default: Option<usize>,
}

/// A union.
#[derive(Debug, Clone, Copy)]
pub(crate) enum UnionView<'a> {
    /// `["null", T]`
    Nullable {
        inner: &'static Schema,
        namespace: &'static str,
        root: &'static Schema,
    },
    /// Records, behind `"null"` or not.
    Records {
        union: &'static schema::Union,
        null: bool,
        namespace: &'static str,
        root: &'static Schema,
    },
    Packed(Packed<'a>),
}

/// A record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordView<'a> {
    pub(crate) name: NameView<'a>,
    fields: Fields<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Fields<'a> {
    Tree { fields: &'static [schema::Field], namespace: &'static str, root: &'static Schema },
    Packed(Packed<'a>),
}

/// A field of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldView<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) aliases: Texts<'a>,
    /// The JSON of the default.
    pub(crate) default: Option<&'a [u8]>,
    /// Whether a definition marks it as personal data; what is packed has no marks.
    pub(crate) pii: bool,
    pub(crate) schema: View<'a>,
}

/// A logical type; precision and scale are those of `decimal`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogicalView<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) precision: u32,
    pub(crate) scale: u32,
}

impl View<'static> {
    /// The root of a definition's tree.
    pub(crate) const fn tree(root: &'static Schema) -> Self {
        Self::Tree { schema: root, namespace: "", root }
    }
}

impl<'a> View<'a> {
    /// The root of packed bytes.
    pub(crate) const fn packed(bytes: &'a [u8]) -> Self {
        Self::Packed(Packed { bytes, at: 0 })
    }

    /// What stands here; a reference is what it refers to.
    pub(crate) const fn shape(self) -> Shape<'a> {
        match self {
            Self::Tree { schema, namespace, root } => tree::shape(schema, namespace, root),
            Self::Branch { record, namespace, root } => {
                Shape::Record(tree::record_view(record, namespace, root))
            }
            Self::Packed(node) => node.shape(),
        }
    }

    /// The logical type, where there is one.
    pub(crate) const fn logical(self) -> Option<LogicalView<'a>> {
        match self {
            Self::Tree { schema: Schema::Logical(logical), .. } => Some(LogicalView {
                name: logical.name.as_bytes(),
                precision: tree::number_behind(logical.attributes.as_bytes(), b"\"precision\":"),
                scale: tree::number_behind(logical.attributes.as_bytes(), b"\"scale\":"),
            }),
            Self::Packed(node) => node.logical(),
            _ => None,
        }
    }

    /// The digest of a record.
    pub(crate) const fn digest(self) -> Option<u64> {
        match self {
            Self::Tree { schema: Schema::Record(record), .. } => Some(record.digest),
            Self::Branch { record, .. } => Some(record.digest),
            Self::Packed(node) => node.record_digest(),
            Self::Tree { .. } => None,
        }
    }

    /// Where this stands in packed bytes: what tells two places of one schema apart.
    pub(crate) const fn offset(self) -> Option<usize> {
        match self {
            Self::Packed(node) => Some(node.base().at),
            _ => None,
        }
    }
}
