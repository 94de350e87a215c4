//! Records the events of a hub.

use std::any::Any;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::outside::Outside;
use crate::event::AnyEvent;
use crate::hub::{self, state::Observer};
use crate::{Event, Hub, PublicSignal};
use events_support::clock::MAX_WAIT;

/// Records every event that is emitted in a hub, including those that a bus delivers, in the order of
/// emission. Dropping it ends the recording.
#[derive(Debug)]
pub struct Recorder {
    hub: Hub,
    log: Arc<Log>,
    outside: Option<Outside>,
}

#[derive(Default)]
struct Log {
    events: Mutex<Vec<Arc<dyn AnyEvent>>>,
    grown: Condvar,
}

impl Recorder {
    /// Starts to record the events of a hub.
    pub fn attach(hub: &Hub) -> Self {
        let log = Arc::new(Log::default());
        hub.watch(&(Arc::clone(&log) as Arc<dyn Observer>));
        Self { hub: hub.clone(), log, outside: Outside::of(hub) }
    }

    /// The recorded hub.
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
    /// If there is none, or more than one.
    #[track_caller]
    pub fn only<E: PublicSignal>(&self) -> Arc<Event<E>> {
        match <[_; 1]>::try_from(self.of::<E>()) {
            Ok([event]) => event,
            Err(events) => panic!(
                "expected one event `{}`, found {}; recorded: {:?}{}",
                E::EVENT_TYPE,
                events.len(),
                self.event_types(),
                if events.is_empty() { self.hint(&[E::EVENT_TYPE]) } else { String::new() }
            ),
        }
    }

    /// The event types of all events.
    pub fn event_types(&self) -> Vec<&'static str> {
        self.log.lock().iter().map(|event| event.descriptor().event_type).collect()
    }

    /// Removes the events recorded so far.
    pub fn clear(&self) {
        let events = std::mem::take(&mut *self.log.lock());
        // Dropped without the lock: a payload may emit when it is dropped, which is recorded.
        drop(events);
        if let Some(outside) = &self.outside {
            outside.clear();
        }
    }

    /// Explains missing events of these types, if they were emitted outside of the scope.
    pub(super) fn hint(&self, event_types: &[&str]) -> String {
        self.outside.as_ref().map(|outside| outside.hint(event_types)).unwrap_or_default()
    }

    /// Asserts that exactly these events were emitted, in this order.
    ///
    /// # Panics
    /// If they differ. The message has the expected and the recorded event types.
    #[track_caller]
    pub fn assert_event_types<'a>(&self, expected: impl IntoIterator<Item = &'a str>) {
        let expected: Vec<_> = expected.into_iter().collect();
        let recorded = self.event_types();
        assert!(
            recorded == expected,
            "expected the events {expected:#?}\nrecorded {recorded:#?}{}",
            self.hint(&missing(&expected, &recorded))
        );
    }

    /// Blocks the thread until `count` events of type `E` are recorded. For events that are emitted on other
    /// threads.
    ///
    /// On a worker of a multi-thread runtime, the worker's other tasks first move to another thread, as with
    /// [`Emission::wait`](crate::Emission::wait). A thread that drives a current-thread runtime, as
    /// `#[tokio::test]` does, does not block: call this in `spawn_blocking` there, or use a multi-thread
    /// runtime for the test.
    ///
    /// # Panics
    /// If there are fewer after `timeout`, or at once if the thread must not block.
    #[track_caller]
    pub fn wait_for<E: PublicSignal>(&self, count: usize, timeout: Duration) -> Vec<Arc<Event<E>>> {
        let deadline = Instant::now() + timeout.min(MAX_WAIT);
        let found = self.of::<E>();
        if found.len() >= count {
            return found;
        }
        let Some(found) = hub::block(|| self.log.wait_until::<E>(count, deadline)) else {
            panic!(
                "count of events `{}`: expected {count}, found {}; can't wait for more, because that would block the thread that may emit them: call `wait_for` in `spawn_blocking`, or use a multi-thread runtime",
                E::EVENT_TYPE,
                found.len()
            );
        };
        assert!(
            found.len() >= count,
            "count of events `{}` after {timeout:?}: expected {count}, found {}{}",
            E::EVENT_TYPE,
            found.len(),
            self.hint(&[E::EVENT_TYPE])
        );
        found
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

    /// The events of type `E` as soon as there are `count`, or those recorded by the deadline.
    fn wait_until<E: PublicSignal>(&self, count: usize, deadline: Instant) -> Vec<Arc<Event<E>>> {
        let mut events = self.lock();
        loop {
            let found = typed(&events);
            let left = deadline.saturating_duration_since(Instant::now());
            if found.len() >= count || left.is_zero() {
                return found;
            }
            (events, _) = self.grown.wait_timeout(events, left).unwrap_or_else(PoisonError::into_inner);
        }
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

/// The expected event types that were recorded less often than expected.
fn missing<'a>(expected: &[&'a str], recorded: &[&str]) -> Vec<&'a str> {
    let count = |events: &[&str], of: &str| events.iter().filter(|event| **event == of).count();
    expected.iter().copied().filter(|event| count(recorded, event) < count(expected, event)).collect()
}

fn typed<E: PublicSignal>(events: &[Arc<dyn AnyEvent>]) -> Vec<Arc<Event<E>>> {
    let event = |event: &Arc<dyn AnyEvent>| (Arc::clone(event) as Arc<dyn Any + Send + Sync>).downcast().ok();
    events.iter().filter_map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Emits another event when it is dropped.
    #[derive(Debug, PublicSignal)]
    #[public_signal(event_type = "org.acme.orders.order.left.v1")]
    struct OrderLeft {
        generation: u32,
    }

    impl Drop for OrderLeft {
        fn drop(&mut self) {
            if self.generation == 0 {
                ORDER_LEFT.emit(Self { generation: 1 });
            }
        }
    }

    #[test]
    fn an_event_that_a_removed_payload_emits_is_recorded() {
        let hub = Hub::new();
        let recorder = Recorder::attach(&hub);
        hub.scope(|| {
            drop(ORDER_LEFT.emit(OrderLeft { generation: 0 }));
            recorder.clear();
        });
        assert_eq!(recorder.only::<OrderLeft>().generation, 1);
    }
}
