//! Writing a datum: a bound first, then one pass over a slice of that length.

use super::error::{EncodeError, EncodeErrorKind};
use super::varint;
use crate::payload::EventData;

/// The most bytes that an Avro `int` takes.
pub const INT_MAX_LEN: usize = 5;
/// The most bytes that an Avro `long`, a length or a block count takes.
pub const LONG_MAX_LEN: usize = varint::MAX_LEN;

/// Bytes beyond the bound, so that the last varint is written in one store too, and so that a
/// slice with nothing left means that the bound was exceeded.
const SLACK: usize = 8;

/// Writes a datum into a slice that was measured before.
///
/// A write past the end of the slice, and all that follow, are dropped; the functions that encode
/// a whole value turn that into an error.
#[derive(Debug)]
pub struct Writer<'a> {
    rest: &'a mut [u8],
}

impl Writer<'_> {
    /// Writes one byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.array([byte]);
    }

    /// Writes an array of bytes as it is.
    #[inline]
    pub fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some((head, rest)) = std::mem::take(&mut self.rest).split_first_chunk_mut() {
            *head = bytes;
            self.rest = rest;
        }
    }

    /// Writes bytes as they are, without a length.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        if let Some((head, rest)) = std::mem::take(&mut self.rest).split_at_mut_checked(bytes.len()) {
            copy(head, bytes);
            self.rest = rest;
        }
    }

    /// Writes a `boolean`.
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        self.byte(u8::from(value));
    }

    /// Writes an `int` or a `long`: their bytes are the same.
    #[inline]
    pub fn long(&mut self, value: i64) {
        let zigzag = varint::zigzag(value);
        match u8::try_from(zigzag) {
            Ok(byte) if byte < 0x80 => self.byte(byte),
            _ => self.long_form(zigzag),
        }
    }

    #[inline]
    fn long_form(&mut self, zigzag: u64) {
        if zigzag < 1 << 56 {
            let (word, len) = varint::spread(zigzag);
            let rest = std::mem::take(&mut self.rest);
            if let Some(head) = rest.first_chunk_mut::<8>() {
                *head = word.to_le_bytes();
                self.rest = rest.get_mut(len..).unwrap_or_default();
                return;
            }
            self.rest = rest;
        }
        self.longest_form(zigzag);
    }

    #[cold]
    fn longest_form(&mut self, zigzag: u64) {
        let (bytes, len) = varint::to_bytes(zigzag);
        self.raw(bytes.get(..len).unwrap_or_default());
    }

    /// Writes the length of a string or of bytes, or the count of a block.
    #[inline]
    pub fn length(&mut self, len: usize) {
        // No object in memory is longer than isize::MAX bytes.
        self.long(i64::try_from(len).unwrap_or(i64::MAX));
    }

    /// Writes a `float`.
    #[inline]
    pub fn float(&mut self, value: f32) {
        self.array(value.to_le_bytes());
    }

    /// Writes a `double`.
    #[inline]
    pub fn double(&mut self, value: f64) {
        self.array(value.to_le_bytes());
    }

    /// Writes `bytes`: their length, then they.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.length(value.len());
        self.raw(value);
    }

    /// Writes a `string`: the length of its UTF-8, then it.
    #[inline]
    pub fn string(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }
}

/// Copies between slices of one length. Short ones, which most strings are, go as two fixed
/// chunks that overlap in the middle: a call of `memcpy` costs more than its work there.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        4..8 => copy_chunks::<4>(to, from),
        8..16 => copy_chunks::<8>(to, from),
        16..=32 => copy_chunks::<16>(to, from),
        _ => to.copy_from_slice(from),
    }
}

#[inline]
fn copy_chunks<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        *to = *from;
    }
}

/// The datum of a value, without any header.
///
/// # Errors
/// The value holds something that its schema can't, such as a `u64` beyond `i64::MAX`.
///
/// ```
/// assert_eq!(events_runtime::avro::to_vec(&"hey".to_owned()).unwrap(), b"\x06hey");
/// ```
#[inline]
pub fn to_vec<T: EventData>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    append(value, &mut out)?;
    Ok(out)
}

/// Appends the datum of a value to a buffer, which keeps its capacity from call to call.
///
/// # Errors
/// As for [`to_vec`]; the buffer is then as it was.
#[inline]
pub fn append<T: EventData>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if T::FALLIBLE {
        value.check(0)?;
    }
    let start = out.len();
    let max_len = value.max_len();
    out.resize(start + max_len + SLACK, 0);
    let mut writer = Writer { rest: out.get_mut(start..).unwrap_or_default() };
    value.encode(&mut writer);
    let unused = writer.rest.len();
    if unused < SLACK {
        out.truncate(start);
        return Err(longer_than_measured::<T>(max_len));
    }
    out.truncate(out.len() - unused);
    Ok(())
}

/// Writes the datum of a value to the start of a slice and returns its length in bytes.
///
/// The slice must have [`EventData::max_len`] bytes, which can be more than the datum takes.
///
/// # Errors
/// As for [`to_vec`], and [`EncodeErrorKind::SliceTooShort`] for a slice below that.
#[inline]
pub fn to_slice<T: EventData>(value: &T, out: &mut [u8]) -> Result<usize, EncodeError> {
    if T::FALLIBLE {
        value.check(0)?;
    }
    let (needed, available) = (value.max_len(), out.len());
    if available < needed {
        return Err(EncodeError::new(EncodeErrorKind::SliceTooShort { needed, available }));
    }
    // An empty rest would not tell a datum that fits to the byte from one that does not.
    let mut writer = Writer { rest: out };
    value.encode(&mut writer);
    let unused = writer.rest.len();
    if unused == 0 {
        return to_slice_exactly(value, out, needed);
    }
    Ok(available - unused)
}

/// The way of a datum that leaves no byte of its slice: through a buffer with room to spare.
#[cold]
fn to_slice_exactly<T: EventData>(value: &T, out: &mut [u8], max_len: usize) -> Result<usize, EncodeError> {
    let datum = to_vec(value)?;
    match out.get_mut(..datum.len()) {
        Some(head) => {
            head.copy_from_slice(&datum);
            Ok(datum.len())
        }
        None => Err(longer_than_measured::<T>(max_len)),
    }
}

#[cold]
fn longer_than_measured<T>(max_len: usize) -> EncodeError {
    EncodeError::new(EncodeErrorKind::LongerThanMeasured { rust_type: std::any::type_name::<T>(), max_len })
}
