//! Fixed metadata, so that a test can compare whole events.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::Hub;
use crate::hub::frozen::Frozen;
use crate::metadata::Source;

/// Gives every event that is emitted in the current hub this time, and these ids in order, until the result is
/// dropped. A test can then compare whole metadata, or a whole message.
///
/// After the last id, each event gets the id of the event before it plus 1; without any id, the first event
/// gets `00000000-0000-0000-0000-000000000001`. An emitter's own [`EmitOptions`](crate::EmitOptions) win, and
/// take no id from the list. Events of a disabled signal take one. Events from a bus keep their metadata.
///
/// ```
/// use events_runtime::{PublicSignal, testing};
/// use events_runtime::metadata::Source;
///
/// #[derive(Debug, PublicSignal)]
/// #[public_signal(event_type = "org.acme.orders.order.placed.v1")]
/// struct OrderPlaced { number: u32 }
///
/// testing::scope(|recorder| {
///     let id = "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11".parse()?;
///     let _frozen = testing::freeze("2023-01-02T03:04:05Z".parse()?, [id]).source(Source::new("shop")?);
///     ORDER_PLACED.emit(OrderPlaced { number: 1 });
///     assert_eq!(
///         serde_json::to_string(recorder.only::<OrderPlaced>().metadata())?,
///         r#"{"event_type":"org.acme.orders.order.placed.v1","id":"0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11","minorversion":0,"source":"shop","time":"2023-01-02T03:04:05+00:00"}"#
///     );
///     Ok::<_, Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// Outside of any scope: the default hub is shared by all tests of the process.
#[track_caller]
pub fn freeze(time: Timestamp, ids: impl IntoIterator<Item = Uuid>) -> Freeze {
    let hub = Hub::current();
    assert!(
        hub != *Hub::default_hub(),
        "`testing::freeze` needs a hub scope, because the default hub is shared by all tests of the process: call it in `testing::scope`, `testing::scope_async` or `hub.scope`"
    );
    let frozen = Arc::new(Frozen::new(time, ids.into_iter().collect()));
    hub.freeze(&frozen);
    Freeze { hub, frozen }
}

/// A hub whose events have fixed metadata: see [`freeze`]. Dropping this ends it.
#[must_use = "dropping this ends the freeze; keep it: `let _frozen = testing::freeze(…)`"]
pub struct Freeze {
    hub: Hub,
    frozen: Arc<Frozen>,
}

impl Freeze {
    /// Also fixes the source. Otherwise it has the names of this program and of its host, and the version of
    /// this library.
    pub fn source(self, source: impl Into<Arc<Source>>) -> Self {
        self.frozen.set_source(source.into());
        self
    }
}

impl Drop for Freeze {
    fn drop(&mut self) {
        self.hub.unfreeze(&self.frozen);
    }
}

impl std::fmt::Debug for Freeze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Freeze").field("hub", &self.hub).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;
    use crate::EmitOptions;
    use crate::testing::sample::{ORDER_PAID, ORDER_PLACED, OrderPlaced, enrolled, paid, placed};
    use crate::testing::{self, FakeBus};

    const TIME: &str = "2023-01-02T03:04:05.678901Z";

    fn time() -> Timestamp {
        TIME.parse().expect("a time")
    }

    fn ids(numbers: impl IntoIterator<Item = u128>) -> Vec<Uuid> {
        numbers.into_iter().map(Uuid::from_u128).collect()
    }

    fn emit() -> u128 {
        ORDER_PLACED.emit(placed(1)).event().metadata().id().as_u128()
    }

    #[test]
    fn events_get_the_time_and_the_ids_in_order_and_then_count_up() {
        testing::scope(|recorder| {
            let frozen = freeze(time(), ids([40, 7]));
            assert_eq!([emit(), emit(), emit(), emit()], [40, 7, 8, 9]);
            let paid = ORDER_PAID.emit(paid(1));
            assert_eq!(paid.event().metadata().id().as_u128(), 10, "all types share the ids");
            let enrolled = recorder.hub().emit(enrolled());
            assert_eq!(enrolled.event().metadata().id().as_u128(), 11, "Open edX events too");
            assert_eq!(enrolled.event().metadata().time(), time());
            drop(frozen);
            assert_ne!(emit(), 12);
        });
    }

    #[test]
    fn without_ids_the_first_event_has_number_one() {
        testing::scope(|_| {
            let _frozen = freeze(time(), []);
            assert_eq!([emit(), emit()], [1, 2]);
        });
    }

    #[test]
    fn an_emitters_own_metadata_wins_and_takes_no_id() {
        testing::scope(|_| {
            let source = Source::new("shop").expect("a source");
            let _frozen = freeze(time(), ids([40, 41])).source(source);
            let options = EmitOptions::new().id(Uuid::from_u128(5)).time(Timestamp::UNIX_EPOCH);
            let emission = ORDER_PLACED.emit_with(placed(1), options);
            let metadata = emission.event().metadata();
            assert_eq!((metadata.id().as_u128(), metadata.time()), (5, Timestamp::UNIX_EPOCH));
            assert_eq!((metadata.source(), metadata.source_host()), ("shop", None));
            assert_eq!(emit(), 40);
            assert_eq!(
                testing::event(placed(1)).metadata().id().as_u128(),
                41,
                "an event of a unit test too"
            );
            let strict = ORDER_PLACED.emit_strict(placed(1)).expect("no receiver");
            assert_eq!(strict.event().metadata().id().as_u128(), 42);
        });
    }

    #[test]
    fn an_event_from_a_bus_keeps_its_metadata() {
        testing::scope(|recorder| {
            let bus = FakeBus::attach(recorder.hub());
            let id = emit();
            let _frozen = freeze(time(), ids([40]));
            recorder.clear();
            bus.sent()[0].deliver_to(recorder.hub()).expect("a datum");
            let events = recorder.of::<OrderPlaced>();
            assert_eq!(events[0].metadata().id().as_u128(), id);
            assert_eq!(emit(), 40);
        });
    }

    #[test]
    fn other_hubs_are_not_frozen_and_the_last_freeze_is_in_force() {
        testing::scope(|_| {
            let outer = freeze(time(), ids([40]));
            let inner = freeze(time(), ids([70]));
            assert_eq!(emit(), 70);
            drop(inner);
            assert_eq!(emit(), 40);
            assert_ne!(Hub::new().scope(emit), 41);
            drop(outer);
        });
    }

    #[test]
    fn the_default_hub_cannot_be_frozen() {
        let panic = catch_unwind(|| drop(freeze(time(), []))).expect_err("no scope");
        let text = panic.downcast_ref::<&str>().copied().unwrap_or_default();
        assert!(text.contains("call it in `testing::scope`"), "{text}");
    }
}
