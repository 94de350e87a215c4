//! Hubs that don't see each other.

use std::sync::Barrier;

use crate::testing::sample::{ORDER_PAID, ORDER_PLACED, OrderPlaced, paid, placed};
use crate::testing::{self, Recorder};
use crate::{Hub, assert_emitted};

#[test]
fn hundred_parallel_tests_on_one_signal_do_not_see_each_other() {
    const TESTS: u64 = 100;
    const EVENTS: u64 = 20;
    let together = Barrier::new(100);
    std::thread::scope(|scope| {
        for test in 0..TESTS {
            let together = &together;
            scope.spawn(move || {
                testing::scope(|recorder| {
                    ORDER_PLACED.connect("a", move |event: &crate::Event<OrderPlaced>| {
                        assert_eq!(event.number, test, "an event of another test");
                    });
                    if test % 2 == 1 {
                        ORDER_PLACED.receiver("b").connect(|_| ());
                    }
                    together.wait();
                    for _ in 0..EVENTS {
                        let emission = ORDER_PLACED.emit(placed(test));
                        assert!(emission.responses().iter().all(crate::Response::is_ok));
                        assert_eq!(emission.responses().len(), if test % 2 == 1 { 2 } else { 1 });
                    }
                    together.wait();
                    assert_emitted!(recorder, OrderPlaced, count = 20);
                    assert!(recorder.of::<OrderPlaced>().iter().all(|event| event.number == test));
                });
            });
        }
    });
}

#[test]
fn scopes_nest_and_end_also_by_a_panic() {
    let (outer, inner) = (Hub::new(), Hub::new());
    outer.scope(|| {
        assert_eq!(Hub::current(), outer);
        inner.scope(|| assert_eq!(Hub::current(), inner));
        assert_eq!(Hub::current(), outer);
        let panicked = std::panic::catch_unwind(|| inner.scope(|| panic!("inside")));
        assert!(panicked.is_err());
        assert_eq!(Hub::current(), outer);
    });
    assert_eq!(&Hub::current(), Hub::default_hub());
}

#[test]
fn the_default_hub_can_be_entered_inside_another() {
    Hub::new().scope(|| {
        assert_ne!(&Hub::current(), Hub::default_hub());
        Hub::default_hub().scope(|| assert_eq!(&Hub::current(), Hub::default_hub()));
    });
}

#[test]
fn a_scope_belongs_to_its_thread() {
    Hub::new().scope(|| {
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(&Hub::current(), Hub::default_hub()));
        });
    });
}

#[test]
fn a_dropped_recorder_stops_recording() {
    let hub = Hub::new();
    let (first, second) = (Recorder::attach(&hub), Recorder::attach(&hub));
    hub.emit(placed(1));
    drop(first);
    hub.emit(placed(2));
    assert_eq!(second.of::<OrderPlaced>().len(), 2);
}

/// Emits where it is dropped.
struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        ORDER_PLACED.emit(placed(9));
    }
}

#[test]
fn values_of_a_finished_scoped_future_are_dropped_in_its_scope() {
    let hub = Hub::new();
    let recorder = Recorder::attach(&hub);
    let held = Leaving;
    drop(hub.scope_async(async move {
        let _held = held;
        std::future::pending::<()>().await;
    }));
    assert_eq!(recorder.of::<OrderPlaced>().len(), 1);
}

#[test]
fn values_of_a_disconnected_receiver_are_dropped_in_its_hubs_scope() {
    let connected = |hub: &Hub| {
        let held = Leaving;
        hub.scope(|| {
            ORDER_PAID.connect("holds", move |_| {
                let _ = &held;
            })
        })
    };
    let (outside, hub) = (Hub::new(), Hub::new());
    let (elsewhere, recorder) = (Recorder::attach(&outside), Recorder::attach(&hub));
    outside.scope(|| {
        assert!(connected(&hub).disconnect());
        assert_eq!(recorder.of::<OrderPlaced>().len(), 1, "disconnected");
        connected(&hub);
        ORDER_PAID.receiver("holds").hub(&hub).connect(|_| ());
        assert_eq!(recorder.of::<OrderPlaced>().len(), 2, "replaced");
        connected(&hub);
        drop((recorder, hub));
    });
    assert_eq!(elsewhere.event_types().len(), 0, "of a hub that is gone, nobody hears");
}

#[cfg(feature = "tokio")]
mod on_tokio {
    use super::*;

    #[tokio::test]
    async fn a_cancelled_scoped_future_is_dropped_in_its_scope() {
        let hub = Hub::new();
        let recorder = Recorder::attach(&hub);
        let never = hub.scope_async(async {
            let _held = Leaving;
            std::future::pending::<()>().await;
        });
        tokio::time::timeout(std::time::Duration::from_millis(1), never).await.expect_err("it never ends");
        assert_eq!(recorder.of::<OrderPlaced>().len(), 1);
    }

    #[test]
    fn a_cancelled_async_receiver_is_dropped_in_its_hubs_scope() {
        let hub = Hub::new();
        let recorder = Recorder::attach(&hub);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let emission = runtime.block_on(async {
            hub.scope(|| {
                ORDER_PAID.connect_async("never", |_| {
                    let held = Leaving;
                    async move {
                        let _held = held;
                        std::future::pending::<()>().await;
                    }
                });
            });
            let emission = hub.emit(paid(1));
            tokio::task::yield_now().await;
            emission
        });
        drop(runtime);
        emission.wait().expect_err("cancelled");
        assert_eq!(recorder.of::<OrderPlaced>().len(), 1);
    }

    #[tokio::test]
    async fn scoped_futures_of_one_thread_do_not_see_each_other() {
        async fn test(number: u64) {
            testing::scope_async(async |recorder| {
                for _ in 0..10 {
                    ORDER_PLACED.emit(placed(number));
                    tokio::task::yield_now().await;
                }
                let events = recorder.of::<OrderPlaced>();
                assert_eq!(events.len(), 10);
                assert!(events.iter().all(|event| event.number == number));
            })
            .await;
        }
        tokio::join!(test(1), test(2), test(3));
        assert_eq!(&Hub::current(), Hub::default_hub());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn spawned_work_leaves_the_scope_unless_wrapped() {
        let hub = Hub::new();
        hub.scope_async(async {
            let bare = tokio::spawn(async { Hub::current() }).await.expect("no panic");
            assert_eq!(&bare, Hub::default_hub());
            let wrapped = tokio::spawn(Hub::current().scope_async(async {
                tokio::task::yield_now().await;
                Hub::current()
            }));
            assert_eq!(wrapped.await.expect("no panic"), hub);
            let spawned = hub.scope_spawn(async {
                tokio::task::yield_now().await;
                Hub::current()
            });
            assert_eq!(spawned.await.expect("no panic"), hub);
        })
        .await;
    }
}
