//! `Option<T>`: `["null", T]`, `null` by default.

use super::EventData;
use crate::codec::{DecodeError, EncodeError, Reader, Schema, Writer};

impl<T: EventData> EventData for Option<T> {
    const SCHEMA: &'static Schema = &Schema::Nullable(T::SCHEMA); // E0391? `#[event(back_ref = Type)]` on a field cuts the cycle.
    const MIN_LEN: usize = 1;
    const MAY_BE_FALSY: bool = T::MAY_BE_FALSY;
    const FALLIBLE: bool = T::FALLIBLE;

    #[inline]
    fn max_len(&self) -> usize {
        match self {
            Some(value) => 1 + value.max_len(),
            None => 1,
        }
    }

    #[inline]
    fn check(&self, depth: usize) -> Result<(), EncodeError> {
        match self {
            Some(value) => value.check(depth),
            None => Ok(()),
        }
    }

    #[inline]
    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        match self {
            Some(value) => value.encode_nullable(writer),
            None => writer.byte(0),
        }
    }

    #[inline]
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.long()? {
            0 => Ok(None),
            branch => T::decode_nullable(branch, reader).map(Some),
        }
    }
}
