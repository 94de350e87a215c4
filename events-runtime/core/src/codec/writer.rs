//! Writes the parts of a datum into a slice whose length was computed before.
#![allow(
    clippy::inline_always,
    reason = "a call for each field doubles the time of an event; measured in tests/benches"
)]

use super::varint;

/// The most bytes that an Avro `int` takes.
pub const INT_MAX_LEN: usize = 5;
/// The most bytes that an Avro `long`, a length or a block count takes.
pub const LONG_MAX_LEN: usize = varint::MAX_LEN;

/// Strings and `bytes` below this length have a length prefix of one byte.
const SHORT: usize = 64;

/// The most bytes that a string or `bytes` of this length takes, with its length prefix.
///
/// Exact for short ones: a buffer that grows is filled with zeros, and each zero costs time.
#[inline]
pub const fn bytes_max_len(len: usize) -> usize {
    len + if len < SHORT { 1 } else { LONG_MAX_LEN }
}

/// Writes a datum into a slice.
///
/// Each call takes the writer and returns it: its two words stay in registers for a whole event. With
/// `&mut`, each field would load and store them.
///
/// A write past the end of the slice is dropped, and so are all writes after it. The functions that encode
/// a whole value return an error for that.
#[derive(Debug)]
#[must_use = "the next field is written with the writer that this call returns"]
pub struct Writer<'a>(Option<&'a mut [u8]>);

impl<'a> Writer<'a> {
    /// Lets `encode` fill a slice; returns how many bytes are unused, or `None` if the slice was too short.
    #[inline]
    pub(crate) fn fill(slice: Option<&'a mut [u8]>, encode: impl FnOnce(Self) -> Self) -> Option<usize> {
        encode(Self(slice)).0.map(|rest| rest.len())
    }

    /// Calls `write` with the unused part of the slice. It returns what is still unused, or `None` on overflow.
    #[inline(always)]
    fn with(self, write: impl FnOnce(&'a mut [u8]) -> Option<&'a mut [u8]>) -> Self {
        Self(self.0.and_then(write))
    }

    /// Writes one byte.
    #[inline(always)]
    pub fn byte(self, byte: u8) -> Self {
        self.array([byte])
    }

    /// Writes an array of bytes without a length.
    #[inline(always)]
    pub fn array<const N: usize>(self, bytes: [u8; N]) -> Self {
        self.with(|rest| {
            let (head, rest) = rest.split_first_chunk_mut()?;
            *head = bytes;
            Some(rest)
        })
    }

    /// Writes bytes without a length.
    #[inline(always)]
    pub fn raw(self, bytes: &[u8]) -> Self {
        self.with(|rest| {
            let (head, rest) = rest.split_at_mut_checked(bytes.len())?;
            copy(head, bytes);
            Some(rest)
        })
    }

    /// Writes a `boolean`.
    #[inline(always)]
    pub fn boolean(self, value: bool) -> Self {
        self.byte(u8::from(value))
    }

    /// Writes an `int` or a `long`, which have the same encoding.
    #[inline(always)]
    pub fn long(self, value: i64) -> Self {
        // Most numbers take one to three bytes. Storing only those is faster than storing a word of
        // eight bytes.
        let zigzag = varint::zigzag(value);
        if zigzag < 1 << 7 {
            let [a, ..] = zigzag.to_le_bytes();
            self.array([a])
        } else if zigzag < 1 << 14 {
            self.array(two_bytes(zigzag))
        } else if zigzag < 1 << 21 {
            let [a, b, c, ..] =
                ((zigzag & 0x7f) | 0x8080 | ((zigzag & 0x3f80) << 1) | ((zigzag & 0x1f_c000) << 2))
                    .to_le_bytes();
            self.array([a, b, c])
        } else {
            self.with(|rest| long_form(zigzag, rest))
        }
    }

    /// Writes the length of a string or of `bytes`, or the item count of a block.
    #[inline(always)]
    pub fn length(self, len: usize) -> Self {
        // No object in memory is longer than `isize::MAX` bytes.
        self.long(i64::try_from(len).unwrap_or(i64::MAX))
    }

    /// Writes a `float`.
    #[inline(always)]
    pub fn float(self, value: f32) -> Self {
        self.array(value.to_le_bytes())
    }

    /// Writes a `double`.
    #[inline(always)]
    pub fn double(self, value: f64) -> Self {
        self.array(value.to_le_bytes())
    }

    /// Writes `bytes`, with their length before them.
    #[inline(always)]
    pub fn bytes(self, value: &[u8]) -> Self {
        match u8::try_from(value.len()) {
            // One bounds check for the length and the bytes.
            Ok(len) if value.len() < SHORT => self.with(|rest| {
                let (head, rest) = rest.split_at_mut_checked(1 + value.len())?;
                let (first, head) = head.split_first_mut()?;
                *first = len << 1;
                copy(head, value);
                Some(rest)
            }),
            _ => self.with(|rest| long_bytes(value, rest)),
        }
    }

    /// Writes a `string`: the length of its UTF-8, then the UTF-8.
    #[inline(always)]
    pub fn string(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }
}

/// The varint of a number from 2^7 to 2^14.
#[inline(always)]
const fn two_bytes(zigzag: u64) -> [u8; 2] {
    let [a, b, ..] = ((zigzag & 0x7f) | 0x80 | ((zigzag & 0x3f80) << 1)).to_le_bytes();
    [a, b]
}

/// Writes a varint of four bytes or more.
#[inline]
fn long_form(zigzag: u64, rest: &mut [u8]) -> Option<&mut [u8]> {
    match rest.first_chunk_mut() {
        Some(head) if zigzag < 1 << 56 => {
            let (word, len) = varint::spread(zigzag);
            *head = word.to_le_bytes();
            rest.get_mut(len..)
        }
        _ => longest_form(zigzag, rest),
    }
}

/// Writes a varint of nine or ten bytes, or one near the end of the slice.
#[inline(never)]
fn longest_form(zigzag: u64, rest: &mut [u8]) -> Option<&mut [u8]> {
    match rest.first_chunk_mut() {
        Some(head) if zigzag >= 1 << 56 => {
            let (bytes, len) = varint::spread_long(zigzag);
            *head = bytes;
            rest.get_mut(len..)
        }
        _ => by_bytes(zigzag, rest),
    }
}

/// Writes any varint, near the end of the slice.
#[cold]
fn by_bytes(zigzag: u64, rest: &mut [u8]) -> Option<&mut [u8]> {
    let (bytes, len) = varint::to_bytes(zigzag);
    let (head, rest) = rest.split_at_mut_checked(len)?;
    head.copy_from_slice(bytes.get(..len)?);
    Some(rest)
}

/// Writes a length that takes two bytes or more, and then the bytes.
#[inline]
fn long_bytes<'a>(value: &[u8], rest: &'a mut [u8]) -> Option<&'a mut [u8]> {
    // A length is never negative, so its zigzag form is twice the length.
    let zigzag = (value.len() as u64) << 1;
    let rest = if zigzag < 1 << 14 {
        let (head, rest) = rest.split_first_chunk_mut()?;
        *head = two_bytes(zigzag);
        rest
    } else {
        by_bytes(zigzag, rest)?
    };
    let (head, rest) = rest.split_at_mut_checked(value.len())?;
    head.copy_from_slice(value);
    Some(rest)
}

/// Copies between slices of equal length. Short ones, such as most strings, are copied as two fixed chunks
/// that overlap in the middle: a call of `memcpy` would cost more than the copy.
#[inline(always)]
fn copy(to: &mut [u8], from: &[u8]) {
    let len = from.len();
    // Not a `match`: it compiles to a jump table, which is a fifth slower than these branches.
    if len <= 32 {
        if len >= 16 {
            if copy_ends::<16>(to, from) {
                return;
            }
        } else if len >= 8 {
            if copy_ends::<8>(to, from) {
                return;
            }
        } else if len >= 4 && copy_ends::<4>(to, from) {
            return;
        }
    }
    to.copy_from_slice(from);
}

/// Copies the first `N` and the last `N` bytes; returns `false` if there are fewer than `N`.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) -> bool {
    let (Some(head), Some(first), Some(last)) =
        (to.first_chunk_mut::<N>(), from.first_chunk::<N>(), from.last_chunk::<N>())
    else {
        return false;
    };
    *head = *first;
    if let Some(tail) = to.last_chunk_mut::<N>() {
        *tail = *last;
    }
    true
}
