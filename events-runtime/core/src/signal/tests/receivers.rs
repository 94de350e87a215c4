//! Connecting, replacing, ordering and disconnecting receivers.

use std::fmt;
use std::sync::{Arc, Mutex};

use super::Trace;
use crate::testing::sample::{ORDER_PAID, ORDER_PLACED, OrderPaid, OrderPlaced, paid, placed};
use crate::{Connection, Event, Hub, ReceiverError, Response, Signal};

fn names() -> Vec<String> {
    ORDER_PLACED.receivers().iter().map(ToString::to_string).collect()
}

#[test]
fn receivers_run_and_are_listed_in_connection_order() {
    Hub::new().scope(|| {
        let trace = Trace::default();
        for name in ["c", "a", "b"] {
            let trace = trace.clone();
            ORDER_PLACED.connect(name, move |event: &Event<OrderPlaced>| {
                trace.add(format!("{name}{}", event.number));
            });
        }
        let emission = ORDER_PLACED.emit(placed(7));
        assert_eq!(trace.take(), ["c7", "a7", "b7"]);
        let responses: Vec<_> = emission.responses().iter().map(|r| (r.receiver(), r.is_ok())).collect();
        assert_eq!(responses, [("c", true), ("a", true), ("b", true)]);
    });
}

#[test]
fn explicit_order_goes_before_connection_order() {
    Hub::new().scope(|| {
        for (name, order) in [("d", 5), ("b", 0), ("a", -5), ("c", 0), ("e", 5)] {
            ORDER_PLACED.receiver(name).order(order).connect(|_| ());
        }
        assert_eq!(names(), ["a", "b", "c", "d", "e"]);
    });
}

#[test]
fn connecting_under_a_known_name_replaces_in_place() {
    Hub::new().scope(|| {
        let trace = Trace::default();
        for name in ["a", "b", "c", "b"] {
            let trace = trace.clone();
            let nth = ORDER_PLACED.receivers().len();
            ORDER_PLACED.connect(name, move |_| trace.add(format!("{name}{nth}")));
        }
        ORDER_PLACED.emit(placed(1));
        assert_eq!(trace.take(), ["a0", "b3", "c2"]);

        ORDER_PLACED.receiver("b").order(9).connect(|_| ());
        assert_eq!(names(), ["a", "c", "b"], "another order is another place");
        ORDER_PLACED.connect_async("a", |_| async {});
        assert_eq!(names(), ["c", "b", "a"], "one name is one receiver, sync or async");
    });
}

#[test]
fn a_connection_disconnects_only_its_own_receiver() {
    Hub::new().scope(|| {
        let first = ORDER_PLACED.connect("a", |_| ());
        let second = ORDER_PLACED.connect("a", |_| ());
        assert_eq!(first.receiver(), "a");
        assert!(!first.disconnect(), "it was replaced");
        assert_eq!(names(), ["a"]);
        assert!(second.disconnect());
        assert!(!second.disconnect());
        assert!(names().is_empty());
    });
}

#[test]
fn dropped_connection_leaves_the_receiver_connected() {
    Hub::new().scope(|| {
        drop(ORDER_PLACED.connect("a", |_| ()));
        assert_eq!(ORDER_PLACED.emit(placed(1)).responses().len(), 1);
    });
}

#[test]
fn connection_outlives_its_hub_without_keeping_it() {
    let held = Arc::new(());
    let inside = Arc::clone(&held);
    let connection = Hub::new().scope(|| ORDER_PLACED.connect("a", move |_| drop(Arc::clone(&inside))));
    assert_eq!(Arc::strong_count(&held), 1, "the hub is gone with its receivers");
    assert!(!connection.disconnect());
}

#[test]
fn receivers_are_disconnected_by_name() {
    Hub::new().scope(|| {
        assert!(!ORDER_PLACED.disconnect("a"));
        ORDER_PLACED.connect("a", |_| ());
        assert!(ORDER_PLACED.disconnect("a"));
        assert!(ORDER_PLACED.emit(placed(1)).responses().is_empty());
    });
}

#[test]
fn receiver_may_emit_from_inside() {
    Hub::new().scope(|| {
        let trace = Trace::default();
        let inner = trace.clone();
        ORDER_PAID
            .connect("paid", move |event: &Event<OrderPaid>| inner.add(format!("paid {}", event.number)));
        let outer = trace.clone();
        ORDER_PLACED.connect("placed", move |event: &Event<OrderPlaced>| {
            outer.add("before");
            ORDER_PAID.emit(paid(event.number + 1));
            outer.add("after");
            if event.number > 0 {
                ORDER_PLACED.emit(placed(event.number - 1));
            }
        });
        ORDER_PLACED.emit(placed(1));
        assert_eq!(trace.take(), ["before", "paid 2", "after", "before", "paid 1", "after"]);
    });
}

#[test]
fn receiver_that_connects_another_changes_the_next_emission() {
    Hub::new().scope(|| {
        ORDER_PLACED.connect("a", |_| {
            ORDER_PLACED.connect("b", |_| ());
        });
        assert_eq!(ORDER_PLACED.emit(placed(1)).responses().len(), 1);
        assert_eq!(ORDER_PLACED.emit(placed(1)).responses().len(), 2);
    });
}

#[test]
fn receiver_may_disconnect_itself_and_later_ones() {
    Hub::new().scope(|| {
        let own: Arc<Mutex<Option<Connection>>> = Arc::default();
        let inside = Arc::clone(&own);
        let connection = ORDER_PLACED.connect("once", move |_| {
            if let Some(connection) = inside.lock().expect("no panic").take() {
                assert!(connection.disconnect());
            }
            ORDER_PLACED.disconnect("later");
        });
        *own.lock().expect("no panic") = Some(connection);
        ORDER_PLACED.connect("later", |_| ());

        let emission = ORDER_PLACED.emit(placed(1));
        assert_eq!(emission.responses().len(), 2, "an emission keeps the list that it began with");
        assert!(ORDER_PLACED.emit(placed(1)).responses().is_empty());
    });
}

#[test]
fn a_receiver_whose_drop_calls_the_signal_does_not_deadlock() {
    struct OnDrop;
    impl Drop for OnDrop {
        fn drop(&mut self) {
            ORDER_PLACED.connect("successor", |_| ());
        }
    }
    Hub::new().scope(|| {
        let value = OnDrop;
        let connection = ORDER_PLACED.connect("a", move |_| {
            let _ = &value;
        });
        assert!(connection.disconnect());
        assert_eq!(names(), ["successor"]);
    });
}

#[test]
fn receivers_return_nothing_or_a_result_of_any_error() {
    #[derive(Debug, PartialEq)]
    struct OutOfPaper;
    impl fmt::Display for OutOfPaper {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("out of paper")
        }
    }
    impl std::error::Error for OutOfPaper {}

    Hub::new().scope(|| {
        ORDER_PLACED.connect("unit", |_| ());
        ORDER_PLACED.connect("typed", |_| Err::<(), _>(OutOfPaper));
        ORDER_PLACED.connect("text", |_| Err::<(), _>("just a text"));
        ORDER_PLACED.connect("boxed", |event: &Event<OrderPlaced>| -> Result<(), crate::BoxError> {
            if event.number > 0 {
                return Err(OutOfPaper.into());
            }
            Ok(())
        });
        let emission = ORDER_PLACED.emit(placed(1));
        let failed: Vec<_> = emission.responses().iter().filter(|r| !r.is_ok()).collect();
        assert_eq!(failed.iter().map(|r| r.receiver()).collect::<Vec<_>>(), ["typed", "text", "boxed"]);
        for response in [failed[0], failed[2]] {
            let error = response.result().expect_err("it failed");
            assert_eq!(error.returned().and_then(|error| error.downcast_ref()), Some(&OutOfPaper));
            assert_eq!(
                std::error::Error::source(error).map(ToString::to_string).as_deref(),
                Some("out of paper")
            );
        }
    });
}

#[test]
fn failing_and_panicking_receivers_do_not_stop_the_rest() {
    Hub::new().scope(|| {
        ORDER_PLACED.connect("fine", |_| ());
        ORDER_PLACED.connect("failing", |_| Err::<(), _>("no"));
        ORDER_PLACED.connect("panicking", |event: &Event<OrderPlaced>| {
            assert!(event.number == 0, "order {} is odd", event.number);
        });
        ORDER_PLACED.connect("last", |_| ());
        let emission = ORDER_PLACED.emit(placed(3));
        let results: Vec<_> = emission.responses().iter().map(|r| (r.receiver(), r.is_ok())).collect();
        assert_eq!(results, [("fine", true), ("failing", false), ("panicking", false), ("last", true)]);
        let panic = emission.responses()[2].result().expect_err("it panicked");
        assert!(matches!(panic, ReceiverError::Panicked { message } if message == "order 3 is odd"));
        assert!(panic.returned().is_none());
    });
}

#[test]
fn two_handles_of_one_event_are_one_signal() {
    static OTHER_HANDLE: Signal<OrderPlaced> = Signal::new();
    Hub::new().scope(|| {
        OTHER_HANDLE.connect("a", |_| ());
        assert_eq!(ORDER_PLACED.emit(placed(1)).responses().len(), 1);
        assert_eq!(ORDER_PLACED.event_type(), "org.acme.orders.order.placed.v1");
    });
}

#[test]
fn receivers_connect_and_disconnect_on_many_threads_while_others_emit() {
    let hub = Hub::new();
    hub.scope(|| ORDER_PLACED.connect("constant", |_| ()));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let hub = &hub;
            scope.spawn(move || {
                hub.scope(|| {
                    for _ in 0..300 {
                        let connection = ORDER_PLACED.connect(format!("thread {thread}"), |_| ());
                        let emission = ORDER_PLACED.emit(placed(1));
                        let names: Vec<_> = emission.responses().iter().map(Response::receiver).collect();
                        assert_eq!(names[0], "constant");
                        assert!(names.contains(&&*format!("thread {thread}")));
                        assert!(connection.disconnect());
                    }
                });
            });
        }
    });
    assert_eq!(hub.scope(|| ORDER_PLACED.receivers().len()), 1);
}

/// A subscriber that reads every field's text, as one that writes lines does, and keeps it.
#[derive(Clone, Default)]
struct Lines(Trace);

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::Id {
        tracing::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let level = event.metadata().level();
        event.record(&mut |field: &tracing::field::Field, value: &dyn fmt::Debug| {
            if field.name() == "error" {
                self.0.add(format!("{level} {value:?}"));
            }
        });
    }

    fn enter(&self, _: &tracing::Id) {}

    fn exit(&self, _: &tracing::Id) {}
}

/// Runs under a subscriber that keeps the errors of lines, and gives them.
fn errors_logged(run: impl FnOnce()) -> Vec<String> {
    // Where there is one subscriber only, `tracing` asks the thread that first meets a place that logs,
    // and another test's has none; its answer holds for all. It asks every subscriber where there are more.
    static OTHERS: std::sync::OnceLock<[tracing::Dispatch; 2]> = std::sync::OnceLock::new();
    let other = || tracing::Dispatch::new(Lines::default());
    OTHERS.get_or_init(|| [other(), other()]);
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), run);
    lines.0.take()
}

/// Throws when it is dropped.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "dropped");
    }
}

#[test]
fn errors_and_panics_that_panic_do_not_end_the_emission() {
    #[derive(Debug)]
    struct Bad;
    impl fmt::Display for Bad {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("display")
        }
    }
    impl std::error::Error for Bad {}

    let lines = errors_logged(|| {
        Hub::new().scope(|| {
            ORDER_PLACED.connect("bomb", |_: &Event<OrderPlaced>| std::panic::panic_any(Bomb));
            ORDER_PLACED.connect("bad", |_| Err::<(), _>(Bad));
            ORDER_PLACED.connect_async("bad later", async |_| Err::<(), _>(Bad));
            let emission = ORDER_PLACED.emit(placed(1));
            assert!(emission.responses().iter().all(|response| !response.is_ok()));
            let text = emission.wait().expect_err("it fails").to_string();
            assert!(
                text.ends_with("the receiver returned an error: (formatting it panicked: display)"),
                "{text}"
            );
            ORDER_PLACED.emit_strict(placed(1)).expect_err("the first fails");
        });
    });
    assert!(lines.iter().any(|line| line.contains("display")), "{lines:?}");
}

#[test]
fn an_error_that_panics_when_it_is_dropped_does_not_end_the_emission() {
    #[derive(Debug, thiserror::Error)]
    #[error("bad")]
    struct Bad(Bomb);
    Hub::new().scope(|| {
        ORDER_PLACED.connect("bad", |_| Err::<(), _>(Bad(Bomb)));
        ORDER_PLACED.connect_async("bad later", async |_| Err::<(), _>(Bad(Bomb)));
        drop(ORDER_PLACED.emit(placed(1)));
        drop(ORDER_PLACED.emit(placed(1)).wait().expect_err("it fails"));
        drop(ORDER_PLACED.emit_strict(placed(1)).expect_err("it fails"));
    });
}

#[test]
fn destructors_of_receivers_that_panic_do_not_end_the_emission() {
    Hub::new().scope(|| {
        let (held, later) = (Bomb, Bomb);
        ORDER_PLACED.connect("sync", move |_| {
            let _ = &held;
        });
        ORDER_PLACED.connect_async("async", move |_| {
            let _ = &later;
            let held = Bomb;
            async move {
                std::future::ready(()).await;
                drop(held);
            }
        });
        let error = ORDER_PLACED.emit(placed(1)).wait().expect_err("a destructor panics");
        let failed = error.receivers()[0].result().expect_err("it panicked");
        assert!(matches!(failed, ReceiverError::Panicked { .. }), "{failed}");
        assert!(ORDER_PLACED.disconnect("sync"));
        assert!(ORDER_PLACED.disconnect("async"));
    });
}

#[test]
fn a_logged_failure_has_its_whole_chain_and_is_a_warning_for_an_event_of_a_bus() {
    let error = || Err::<(), _>(crate::receiver::retry("out of paper"));
    let lines = errors_logged(|| {
        let hub = Hub::new();
        hub.scope(|| ORDER_PLACED.connect("printer", move |_| error()));
        let emission = hub.emit(placed(1));
        hub.emit_received(placed(1), emission.event().metadata().clone());
    });
    let text = "\"the receiver returned an error: retry requested: out of paper\"";
    assert_eq!(lines, [format!("ERROR {text}"), format!("WARN {text}")]);
}
