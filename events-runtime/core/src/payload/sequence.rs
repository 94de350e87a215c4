//! Sequences and sets: Avro arrays, or `bytes` if the items are `u8`.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use super::EventData;
use crate::codec::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, LONG_MAX_LEN, MAX_EMPTY_ITEMS, Reader,
    Schema, Writer, bytes_max_len,
};

/// The item count of a block, and the 0 that ends the blocks.
pub(super) const BLOCKS_MAX_LEN: usize = LONG_MAX_LEN + 1;

/// The most bytes that are reserved before items are read.
const RESERVED_AT_MOST: usize = 64 * 1024;

/// Charges the items of a block to the datum's memory, and returns for how many to reserve memory.
#[inline]
pub(super) fn reserve<T>(
    reader: &mut Reader<'_>,
    items: usize,
    min_len: usize,
) -> Result<usize, DecodeError> {
    reader.charge(items, min_len, size_of::<T>())?;
    let room = reader.room(items, min_len);
    Ok(match RESERVED_AT_MOST.checked_div(size_of::<T>()) {
        Some(most) => room.min(most.max(1)),
        None => room,
    })
}

/// Whether a check of a sequence can fail: a check of an item can, or there can be too many items without bytes.
const fn fallible<T: EventData>() -> bool {
    T::FALLIBLE || T::MIN_LEN == 0
}

pub(super) fn max_len<'a, T: EventData + 'a>(items: impl Iterator<Item = &'a T>) -> usize {
    items.map(EventData::max_len).fold(BLOCKS_MAX_LEN, usize::saturating_add)
}

pub(super) fn check<'a, T: EventData + 'a>(
    items: impl ExactSizeIterator<Item = &'a T>,
    depth: usize,
) -> Result<(), EncodeError> {
    if T::MIN_LEN == 0 && items.len() > MAX_EMPTY_ITEMS {
        // Readers reject more.
        return Err(EncodeError::new(EncodeErrorKind::TooManyEmptyItems { limit: MAX_EMPTY_ITEMS }));
    }
    for (index, item) in items.enumerate() {
        if let Err(error) = item.check(depth) {
            return Err(error.in_item(index));
        }
    }
    Ok(())
}

/// Writes all items as one block.
pub(super) fn encode<'a, 'w, T: EventData + 'a>(
    items: impl ExactSizeIterator<Item = &'a T>,
    mut writer: Writer<'w>,
) -> Writer<'w> {
    if items.len() > 0 {
        writer = writer.length(items.len());
        for item in items {
            writer = item.encode(writer);
        }
    }
    writer.byte(0)
}

pub(super) fn decode<T: EventData>(reader: &mut Reader<'_>) -> Result<Vec<T>, DecodeError> {
    let mut items = Vec::new();
    loop {
        let count = reader.block(T::MIN_LEN)?;
        if count == 0 {
            return Ok(items);
        }
        items.reserve(reserve::<T>(reader, count, T::MIN_LEN)?);
        for _ in 0..count {
            match T::decode(reader) {
                Ok(item) => items.push(item),
                Err(error) => return Err(error.in_item(items.len())),
            }
        }
    }
}

/// Types that are written as a slice and made from a `Vec` of items.
macro_rules! slice {
    ($($(#[$doc:meta])* [$($bounds:tt)*] $slice:ty, |$items:ident, $reader:ident| $made:expr;)*) => {$(
        $(#[$doc])*
        impl<$($bounds)*> EventData for $slice {
            const SCHEMA: &'static Schema = T::SEQUENCE;
            const MIN_LEN: usize = 1;
            const FALLIBLE: bool = fallible::<T>();

            #[inline]
            fn max_len(&self) -> usize {
                T::sequence_max_len(self)
            }

            #[inline]
            fn check(&self, depth: usize) -> Result<(), EncodeError> {
                T::check_sequence(self, depth)
            }

            #[inline]
            fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
                T::encode_sequence(self, writer)
            }

            #[inline]
            fn decode($reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let $items = T::decode_sequence($reader)?;
                $made
            }
        }
    )*};
}

slice! {
    [T: EventData] Vec<T>, |items, reader| Ok(items);
    [T: EventData] Box<[T]>, |items, reader| Ok(items.into());
    [T: EventData] Arc<[T]>, |items, reader| Ok(items.into());
    [T: EventData + Clone] Cow<'static, [T]>, |items, reader| Ok(Cow::Owned(items));
    /// Another number of items is a [`DecodeErrorKind::WrongLength`].
    [T: EventData, const N: usize] [T; N], |items, reader| <[T; N]>::try_from(items).map_err(|items| {
        reader.error(DecodeErrorKind::WrongLength { expected: N, found: items.len() })
    });
}

macro_rules! collection {
    ($([$($bounds:tt)*] $collection:ty;)*) => {$(
        impl<$($bounds)*> EventData for $collection {
            const SCHEMA: &'static Schema = &Schema::Array(T::SCHEMA); // E0391? `#[event(back_ref = Type)]` on a field cuts the cycle.
            const MIN_LEN: usize = 1;
            const FALLIBLE: bool = fallible::<T>();

            #[inline]
            fn max_len(&self) -> usize {
                max_len(self.iter())
            }

            #[inline]
            fn check(&self, depth: usize) -> Result<(), EncodeError> {
                check(self.iter(), depth)
            }

            #[inline]
            fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
                encode(self.iter(), writer)
            }

            #[inline]
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                decode(reader).map(|items: Vec<T>| items.into_iter().collect())
            }
        }
    )*};
}

collection! {
    [T: EventData] VecDeque<T>;
    [T: EventData + Ord] BTreeSet<T>;
    [T: EventData + Hash + Eq, S: BuildHasher + Default] HashSet<T, S>;
}

/// `bytes`.
impl EventData for bytes::Bytes {
    const SCHEMA: &'static Schema = &Schema::Bytes;
    const MIN_LEN: usize = 1;

    #[inline]
    fn max_len(&self) -> usize {
        bytes_max_len(self.len())
    }

    #[inline]
    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        writer.bytes(self)
    }

    #[inline]
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.bytes().map(bytes::Bytes::copy_from_slice)
    }
}
