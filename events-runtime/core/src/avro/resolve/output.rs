//! What a rewriter writes: runs of the input, and what is not in it.

use super::defaults::append_long;
use super::rewrite::Rewriter;
use crate::avro::error::{DecodeError, DecodeErrorKind};

impl Rewriter<'_, '_> {
    pub(super) fn here(&self) -> usize {
        self.input.len() - self.reader.remaining()
    }

    /// Copies what stayed as it is.
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

    /// Leaves out what was read since the last [`flush`](Self::flush).
    #[inline]
    pub(super) fn leave_out(&mut self) {
        self.copied = self.here();
    }

    /// Writes what is not in the input. What was read before is flushed.
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
        append_long(value, &mut self.buffers.datum);
        if self.buffers.datum.len() > self.limit.bytes {
            return Err(self.full(self.here()));
        }
        Ok(())
    }

    #[cold]
    fn full(&self, offset: usize) -> DecodeError {
        DecodeError::new(DecodeErrorKind::TooLong { limit: self.limit.bytes }, offset)
    }
}
