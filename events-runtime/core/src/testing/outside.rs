//! Counts the events that a test emits outside of its scope, to explain a recorder that saw nothing.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Hub;
use crate::event::AnyEvent;
use crate::hub::state::Observer;

/// Watches the hub that spawned work emits into if it leaves the scope of a recorded hub.
#[derive(Debug)]
pub(super) struct Outside {
    hub: Hub,
    counts: Arc<Counts>,
}

/// The number of events of each type.
#[derive(Debug, Default)]
struct Counts(Mutex<HashMap<&'static str, usize>>);

impl Outside {
    /// Watches the hub around the recorded one: the current hub, or the default hub inside of the scope.
    /// `None` if that is the recorded hub.
    pub(super) fn of(recorded: &Hub) -> Option<Self> {
        let current = Hub::current();
        let hub = if current == *recorded { Hub::default_hub().clone() } else { current };
        if hub == *recorded {
            return None;
        }
        let counts = Arc::new(Counts::default());
        hub.watch_from_outside(&(Arc::clone(&counts) as Arc<dyn Observer>));
        Some(Self { hub, counts })
    }

    /// Forgets the events so far.
    pub(super) fn clear(&self) {
        self.counts.lock().clear();
    }

    /// Explains missing events of these types, if any were emitted outside of the scope meanwhile.
    pub(super) fn hint(&self, event_types: &[&str]) -> String {
        let counts = self.counts.lock();
        let mut found: Vec<_> =
            counts.iter().filter(|(event_type, _)| event_types.contains(event_type)).collect();
        found.sort_unstable();
        let mut text = String::new();
        for (event_type, count) in &found {
            let events = if **count == 1 { "event was" } else { "events were" };
            // Writing to a string never fails.
            let _ = write!(
                text,
                "\nmeanwhile, {count} {events} emitted outside of the recorder's hub: `{event_type}`"
            );
        }
        if !found.is_empty() {
            text.push_str(
                "\n`tokio::spawn` and `thread::spawn` leave the scope of a hub: if this test spawned the emitter, spawn it with `hub.scope_spawn(future)`, or wrap it in `hub.scope_async(future)` or `hub.scope(|| …)`; the hub is `recorder.hub()` or `Hub::current()`",
            );
        }
        text
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let observer = Arc::clone(&self.counts) as Arc<dyn Observer>;
        self.hub.unwatch(&observer);
    }
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Counts {
    fn observe(&self, event: Arc<dyn AnyEvent>) {
        *self.lock().entry(event.descriptor().event_type).or_default() += 1;
    }
}
