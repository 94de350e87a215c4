//! A bounded cache of fetched schemas.

use std::collections::HashMap;

use super::fetched::Key;
use events_core::avro::WriterSchema;

/// The maximum number of schemas of one topic in memory. Another program may store any number.
const MAX_SCHEMAS: usize = 1000;
/// The maximum length of all their texts.
const MAX_BYTES: usize = 16 << 20;

/// Fetched schemas with their resolution plans. When it is full, the schema that was used least is dropped, so
/// that a flood of schemas with one message each does not displace those in use.
#[derive(Default)]
pub(super) struct Known {
    schemas: HashMap<Key, Entry>,
    bytes: usize,
}

struct Entry {
    schema: WriterSchema,
    /// The length of its text.
    bytes: usize,
    uses: u64,
}

impl Known {
    pub(super) fn get(&mut self, key: Key) -> Option<WriterSchema> {
        let entry = self.schemas.get_mut(&key)?;
        entry.uses = entry.uses.saturating_add(1);
        Some(entry.schema.clone())
    }

    pub(super) fn insert(&mut self, key: Key, schema: WriterSchema, bytes: usize) {
        while self.schemas.len() >= MAX_SCHEMAS || (self.bytes + bytes > MAX_BYTES && self.bytes > 0) {
            let least = self.schemas.iter().min_by_key(|(_, entry)| entry.uses);
            let Some(least) = least.map(|(key, _)| *key) else { break };
            self.remove(least);
        }
        self.remove(key);
        self.bytes += bytes;
        self.schemas.insert(key, Entry { schema, bytes, uses: 1 });
    }

    fn remove(&mut self, key: Key) {
        if let Some(entry) = self.schemas.remove(&key) {
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(size: usize) -> WriterSchema {
        WriterSchema::parse(&format!(r#"{{"type": "fixed", "name": "F", "size": {size}}}"#)).unwrap()
    }

    #[test]
    fn a_flood_of_schemas_displaces_none_that_is_in_use() {
        let mut known = Known::default();
        known.insert(("good", 7), schema(7), 100);
        for number in 0..10_000 {
            known.insert(("bad", number), schema(8), 100);
            if number % 100 == 0 {
                assert!(known.get(("good", 7)).is_some(), "{number}");
            }
        }
        assert!(known.schemas.len() <= MAX_SCHEMAS);
        assert_eq!(known.get(("good", 7)), Some(schema(7)));
    }

    #[test]
    fn long_texts_are_bounded_together_and_one_is_always_kept() {
        let mut known = Known::default();
        for number in 0..100 {
            known.insert(("long", number), schema(8), 1 << 20);
            assert!(known.bytes <= MAX_BYTES);
        }
        assert_eq!(known.schemas.len(), MAX_BYTES >> 20);
        known.insert(("longest", 0), schema(8), MAX_BYTES + 1);
        assert!(known.get(("longest", 0)).is_some());
        assert_eq!(known.schemas.len(), 1);
    }
}
