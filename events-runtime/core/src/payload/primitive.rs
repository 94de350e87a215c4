//! Booleans and numbers.

use std::num::NonZero;

use super::{EventData, EventKey, Integer};
use crate::codec::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, INT_MAX_LEN, LONG_MAX_LEN, Reader, Schema,
    Writer, bytes_max_len,
};

macro_rules! integer_range {
    ($rust:ty) => {
        Some(Integer { name: stringify!($rust), least: <$rust>::MIN as i128, most: <$rust>::MAX as i128 })
    };
}

macro_rules! integer {
    ($($(#[$doc:meta])* $rust:ty => $schema:ident, $max_len:ident $({ $($sequence:tt)* })?;)*) => {$(
        $(#[$doc])*
        impl EventData for $rust {
            const SCHEMA: &'static Schema = &Schema::$schema;
            const INTEGER: Option<Integer> = integer_range!($rust);
            const MIN_LEN: usize = 1;

            #[inline]
            fn max_len(&self) -> usize {
                $max_len
            }

            #[inline]
            fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
                writer.long(i64::from(*self))
            }

            #[inline]
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.integer()
            }

            $($($sequence)*)?
        }
    )*};
}

integer! {
    i8 => Int, INT_MAX_LEN;
    i16 => Int, INT_MAX_LEN;
    i32 => Int, INT_MAX_LEN;
    u16 => Int, INT_MAX_LEN;
    u32 => Long, LONG_MAX_LEN;
    i64 => Long, LONG_MAX_LEN;
    /// An `int`; in a sequence, a byte of `bytes`.
    u8 => Int, INT_MAX_LEN {
        const SEQUENCE: &'static Schema = &Schema::Bytes;

        #[inline]
        fn sequence_max_len(items: &[Self]) -> usize {
            bytes_max_len(items.len())
        }

        #[inline]
        fn check_sequence(_: &[Self], _: usize) -> Result<(), EncodeError> {
            Ok(())
        }

        #[inline]
        fn encode_sequence<'w>(items: &[Self], writer: Writer<'w>) -> Writer<'w> {
            writer.bytes(items)
        }

        #[inline]
        fn decode_sequence(reader: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
            reader.bytes().map(<[u8]>::to_vec)
        }
    };
}

/// A `long`; a value beyond `i64::MAX` is an [`EncodeError`].
impl EventData for u64 {
    const SCHEMA: &'static Schema = &Schema::Long;
    const INTEGER: Option<Integer> = integer_range!(u64);
    const MIN_LEN: usize = 1;
    const FALLIBLE: bool = true;

    #[inline]
    fn max_len(&self) -> usize {
        LONG_MAX_LEN
    }

    #[inline]
    fn check(&self, _: usize) -> Result<(), EncodeError> {
        match i64::try_from(*self) {
            Ok(_) => Ok(()),
            Err(_) => {
                Err(EncodeError::new(EncodeErrorKind::OutOfRange { value: i128::from(*self), avro: "long" }))
            }
        }
    }

    #[inline]
    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        // `check` has rejected what does not fit.
        writer.long(i64::try_from(*self).unwrap_or(i64::MAX))
    }

    #[inline]
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.integer()
    }
}

macro_rules! fixed {
    ($($rust:ty => $schema:ident, $len:literal, $method:ident;)*) => {$(
        impl EventData for $rust {
            const SCHEMA: &'static Schema = &Schema::$schema;
            const MIN_LEN: usize = $len;

            #[inline]
            fn max_len(&self) -> usize {
                $len
            }

            #[inline]
            fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
                writer.$method(*self)
            }

            #[inline]
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.$method()
            }
        }
    )*};
}

fixed! {
    bool => Boolean, 1, boolean;
    f32 => Float, 4, float;
    f64 => Double, 8, double;
}

macro_rules! non_zero {
    ($($rust:ty)*) => {$(
        #[doc = concat!("As `", stringify!($rust), "`; a 0 in the bytes is a [`DecodeErrorKind::OutOfRange`].")]
        impl EventData for NonZero<$rust> {
            const SCHEMA: &'static Schema = <$rust>::SCHEMA;
            const MIN_LEN: usize = <$rust>::MIN_LEN;
            const MAY_BE_FALSY: bool = false;
            const FALLIBLE: bool = <$rust>::FALLIBLE;

            #[inline]
            fn max_len(&self) -> usize {
                self.get().max_len()
            }

            #[inline]
            fn check(&self, depth: usize) -> Result<(), EncodeError> {
                self.get().check(depth)
            }

            #[inline]
            fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
                self.get().encode(writer)
            }

            #[inline]
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let value = <$rust>::decode(reader)?;
                Self::new(value).ok_or_else(|| {
                    reader.error(DecodeErrorKind::OutOfRange { value: 0, rust: std::any::type_name::<Self>() })
                })
            }
        }

        impl EventKey for NonZero<$rust> {
            fn append_key(&self, out: &mut Vec<u8>) {
                self.get().append_key(out);
            }
        }
    )*};
}

non_zero!(i8 i16 i32 i64 u8 u16 u32 u64);

macro_rules! integer_key {
    ($($rust:ty)*) => {$(
        impl EventKey for $rust {
            fn append_key(&self, out: &mut Vec<u8>) {
                use std::io::Write as _;
                // Writing to a `Vec` does not fail.
                let _ = write!(out, "{self}");
            }
        }
    )*};
}

integer_key!(i8 i16 i32 i64 u8 u16 u32 u64);
