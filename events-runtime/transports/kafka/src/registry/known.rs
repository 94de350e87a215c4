//! Which id of the registry is which schema.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use events_schema_registry::SchemaKey;
use events_transport::{KeyType, SchemaId};

/// The most entries of a map that other programs can fill. An entry is some numbers; one that is dropped is found
/// again in the client's cache or in the registry.
const MAX_ENTRIES: usize = 100_000;

#[derive(Default)]
pub(super) struct Known {
    /// The ids with which values are framed, by topic and schema.
    values: HashMap<(String, SchemaId), u32>,
    /// How keys are framed, by topic and event type.
    keys: HashMap<(String, String), KeyFrame>,
    fingerprints: HashMap<SchemaKey, Writer>,
    by_fingerprint: HashMap<u64, SchemaKey>,
    /// The types of key schemas; `None` if keys of it have no form as text.
    key_types: HashMap<SchemaKey, Option<KeyType>>,
    /// Numbers for GUIDs, which a fingerprint can't stand in for.
    handles: HashMap<[u8; 16], u32>,
    guids: Vec<[u8; 16]>,
}

/// How the keys of an event type are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyFrame {
    pub(super) id: u32,
    pub(super) key_type: KeyType,
}

/// What is known of a schema of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Writer {
    Fingerprint(u64),
    /// Why its messages can't be read.
    Unreadable(String),
}

impl Known {
    pub(super) fn value(&self, topic: &str, schema: &SchemaId) -> Option<u32> {
        self.values.get(&(topic.to_owned(), schema.clone())).copied()
    }

    pub(super) fn set_value(&mut self, topic: &str, schema: &SchemaId, id: u32) {
        make_room(&mut self.values);
        self.values.insert((topic.to_owned(), schema.clone()), id);
        self.learn(SchemaKey::Id(id), Writer::Fingerprint(schema.fingerprint()));
    }

    /// How keys are framed: as noted for the topic, otherwise as in another topic.
    pub(super) fn key(&self, topic: &str, event_type: &str) -> Option<KeyFrame> {
        let of = |topic: &str| self.keys.get(&(topic.to_owned(), event_type.to_owned())).copied();
        of(topic).or_else(|| of(""))
    }

    /// Notes how keys are framed. A consumer notes it for no topic: it may send the messages to another one.
    pub(super) fn set_key(&mut self, topic: &str, event_type: &str, frame: KeyFrame) {
        make_room(&mut self.keys);
        self.keys.insert((topic.to_owned(), event_type.to_owned()), frame);
        self.key_types.insert(SchemaKey::Id(frame.id), Some(frame.key_type));
    }

    pub(super) fn writer(&self, key: SchemaKey) -> Option<&Writer> {
        self.fingerprints.get(&key)
    }

    pub(super) fn learn(&mut self, key: SchemaKey, writer: Writer) {
        make_room(&mut self.fingerprints);
        make_room(&mut self.by_fingerprint);
        if let Writer::Fingerprint(fingerprint) = writer {
            self.by_fingerprint.insert(fingerprint, key);
        }
        self.fingerprints.insert(key, writer);
    }

    pub(super) fn by_fingerprint(&self, fingerprint: u64) -> Option<SchemaKey> {
        self.by_fingerprint.get(&fingerprint).copied()
    }

    pub(super) fn key_type(&self, key: SchemaKey) -> Option<Option<KeyType>> {
        self.key_types.get(&key).copied()
    }

    pub(super) fn set_key_type(&mut self, key: SchemaKey, key_type: Option<KeyType>) {
        make_room(&mut self.key_types);
        self.key_types.insert(key, key_type);
    }

    /// The fingerprint that stands in for a schema of the registry; `None` if there are too many GUIDs.
    pub(super) fn stand_in(&mut self, key: SchemaKey) -> Option<u64> {
        match key {
            SchemaKey::Id(id) => Some(SchemaId::stand_in(id, false)),
            SchemaKey::Guid(guid) => {
                let count = self.guids.len();
                let handle = match self.handles.entry(guid) {
                    Entry::Occupied(entry) => *entry.get(),
                    Entry::Vacant(_) if count >= MAX_ENTRIES => return None,
                    Entry::Vacant(entry) => {
                        self.guids.push(guid);
                        *entry.insert(u32::try_from(count).ok()?)
                    }
                };
                Some(SchemaId::stand_in(handle, true))
            }
            _ => None,
        }
    }

    /// The schema that a fingerprint stands in for.
    pub(super) fn stands_for(&self, fingerprint: u64) -> Option<SchemaKey> {
        match SchemaId::stands_for(fingerprint)? {
            (id, false) => Some(SchemaKey::Id(id)),
            (handle, true) => self.guids.get(usize::try_from(handle).ok()?).copied().map(SchemaKey::Guid),
        }
    }
}

fn make_room<K, V>(map: &mut HashMap<K, V>) {
    if map.len() >= MAX_ENTRIES {
        map.clear();
    }
}
