//! The reader's datum while it is written: runs of the input, and what is not in it.

use std::cell::Cell;

use super::plan::{Convert, Limit, Symbol};
use crate::codec::error::{DecodeError, DecodeErrorKind};
use crate::codec::reader::Reader;
use crate::codec::varint;

/// Larger buffers are not kept for the next datum.
const MAX_KEPT: usize = 1 << 20;

/// The memory of a rewriter, reused for the next datum.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The reader's datum.
    pub(super) datum: Vec<u8>,
    /// The offsets of the fields of reordered records.
    pub(super) starts: Vec<usize>,
}

thread_local! {
    static BUFFERS: Cell<Buffers> = Cell::default();
}

impl Buffers {
    /// This thread's buffers; new ones if a `with` module decodes while they are in use.
    pub(super) fn take() -> Self {
        BUFFERS.take()
    }

    pub(super) fn give_back(self) {
        if self.len() <= MAX_KEPT {
            BUFFERS.set(self);
        }
    }

    /// The size in bytes.
    fn len(&self) -> usize {
        let starts = self.starts.capacity().saturating_mul(size_of::<usize>());
        self.datum.capacity().saturating_add(starts)
    }
}

/// Reads the writer's datum and writes the reader's.
pub(super) struct Output<'a, 'p> {
    input: &'a [u8],
    pub(super) reader: Reader<'a>,
    pub(super) buffers: &'p mut Buffers,
    /// The input before this offset is in the output or left out.
    copied: usize,
    pub(super) limit: Limit,
}

impl<'a, 'p> Output<'a, 'p> {
    pub(super) fn new(input: &'a [u8], reader: Reader<'a>, buffers: &'p mut Buffers, limit: Limit) -> Self {
        Self { input, reader, buffers, copied: 0, limit }
    }

    /// An output that writes nothing: all of the input is left out.
    pub(super) fn nothing(input: &'a [u8], reader: Reader<'a>, buffers: &'p mut Buffers) -> Self {
        Self { input, reader, buffers, copied: input.len(), limit: Limit::exactly(usize::MAX) }
    }

    pub(super) fn here(&self) -> usize {
        self.input.len() - self.reader.remaining()
    }

    /// Copies the unchanged input up to the current offset.
    #[inline]
    pub(super) fn flush(&mut self) -> Result<(), DecodeError> {
        self.flush_to(self.here())
    }

    #[inline]
    pub(super) fn flush_to(&mut self, offset: usize) -> Result<(), DecodeError> {
        if let Some(bytes) = self.input.get(self.copied..offset)
            && !bytes.is_empty()
        {
            let room = self.room();
            if bytes.len() > room {
                return Err(self.full(self.copied + room));
            }
            self.buffers.datum.extend_from_slice(bytes);
        }
        self.copied = offset;
        Ok(())
    }

    fn room(&self) -> usize {
        self.limit.bytes.saturating_sub(self.buffers.datum.len())
    }

    /// Leaves out the input since the last [`flush`](Self::flush).
    #[inline]
    pub(super) fn leave_out(&mut self) {
        self.copied = self.here();
    }

    /// Writes bytes that are not in the input. Call [`flush`](Self::flush) before.
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        if bytes.len() > self.room() {
            return Err(self.full(self.here()));
        }
        self.buffers.datum.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    pub(super) fn put_long(&mut self, value: i64) -> Result<(), DecodeError> {
        varint::append(value, &mut self.buffers.datum);
        if self.buffers.datum.len() > self.limit.bytes {
            return Err(self.full(self.here()));
        }
        Ok(())
    }

    #[cold]
    fn full(&self, offset: usize) -> DecodeError {
        DecodeError::new(DecodeErrorKind::TooLong { limit: self.limit.bytes }, offset)
    }

    /// The offset of a field of a reordered record.
    pub(super) fn start(&self, index: usize) -> usize {
        self.buffers.starts.get(index).copied().unwrap_or(self.input.len())
    }

    pub(super) fn go_to(&mut self, offset: usize) {
        self.reader.go_to(self.input, offset);
        self.copied = offset;
    }

    /// Continues at another offset; the input up to there will be copied.
    pub(super) fn skip_to(&mut self, offset: usize) {
        self.reader.go_to(self.input, offset);
    }

    pub(super) fn symbol(&mut self, symbols: &[Symbol]) -> Result<(), DecodeError> {
        self.flush()?;
        let index = self.reader.long()?;
        self.leave_out();
        match usize::try_from(index).ok().and_then(|index| symbols.get(index)) {
            Some(Symbol::Index(index)) => self.put_long(*index),
            Some(Symbol::Unknown(symbol)) => {
                let reason = format!("the reader's enum has no symbol `{symbol}` and no default");
                Err(self.reader.error(DecodeErrorKind::Unresolvable(reason)))
            }
            None => {
                let symbols = symbols.len();
                Err(self.reader.error(DecodeErrorKind::UnknownSymbol { index, symbols }))
            }
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "the specification has these promotions")]
    pub(super) fn convert(&mut self, convert: Convert) -> Result<(), DecodeError> {
        self.flush()?;
        match convert {
            Convert::LongToFloat => {
                let value = self.reader.long()? as f32;
                self.put(&value.to_le_bytes())?;
            }
            Convert::LongToDouble => {
                let value = self.reader.long()? as f64;
                self.put(&value.to_le_bytes())?;
            }
            Convert::FloatToDouble => {
                let value = f64::from(self.reader.float()?);
                self.put(&value.to_le_bytes())?;
            }
            Convert::Multiply(factor) => {
                let value = self.reader.long()?;
                let Some(product) = value.checked_mul(factor) else {
                    return Err(self
                        .reader
                        .error(DecodeErrorKind::OutOfRange { value, rust: "the reader's unit" }));
                };
                self.put_long(product)?;
            }
            Convert::Divide(divisor) => {
                let value = self.reader.long()?;
                if value % divisor != 0 {
                    let reason = format!(
                        "{value} has digits below the reader's unit, which is {divisor} times the writer's"
                    );
                    return Err(self.reader.error(DecodeErrorKind::Unresolvable(reason)));
                }
                self.put_long(value / divisor)?;
            }
        }
        self.leave_out();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_buffers_are_limited_in_bytes() {
        let of =
            |datum, starts| Buffers { datum: Vec::with_capacity(datum), starts: Vec::with_capacity(starts) };
        let kept = |buffers: Buffers| {
            Buffers::take();
            buffers.give_back();
            Buffers::take().len() > 0
        };
        assert!(kept(of(MAX_KEPT / 2, 8)));
        assert!(kept(of(0, MAX_KEPT / size_of::<usize>())));
        assert!(!kept(of(0, MAX_KEPT / size_of::<usize>() + 1)));
        assert!(!kept(of(MAX_KEPT, 1)));
    }
}
