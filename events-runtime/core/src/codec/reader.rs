//! Reads the parts of a datum. The input is not trusted: no memory is allocated because the input announces it.

use super::error::{DecodeError, DecodeErrorKind};
use super::varint::{self, VarintError};

/// How many levels deep recursive types may nest, when written and when read, if a value of the type
/// takes at most 1,024 bytes. The larger a type is, the fewer levels it may nest: each level needs that
/// much more of the stack.
pub const MAX_DEPTH: usize = 128;

/// The most bytes that the types of all levels together may take.
const MAX_NESTED_SIZE: usize = MAX_DEPTH * LEVEL_SIZE;

/// The least bytes that a level counts.
const LEVEL_SIZE: usize = 1024;

/// How much of the stack the levels of a datum may use, whatever their types: half of a thread's default
/// stack. An unoptimized build uses several times the size of a type.
const MAX_STACK: usize = 1024 * 1024;

/// The size of all levels including one of this size; `None` if that is more than allowed.
#[inline]
pub(crate) const fn deeper(depth: usize, size: usize) -> Option<usize> {
    let depth = depth.saturating_add(if size > LEVEL_SIZE { size } else { LEVEL_SIZE });
    if depth > MAX_NESTED_SIZE { None } else { Some(depth) }
}

/// How many levels a type of this size can have.
pub(crate) const fn max_levels(size: usize) -> usize {
    MAX_NESTED_SIZE / if size > LEVEL_SIZE { size } else { LEVEL_SIZE }
}

/// How many array items without bytes a datum may have.
pub const MAX_EMPTY_ITEMS: usize = 65_536;

/// How much memory, in bytes, items may take for which the writer's datum has no byte.
const MADE_ITEMS_MEMORY: usize = 4 * 1024 * 1024;

/// Reads a datum from a slice. A clone continues independently.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
    /// How many bytes no block has claimed for its items yet.
    unclaimed: usize,
    /// The size of the levels that the reader is in: [`deeper`].
    depth: usize,
    /// The address of the stack at the first of these levels.
    stack: usize,
    empty_items: usize,
    /// How many more items are not charged: those for which the writer's datum can have a byte.
    free_items: usize,
    /// The remaining memory for all other items, in bytes.
    made_items_memory: usize,
    /// Whether the datum may hold variants `#[event(other)]`.
    has_other: bool,
}

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { has_other: false, ..Self::rewritten(bytes, bytes.len()) }
    }

    /// A reader of a datum that was rewritten from an input of `input_len` bytes. It may hold variants
    /// `#[event(other)]`. Defaults can add bytes for
    /// items; memory must stay in proportion to the input, not to the rewritten datum.
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
            has_other: true,
        }
    }

    /// Whether the datum may hold variants `#[event(other)]`, by the index behind the last branch of their union.
    /// No writer writes this index: it is in data that was rewritten for this reader, or made to be shown.
    #[doc(hidden)]
    #[inline]
    pub fn has_other(&self) -> bool {
        self.has_other
    }

    /// The number of remaining bytes.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// An error at the current offset.
    #[inline]
    pub fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.len - self.rest.len())
    }

    /// A value that the Rust type rejects, with the reason.
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
    /// No bytes remain.
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

    /// Reads `len` bytes.
    ///
    /// # Errors
    /// Fewer remain.
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
    /// Fewer remain.
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
    /// The varint is incomplete, or has more than 64 bits.
    #[inline]
    pub fn long(&mut self) -> Result<i64, DecodeError> {
        // Most numbers take one to three bytes.
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
                    Err(VarintError::UnexpectedEnd) => return Err(self.ends(self.rest.len() + 1)),
                    Err(VarintError::TooLong) => return Err(self.error(DecodeErrorKind::VarintTooLong)),
                },
            },
        };
        self.rest = self.rest.get(len..).unwrap_or_default();
        Ok(varint::unzigzag(value))
    }

    /// Reads an `int` or a `long` into a Rust integer.
    ///
    /// # Errors
    /// Those of [`long`](Self::long), and a number beyond the range of the Rust type.
    #[inline]
    pub fn integer<T: TryFrom<i64>>(&mut self) -> Result<T, DecodeError> {
        let value = self.long()?;
        T::try_from(value)
            .map_err(|_| self.error(DecodeErrorKind::OutOfRange { value, rust: std::any::type_name::<T>() }))
    }

    /// Reads the length of a string or of `bytes`.
    ///
    /// # Errors
    /// The length is negative.
    #[inline]
    pub fn length(&mut self) -> Result<usize, DecodeError> {
        let len = self.long()?;
        usize::try_from(len).map_err(|_| self.error(DecodeErrorKind::NegativeLength(len)))
    }

    /// Reads a `float`.
    ///
    /// # Errors
    /// Fewer than four bytes remain.
    #[inline]
    pub fn float(&mut self) -> Result<f32, DecodeError> {
        Ok(f32::from_le_bytes(self.chunk()?))
    }

    /// Reads a `double`.
    ///
    /// # Errors
    /// Fewer than eight bytes remain.
    #[inline]
    pub fn double(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_le_bytes(self.chunk()?))
    }

    /// Reads `bytes`, borrowed from the input.
    ///
    /// # Errors
    /// The length is negative, or fewer bytes remain.
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
    /// Those of [`bytes`](Self::bytes), and bytes that are not UTF-8.
    #[inline]
    pub fn string(&mut self) -> Result<&'a str, DecodeError> {
        let bytes = self.bytes()?;
        // For short strings, an ASCII check is cheaper than the start of a UTF-8 validation.
        if let Ok(text) = ascii::AsciiStr::from_ascii(bytes) {
            return Ok(text.as_str());
        }
        simdutf8::basic::from_utf8(bytes).map_err(|_| self.error(DecodeErrorKind::InvalidUtf8))
    }

    /// Reads a `string` into a `String`.
    ///
    /// # Errors
    /// Those of [`string`](Self::string).
    #[inline]
    pub fn text(&mut self) -> Result<String, DecodeError> {
        self.string().map(str::to_owned)
    }

    /// Reads the header of a block of an array or a map: the number of its items. 0 ends the array or map.
    ///
    /// `min_len` is the smallest number of bytes of one item.
    ///
    /// # Errors
    /// So many items can't fit into the remaining bytes.
    #[inline]
    pub fn block(&mut self, min_len: usize) -> Result<usize, DecodeError> {
        let mut count = self.long()?;
        if count < 0 {
            // The length of the block in bytes follows a negative count.
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

    /// Counts items without bytes, in all arrays of the datum. Without this limit, a few bytes could announce
    /// so many items, nested or repeated, that a reader is busy for days.
    pub(crate) fn empty_items(&mut self, items: usize) -> Result<(), DecodeError> {
        self.empty_items = self.empty_items.saturating_add(items);
        if self.empty_items > MAX_EMPTY_ITEMS {
            return Err(self.error(DecodeErrorKind::TooManyEmptyItems { limit: MAX_EMPTY_ITEMS }));
        }
        Ok(())
    }

    /// For how many of a block's items memory is allocated before they are read.
    ///
    /// All blocks of a datum share its bytes: each nested block may announce as many items as bytes remain,
    /// but together they can't have more items than bytes.
    #[inline]
    pub(crate) fn room(&mut self, items: usize, min_len: usize) -> usize {
        let min_len = min_len.max(1);
        let room = items.min(self.unclaimed / min_len);
        self.unclaimed -= room * min_len;
        room
    }

    /// Charges the items of a block to the memory that the datum may take. An item for which the input has no
    /// byte costs its size in memory; an item without bytes always does.
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

    /// Continues at an offset of `bytes`, which the reader was made of.
    pub(crate) fn go_to(&mut self, bytes: &'a [u8], offset: usize) {
        self.rest = bytes.get(offset..).unwrap_or_default();
    }

    /// Enters a level of a recursive type.
    ///
    /// # Errors
    /// The level is deeper than [`MAX_DEPTH`].
    #[inline]
    pub fn enter(&mut self) -> Result<(), DecodeError> {
        self.enter_sized(0)
    }

    /// Leaves a level.
    #[inline]
    pub fn leave(&mut self) {
        self.leave_sized(0);
    }

    /// Enters a level of a recursive type whose values take `size` bytes in memory.
    ///
    /// # Errors
    /// The level is deeper than the stack allows: see [`MAX_DEPTH`].
    #[inline]
    pub fn enter_sized(&mut self, size: usize) -> Result<(), DecodeError> {
        // The address of a local variable shows how far the stack has grown; it is not dereferenced.
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

    /// Leaves a level of the same size that [`enter_sized`](Self::enter_sized) entered.
    #[inline]
    pub fn leave_sized(&mut self, size: usize) {
        self.depth = self.depth.saturating_sub(size.max(LEVEL_SIZE));
    }

    /// Checks that all bytes were read.
    ///
    /// # Errors
    /// Bytes remain.
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

/// Decodes a value that takes all bytes of the reader.
#[inline]
pub(crate) fn decode_all<'a, T>(
    mut reader: Reader<'a>,
    decode: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    // One variable from start to return: unwrapping and wrapping the value again would copy it twice.
    let mut decoded = decode(&mut reader);
    if decoded.is_ok()
        && let Err(trailing) = reader.finish()
    {
        decoded = Err(trailing);
    }
    decoded
}
