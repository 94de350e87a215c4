//! A read-only view of a schema: of a tree of constants, or of the packed form.
//!
//! Every function is `const`: the check against published schemas runs while a definition compiles, and
//! the plan that resolves a writer's data applies the same rules at run time.

mod name;
mod packed;
mod parts;
mod tree;

pub use crate::const_str::same;
pub(crate) use name::{MAX_NAMES, Names};

use crate::tree::{Field, Name, Record, Schema, Union};
use packed::Packed;

/// A node of a schema.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// A node of a definition's tree.
    Tree {
        /// The node.
        schema: &'static Schema,
        /// The namespace of the enclosing definition.
        namespace: &'static str,
        /// The whole tree, in which references are resolved.
        root: &'static Schema,
    },
    /// A record that is a branch of a union in a tree.
    Branch {
        /// The record.
        record: &'static Record,
        /// The namespace of the enclosing definition.
        namespace: &'static str,
        /// The whole tree, in which references are resolved.
        root: &'static Schema,
    },
    /// A node of the packed form.
    Packed(Packed<'a>),
}

/// The kind of a node. A logical type has the shape of its base type, a reference that of its definition.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'a> {
    /// `null`.
    Null,
    /// `boolean`.
    Boolean,
    /// `int`.
    Int,
    /// `long`.
    Long,
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// `bytes`.
    Bytes,
    /// `string`.
    String,
    /// `fixed`, with its size in bytes.
    Fixed(NameView<'a>, usize),
    /// An enumeration.
    Enum(EnumView<'a>),
    /// An array of these items.
    Array(View<'a>),
    /// A map to these values.
    Map(View<'a>),
    /// A union.
    Union(UnionView<'a>),
    /// A record.
    Record(RecordView<'a>),
}

/// The name of a named type, with its aliases.
#[derive(Debug, Clone, Copy)]
pub struct NameView<'a> {
    /// The namespace; empty where there is none.
    pub namespace: &'a [u8],
    /// The name without the namespace.
    pub base: &'a [u8],
    /// The whole name where generic arguments are part of it.
    pub generic: Option<&'static Name>,
    /// The aliases as written: full names, or relative to the namespace.
    pub aliases: Texts<'a>,
}

/// A list of texts.
#[derive(Debug, Clone, Copy)]
pub enum Texts<'a> {
    /// Texts of a tree.
    Slice(&'static [&'static str]),
    /// Texts of the packed form.
    Packed(Packed<'a>),
}

/// An enumeration.
#[derive(Debug, Clone, Copy)]
pub struct EnumView<'a> {
    /// The name.
    pub name: NameView<'a>,
    /// The symbols, in the order of their indexes.
    pub symbols: Texts<'a>,
    /// The index of the default symbol, which replaces unknown symbols.
    pub default: Option<usize>,
}

/// A union.
#[derive(Debug, Clone, Copy)]
pub enum UnionView<'a> {
    /// `["null", T]`
    Nullable {
        /// `T`.
        inner: &'static Schema,
        /// The namespace of the enclosing definition.
        namespace: &'static str,
        /// The whole tree, in which references are resolved.
        root: &'static Schema,
    },
    /// A union of records.
    Records {
        /// The union.
        union: &'static Union,
        /// Whether `"null"` is its first branch.
        null: bool,
        /// The namespace of the enclosing definition.
        namespace: &'static str,
        /// The whole tree, in which references are resolved.
        root: &'static Schema,
    },
    /// A union of the packed form.
    Packed(Packed<'a>),
}

/// A record.
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    /// The name.
    pub name: NameView<'a>,
    fields: Fields<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Fields<'a> {
    Tree { fields: &'static [Field], namespace: &'static str, root: &'static Schema },
    Packed(Packed<'a>),
}

/// A field of a record.
#[derive(Debug, Clone, Copy)]
pub struct FieldView<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The aliases.
    pub aliases: Texts<'a>,
    /// The default value as JSON.
    pub default: Option<&'a [u8]>,
    /// Whether the definition marks it as personal data; the packed form has no marks.
    pub pii: bool,
    /// The schema.
    pub schema: View<'a>,
}

/// A logical type; precision and scale are those of `decimal`.
#[derive(Debug, Clone, Copy)]
pub struct LogicalView<'a> {
    /// The logical type's name.
    pub name: &'a [u8],
    /// The number of digits.
    pub precision: u32,
    /// The number of digits behind the point.
    pub scale: u32,
}

/// A text of a view. Views are made of `str`s.
pub fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

impl View<'static> {
    /// The root of a definition's tree.
    pub const fn tree(root: &'static Schema) -> Self {
        Self::Tree { schema: root, namespace: "", root }
    }
}

impl<'a> View<'a> {
    /// The root of packed bytes.
    pub const fn packed(bytes: &'a [u8]) -> Self {
        Self::Packed(Packed { bytes, at: 0 })
    }

    /// The shape of this node; a reference has the shape of its definition.
    pub const fn shape(self) -> Shape<'a> {
        match self {
            Self::Tree { schema, namespace, root } => tree::shape(schema, namespace, root),
            Self::Branch { record, namespace, root } => {
                Shape::Record(tree::record_view(record, namespace, root))
            }
            Self::Packed(node) => node.shape(),
        }
    }

    /// The record, if this node is one. Doesn't follow references of a tree.
    pub(crate) const fn record(self) -> Option<RecordView<'a>> {
        match self {
            Self::Tree { schema: Schema::Record(record), namespace, root } => {
                Some(tree::record_view(record, namespace, root))
            }
            Self::Branch { record, namespace, root } => Some(tree::record_view(record, namespace, root)),
            Self::Packed(node) => match node.shape() {
                Shape::Record(record) => Some(record),
                _ => None,
            },
            Self::Tree { .. } => None,
        }
    }

    /// The logical type, where there is one.
    pub const fn logical(self) -> Option<LogicalView<'a>> {
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

    /// Whether this is a reference to a type that is defined elsewhere.
    pub const fn is_reference(self) -> bool {
        matches!(self, Self::Tree { schema: Schema::Ref(_), .. })
    }

    /// Whether this is `["null", T]`, and `T` a reference to a type that is defined elsewhere.
    pub const fn is_optional_reference(self) -> bool {
        matches!(self, Self::Tree { schema: Schema::Nullable(Schema::Ref(_)), .. })
    }

    /// The digest of a record.
    pub const fn digest(self) -> Option<u64> {
        match self {
            Self::Tree { schema: Schema::Record(record), .. } => Some(record.digest),
            Self::Branch { record, .. } => Some(record.digest),
            Self::Packed(node) => node.record_digest(),
            Self::Tree { .. } => None,
        }
    }

    /// The offset in packed bytes, which identifies a node within one schema.
    pub const fn offset(self) -> Option<usize> {
        match self {
            Self::Packed(node) => Some(node.base().at),
            _ => None,
        }
    }
}
