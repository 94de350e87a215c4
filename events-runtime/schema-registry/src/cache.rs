//! The bounded caches: schemas by id, and ids by text. Neither ever changes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use crate::RegisteredSchema;

/// The maximum number of entries of a cache. Any program may register any number of schemas.
const MAX_ENTRIES: usize = 2000;
/// The maximum number of bytes of all texts of a cache.
const MAX_BYTES: usize = 16 << 20;

/// Identifies a registered schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SchemaKey {
    /// Its number in the registry.
    Id(u32),
    /// Its globally unique id, as 16 bytes.
    Guid([u8; 16]),
}

/// The id of a text under a subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TextKey {
    pub(crate) subject: Arc<str>,
    pub(crate) text: Arc<str>,
}

#[derive(Default)]
pub(crate) struct Caches {
    pub(crate) schemas: Cache<SchemaKey, Arc<RegisteredSchema>>,
    pub(crate) ids: Cache<TextKey, u32>,
}

/// A cache that drops what was not used for longest.
pub(crate) struct Cache<K, V> {
    entries: HashMap<K, Entry<V>>,
    bytes: usize,
    uses: u64,
}

struct Entry<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), bytes: 0, uses: 0 }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        self.uses += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.uses;
        Some(entry.value.clone())
    }

    /// Keeps a value whose texts have this many bytes; an entry that is too large alone is kept alone.
    pub(crate) fn insert(&mut self, key: K, value: V, bytes: usize) {
        self.remove(&key);
        while self.entries.len() >= MAX_ENTRIES || (self.bytes + bytes > MAX_BYTES && self.bytes > 0) {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            self.remove(&oldest);
        }
        self.uses += 1;
        self.bytes += bytes;
        self.entries.insert(key, Entry { value, bytes, used: self.uses });
    }

    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.entries.retain(|key, entry| {
            let keeps = keep(key);
            if !keeps {
                self.bytes -= entry.bytes;
            }
            keeps
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_ids_displaces_none_that_is_in_use() {
        let mut cache = Cache::default();
        cache.insert(0, "good", 100);
        for id in 1..5_000 {
            cache.insert(id, "bad", 100);
            assert_eq!(cache.get(&0), Some("good"));
        }
        assert!(cache.entries.len() <= MAX_ENTRIES);
    }

    #[test]
    fn long_texts_are_bounded_together_and_one_is_always_kept() {
        let mut cache = Cache::default();
        for id in 0..100 {
            cache.insert(id, (), 1 << 20);
            assert!(cache.bytes <= MAX_BYTES);
        }
        cache.insert(100, (), MAX_BYTES + 1);
        assert_eq!((cache.get(&100), cache.entries.len()), (Some(()), 1));
    }
}
