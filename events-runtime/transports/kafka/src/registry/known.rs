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
    /// The ids with which values are framed, by topic and fingerprint.
    values: HashMap<String, HashMap<u64, Vec<(SchemaId, u32)>>>,
    /// How keys are framed, by topic and event type.
    keys: HashMap<String, HashMap<String, KeyFrame>>,
    /// How keys of received messages seem to be framed, by event type: the registry was not asked yet.
    guessed_keys: HashMap<String, KeyFrame>,
    fingerprints: HashMap<SchemaKey, Writer>,
    by_fingerprint: HashMap<u64, SchemaKey>,
    key_forms: HashMap<SchemaKey, KeyForm>,
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

/// What the keys of a schema are outside of Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyForm {
    /// The text of a value of this type.
    Text(KeyType),
    /// The frame with its datum, because they have no form as text.
    Framed,
}

/// What is known of a schema of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Writer {
    Fingerprint(u64),
    /// Why its messages can't be read.
    Unreadable(String),
}

impl Known {
    pub(super) fn value(&self, topic: &str, event_type: &str, fingerprint: u64) -> Option<u32> {
        let of_fingerprint = self.values.get(topic)?.get(&fingerprint)?;
        let is_its = |(schema, _): &&(SchemaId, u32)| schema.event_type() == event_type;
        of_fingerprint.iter().find(is_its).map(|(_, id)| *id)
    }

    /// Notes the id of a schema that this program writes with.
    pub(super) fn set_value(&mut self, topic: &str, schema: &SchemaId, id: u32) {
        let of_topic = self.values.entry(topic.to_owned()).or_default();
        let of_fingerprint = of_topic.entry(schema.fingerprint()).or_default();
        of_fingerprint.retain(|(other, _)| other != schema);
        of_fingerprint.push((schema.clone(), id));
        self.learn(SchemaKey::Id(id), Writer::Fingerprint(schema.fingerprint()));
    }

    /// How keys are framed: as noted for the topic, otherwise as in another topic.
    pub(super) fn key(&self, topic: &str, event_type: &str) -> Option<KeyFrame> {
        let of = |topic: &str| self.keys.get(topic)?.get(event_type).copied();
        of(topic).or_else(|| of(""))
    }

    /// Notes how keys are framed. A consumer notes it for no topic: it may send the messages to another one.
    pub(super) fn set_key(&mut self, topic: &str, event_type: &str, frame: KeyFrame) {
        let of_topic = self.keys.entry(topic.to_owned()).or_default();
        make_room(of_topic);
        of_topic.insert(event_type.to_owned(), frame);
        self.set_key_form(SchemaKey::Id(frame.id), KeyForm::Text(frame.key_type));
    }

    /// How keys seem to be framed. A number that differs from 0 decides between a number and an empty string.
    pub(super) fn guessed_key(&self, event_type: &str) -> Option<KeyFrame> {
        self.guessed_keys.get(event_type).copied()
    }

    /// Notes how the key of a received message seems to be framed.
    pub(super) fn guess_key(&mut self, event_type: &str, frame: KeyFrame, is_empty: bool) {
        if is_empty && self.guessed_key(event_type).is_some_and(|known| known.id == frame.id) {
            return;
        }
        if self.guessed_key(event_type) != Some(frame) {
            make_room(&mut self.guessed_keys);
            self.guessed_keys.insert(event_type.to_owned(), frame);
        }
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

    pub(super) fn key_form(&self, key: SchemaKey) -> Option<KeyForm> {
        self.key_forms.get(&key).copied()
    }

    pub(super) fn set_key_form(&mut self, key: SchemaKey, form: KeyForm) {
        make_room(&mut self.key_forms);
        self.key_forms.insert(key, form);
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
