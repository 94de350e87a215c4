//! Decides which message keys may be logged.
//!
//! A key is the value of a field, chosen by the sender. It is logged only if the event has this program's
//! schema and one of these holds: no field is marked as personal and the key equals the value of a field,
//! or the key equals the value of the configured field and no field on that path is marked. All other keys
//! are masked.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::config::{KeyPath, Resolved};
use crate::envelope::Envelope;
use events_core::avro::Schema;
use events_core::registry::{Descriptor, Registry};
use events_transport::{Message, NameError, Topic, TopicPrefix};

/// Replaces a key that may be personal data.
pub(super) const MASK: &str = "***";

/// The maximum length of a logged key.
const MAX_CHARACTERS: usize = 256;

#[derive(Default)]
pub(super) struct Keys {
    registry: Option<&'static Registry>,
    /// The keys configured for routes.
    routes: HashMap<&'static str, Vec<(Topic, KeyPath)>>,
    /// The keys of the definitions, built on first use.
    definitions: OnceLock<HashMap<&'static str, KnownKeys>>,
}

/// The possible keys of an event type.
struct KnownKeys {
    /// The schema to which this applies. Other versions may have other fields and marks.
    fingerprint: u64,
    /// Whether any field is marked as personal.
    is_personal: bool,
    /// The non-personal fields that may be the key.
    paths: Vec<KeyPath>,
}

impl Keys {
    pub(super) fn new(
        registry: &'static Registry,
        resolved: &Resolved,
        prefix: Option<&TopicPrefix>,
    ) -> Result<Self, NameError> {
        let mut routes: HashMap<_, Vec<_>> = HashMap::new();
        for route in &resolved.routes {
            if let Some(path) = &route.key {
                let topic = route.topic.with_prefix(prefix)?;
                routes.entry(route.event_type).or_default().push((topic, path.clone()));
            }
        }
        Ok(Self { registry: Some(registry), routes, definitions: OnceLock::new() })
    }

    /// The message's key as logged: masked unless known not to be personal data.
    pub(super) fn masked_key(&self, topic: &Topic, message: &Message) -> Option<String> {
        let key = message.key.as_deref()?;
        Some(if self.is_public(topic, message, key) { render(key) } else { MASK.to_owned() })
    }

    /// Whether the message's key is known not to be personal data.
    pub(super) fn may_be_logged(&self, topic: &Topic, message: &Message) -> bool {
        message.key.as_deref().is_none_or(|key| self.is_public(topic, message, key))
    }

    /// Whether an event type has no personal data in this program's version.
    pub(super) fn has_no_personal_data(&self, event_type: &str) -> bool {
        self.definitions().get(event_type).is_some_and(|known| !known.is_personal)
    }

    fn is_public(&self, topic: &Topic, message: &Message, key: &[u8]) -> bool {
        let Some(event_type) = Envelope::event_type_of(message) else { return false };
        let Some(known) = self.definitions().get(event_type) else { return false };
        if !Envelope::is_of_schema(message, known.fingerprint) {
            return false;
        }
        let configured = self.routes.get(event_type).into_iter().flatten();
        let configured = configured.filter(|(at, _)| at == topic).map(|(_, path)| path).next();
        match configured {
            Some(path) if known.is_personal => !path.is_personal() && is_value_of(path, message, key),
            _ => known.paths.iter().any(|path| is_value_of(path, message, key)),
        }
    }

    fn definitions(&self) -> &HashMap<&'static str, KnownKeys> {
        self.definitions.get_or_init(|| {
            let all = self.registry.into_iter().flat_map(Registry::iter);
            all.map(|descriptor| (descriptor.event_type(), KnownKeys::of(descriptor))).collect()
        })
    }
}

impl KnownKeys {
    fn of(descriptor: Descriptor) -> Self {
        let (schema, fingerprint) = (descriptor.schema(), descriptor.fingerprint());
        if !has_personal_data(schema) {
            return Self { fingerprint, is_personal: false, paths: KeyPath::all(schema) };
        }
        // The path has Rust names. If the schema has other names, any field may be the key.
        let named = KeyPath::resolve(schema, &descriptor.key().join("."));
        let mut paths = match named {
            Ok(path) => vec![path],
            Err(_) if descriptor.key().is_empty() => Vec::new(),
            Err(_) => KeyPath::all(schema),
        };
        paths.retain(|path| !path.is_personal());
        Self { fingerprint, is_personal: true, paths }
    }
}

fn is_value_of(path: &KeyPath, message: &Message, key: &[u8]) -> bool {
    let mut value = Vec::new();
    path.append_key(&message.data, &mut value).is_ok() && value == key
}

fn has_personal_data(schema: &Schema) -> bool {
    match schema {
        Schema::Array(inner) | Schema::Map(inner) | Schema::Nullable(inner) => has_personal_data(inner),
        Schema::Union(union) => {
            let mut fields = union.branches.iter().flat_map(|record| record.fields);
            fields.any(|field| field.pii || has_personal_data(field.schema))
        }
        Schema::Record(record) => {
            record.fields.iter().any(|field| field.pii || has_personal_data(field.schema))
        }
        // A named reference is defined elsewhere in the same schema.
        _ => false,
    }
}

/// Formats any key as one printable line.
fn render(key: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(key) else {
        let end = key.len().min(MAX_CHARACTERS);
        return format!("{}{}", key.get(..end).unwrap_or(key).escape_ascii(), cut(end < key.len()));
    };
    let mut rendered = String::with_capacity(text.len());
    for character in text.chars().take(MAX_CHARACTERS) {
        if character.is_control() {
            rendered.extend(character.escape_default());
        } else {
            rendered.push(character);
        }
    }
    rendered.push_str(cut(text.chars().nth(MAX_CHARACTERS).is_some()));
    rendered
}

const fn cut(is_cut: bool) -> &'static str {
    if is_cut { "…" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn any_key_is_one_printable_line() {
        assert_eq!(render(b"c-42"), "c-42");
        assert_eq!(render("zoë\n\u{1b}[31m".as_bytes()), "zoë\\n\\u{1b}[31m");
        assert_eq!(render(b"\xff\x00a\n"), "\\xff\\x00a\\n");
        let long = render(&[b'a'; 1000]);
        assert_eq!(long.chars().count(), 257);
        assert!(long.ends_with('…'));
        assert_eq!(render(&[0xff; 1000]).chars().count(), 256 * 4 + 1);
    }
}
