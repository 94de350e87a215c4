//! Watching the events of a hub.

use std::any::Any;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Later as _;
use crate::hub::{AnyEvent, Observer};
use crate::{Event, Hub, PublicSignal};

/// Records every event that is emitted in a hub, those included that a bus delivers, in the
/// order of emission. Ends when it is dropped.
#[derive(Debug)]
pub struct Recorder {
    hub: Hub,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    events: Mutex<Vec<Arc<dyn AnyEvent>>>,
    grown: Condvar,
}

impl Recorder {
    /// Begins to record the events of a hub.
    pub fn attach(hub: &Hub) -> Self {
        let log = Arc::new(Log::default());
        hub.watch(&(Arc::clone(&log) as Arc<dyn Observer>));
        Self { hub: hub.clone(), log }
    }

    /// The hub that is recorded.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The events of type `E`.
    pub fn of<E: PublicSignal>(&self) -> Vec<Arc<Event<E>>> {
        typed(&self.log.lock())
    }

    /// The one event of type `E`.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn only<E: PublicSignal>(&self) -> Arc<Event<E>> {
        match <[_; 1]>::try_from(self.of::<E>()) {
            Ok([event]) => event,
            Err(events) => panic!(
                "expected one event `{}`, found {}; recorded: {:?}",
                E::EVENT_TYPE,
                events.len(),
                self.event_types()
            ),
        }
    }

    /// The event types of all events.
    pub fn event_types(&self) -> Vec<&'static str> {
        self.log.lock().iter().map(|event| event.descriptor().event_type).collect()
    }

    /// Forgets the events recorded so far.
    pub fn clear(&self) {
        self.log.lock().clear();
    }

    /// Asserts that exactly these events were emitted, in this order.
    ///
    /// # Panics
    /// With the expected event types and the recorded ones.
    #[track_caller]
    pub fn assert_event_types<'a>(&self, expected: impl IntoIterator<Item = &'a str>) {
        let expected: Vec<_> = expected.into_iter().collect();
        let recorded = self.event_types();
        assert!(recorded == expected, "expected the events {expected:#?}\nrecorded {recorded:#?}");
    }

    /// Blocks the thread until `count` events of type `E` are recorded, for events that are
    /// emitted on other threads.
    ///
    /// # Panics
    /// When there are fewer after `timeout`.
    #[track_caller]
    pub fn wait_for<E: PublicSignal>(&self, count: usize, timeout: Duration) -> Vec<Arc<Event<E>>> {
        let deadline = Instant::now().later(timeout);
        let mut events = self.log.lock();
        loop {
            let found = typed(&events);
            if found.len() >= count {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "expected {count} events `{}` within {timeout:?}, found {}",
                E::EVENT_TYPE,
                found.len()
            );
            (events, _) = self.log.grown.wait_timeout(events, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let observer = Arc::clone(&self.log) as Arc<dyn Observer>;
        self.hub.unwatch(&observer);
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<dyn AnyEvent>>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Log {
    fn observe(&self, event: Arc<dyn AnyEvent>) {
        self.lock().push(event);
        self.grown.notify_all();
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let events = self.lock();
        f.debug_list().entries(events.iter().map(|event| event.metadata())).finish()
    }
}

fn typed<E: PublicSignal>(events: &[Arc<dyn AnyEvent>]) -> Vec<Arc<Event<E>>> {
    let event = |event: &Arc<dyn AnyEvent>| (Arc::clone(event) as Arc<dyn Any + Send + Sync>).downcast().ok();
    events.iter().filter_map(event).collect()
}
