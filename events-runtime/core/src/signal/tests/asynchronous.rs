//! Async receivers.

use std::error::Error;
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use futures_channel::oneshot;

use super::Trace;
use crate::testing::sample::{ORDER_PAID, ORDER_PLACED, OrderPaid, OrderPlaced, paid, placed};
use crate::testing::{self, Recorder};
use crate::{Event, Hub, ReceiverError};

/// Longer than any machine takes; no test waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn async_receivers_run_without_any_runtime() {
    Hub::new().scope(|| {
        let trace = Trace::default();
        let ran = trace.clone();
        ORDER_PLACED.connect_async("async", move |event: Arc<Event<OrderPlaced>>| {
            let ran = ran.clone();
            async move { ran.add(format!("order {}", event.number)) }
        });
        let emission = ORDER_PLACED.emit(placed(4));
        assert!(emission.responses().is_empty(), "responses are of sync receivers");
        let delivered = emission.wait().expect("no failure");
        assert_eq!(delivered.receivers().len(), 1);
        assert_eq!(delivered.receivers()[0].receiver(), "async");
        assert_eq!(trace.take(), ["order 4"]);
    });
}

#[test]
fn emit_does_not_wait_for_async_receivers() {
    Hub::new().scope(|| {
        let (go, gate) = oneshot::channel::<()>();
        let gate = std::sync::Mutex::new(Some(gate));
        ORDER_PLACED.connect_async("gated", move |_| {
            let gate = gate.lock().expect("no panic").take();
            async move { gate.expect("one event").await }
        });
        // This would never return if it waited.
        let emission = ORDER_PLACED.emit(placed(1));
        go.send(()).expect("the receiver waits");
        assert!(emission.wait().is_ok());
    });
}

#[test]
fn an_async_receiver_does_not_run_on_the_emitters_thread_before_its_first_await() {
    Hub::new().scope(|| {
        let emitter = std::thread::current().id();
        let (sender, results) = mpsc::channel();
        ORDER_PLACED.connect_async("async", move |_| {
            sender.send(std::thread::current().id()).expect("the test waits");
            ready(())
        });
        let emission = ORDER_PLACED.emit(placed(1));
        assert_ne!(results.recv().expect("it runs"), emitter);
        assert!(emission.wait().is_ok());
    });
}

#[test]
fn delivery_error_lists_all_receivers_and_names_the_failed_ones() {
    Hub::new().scope(|| {
        ORDER_PLACED.connect_async("fine", |_| ready(()));
        ORDER_PLACED.connect_async("failing", |_| async { Err::<(), _>("no paper") });
        ORDER_PLACED.connect_async("panicking", |_| async { panic!("torn") });
        ORDER_PLACED.connect_async("panicking early", |event: Arc<Event<OrderPlaced>>| {
            assert!(event.number == 0, "at the call");
            ready(())
        });
        let error = ORDER_PLACED.emit(placed(1)).wait().expect_err("three fail");
        let results: Vec<_> = error.receivers().iter().map(|r| (r.receiver(), r.is_ok())).collect();
        assert_eq!(
            results,
            [("fine", true), ("failing", false), ("panicking", false), ("panicking early", false)]
        );
        let text = error.to_string();
        assert!(text.contains("receiver `failing`: the receiver returned an error"), "{text}");
        assert!(text.contains("receiver `panicking`: the receiver panicked: torn"), "{text}");
        assert!(text.contains("receiver `panicking early`: the receiver panicked: at the call"), "{text}");
        assert!(!text.contains("`fine`"), "{text}");
        assert_eq!(text.matches("no paper").count(), 1, "{text}");
        let cause = error.source().and_then(Error::source).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("no paper"));
    });
}

#[test]
fn sync_failures_are_responses_and_not_delivery_errors() {
    Hub::new().scope(|| {
        ORDER_PLACED.connect("failing", |_| Err::<(), _>("no"));
        let emission = ORDER_PLACED.emit(placed(1));
        assert!(!emission.responses()[0].is_ok());
        assert!(emission.wait().is_ok());
    });
}

#[test]
fn dropped_emission_leaves_its_receivers_running() {
    testing::scope(|recorder| {
        ORDER_PLACED.connect_async("async", |event: Arc<Event<OrderPlaced>>| async move {
            ORDER_PAID.emit(paid(event.number));
        });
        drop(ORDER_PLACED.emit(placed(6)));
        assert_eq!(recorder.wait_for::<OrderPaid>(1, LONG)[0].number, 6);
    });
}

#[test]
fn async_receivers_emit_into_their_own_hub() {
    let hub = Hub::new();
    let recorder = Recorder::attach(&hub);
    let emission = hub.scope(|| {
        ORDER_PLACED.connect_async("async", |event: Arc<Event<OrderPlaced>>| async move {
            ORDER_PAID.emit(paid(event.number));
        });
        ORDER_PLACED.emit(placed(8))
    });
    emission.wait().expect("no failure");
    assert_eq!(recorder.only::<OrderPaid>().number, 8);
}

#[test]
fn a_hub_may_be_dropped_while_its_receivers_run() {
    let (sender, results) = mpsc::channel();
    let (go, gate) = oneshot::channel::<()>();
    let gate = std::sync::Mutex::new(Some(gate));
    Hub::new().scope(|| {
        ORDER_PLACED.connect_async("async", move |_| {
            let sender = sender.clone();
            let gate = gate.lock().expect("no panic").take();
            async move {
                gate.expect("one event").await.expect("the test sends");
                sender.send(()).expect("the test waits");
            }
        });
        ORDER_PLACED.emit(placed(1));
    });
    go.send(()).expect("the receiver waits");
    results.recv_timeout(LONG).expect("it ended");
}

#[test]
fn a_wait_that_times_out_lists_unfinished_receivers() {
    Hub::new().scope(|| {
        ORDER_PLACED.connect_async("never", |_| pending::<()>());
        let error = ORDER_PLACED.emit(placed(1)).wait_timeout(Duration::ZERO).expect_err("it never ends");
        assert!(matches!(error.receivers()[0].result(), Err(ReceiverError::Unfinished)));
        ORDER_PLACED.disconnect("never");
        assert!(ORDER_PLACED.emit(placed(1)).wait_timeout(Duration::MAX).is_ok());
    });
}

#[cfg(feature = "tokio")]
mod on_tokio {
    use super::*;

    #[tokio::test]
    async fn async_receivers_run_on_the_current_runtime() {
        testing::scope_async(async |_| {
            let runtime = tokio::runtime::Handle::current().id();
            let (sender, results) = mpsc::channel();
            ORDER_PLACED.connect_async("async", move |_| {
                let sender = sender.clone();
                async move {
                    tokio::task::yield_now().await;
                    sender.send(tokio::runtime::Handle::current().id())
                }
            });
            ORDER_PLACED.emit(placed(1)).delivered().await.expect("no failure");
            assert_eq!(results.recv().expect("it ran"), runtime);
        })
        .await;
    }

    #[test]
    fn receivers_on_the_hubs_own_executor_may_use_timers() {
        Hub::new().scope(|| {
            ORDER_PLACED.connect_async("async", |_| tokio::time::sleep(Duration::from_millis(1)));
            assert!(ORDER_PLACED.emit(placed(1)).wait().is_ok());
        });
    }

    #[test]
    fn receivers_of_a_runtime_that_shuts_down_are_reported_as_cancelled() {
        let hub = Hub::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let emission = runtime.block_on(async {
            hub.scope(|| {
                ORDER_PLACED.connect_async("never", |_| pending::<()>());
                ORDER_PLACED.emit(placed(1))
            })
        });
        drop(runtime);
        let error = emission.wait().expect_err("cancelled");
        assert!(matches!(error.receivers()[0].result(), Err(ReceiverError::Cancelled)));
    }

    #[tokio::test]
    async fn the_last_handle_of_a_hub_may_be_dropped_inside_a_runtime() {
        let hub = Hub::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                hub.scope(|| {
                    ORDER_PLACED.connect_async("async", |_| ready(()));
                    ORDER_PLACED.emit(placed(1)).wait().expect("on the hub's own executor");
                });
            });
        });
        drop(hub);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn delivered_is_send_and_awaits_on_any_thread() {
        let emission = Hub::new().scope(|| {
            ORDER_PLACED.connect_async("async", |_| ready(()));
            ORDER_PLACED.emit(placed(1))
        });
        let delivered = tokio::spawn(emission.delivered()).await.expect("no panic").expect("no failure");
        assert_eq!(delivered.receivers().len(), 1);
    }

    fn many_threads() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
    }

    fn one_thread() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
    }

    #[test]
    fn a_wait_on_a_worker_of_a_multi_thread_runtime_ends() {
        let hub = Hub::new();
        hub.scope(|| ORDER_PLACED.connect_async("nothing", |_| ready(())));
        many_threads().block_on(async {
            for _ in 0..50 {
                let hub = hub.clone();
                let wait = async move { hub.emit(placed(1)).wait_timeout(LONG).is_ok() };
                assert!(tokio::spawn(wait).await.expect("no panic"));
            }
        });
    }

    #[test]
    fn receivers_that_wait_for_other_events_end_on_a_multi_thread_runtime() {
        let hub = Hub::new();
        hub.scope(|| {
            ORDER_PAID.connect_async("nothing", |_| ready(()));
            ORDER_PLACED.connect("sync", |_| ORDER_PAID.emit(paid(1)).wait_timeout(LONG).map(drop));
            ORDER_PLACED
                .connect_async("async", async |_| ORDER_PAID.emit(paid(1)).wait_timeout(LONG).map(drop));
        });
        many_threads().block_on(async {
            for _ in 0..50 {
                let emission = tokio::spawn({
                    let hub = hub.clone();
                    async move { hub.emit(placed(1)) }
                });
                let emission = emission.await.expect("no panic");
                assert!(emission.responses()[0].is_ok());
                emission.delivered().await.expect("no failure");
            }
        });
    }

    #[test]
    fn a_wait_on_a_current_thread_runtime_is_an_error_at_once() {
        let hub = Hub::new();
        hub.scope(|| ORDER_PLACED.connect_async("nothing", |_| ready(())));
        let refused = |emission: crate::Emission<OrderPlaced>| {
            let error = emission.wait().expect_err("the receiver runs on this thread");
            assert!(matches!(error.receivers()[0].result(), Err(ReceiverError::WouldBlock)));
            assert!(error.to_string().contains("await `received()` or `delivered()`"), "{error}");
        };
        one_thread().block_on(async {
            refused(hub.emit(placed(1)));
            let task = hub.clone();
            tokio::spawn(async move { refused(task.emit(placed(1))) }).await.expect("no panic");
            // A finished receiver needs no wait.
            let emission = hub.emit(placed(1));
            tokio::task::yield_now().await;
            emission.wait().expect("it has ended");
            let emission = hub.emit(placed(1));
            let error = emission.wait_timeout(Duration::ZERO).expect_err("it was only looked at");
            assert!(matches!(error.receivers()[0].result(), Err(ReceiverError::Unfinished)));
        });
    }

    #[test]
    fn a_blocking_thread_of_a_current_thread_runtime_may_wait() {
        let hub = Hub::new();
        hub.scope(|| ORDER_PLACED.connect_async("nothing", |_| ready(())));
        one_thread().block_on(async {
            let waited = tokio::task::spawn_blocking(move || hub.emit(placed(1)).wait().is_ok());
            assert!(waited.await.expect("no panic"));
        });
    }

    #[test]
    fn more_workers_than_a_runtime_can_replace_do_not_deadlock() {
        const EMITTERS: usize = 700;
        let hub = Hub::new();
        let (open, gate) = tokio::sync::watch::channel(false);
        hub.scope(|| {
            ORDER_PLACED.connect_async("gate", move |_| {
                let mut gate = gate.clone();
                async move { drop(gate.wait_for(|open| *open).await) }
            })
        });
        let (answer, mut answers) = tokio::sync::mpsc::unbounded_channel();
        many_threads().block_on(async {
            for _ in 0..EMITTERS {
                let (hub, answer) = (hub.clone(), answer.clone());
                tokio::spawn(async move { answer.send(hub.emit(placed(1)).wait()) });
            }
            // The first results are those of the workers that may not wait.
            let refused = answers.recv().await.expect("held here").expect_err("the gate is shut");
            assert!(matches!(refused.receivers()[0].result(), Err(ReceiverError::WouldBlock)));
            open.send_replace(true);
            for _ in 1..EMITTERS {
                drop(answers.recv().await.expect("held here"));
            }
        });
    }

    #[test]
    fn a_recorder_that_waits_on_a_worker_stops_no_other_task() {
        let hub = Hub::new();
        let recorder = Arc::new(Recorder::attach(&hub));
        many_threads().block_on(async {
            for count in 1..=20 {
                let (hub, recorder) = (hub.clone(), Arc::clone(&recorder));
                let waits = tokio::spawn(async move {
                    tokio::spawn(async move { hub.emit(placed(1)) });
                    recorder.wait_for::<OrderPlaced>(count, LONG).len()
                });
                assert_eq!(waits.await.expect("no panic"), count);
            }
        });
    }

    #[test]
    fn a_recorder_does_not_block_the_thread_of_a_current_thread_runtime() {
        let hub = Hub::new();
        let recorder = Recorder::attach(&hub);
        one_thread().block_on(async {
            let emitting = hub.clone();
            tokio::spawn(async move { emitting.emit(placed(1)) });
            let wait = || recorder.wait_for::<OrderPlaced>(1, LONG).len();
            let panic =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(wait)).expect_err("it would block");
            let message = panic.downcast_ref::<String>().expect("a text");
            assert!(message.contains("spawn_blocking"), "{message}");
            tokio::task::yield_now().await;
            assert_eq!(wait(), 1, "what is there is not waited for");
        });
    }

    #[test]
    fn an_unread_error_may_panic_when_it_is_dropped() {
        #[derive(Debug, thiserror::Error)]
        #[error("bad")]
        struct Bad;
        impl Drop for Bad {
            fn drop(&mut self) {
                assert!(std::thread::panicking(), "dropped");
            }
        }
        one_thread().block_on(async {
            let hub = Hub::new();
            hub.scope(|| ORDER_PLACED.connect_async("bad", |_| ready(Err::<(), _>(Bad))));
            let (dropped, given_up) = (hub.emit(placed(1)), hub.emit(placed(2)));
            let delivered = given_up.delivered();
            tokio::task::yield_now().await;
            drop(dropped);
            drop(delivered);
        });
    }

    #[test]
    fn checking_the_thread_keeps_the_budget_of_its_task() {
        one_thread().block_on(async {
            let hub = Hub::new();
            hub.scope(|| ORDER_PLACED.connect_async("nothing", |_| ready(())));
            let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
            for number in 0..4 {
                send.send(number).expect("it is open");
            }
            hub.emit(placed(1)).wait().expect_err("the receiver runs on this thread");
            // Each is ready at once and takes one poll of the budget.
            for _ in 0..4 {
                let next = std::pin::pin!(receive.recv());
                assert!(poll_once(next).is_some());
            }
        });
    }

    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}

#[test]
fn receivers_on_the_hubs_own_threads_that_wait_for_each_other_do_not_deadlock() {
    // Each waits for another receiver of its kind: a deadlock if the number were not limited.
    let hub = Hub::new();
    hub.scope(|| {
        ORDER_PLACED.connect_async("itself", async |_| ORDER_PLACED.emit(placed(1)).wait().map(drop));
        let error = ORDER_PLACED.emit(placed(1)).wait().expect_err("the innermost one may not wait");
        assert!(matches!(error.receivers()[0].result(), Err(ReceiverError::Failed(_))));
    });
}
