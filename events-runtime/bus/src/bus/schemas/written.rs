//! The schemas of the messages in a topic queue.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::{KnownSchema, known};
use crate::envelope::Envelope;
use events_core::internal::SignalDescriptor;
use events_transport::{KeySchema, Message, SchemaId};

/// The schemas that messages of a queue were written with. The list only grows.
#[derive(Debug, Default)]
pub(in crate::bus) struct WrittenSchemas {
    count: AtomicUsize,
    list: Mutex<Vec<WrittenSchema>>,
}

/// A schema, and its text if this program knows it.
#[derive(Debug, Clone)]
pub(in crate::bus) struct WrittenSchema {
    pub(in crate::bus) id: SchemaId,
    pub(in crate::bus) known: Option<KnownSchema>,
}

impl WrittenSchemas {
    pub(in crate::bus) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// The schemas from this index on.
    pub(in crate::bus) fn from(&self, index: usize) -> Vec<WrittenSchema> {
        lock(&self.list).iter().skip(index).cloned().collect()
    }

    /// Adds a schema unless the list has it.
    fn add(&self, event_type: &str, fingerprint: u64, known: impl FnOnce() -> Option<KnownSchema>) {
        let mut list = lock(&self.list);
        let is_same = |id: &SchemaId| id.fingerprint() == fingerprint && id.event_type() == event_type;
        if !list.iter().any(|schema| is_same(&schema.id)) {
            list.push(WrittenSchema { id: SchemaId::new(event_type, fingerprint), known: known() });
            self.count.store(list.len(), Ordering::Release);
        }
    }

    /// Adds the schema of a message that another bus has made.
    pub(in crate::bus) fn add_of(&self, message: &Message) {
        if let Some((event_type, fingerprint)) = Envelope::schema_of(message) {
            self.add(event_type, fingerprint, || known(event_type, fingerprint));
        }
    }
}

/// The schema that a route has noted last, so that the usual event is compared with one number.
#[derive(Debug, Default)]
pub(in crate::bus) struct NotedSchema(OnceLock<u64>);

impl NotedSchema {
    /// Notes that the queue gets a message of this definition.
    #[inline]
    pub(in crate::bus) fn note(
        &self,
        descriptor: &SignalDescriptor,
        fingerprint: u64,
        key: impl FnOnce() -> Option<KeySchema>,
        schemas: &WrittenSchemas,
    ) {
        if self.0.get() != Some(&fingerprint) {
            let known = || Some(KnownSchema { text: (descriptor.schema_json)(), key: key() });
            schemas.add(descriptor.event_type, fingerprint, known);
            self.0.get_or_init(|| fingerprint);
        }
    }
}

/// A poisoned lock is safe to use: no critical section leaves the list inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
