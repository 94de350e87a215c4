//! Reading a datum: nothing is believed, and no memory is taken on the word of the input.

use super::error::{DecodeError, DecodeErrorKind};
use super::varint;
use crate::payload::EventData;

/// How many levels deep recursive types may nest, when written and when read, where a value of the type
/// takes at most 1,024 bytes. A larger type nests the fewer levels the larger it is: each level of it
/// takes that much more of the stack.
pub const MAX_DEPTH: usize = 128;

/// What all levels together may take, in bytes of their types.
const MAX_NESTED_SIZE: usize = MAX_DEPTH * LEVEL_SIZE;

/// What a level counts at least.
const LEVEL_SIZE: usize = 1024;

/// How much of the stack the levels of a datum may really take, whatever their types: half of what a
/// thread has by default. An unoptimized build needs several times the size of a type.
const MAX_STACK: usize = 1024 * 1024;

/// The size of all levels, one of this size included: none where that is more than they may take.
#[inline]
pub(crate) const fn deeper(depth: usize, size: usize) -> Option<usize> {
    let depth = depth.saturating_add(if size > LEVEL_SIZE { size } else { LEVEL_SIZE });
    if depth > MAX_NESTED_SIZE { None } else { Some(depth) }
}

/// How many levels there can be of a type of this size.
pub(crate) const fn max_levels(size: usize) -> usize {
    MAX_NESTED_SIZE / if size > LEVEL_SIZE { size } else { LEVEL_SIZE }
}

/// How many array items that take no bytes a datum may have.
pub const MAX_EMPTY_ITEMS: usize = 65_536;

/// How much memory, in bytes, items may take that no byte of the writer's datum stands for.
const MADE_ITEMS_MEMORY: usize = 4 * 1024 * 1024;

/// Reads a datum from a slice. A clone reads on for itself.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
    /// Bytes that no block has claimed for its items yet.
    unclaimed: usize,
    /// The size of the levels that the reader is in: [`deeper`].
    depth: usize,
    /// Where the stack stood at the first of them.
    stack: usize,
    empty_items: usize,
    /// How many items may come that are not charged: those that a byte of the writer's datum can stand for.
    free_items: usize,
    /// The memory that is left for all other items, in bytes.
    made_items_memory: usize,
}

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::rewritten(bytes, bytes.len())
    }

    /// A reader of bytes that a shorter datum, `input_len` bytes long, was rewritten to. Defaults add items'
    /// bytes there: memory stays in proportion to the input, not to what was made of it.
    #[inline]
    pub(crate) fn rewritten(bytes: &'a [u8], input_len: usize) -> Self {
        Self {
            rest: bytes,
            len: bytes.len(),
            unclaimed: bytes.len(),
            depth: 0,
            stack: 0,
            empty_items: 0,
            free_items: input_len,
            made_items_memory: MADE_ITEMS_MEMORY,
        }
    }

    /// The bytes that are left.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// An error at the place where the reader stands.
    #[inline]
    pub fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.len - self.rest.len())
    }

    /// A value that the Rust type refuses, with the reason.
    #[cold]
    pub fn invalid(&self, reason: impl std::fmt::Display) -> DecodeError {
        self.error(DecodeErrorKind::Invalid(reason.to_string()))
    }

    #[inline]
    fn ends(&self, needed: usize) -> DecodeError {
        ends(needed, self.rest.len(), self.len)
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// The bytes are at their end.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        match self.rest.split_first() {
            Some((&first, rest)) => {
                self.rest = rest;
                Ok(first)
            }
            None => Err(self.ends(1)),
        }
    }

    /// Reads so many bytes.
    ///
    /// # Errors
    /// Fewer are left.
    #[inline]
    pub fn raw(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(len) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(self.ends(len)),
        }
    }

    /// Reads an array of bytes.
    ///
    /// # Errors
    /// Fewer are left.
    #[inline]
    pub fn chunk<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => Err(self.ends(N)),
        }
    }

    /// Reads a `boolean`.
    ///
    /// # Errors
    /// The byte is neither 0 nor 1, or missing.
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.error(DecodeErrorKind::InvalidBoolean(other))),
        }
    }

    /// Reads a `long`.
    ///
    /// # Errors
    /// The varint is cut, or has more than 64 bits.
    #[inline]
    pub fn long(&mut self) -> Result<i64, DecodeError> {
        // One byte first, then two and three: most numbers have no more.
        match *self.rest {
            [a @ ..0x80, ref rest @ ..] => {
                self.rest = rest;
                Ok(varint::unzigzag(u64::from(a)))
            }
            [a, b @ ..0x80, ref rest @ ..] => {
                self.rest = rest;
                Ok(varint::unzigzag(u64::from(a & 0x7f) | u64::from(b) << 7))
            }
            [a, b, c @ ..0x80, ref rest @ ..] => {
                self.rest = rest;
                let low = u64::from(a & 0x7f) | u64::from(b & 0x7f) << 7;
                Ok(varint::unzigzag(low | u64::from(c) << 14))
            }
            _ => self.long_form(),
        }
    }

    fn long_form(&mut self) -> Result<i64, DecodeError> {
        let in_word =
            self.rest.first_chunk::<8>().and_then(|word| varint::from_word(u64::from_le_bytes(*word)));
        let (value, len) = match in_word {
            Some(found) => found,
            None => match self.rest.split_first_chunk() {
                // Instants in nanoseconds.
                Some((word, &[ninth, tenth, ..])) => {
                    varint::from_long(u64::from_le_bytes(*word), [ninth, tenth])
                        .ok_or_else(|| self.error(DecodeErrorKind::VarintTooLong))?
                }
                _ => match varint::from_bytes(self.rest) {
                    Ok(found) => found,
                    Err(varint::Fault::Ends) => return Err(self.ends(self.rest.len() + 1)),
                    Err(varint::Fault::TooLong) => return Err(self.error(DecodeErrorKind::VarintTooLong)),
                },
            },
        };
        self.rest = self.rest.get(len..).unwrap_or_default();
        Ok(varint::unzigzag(value))
    }

    /// Reads an `int` or a `long` into a Rust integer.
    ///
    /// # Errors
    /// As for [`long`](Self::long), and where the Rust type has no room for the number.
    #[inline]
    pub fn integer<T: TryFrom<i64>>(&mut self) -> Result<T, DecodeError> {
        let value = self.long()?;
        T::try_from(value)
            .map_err(|_| self.error(DecodeErrorKind::OutOfRange { value, rust: std::any::type_name::<T>() }))
    }

    /// Reads the length of a string or of bytes.
    ///
    /// # Errors
    /// The length is negative, or beyond the bytes that are left.
    #[inline]
    pub fn length(&mut self) -> Result<usize, DecodeError> {
        let len = self.long()?;
        usize::try_from(len).map_err(|_| self.error(DecodeErrorKind::NegativeLength(len)))
    }

    /// Reads a `float`.
    ///
    /// # Errors
    /// Fewer than four bytes are left.
    #[inline]
    pub fn float(&mut self) -> Result<f32, DecodeError> {
        Ok(f32::from_le_bytes(self.chunk()?))
    }

    /// Reads a `double`.
    ///
    /// # Errors
    /// Fewer than eight bytes are left.
    #[inline]
    pub fn double(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_le_bytes(self.chunk()?))
    }

    /// Reads `bytes`, borrowed from the input.
    ///
    /// # Errors
    /// The length is negative, or beyond the bytes that are left.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        // A length below 64 is one even byte.
        if let Some((&first, rest)) = self.rest.split_first()
            && first & 0x81 == 0
            && let Some((head, rest)) = rest.split_at_checked(usize::from(first >> 1))
        {
            self.rest = rest;
            return Ok(head);
        }
        self.long_bytes()
    }

    fn long_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.length()?;
        self.raw(len)
    }

    /// Reads a `string`, borrowed from the input.
    ///
    /// # Errors
    /// As for [`bytes`](Self::bytes), and where they are no UTF-8.
    #[inline]
    pub fn string(&mut self) -> Result<&'a str, DecodeError> {
        let bytes = self.bytes()?;
        // The ASCII check alone is cheaper than the start of a UTF-8 validation for short strings.
        if let Ok(text) = ascii::AsciiStr::from_ascii(bytes) {
            return Ok(text.as_str());
        }
        simdutf8::basic::from_utf8(bytes).map_err(|_| self.error(DecodeErrorKind::InvalidUtf8))
    }

    /// Reads a `string` into memory of its own.
    ///
    /// # Errors
    /// As for [`string`](Self::string).
    #[inline]
    pub fn text(&mut self) -> Result<String, DecodeError> {
        self.string().map(str::to_owned)
    }

    /// Reads the head of an array or map block: how many items follow; 0 ends the blocks.
    ///
    /// `min_len` is the smallest number of bytes of one item.
    ///
    /// # Errors
    /// The count can't fit into the bytes that are left.
    #[inline]
    pub fn block(&mut self, min_len: usize) -> Result<usize, DecodeError> {
        let mut count = self.long()?;
        if count < 0 {
            // A negative count announces the block's length in bytes, which only a skip needs.
            self.length()?;
            count = count.checked_neg().ok_or_else(|| self.error(DecodeErrorKind::NegativeLength(count)))?;
        }
        let remaining = self.rest.len();
        let too_large = |reader: &Self| {
            reader.error(DecodeErrorKind::CountTooLarge { count: count.cast_unsigned(), remaining })
        };
        let items = usize::try_from(count).map_err(|_| too_large(self))?;
        if min_len == 0 {
            self.empty_items(items)?;
        } else if items.checked_mul(min_len).is_none_or(|bytes| bytes > remaining) {
            return Err(too_large(self));
        }
        Ok(items)
    }

    /// Counts items that take no bytes, in all arrays of the datum: else a few bytes that announce
    /// them, nested or repeated, keep a reader busy for days.
    pub(crate) fn empty_items(&mut self, items: usize) -> Result<(), DecodeError> {
        self.empty_items = self.empty_items.saturating_add(items);
        if self.empty_items > MAX_EMPTY_ITEMS {
            return Err(self.error(DecodeErrorKind::TooManyEmptyItems { limit: MAX_EMPTY_ITEMS }));
        }
        Ok(())
    }

    /// For how many of the items that a block announces memory is taken before they have come.
    ///
    /// The blocks of a whole datum share its bytes: each nested block may announce as many items as
    /// bytes are left, but together they can't hold more than there are.
    #[inline]
    pub(crate) fn room(&mut self, items: usize, min_len: usize) -> usize {
        let min_len = min_len.max(1);
        let room = items.min(self.unclaimed / min_len);
        self.unclaimed -= room * min_len;
        room
    }

    /// Charges the items of a block to the memory that the datum may take: an item for which the input
    /// has no byte costs its size in memory. Items without bytes have none by definition.
    ///
    /// # Errors
    /// [`DecodeErrorKind::TooMuchMemory`].
    #[inline]
    pub(crate) fn charge(&mut self, items: usize, min_len: usize, size: usize) -> Result<(), DecodeError> {
        let free = if min_len == 0 { 0 } else { items.min(self.free_items) };
        self.free_items -= free;
        if free == items { Ok(()) } else { self.charge_made(items - free, size) }
    }

    #[cold]
    fn charge_made(&mut self, items: usize, size: usize) -> Result<(), DecodeError> {
        match self.made_items_memory.checked_sub(items.saturating_mul(size)) {
            Some(left) => {
                self.made_items_memory = left;
                Ok(())
            }
            None => Err(self.error(DecodeErrorKind::TooMuchMemory { limit: MADE_ITEMS_MEMORY })),
        }
    }

    /// Goes on reading at another place of the bytes that it was made of.
    pub(crate) fn go_to(&mut self, bytes: &'a [u8], offset: usize) {
        self.rest = bytes.get(offset..).unwrap_or_default();
    }

    /// Goes one level into a recursive type.
    ///
    /// # Errors
    /// That would be deeper than [`MAX_DEPTH`].
    #[inline]
    pub fn enter(&mut self) -> Result<(), DecodeError> {
        self.enter_sized(0)
    }

    /// Comes back from a level.
    #[inline]
    pub fn leave(&mut self) {
        self.leave_sized(0);
    }

    /// Goes one level into a recursive type whose values take so many bytes in memory.
    ///
    /// # Errors
    /// That would be deeper than the stack reaches: see [`MAX_DEPTH`].
    #[inline]
    pub fn enter_sized(&mut self, size: usize) -> Result<(), DecodeError> {
        // No pointer is followed: the address of a local says how far the stack has grown.
        let here = (&raw const size).addr();
        if self.depth == 0 {
            self.stack = here;
        }
        match deeper(self.depth, size) {
            Some(depth) if self.stack.abs_diff(here) <= MAX_STACK => {
                self.depth = depth;
                Ok(())
            }
            _ => Err(self.error(DecodeErrorKind::TooDeep { limit: max_levels(size) })),
        }
    }

    /// Comes back from a level that [`enter_sized`](Self::enter_sized) went into, of the same size.
    #[inline]
    pub fn leave_sized(&mut self, size: usize) {
        self.depth = self.depth.saturating_sub(size.max(LEVEL_SIZE));
    }

    /// An error unless all bytes were read.
    ///
    /// # Errors
    /// Bytes are left.
    #[inline]
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.error(DecodeErrorKind::TrailingBytes(left))),
        }
    }
}

#[cold]
fn ends(needed: usize, left: usize, len: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::UnexpectedEnd { missing: needed.saturating_sub(left) }, len - left)
}

/// The value of a datum that takes all of the bytes.
///
/// # Errors
/// The bytes are no datum of this type: the error names the field, the fault and the offset.
/// Hostile bytes are an error, never a panic, and never memory beyond a multiple of their length
/// that the type sets: the size of its largest array item or map entry, which can take a single
/// byte in the datum. Items that take no bytes have 4 MiB in all.
///
/// ```
/// assert_eq!(events_runtime::avro::from_slice::<String>(b"\x06hey").unwrap(), "hey");
/// ```
#[doc(alias = "deserialize")]
#[inline]
pub fn from_slice<T: EventData>(bytes: &[u8]) -> Result<T, DecodeError> {
    read_all(Reader::new(bytes))
}

/// The value of all bytes that the reader has.
#[inline]
pub(crate) fn read_all<T: EventData>(mut reader: Reader<'_>) -> Result<T, DecodeError> {
    // One variable that is returned: a value that is unpacked and packed again is copied twice.
    let mut decoded = T::decode(&mut reader);
    if decoded.is_ok()
        && let Err(trailing) = reader.finish()
    {
        decoded = Err(trailing);
    }
    decoded
}
