//! `Box<T>` and `Arc<T>`: encoded as their value.

use std::sync::Arc;

use super::EventData;
use crate::codec::{DecodeError, EncodeError, Reader, Schema, Writer};

macro_rules! pointer {
    ($($pointer:ident),*) => {$(
        impl<T: EventData> EventData for $pointer<T> {
            const SCHEMA: &'static Schema = T::SCHEMA; // E0391? `#[event(back_ref = Type)]` on a field cuts the cycle.
            const MIN_LEN: usize = T::MIN_LEN;
            const MAY_BE_FALSY: bool = T::MAY_BE_FALSY;
            const FALLIBLE: bool = T::FALLIBLE;

            #[inline]
            fn max_len(&self) -> usize {
                T::max_len(self)
            }

            #[inline]
            fn check(&self, depth: usize) -> Result<(), EncodeError> {
                T::check(self, depth)
            }

            #[inline]
            fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
                T::encode(self, writer)
            }

            #[inline]
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                T::decode(reader).map($pointer::new)
            }

            #[inline]
            fn encode_nullable<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
                T::encode_nullable(self, writer)
            }

            #[inline]
            fn decode_nullable(branch: i64, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                T::decode_nullable(branch, reader).map($pointer::new)
            }
        }
    )*};
}

pointer!(Box, Arc);
