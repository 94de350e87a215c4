//! Assertions on what a [`Recorder`](super::Recorder) recorded.

/// Asserts that an event was emitted. Evaluates to the first one, an `Arc<Event<E>>`.
///
/// ```
/// # use events_runtime::{assert_emitted, testing};
/// # fn example<OrderPlaced: events_runtime::PublicSignal + std::fmt::Debug>() {
/// testing::scope(|recorder| {
///     // … emit …
///     assert_emitted!(recorder, OrderPlaced);
///     assert_emitted!(recorder, OrderPlaced, |event| event.metadata().source() == "shop");
///     assert_emitted!(recorder, OrderPlaced, count = 2);
/// });
/// # }
/// ```
///
/// With `count`, evaluates to a `Vec<Arc<Event<E>>>`. The event must be `Debug`: a failure shows the recorded
/// events.
#[macro_export]
macro_rules! assert_emitted {
    ($recorder:expr, $event:ty $(,)?) => {
        $crate::private::asserts::emitted::<$event>(&$recorder, "", |_| true)
    };
    ($recorder:expr, $event:ty, count = $count:expr $(,)?) => {
        $crate::private::asserts::emitted_times::<$event>(&$recorder, $count)
    };
    ($recorder:expr, $event:ty, $predicate:expr $(,)?) => {
        $crate::private::asserts::emitted::<$event>(&$recorder, ::core::stringify!($predicate), $predicate)
    };
}

/// Asserts that no event of a type was emitted, or none that matches a predicate.
///
/// ```
/// # use events_runtime::{assert_not_emitted, testing};
/// # fn example<OrderPlaced: events_runtime::PublicSignal + std::fmt::Debug>() {
/// testing::scope(|recorder| {
///     assert_not_emitted!(recorder, OrderPlaced);
///     assert_not_emitted!(recorder, OrderPlaced, |event| event.metadata().minor_version() == 0);
/// });
/// # }
/// ```
#[macro_export]
macro_rules! assert_not_emitted {
    ($recorder:expr, $event:ty $(,)?) => {
        $crate::private::asserts::not_emitted::<$event>(&$recorder, "", |_| true)
    };
    ($recorder:expr, $event:ty, $predicate:expr $(,)?) => {
        $crate::private::asserts::not_emitted::<$event>(
            &$recorder,
            ::core::stringify!($predicate),
            $predicate,
        )
    };
}

/// Functions that the macros call.
pub mod functions {
    use std::fmt::{Debug, Write};
    use std::sync::Arc;

    use crate::testing::Recorder;
    use crate::{Event, PublicSignal};

    /// The first event that matches.
    #[track_caller]
    pub fn emitted<E: PublicSignal + Debug>(
        recorder: &Recorder,
        predicate: &str,
        fits: impl Fn(&Event<E>) -> bool,
    ) -> Arc<Event<E>> {
        match recorder.of::<E>().into_iter().find(|event| fits(event)) {
            Some(event) => event,
            None => panic!(
                "no event `{}` was emitted{}{}",
                E::EVENT_TYPE,
                recorded::<E>(recorder, predicate),
                recorder.hint(&[E::EVENT_TYPE])
            ),
        }
    }

    /// All events, if there are exactly `count`.
    #[track_caller]
    pub fn emitted_times<E: PublicSignal + Debug>(recorder: &Recorder, count: usize) -> Vec<Arc<Event<E>>> {
        let events = recorder.of::<E>();
        assert!(
            events.len() == count,
            "event `{}` was emitted {} times, not {count}{}{}",
            E::EVENT_TYPE,
            events.len(),
            recorded::<E>(recorder, ""),
            if events.len() < count { recorder.hint(&[E::EVENT_TYPE]) } else { String::new() }
        );
        events
    }

    /// Asserts that no event matches.
    #[track_caller]
    pub fn not_emitted<E: PublicSignal + Debug>(
        recorder: &Recorder,
        predicate: &str,
        fits: impl Fn(&Event<E>) -> bool,
    ) {
        let found = recorder.of::<E>().into_iter().any(|event| fits(&event));
        assert!(
            !found,
            "event `{}` was emitted and should not have been{}",
            E::EVENT_TYPE,
            recorded::<E>(recorder, predicate)
        );
    }

    fn recorded<E: PublicSignal + Debug>(recorder: &Recorder, predicate: &str) -> String {
        let mut text = String::new();
        if !predicate.is_empty() {
            text.push_str(" that matches ");
            text.push_str(predicate);
        }
        text.push_str("; recorded of this type:");
        for event in recorder.of::<E>() {
            // Writing to a string never fails.
            let _ = write!(text, "\n  {} {:?}", event.metadata().id(), event.payload());
        }
        let _ = write!(text, "\nrecorded in all: {:?}", recorder.event_types());
        text
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::testing::sample::{ORDER_PAID, ORDER_PLACED, OrderPaid, OrderPlaced, placed};
    use crate::testing::{Recorder, scope};

    fn failure_of(assertion: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(assertion)).expect_err("it fails");
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    }

    fn emit(_: &Recorder) {
        ORDER_PLACED.emit(placed(1));
        ORDER_PLACED.emit(placed(2));
    }

    #[test]
    fn assertions_that_hold_give_the_events() {
        scope(|recorder| {
            emit(recorder);
            assert_eq!(assert_emitted!(recorder, OrderPlaced).number, 1);
            assert_eq!(assert_emitted!(recorder, OrderPlaced, |event| event.number == 2).number, 2);
            assert_eq!(assert_emitted!(recorder, OrderPlaced, count = 2).len(), 2);
            assert_not_emitted!(recorder, OrderPaid);
            assert_not_emitted!(recorder, OrderPlaced, |event| event.number == 3);
            recorder.assert_event_types([ORDER_PLACED.event_type(); 2]);
            recorder.clear();
            assert_not_emitted!(recorder, OrderPlaced);
        });
    }

    #[test]
    fn assertions_that_fail_show_what_was_recorded() {
        scope(|recorder| {
            emit(recorder);
            for (failure, said) in [
                (
                    failure_of(|| drop(assert_emitted!(recorder, OrderPaid))),
                    "no event `org.acme.orders.order.paid.v1`",
                ),
                (
                    failure_of(|| drop(assert_emitted!(recorder, OrderPlaced, |event| event.number == 3))),
                    "that matches |event| event.number == 3",
                ),
                (
                    failure_of(|| drop(assert_emitted!(recorder, OrderPlaced, count = 3))),
                    "was emitted 2 times, not 3",
                ),
                (failure_of(|| assert_not_emitted!(recorder, OrderPlaced)), "should not have been"),
            ] {
                assert!(failure.contains(said), "{said:?} is not in {failure:?}");
                assert!(
                    failure.contains("recorded in all: [\"org.acme.orders.order.placed.v1\""),
                    "{failure}"
                );
            }
            let failure =
                failure_of(|| drop(assert_emitted!(recorder, OrderPlaced, |event| event.number == 3)));
            assert!(failure.contains("number: 1") && failure.contains("number: 2"), "{failure}");
            assert!(failure_of(|| drop(recorder.only::<OrderPlaced>())).contains("found 2"));
            assert!(
                failure_of(|| recorder.assert_event_types([ORDER_PAID.event_type()]))
                    .contains("order.paid.v1")
            );
        });
    }
}
