//! Metadata of a hub's events that a test has fixed.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

use super::emit_options::EmitOptions;
use crate::metadata::{Source, whole_micros};

/// The time, the ids and the source of the events that a hub emits: see [`freeze`](crate::testing::freeze).
pub(crate) struct Frozen {
    time: Timestamp,
    inner: Mutex<Inner>,
}

struct Inner {
    ids: std::vec::IntoIter<Uuid>,
    last: Uuid,
    source: Option<Arc<Source>>,
}

impl Frozen {
    pub(crate) fn new(time: Timestamp, ids: Vec<Uuid>) -> Self {
        let inner = Inner { ids: ids.into_iter(), last: Uuid::nil(), source: None };
        Self { time: whole_micros(time), inner: Mutex::new(inner) }
    }

    pub(crate) fn set_source(&self, source: Arc<Source>) {
        self.lock().source = Some(source);
    }

    /// The options of an emission, with the frozen values for those that the emitter did not set.
    #[cold]
    pub(super) fn complete(&self, options: Option<EmitOptions>) -> EmitOptions {
        let mut options = options.unwrap_or_default();
        let mut inner = self.lock();
        options.time.get_or_insert(self.time);
        options.id.get_or_insert_with(|| inner.next_id());
        options.source = options.source.or_else(|| inner.source.clone());
        options
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The next given id or, after the last one, the last id plus 1.
    fn next_id(&mut self) -> Uuid {
        let counted = || Uuid::from_u128(self.last.as_u128().wrapping_add(1));
        self.last = self.ids.next().unwrap_or_else(counted);
        self.last
    }
}
