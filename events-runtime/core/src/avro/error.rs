//! What can go wrong between a value and its datum.

use std::borrow::Cow;
use std::fmt;

/// Where in a value a fault lies: `lines[3].price`, built from the inside out.
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
    /// Forgets what a value of personal data says of itself: the keys of its maps.
    fn mask(&mut self) {
        for segment in &mut self.0 {
            if let Segment::Entry(key) = segment {
                MASK.clone_into(key);
            }
        }
    }
}

/// What stands for personal data.
pub(crate) const MASK: &str = "***";

const REFUSED: &str = "the value is refused; it is personal data, so the reason is not shown";

const UNRESOLVABLE: &str = "it is personal data, so the reason is not shown";

/// A value that its schema can't hold without loss.
///
/// The value was not written; change it, or give the field a type that holds it.
///
/// Of a field marked `#[event(pii)]` it tells neither the value nor what a conversion said of it:
/// errors end up in logs and in dead letters.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Box<Fault<EncodeErrorKind>>);

/// Bytes that are no datum of the schema.
///
/// Nothing was decoded. A retry with the same bytes and the same definition fails again.
///
/// Of a field marked `#[event(pii)]` it tells neither the value nor what a conversion said of it:
/// errors end up in logs and in dead letters.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Fault<DecodeErrorKind>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault<K> {
    kind: K,
    path: Path,
    offset: usize,
}

/// Why a value can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// A number that the Avro type has no room for.
    #[error("{value} is out of range for an Avro `{avro}`")]
    OutOfRange {
        /// The number.
        value: i128,
        /// The Avro type.
        avro: &'static str,
    },
    /// More items of zero bytes than a reader accepts.
    #[error("more than {limit} items that take no bytes, which no reader accepts: count them instead")]
    TooManyEmptyItems {
        /// The limit, [`MAX_EMPTY_ITEMS`](super::MAX_EMPTY_ITEMS).
        limit: usize,
    },
    /// More nested values than a reader follows.
    #[error("the value is nested more than {limit} levels deep")]
    TooDeep {
        /// The limit, [`MAX_DEPTH`](super::MAX_DEPTH).
        limit: usize,
    },
    /// A value that a conversion refused.
    #[error("{0}")]
    Invalid(String),
    /// The datum is longer than the slice given to [`to_slice`](super::to_slice).
    #[error("the datum needs {needed} bytes and the slice has {available}")]
    SliceTooShort {
        /// The bytes that the datum may take at most.
        needed: usize,
        /// The bytes that the slice has.
        available: usize,
    },
    /// A hand-written [`EventData`](crate::EventData) whose `max_len` is less than what its
    /// `encode` writes.
    #[error(
        "`{rust_type}` wrote more bytes than its `max_len` of {max_len}; fix that implementation of `EventData`"
    )]
    LongerThanMeasured {
        /// The type that was encoded.
        rust_type: &'static str,
        /// What `max_len` said.
        max_len: usize,
    },
}

/// Why bytes can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end inside a value.
    #[error("the bytes end {missing} short of the value")]
    UnexpectedEnd {
        /// How many more bytes the value takes, at the least.
        missing: usize,
    },
    /// A varint of more than ten bytes, or of more than 64 bits.
    #[error("a varint is longer than 64 bits")]
    VarintTooLong,
    /// A length below zero.
    #[error("a length is negative: {0}")]
    NegativeLength(i64),
    /// More items than the rest of the bytes can hold.
    #[error("a block of {count} items can't fit into the {remaining} bytes that are left")]
    CountTooLarge {
        /// The items that the block says it has.
        count: u64,
        /// The bytes that are left.
        remaining: usize,
    },
    /// More items of zero bytes than are accepted.
    #[error("more than {limit} items that take no bytes")]
    TooManyEmptyItems {
        /// The limit, [`MAX_EMPTY_ITEMS`](super::MAX_EMPTY_ITEMS).
        limit: usize,
    },
    /// Items for which the datum has no bytes, of defaults or of nothing, that need too much memory.
    #[error("items that take no bytes in the datum need more than {limit} bytes of memory")]
    TooMuchMemory {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A string that is no UTF-8.
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
    /// A number that the Rust type has no room for.
    #[error("{value} is out of range for `{rust}`")]
    OutOfRange {
        /// The number.
        value: i64,
        /// The Rust type.
        rust: &'static str,
    },
    /// An array or byte string of another length than the Rust array.
    #[error("{found} items where the Rust array has {expected}")]
    WrongLength {
        /// The length of the Rust array.
        expected: usize,
        /// The items in the bytes.
        found: usize,
    },
    /// A value that the Rust type or a conversion refuses.
    #[error("{0}")]
    Invalid(String),
    /// Data of another schema that this one has no place for.
    #[error("another schema wrote it, which does not fit: {0}")]
    Unresolvable(String),
    /// Data of another schema that its defaults here make longer than any of that length should be.
    #[error("with the defaults of this schema, the datum is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// More nested values than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("the bytes are nested more than {limit} levels deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Bytes behind the end of the datum.
    #[error("{0} bytes are left behind the end of the datum")]
    TrailingBytes(usize),
    /// Bytes that do not start with the single-object marker `C3 01`.
    #[error("the bytes do not start with the single-object marker C3 01")]
    NotSingleObject,
    /// A single object that another schema wrote.
    #[error("the bytes were written with schema {found:016x}, this definition is {expected:016x}")]
    OtherSchema {
        /// The reader's fingerprint.
        expected: u64,
        /// The fingerprint in the bytes.
        found: u64,
    },
}

impl EncodeError {
    /// An error without a path; the fields around it add theirs.
    #[cold]
    pub fn new(kind: EncodeErrorKind) -> Self {
        Self(Box::new(Fault { kind, path: Path::default(), offset: 0 }))
    }

    /// A value that a conversion refused, with the reason.
    #[cold]
    pub fn invalid(reason: impl fmt::Display) -> Self {
        Self::new(EncodeErrorKind::Invalid(reason.to_string()))
    }

    /// Why the value can't be written.
    pub fn kind(&self) -> &EncodeErrorKind {
        &self.0.kind
    }

    /// The field, as `lines[3].price`; empty for the value itself.
    pub fn path(&self) -> String {
        self.0.path.to_string()
    }

    /// Adds the field around the fault.
    #[cold]
    #[must_use]
    pub fn in_field(mut self, name: &'static str) -> Self {
        self.0.path.0.push(Segment::Field(Cow::Borrowed(name)));
        self
    }

    /// Adds the field around the fault, which holds personal data.
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

    /// Adds the array index around the fault.
    #[cold]
    #[must_use]
    pub fn in_item(mut self, index: usize) -> Self {
        self.0.path.0.push(Segment::Item(index));
        self
    }

    /// Adds the map key around the fault.
    #[cold]
    #[must_use]
    pub fn in_entry(mut self, key: &str) -> Self {
        self.0.path.0.push(Segment::Entry(key.to_owned()));
        self
    }
}

impl DecodeError {
    /// An error at a byte offset, without a path; the fields around it add theirs.
    #[cold]
    pub fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self(Box::new(Fault { kind, path: Path::default(), offset }))
    }

    /// Why the bytes can't be read.
    pub fn kind(&self) -> &DecodeErrorKind {
        &self.0.kind
    }

    /// The field, as `lines[3].price`; empty for the value itself.
    pub fn path(&self) -> String {
        self.0.path.to_string()
    }

    /// How many bytes from the start of the datum were read before the fault.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// The same fault at another offset.
    #[cold]
    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.0.offset = offset;
        self
    }

    /// The same fault without the keys of maps in its path, where what they are is not known.
    #[cold]
    pub(crate) fn without_keys(mut self) -> Self {
        self.0.path.mask();
        self
    }

    /// Adds the field around the fault, which may be one that only the writer has.
    #[cold]
    pub(crate) fn in_any_field(mut self, name: Cow<'static, str>) -> Self {
        self.0.path.0.push(Segment::Field(name));
        self
    }

    /// Adds the field around the fault.
    #[cold]
    #[must_use]
    pub fn in_field(mut self, name: &'static str) -> Self {
        self.0.path.0.push(Segment::Field(Cow::Borrowed(name)));
        self
    }

    /// Adds the field around the fault, which holds personal data.
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

    /// Adds the array index around the fault.
    #[cold]
    #[must_use]
    pub fn in_item(mut self, index: usize) -> Self {
        self.0.path.0.push(Segment::Item(index));
        self
    }

    /// Adds the map key around the fault.
    #[cold]
    #[must_use]
    pub fn in_entry(mut self, key: &str) -> Self {
        self.0.path.0.push(Segment::Entry(key.to_owned()));
        self
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

impl std::error::Error for EncodeError {}
impl std::error::Error for DecodeError {}
