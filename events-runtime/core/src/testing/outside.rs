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

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use crate::testing::Recorder;
    use crate::{Hub, PublicSignal, assert_emitted};

    /// Emitted by these tests only, because they share the default hub.
    #[derive(Debug, PublicSignal)]
    #[public_signal(event_type = "org.acme.testing.parcel.strayed.v1")]
    struct ParcelStrayed {
        number: u64,
    }

    #[derive(Debug, PublicSignal)]
    #[public_signal(event_type = "org.acme.testing.parcel.kept.v1")]
    struct ParcelKept {
        number: u64,
    }

    const CURE: &str = "spawn it with `hub.scope_spawn(future)`";

    fn failure_of(assertion: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(assertion)).expect_err("it fails");
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    }

    #[test]
    fn a_recorder_that_saw_nothing_names_the_cure_if_the_event_left_the_scope() {
        let hub = Hub::new();
        let recorder = Recorder::attach(&hub);
        hub.scope(|| {
            std::thread::spawn(|| PARCEL_STRAYED.emit(ParcelStrayed { number: 1 })).join().expect("no panic");
        });
        for failure in [
            failure_of(|| drop(recorder.only::<ParcelStrayed>())),
            failure_of(|| drop(recorder.wait_for::<ParcelStrayed>(1, Duration::ZERO))),
            failure_of(|| recorder.assert_event_types([ParcelStrayed::EVENT_TYPE])),
            failure_of(|| drop(assert_emitted!(recorder, ParcelStrayed))),
            failure_of(|| drop(assert_emitted!(recorder, ParcelStrayed, count = 1))),
        ] {
            assert!(
                failure.contains(
                    "1 event was emitted outside of the recorder's hub: `org.acme.testing.parcel.strayed.v1`"
                ),
                "{failure}"
            );
            assert!(failure.contains(CURE), "{failure}");
        }
        recorder.clear();
        let failure = failure_of(|| drop(recorder.only::<ParcelStrayed>()));
        assert!(!failure.contains(CURE), "cleared: {failure}");
    }

    #[test]
    fn a_recorder_without_strayed_events_gives_no_hint() {
        let hub = Hub::new();
        let recorder = Recorder::attach(&hub);
        PARCEL_KEPT.emit(ParcelKept { number: 0 });
        let failure = failure_of(|| drop(recorder.only::<ParcelStrayed>()));
        assert!(!failure.contains("outside"), "another type: {failure}");
        hub.emit(ParcelKept { number: 1 });
        hub.emit(ParcelKept { number: 2 });
        let failure = failure_of(|| drop(recorder.only::<ParcelKept>()));
        assert!(failure.contains("found 2") && !failure.contains("outside"), "recorded: {failure}");
    }

    #[test]
    fn a_scope_within_a_scope_watches_the_outer_hub() {
        Hub::new().scope(|| {
            let inner = Hub::new();
            let recorder = Recorder::attach(&inner);
            PARCEL_KEPT.emit(ParcelKept { number: 1 });
            let failure = failure_of(|| drop(recorder.only::<ParcelKept>()));
            assert!(failure.contains(CURE), "{failure}");
        });
    }

    #[test]
    fn a_recorder_of_the_default_hub_has_no_outside() {
        let recorder = Recorder::attach(Hub::default_hub());
        let failure = failure_of(|| recorder.assert_event_types(["org.acme.testing.parcel.lost.v1"]));
        assert!(!failure.contains(CURE), "{failure}");
    }

    #[cfg(feature = "tokio")]
    #[tokio::test]
    async fn scope_spawn_keeps_the_scope_and_tokio_spawn_does_not() {
        crate::testing::scope_async(async |recorder| {
            tokio::spawn(async { PARCEL_STRAYED.emit(ParcelStrayed { number: 1 }) }).await.expect("no panic");
            assert!(failure_of(|| drop(assert_emitted!(recorder, ParcelStrayed))).contains(CURE));
            let spawned =
                Hub::current().scope_spawn(async { PARCEL_STRAYED.emit(ParcelStrayed { number: 2 }) });
            spawned.await.expect("no panic");
            assert_eq!(assert_emitted!(recorder, ParcelStrayed).number, 2);
        })
        .await;
    }
}
