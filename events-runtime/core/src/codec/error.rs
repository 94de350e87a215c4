//! Errors of encoding and decoding.

use std::borrow::Cow;
use std::fmt;

/// The path to a part of a value, such as `lines[3].price`, innermost segment first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Path(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Field(Cow<'static, str>),
    Item(usize),
    Entry(String),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, segment) in self.0.iter().rev().enumerate() {
            match segment {
                Segment::Field(name) if depth == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Item(index) => write!(f, "[{index}]")?,
                Segment::Entry(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

impl Path {
    /// Replaces the keys of maps, which may be personal data.
    fn mask(&mut self) {
        for segment in &mut self.0 {
            if let Segment::Entry(key) = segment {
                MASK.clone_into(key);
            }
        }
    }
}

/// Replaces personal data.
pub(crate) const MASK: &str = "***";

const REFUSED: &str = "invalid value; the reason is not shown because the field holds personal data";

const UNRESOLVABLE: &str = "the reason is not shown because the field holds personal data";

/// A value that its schema can't hold without loss.
///
/// The value was not written. Change the value, or give the field a type that holds it.
///
/// For a field marked `#[event(pii)]`, the error contains neither the value nor the reason of a conversion:
/// errors end up in logs and in dead letters.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Box<Located<EncodeErrorKind>>);

/// Bytes that are not a datum of the schema.
///
/// Nothing was decoded. A retry with the same bytes and the same definition fails again.
///
/// For a field marked `#[event(pii)]`, the error contains neither the value nor the reason of a conversion:
/// errors end up in logs and in dead letters.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Located<DecodeErrorKind>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Located<K> {
    kind: K,
    path: Path,
    offset: usize,
}

/// Why a value can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// A number beyond the range of the Avro type.
    #[error("{value} is out of range for an Avro `{avro}`")]
    OutOfRange {
        /// The number.
        value: i128,
        /// The Avro type.
        avro: &'static str,
    },
    /// More items of zero bytes than a reader accepts.
    #[error("more than {limit} items without bytes, which no reader accepts: store their number instead")]
    TooManyEmptyItems {
        /// The limit, [`MAX_EMPTY_ITEMS`](super::MAX_EMPTY_ITEMS).
        limit: usize,
    },
    /// Deeper nesting than readers accept.
    #[error("the value is nested more than {limit} levels deep")]
    TooDeep {
        /// The limit, [`MAX_DEPTH`](super::MAX_DEPTH).
        limit: usize,
    },
    /// A value that a conversion rejected.
    #[error("{0}")]
    Invalid(String),
    /// The variant `#[event(other)]` of an enum, which is no branch of its schema.
    #[error("`{variant}` {}", super::other::UNWRITABLE)]
    Other {
        /// The variant, such as `Payment::Unknown`.
        variant: &'static str,
    },
    /// The datum is longer than the slice given to [`to_slice`](crate::avro::to_slice).
    #[error("the datum needs {needed} bytes and the slice has {available}")]
    SliceTooShort {
        /// The most bytes that the datum can take.
        needed: usize,
        /// The length of the slice.
        available: usize,
    },
    /// A hand-written [`EventData`](crate::EventData) whose `encode` writes more than its `max_len`.
    #[error(
        "`{rust_type}` wrote more bytes than its `max_len` of {max_len}; fix that implementation of `EventData`"
    )]
    LongerThanMeasured {
        /// The type that was encoded.
        rust_type: &'static str,
        /// The result of `max_len`.
        max_len: usize,
    },
}

fn noun(bytes: usize) -> &'static str {
    if bytes == 1 { "byte" } else { "bytes" }
}

/// Why bytes can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end inside a value.
    #[error("unexpected end of input: {missing} more {} needed", noun(*.missing))]
    UnexpectedEnd {
        /// How many more bytes the value has at least.
        missing: usize,
    },
    /// A varint of more than ten bytes, or of more than 64 bits.
    #[error("a varint is longer than 64 bits")]
    VarintTooLong,
    /// A length below zero.
    #[error("negative length: {0}")]
    NegativeLength(i64),
    /// More items than the remaining bytes can hold.
    #[error("a block of {count} items can't fit into the remaining {remaining} {}", noun(*.remaining))]
    CountTooLarge {
        /// The number of items in the header of the block.
        count: u64,
        /// The number of remaining bytes.
        remaining: usize,
    },
    /// More items of zero bytes than are accepted.
    #[error("more than {limit} items without bytes")]
    TooManyEmptyItems {
        /// The limit, [`MAX_EMPTY_ITEMS`](super::MAX_EMPTY_ITEMS).
        limit: usize,
    },
    /// Items without bytes in the datum, empty or from defaults, that need too much memory.
    #[error("items without bytes in the datum need more than {limit} bytes of memory")]
    TooMuchMemory {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A string that is not UTF-8.
    #[error("a string is not valid UTF-8")]
    InvalidUtf8,
    /// A boolean that is neither 0 nor 1.
    #[error("a boolean is the byte {0}, neither 0 nor 1")]
    InvalidBoolean(u8),
    /// A union branch that the schema does not have.
    #[error("union branch {index} does not exist, the union has {branches}")]
    UnknownBranch {
        /// The index in the bytes.
        index: i64,
        /// The number of branches.
        branches: usize,
    },
    /// An enumeration index that the schema does not have.
    #[error("enum index {index} does not exist, the enum has {symbols} symbols")]
    UnknownSymbol {
        /// The index in the bytes.
        index: i64,
        /// The number of symbols.
        symbols: usize,
    },
    /// A number beyond the range of the Rust type.
    #[error("{value} is out of range for `{rust}`")]
    OutOfRange {
        /// The number.
        value: i64,
        /// The Rust type.
        rust: &'static str,
    },
    /// An array or byte string of another length than the Rust array.
    #[error("found {found} items, the Rust array has {expected}")]
    WrongLength {
        /// The length of the Rust array.
        expected: usize,
        /// The items in the bytes.
        found: usize,
    },
    /// A value that the Rust type or a conversion rejects.
    #[error("{0}")]
    Invalid(String),
    /// Data of another schema that can't be read as this one.
    #[error("data of another schema can't be read: {0}")]
    Unresolvable(String),
    /// Data of another schema that grows too much by the defaults of this schema.
    #[error("with the defaults of this schema, the datum is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Deeper nesting than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("the data is nested more than {limit} levels deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Bytes after the end of the datum.
    #[error("{0} {noun} after the end of the datum", noun = noun(*.0))]
    TrailingBytes(usize),
    /// Bytes that do not start with the single-object marker `C3 01`.
    #[error("the bytes do not start with the single-object marker C3 01")]
    NotSingleObject,
    /// A single object of another schema.
    #[error("the bytes were written with schema {found:016x}, this definition is {expected:016x}")]
    OtherSchema {
        /// The reader's fingerprint.
        expected: u64,
        /// The fingerprint in the bytes.
        found: u64,
    },
}

/// What both errors have: a kind and a path.
macro_rules! located {
    ($($error:ident, $kind:ident, $why:literal;)*) => {$(
        impl $error {
            #[doc = $why]
            pub fn kind(&self) -> &$kind {
                &self.0.kind
            }

            /// The path to the field, such as `lines[3].price`; empty for the value itself.
            pub fn path(&self) -> String {
                self.0.path.to_string()
            }

            /// Adds the enclosing field.
            #[cold]
            #[must_use]
            pub fn in_field(self, name: &'static str) -> Self {
                self.in_segment(Segment::Field(Cow::Borrowed(name)))
            }

            /// Adds the index in the enclosing array.
            #[cold]
            #[must_use]
            pub fn in_item(self, index: usize) -> Self {
                self.in_segment(Segment::Item(index))
            }

            /// Adds the key in the enclosing map.
            #[cold]
            #[must_use]
            pub fn in_entry(self, key: &str) -> Self {
                self.in_segment(Segment::Entry(key.to_owned()))
            }

            fn in_segment(mut self, segment: Segment) -> Self {
                self.0.path.0.push(segment);
                self
            }
        }

        impl std::error::Error for $error {}
    )*};
}

located! {
    EncodeError, EncodeErrorKind, "Why the value can't be written.";
    DecodeError, DecodeErrorKind, "Why the bytes can't be read.";
}

impl EncodeError {
    /// An error without a path. Enclosing fields add their names.
    #[cold]
    pub fn new(kind: EncodeErrorKind) -> Self {
        Self(Box::new(Located { kind, path: Path::default(), offset: 0 }))
    }

    /// A value that a conversion rejected, with the reason.
    #[cold]
    pub fn invalid(reason: impl fmt::Display) -> Self {
        Self::new(EncodeErrorKind::Invalid(reason.to_string()))
    }

    /// Adds the enclosing field, which holds personal data.
    #[cold]
    #[must_use]
    pub(crate) fn in_pii_field(mut self, name: &'static str) -> Self {
        self.0.path.mask();
        match &self.0.kind {
            EncodeErrorKind::OutOfRange { avro, .. } => {
                let reason = format!("{MASK} is out of range for an Avro `{avro}`");
                self.0.kind = EncodeErrorKind::Invalid(reason);
            }
            EncodeErrorKind::Invalid(_) => self.0.kind = EncodeErrorKind::Invalid(REFUSED.to_owned()),
            _ => {}
        }
        self.in_field(name)
    }
}

impl DecodeError {
    /// An error at a byte offset, without a path. Enclosing fields add their names.
    #[cold]
    pub fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self(Box::new(Located { kind, path: Path::default(), offset }))
    }

    /// How many bytes of the datum were read before the error.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// The same error at another offset.
    #[cold]
    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.0.offset = offset;
        self
    }

    /// The same error without the keys of maps in its path: whether they are personal data is not known.
    #[cold]
    pub(crate) fn without_keys(mut self) -> Self {
        self.0.path.mask();
        self
    }

    /// Adds the enclosing field, which may be one of the writer only.
    #[cold]
    pub(crate) fn in_any_field(self, name: Cow<'static, str>) -> Self {
        self.in_segment(Segment::Field(name))
    }

    /// Adds the enclosing field, which holds personal data.
    #[cold]
    #[must_use]
    pub(crate) fn in_pii_field(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.path.mask();
        match &self.0.kind {
            DecodeErrorKind::OutOfRange { rust, .. } => {
                self.0.kind = DecodeErrorKind::Invalid(format!("{MASK} is out of range for `{rust}`"));
            }
            DecodeErrorKind::Invalid(_) => self.0.kind = DecodeErrorKind::Invalid(REFUSED.to_owned()),
            DecodeErrorKind::Unresolvable(_) => {
                self.0.kind = DecodeErrorKind::Unresolvable(UNRESOLVABLE.to_owned());
            }
            _ => {}
        }
        self.in_any_field(name.into())
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.path.0.is_empty() {
            write!(f, "field `{}`: ", self.0.path)?;
        }
        self.0.kind.fmt(f)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.path.0.is_empty() {
            write!(f, "field `{}`: ", self.0.path)?;
        }
        write!(f, "{} (at byte {})", self.0.kind, self.0.offset)
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodeError").field("kind", &self.0.kind).field("path", &self.path()).finish()
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodeError")
            .field("kind", &self.0.kind)
            .field("path", &self.path())
            .field("offset", &self.0.offset)
            .finish()
    }
}
