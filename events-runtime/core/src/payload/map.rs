//! Maps with string-like keys: maps of Avro.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use super::sequence::{BLOCKS_MAX_LEN, reserve};
use super::{EventData, MapKey};
use crate::codec::{DecodeError, EncodeError, Reader, Schema, Writer, bytes_max_len};

/// The shortest entry: an empty key and the shortest value.
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

/// Reads all entries; of two with one key the later stays, as in every Avro reader.
fn decode<K: MapKey, V: EventData, M>(
    reader: &mut Reader<'_>,
    mut map: M,
    mut room: impl FnMut(&mut M, usize),
    mut insert: impl FnMut(&mut M, K, V),
) -> Result<M, DecodeError> {
    loop {
        let count = reader.block(entry_min_len::<V>())?;
        if count == 0 {
            return Ok(map);
        }
        room(&mut map, reserve::<(K, V)>(reader, count, entry_min_len::<V>())?);
        for _ in 0..count {
            let key = reader.string()?;
            match V::decode(reader) {
                Ok(value) => insert(&mut map, K::from_text(key), value),
                Err(error) => return Err(error.in_entry(key)),
            }
        }
    }
}

impl<K: MapKey + Ord, V: EventData> EventData for BTreeMap<K, V> {
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
        decode(
            reader,
            Self::new(),
            |_, _| {},
            |map, key, value| {
                map.insert(key, value);
            },
        )
    }
}

impl<K: MapKey + Hash + Eq, V: EventData, S: BuildHasher + Default> EventData for HashMap<K, V, S> {
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
        decode(reader, Self::default(), Self::reserve, |map, key, value| {
            map.insert(key, value);
        })
    }
}
