//! Maps with string-like keys: Avro maps.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use super::sequence::{BLOCKS_MAX_LEN, reserve};
use super::{EventData, MapKey};
use crate::codec::{DecodeError, EncodeError, Reader, Schema, Writer, bytes_max_len};

/// The length of an empty key and the shortest value.
const fn entry_min_len<V: EventData>() -> usize {
    V::MIN_LEN.saturating_add(1)
}

fn max_len<'a, K: MapKey + 'a, V: EventData + 'a>(entries: impl Iterator<Item = (&'a K, &'a V)>) -> usize {
    entries
        .map(|(key, value)| bytes_max_len(key.as_str().len()) + value.max_len())
        .fold(BLOCKS_MAX_LEN, usize::saturating_add)
}

fn check<'a, K: MapKey + 'a, V: EventData + 'a>(
    entries: impl Iterator<Item = (&'a K, &'a V)>,
    depth: usize,
) -> Result<(), EncodeError> {
    for (key, value) in entries {
        if let Err(error) = value.check(depth) {
            return Err(error.in_entry(key.as_str()));
        }
    }
    Ok(())
}

fn encode<'a, 'w, K: MapKey + 'a, V: EventData + 'a>(
    entries: impl ExactSizeIterator<Item = (&'a K, &'a V)>,
    mut writer: Writer<'w>,
) -> Writer<'w> {
    if entries.len() > 0 {
        writer = writer.length(entries.len());
        for (key, value) in entries {
            writer = value.encode(writer.string(key.as_str()));
        }
    }
    writer.byte(0)
}

/// Reads all entries. Of two with the same key, the later one wins, as in other Avro readers.
fn decode<K: MapKey, V: EventData, M>(
    reader: &mut Reader<'_>,
    mut map: M,
    mut reserve_for: impl FnMut(&mut M, usize),
    mut insert: impl FnMut(&mut M, K, V),
) -> Result<M, DecodeError> {
    loop {
        let count = reader.block(entry_min_len::<V>())?;
        if count == 0 {
            return Ok(map);
        }
        reserve_for(&mut map, reserve::<(K, V)>(reader, count, entry_min_len::<V>())?);
        for _ in 0..count {
            let key = reader.string()?;
            match V::decode(reader) {
                Ok(value) => insert(&mut map, K::from_text(key), value),
                Err(error) => return Err(error.in_entry(key)),
            }
        }
    }
}

macro_rules! map {
    ($([$($bounds:tt)*] $map:ty, $reserve:expr;)*) => {$(
        impl<K: MapKey + $($bounds)*> EventData for $map {
            const SCHEMA: &'static Schema = &Schema::Map(V::SCHEMA); // E0391? `#[event(back_ref = Type)]` on a field cuts the cycle.
            const MIN_LEN: usize = 1;
            const FALLIBLE: bool = V::FALLIBLE;

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
                decode(reader, Self::default(), $reserve, |map, key, value| {
                    map.insert(key, value);
                })
            }
        }
    )*};
}

map! {
    [Ord, V: EventData] BTreeMap<K, V>, |_, _| {};
    [Hash + Eq, V: EventData, S: BuildHasher + Default] HashMap<K, V, S>, Self::reserve;
}
