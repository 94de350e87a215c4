//! What an emission answers: brokers and async receivers apart.

use std::error::Error;
use std::future::{Future as _, pending, ready};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use futures_channel::oneshot;
use futures_executor::block_on;

use crate::signal::{Acknowledged, Received, SendError};
use crate::testing::sample::{ORDER_PLACED, placed};
use crate::testing::{self, FakeBus};
use crate::{Hub, ReceiverError};

fn topics(acknowledged: &Acknowledged) -> Vec<(&str, &str)> {
    acknowledged.topics().iter().map(|topic| (topic.topic(), topic.result().expect("acknowledged"))).collect()
}

fn receivers(received: &Received) -> Vec<&str> {
    received.receivers().iter().map(crate::Response::receiver).collect()
}

/// Connects an async receiver that waits for the returned sender.
fn connect_gated(name: &'static str) -> oneshot::Sender<()> {
    let (go, gate) = oneshot::channel::<()>();
    let gate = Mutex::new(Some(gate));
    ORDER_PLACED.connect_async(name, move |_| {
        let gate = gate.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move { gate.expect("one event").await }
    });
    go
}

#[test]
fn an_acknowledged_event_is_an_ok_although_an_async_receiver_fails() {
    testing::scope(|recorder| {
        let _bus = FakeBus::with_topic(recorder.hub(), "orders");
        ORDER_PLACED.connect_async("mail", |_| async { Err::<(), _>("no server") });
        let mut emission = ORDER_PLACED.emit(placed(1));
        assert_eq!(topics(&block_on(emission.acknowledged()).expect("stored")), [("orders", "0")]);
        let error = block_on(emission.received()).expect_err("no mail");
        assert_eq!(
            error.to_string(),
            "the event was not handled by every async receiver: receiver `mail`: the receiver returned an error: no server"
        );
        assert_eq!(error.receivers().len(), 1);
        assert!(emission.wait().is_err(), "all of it");
    });
}

#[test]
fn a_finished_receiver_is_an_ok_although_no_broker_acknowledges() {
    testing::scope(|recorder| {
        let first = FakeBus::with_topic(recorder.hub(), "orders");
        let second = FakeBus::with_topic(recorder.hub(), "audit");
        first.fail("no space");
        second.fail("no permission");
        ORDER_PLACED.connect_async("mail", |_| ready(()));
        let mut emission = ORDER_PLACED.emit(placed(1));
        assert_eq!(receivers(&block_on(emission.received()).expect("sent")), ["mail"]);
        let error = block_on(emission.acknowledged()).expect_err("not stored");
        assert_eq!(
            error.to_string(),
            "the event was not acknowledged for every topic: topic `orders`: the event was not sent: no space; topic `audit`: the event was not sent: no permission"
        );
        assert_eq!(error.topics().len(), 2);
        let cause = error.source().and_then(Error::source).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("no space"), "the first failure");
    });
}

#[test]
fn acknowledged_does_not_wait_for_receivers_nor_received_for_brokers() {
    testing::scope(|recorder| {
        let bus = FakeBus::with_topic(recorder.hub(), "orders");
        ORDER_PLACED.connect_async("never", |_| pending::<()>());
        let mut emission = ORDER_PLACED.emit(placed(1));
        assert!(block_on(emission.acknowledged()).is_ok());
        assert!(emission.wait_acknowledged().is_ok());

        ORDER_PLACED.disconnect("never");
        ORDER_PLACED.connect_async("mail", |_| ready(()));
        bus.hold();
        let mut emission = ORDER_PLACED.emit(placed(2));
        assert!(block_on(emission.received()).is_ok());
        assert!(emission.wait_received().is_ok());
    });
}

#[test]
fn a_dropped_wait_loses_nothing() {
    testing::scope(|recorder| {
        let (first, second) =
            (FakeBus::with_topic(recorder.hub(), "a"), FakeBus::with_topic(recorder.hub(), "b"));
        second.hold();
        let go = connect_gated("mail");
        let mut emission = ORDER_PLACED.emit(placed(1));
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(emission.acknowledged()).poll(&mut context).is_pending());
        assert!(pin!(emission.received()).poll(&mut context).is_pending());
        second.acknowledge();
        go.send(()).expect("the receiver waits");
        for _ in 0..2 {
            assert_eq!(
                topics(&block_on(emission.acknowledged()).expect("stored")),
                [("a", "0"), ("b", "0")],
                "the same answer each time"
            );
            assert_eq!(receivers(&block_on(emission.received()).expect("sent")), ["mail"]);
        }
        let delivered = block_on(emission.delivered()).expect("all of it");
        assert_eq!((delivered.topics().len(), delivered.receivers().len()), (2, 1));
        assert_eq!(first.sent().len(), 1);
    });
}

#[test]
fn a_timeout_lists_the_unfinished_and_a_later_wait_finds_them() {
    testing::scope(|recorder| {
        let bus = FakeBus::with_topic(recorder.hub(), "orders");
        bus.hold();
        let go = connect_gated("mail");
        let mut emission = ORDER_PLACED.emit(placed(1));
        let error = emission.wait_acknowledged_timeout(Duration::ZERO).expect_err("held");
        assert!(matches!(error.topics()[0].result(), Err(SendError::Unfinished)), "{error}");
        assert!(error.to_string().contains("topic `orders`: the wait timed out"), "{error}");
        let error = emission.wait_received_timeout(Duration::from_millis(1)).expect_err("gated");
        assert!(matches!(error.receivers()[0].result(), Err(ReceiverError::Unfinished)), "{error}");
        assert!(error.to_string().contains("receiver `mail`: the wait timed out"), "{error}");

        bus.acknowledge();
        go.send(()).expect("the receiver waits");
        assert!(emission.wait_acknowledged_timeout(Duration::MAX).is_ok());
        assert!(emission.wait_received().is_ok());
    });
}

#[test]
fn a_bus_that_shuts_down_is_listed_with_its_topic() {
    testing::scope(|recorder| {
        let bus = FakeBus::with_topic(recorder.hub(), "orders");
        bus.hold();
        let mut emission = ORDER_PLACED.emit(placed(1));
        drop(bus);
        let error = block_on(emission.acknowledged()).expect_err("the bus is gone");
        assert!(error.to_string().contains("topic `orders`: the bus was shut down"), "{error}");
    });
}

#[test]
fn without_a_broker_or_a_receiver_the_lists_are_empty() {
    Hub::new().scope(|| {
        let mut emission = ORDER_PLACED.emit(placed(1));
        assert!(emission.wait_acknowledged().expect("no bus").topics().is_empty());
        assert!(emission.wait_received().expect("no receiver").receivers().is_empty());
        assert!(!emission.is_suppressed());
    });
}

#[test]
fn a_suppressed_event_is_neither_acknowledged_nor_received() {
    testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        ORDER_PLACED.connect_async("mail", |_| ready(()));
        ORDER_PLACED.disable();
        let mut emission = ORDER_PLACED.emit(placed(1));
        assert!(emission.is_suppressed());
        assert!(block_on(emission.acknowledged()).expect("nothing failed").topics().is_empty());
        assert!(block_on(emission.received()).expect("nothing failed").receivers().is_empty());
        assert!(bus.sent().is_empty());
    });
}

#[test]
fn the_async_receivers_of_a_received_event_answer_too() {
    testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        ORDER_PLACED.emit(placed(1));
        ORDER_PLACED.connect_async("mail", |_| ready(()));
        let mut emission = bus.sent()[0].deliver_to(recorder.hub()).expect("a datum");
        assert_eq!(receivers(&block_on(emission.received()).expect("sent")), ["mail"]);
        assert!(block_on(emission.delivered()).is_ok());
    });
}

#[test]
fn futures_of_answers_are_send() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let mut emission = Hub::new().emit(placed(1));
    drop(is_send(emission.acknowledged()));
    drop(is_send(emission.received()));
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn a_thread_that_must_not_block_gets_the_reason() {
    testing::scope_async(async |recorder| {
        let bus = FakeBus::with_topic(recorder.hub(), "orders");
        bus.hold();
        ORDER_PLACED.connect_async("mail", |_| ready(()));
        let mut emission = ORDER_PLACED.emit(placed(1));
        let error = emission.wait_acknowledged().expect_err("it would block");
        assert!(matches!(error.topics()[0].result(), Err(SendError::WouldBlock)), "{error}");
        assert!(error.to_string().contains("await `acknowledged()`"), "{error}");
        let error = emission.wait_received().expect_err("it would block");
        assert!(matches!(error.receivers()[0].result(), Err(ReceiverError::WouldBlock)), "{error}");
        assert!(error.to_string().contains("await `received()`"), "{error}");
        bus.acknowledge();
        assert!(emission.acknowledged().await.is_ok());
        assert!(emission.received().await.is_ok());
    })
    .await;
}

#[cfg(feature = "tokio")]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_worker_of_a_runtime_may_wait_for_receivers_on_it() {
    testing::scope_async(async |_| {
        ORDER_PLACED.connect_async("mail", |_| async { tokio::task::yield_now().await });
        let mut emission = ORDER_PLACED.emit(placed(1));
        assert!(emission.wait_received().is_ok());
    })
    .await;
}
