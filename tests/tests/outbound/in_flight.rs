//! Send calls of a topic that are under way at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use events_runtime::transport::{
    ConnectOptions, ErrorKind, Message, Producer, SendOrder, Topic, Transport, TransportError, connect,
};
use events_runtime::{Config, EventBus, Hub};
use events_tests::over::{Over, Sent};
use tokio::sync::Semaphore;

use crate::counted;

/// What the topic's producer was asked for.
#[derive(Default)]
struct Calls {
    /// The number of messages of each call, in order.
    sizes: Mutex<Vec<usize>>,
    order: SendOrder,
    /// The first call is not answered.
    holds_first: AtomicBool,
}

impl Calls {
    fn sizes(&self) -> Vec<usize> {
        self.sizes.lock().expect("no panic").clone()
    }

    /// Stores the messages when `gate` lets the call through, unless it is one of those that fail.
    fn send(
        &self,
        (memory, topic, batch): (&Arc<dyn Producer>, &Topic, &[Message]),
        gate: &Arc<Semaphore>,
        fails: bool,
    ) -> Sent {
        self.sizes.lock().expect("no panic").push(batch.len());
        let is_held = self.sizes().len() == 1 && self.holds_first.load(Ordering::Relaxed);
        let (call, returned) = self.order.begin(topic);
        let error = TransportError::new(ErrorKind::Unavailable, "send to", topic, "the store is unavailable");
        let results = match call.admit() {
            Err(error) => Err(error),
            Ok(()) if fails => {
                call.fail();
                Err(error)
            }
            Ok(()) => Ok(memory.send(topic, batch)),
        };
        let (count, gate) = (batch.len(), Arc::clone(gate));
        Box::pin(async move {
            let results = match results {
                Ok(_) if is_held => std::future::pending().await,
                Ok(stored) => {
                    gate.acquire().await.expect("open").forget();
                    stored.await
                }
                // The error is returned at once.
                Err(error) => vec![Err(error); count],
            };
            drop(returned);
            results
        })
    }
}

/// A bus with batches of ten, over a transport whose calls wait for the gate. The calls with these numbers, from 0 on,
/// fail at once.
async fn bus(
    ordered_sends: bool,
    max_in_flight: usize,
    fails: fn(usize) -> bool,
) -> (EventBus, Arc<Calls>, Arc<Semaphore>) {
    let (calls, gate) = (Arc::new(Calls::default()), Arc::new(Semaphore::new(0)));
    let memory = connect("memory:", &ConnectOptions::new()).expect("memory");
    let (made, opened) = (Arc::clone(&calls), Arc::clone(&gate));
    let transport = Over::new(memory)
        .capability(move |mut capability| {
            capability.ordered_sends = ordered_sends;
            capability
        })
        .sends(move |memory, topic, batch| {
            let number = made.sizes().len();
            made.send((memory, topic, batch), &opened, fails(number))
        });
    let config = Config::from_toml(&format!(
        r#"
        [service]
        name = "shop"
        [bus]
        url = "memory:"
        batch_size = 10
        max_in_flight = {max_in_flight}
        retry = {{ initial = "1ms", max = "2ms" }}
        [routes."org.acme.outbound.order.counted.v1"]
        counts = {{}}
        "#
    ))
    .expect("a right configuration");
    let transport: Box<dyn Transport> = Box::new(transport);
    let bus = EventBus::builder().config(config).hub(Hub::new()).transport(transport).start();
    (bus.await.expect("the bus starts"), calls, gate)
}

/// Lets the senders run until nothing changes any more.
async fn settled() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn full_batches_follow_a_call_under_way_and_others_wait_for_it() {
    let (bus, calls, gate) = bus(true, 3, |_| false).await;
    let mut emissions = vec![bus.hub().emit(counted(0))];
    settled().await;
    emissions.extend((1..10).map(|number| bus.hub().emit(counted(number))));
    settled().await;
    assert_eq!(calls.sizes(), [1], "nine events are no full batch");
    emissions.extend((10..45).map(|number| bus.hub().emit(counted(number))));
    settled().await;
    assert_eq!(calls.sizes(), [1, 10, 10], "three calls at most");
    gate.add_permits(1);
    settled().await;
    assert_eq!(calls.sizes(), [1, 10, 10, 10], "the answer of the first makes room");
    assert_eq!(bus.queue_depth(), 44, "its event is acknowledged");
    gate.add_permits(1_000);
    for (index, emission) in emissions.into_iter().enumerate() {
        let delivered = emission.delivered().await.expect("sent");
        assert_eq!(delivered.topics()[0].result().expect("a position"), (index + 1).to_string());
    }
    assert_eq!(calls.sizes(), [1, 10, 10, 10, 10, 4]);
}

#[tokio::test]
async fn one_call_is_under_way_where_the_transport_does_not_keep_their_order() {
    for (ordered_sends, max_in_flight) in [(false, 3), (true, 1)] {
        let (bus, calls, gate) = bus(ordered_sends, max_in_flight, |_| false).await;
        let emissions: Vec<_> = (0..30).map(|number| bus.hub().emit(counted(number))).collect();
        settled().await;
        assert_eq!(calls.sizes(), [10]);
        gate.add_permits(1_000);
        for emission in emissions {
            emission.delivered().await.expect("sent");
        }
        assert_eq!(calls.sizes(), [10, 10, 10]);
    }
}

#[tokio::test]
async fn events_of_a_key_keep_their_order_when_a_call_fails_before_others_under_way() {
    let (bus, calls, gate) = bus(true, 4, |call| call % 5 == 4).await;
    gate.add_permits(10_000);
    let mut emissions = Vec::new();
    for round in 0..100 {
        emissions.extend((0..50).map(|number| bus.hub().emit(counted(round * 50 + number))));
        tokio::task::yield_now().await;
    }
    for (index, emission) in emissions.into_iter().enumerate() {
        let delivered = emission.delivered().await.expect("sent eventually");
        assert_eq!(delivered.topics()[0].result().expect("a position"), (index + 1).to_string());
    }
    assert!(calls.sizes().len() > 600, "a fifth of the calls fail: {}", calls.sizes().len());
}

#[tokio::test]
async fn no_call_begins_after_one_has_failed_although_an_earlier_one_is_not_answered() {
    let (bus, calls, gate) = bus(true, 3, |call| call % 2 == 1).await;
    let mut emissions: Vec<_> = (0..20).map(|number| bus.hub().emit(counted(number))).collect();
    settled().await;
    assert_eq!(calls.sizes(), [10, 10], "the second has failed");
    emissions.extend((20..30).map(|number| bus.hub().emit(counted(number))));
    settled().await;
    assert_eq!(calls.sizes(), [10, 10]);
    gate.add_permits(1_000);
    for (index, emission) in emissions.into_iter().enumerate() {
        let delivered = emission.delivered().await.expect("sent eventually");
        assert_eq!(delivered.topics()[0].result().expect("a position"), (index + 1).to_string());
    }
}

#[tokio::test]
async fn the_first_success_closes_the_circuit_however_many_events_wait() {
    // Three calls under way, and the first event alone.
    let (bus, calls, gate) = bus(true, 3, |call| call < 4).await;
    let emissions: Vec<_> = (0..500).map(|number| bus.hub().emit(counted(number))).collect();
    events_tests::until(|| async { calls.sizes().len() == 5 }).await;
    settled().await;
    assert_eq!(calls.sizes(), [10, 10, 10, 1, 10], "one call tries whether the store is back");
    assert!(bus.status().queues[0].circuit.failures() > 0);
    gate.add_permits(3);
    settled().await;
    assert_eq!(bus.status().queues[0].circuit.failures(), 0, "what was under way is stored");
    assert_eq!((bus.queue_depth(), calls.sizes().len()), (470, 10));
    gate.add_permits(10_000);
    for emission in emissions {
        emission.delivered().await.expect("sent");
    }
}

#[tokio::test]
async fn events_that_a_short_outage_has_stopped_are_sent_in_batches_again() {
    let (bus, calls, gate) = bus(true, 1, |call| call == 0).await;
    gate.add_permits(10_000);
    let emissions: Vec<_> = (0..20).map(|number| bus.hub().emit(counted(number))).collect();
    for emission in emissions {
        emission.delivered().await.expect("sent");
    }
    assert_eq!(calls.sizes(), [10, 1, 9, 10]);
}

#[tokio::test]
async fn a_store_that_takes_no_batch_gets_the_events_one_by_one_after_its_second_failure() {
    let (bus, calls, gate) = bus(true, 1, |call| call == 0 || call == 2).await;
    gate.add_permits(10_000);
    let emissions: Vec<_> = (0..10).map(|number| bus.hub().emit(counted(number))).collect();
    for emission in emissions {
        emission.delivered().await.expect("sent");
    }
    assert_eq!(calls.sizes(), [vec![10, 1, 9], vec![1; 9]].concat());
}

#[tokio::test]
async fn answers_that_come_before_that_of_an_earlier_call_are_settled_at_once() {
    let (bus, calls, gate) = bus(true, 3, |_| false).await;
    calls.holds_first.store(true, Ordering::Relaxed);
    gate.add_permits(10_000);
    let _first = bus.hub().emit(counted(0));
    settled().await;
    let emissions: Vec<_> = (1..21).map(|number| bus.hub().emit(counted(number))).collect();
    for (index, emission) in emissions.into_iter().enumerate() {
        let delivered = emission.delivered().await.expect("the first call is not answered, these are");
        assert_eq!(delivered.topics()[0].result().expect("a position"), (index + 2).to_string());
    }
    assert_eq!(calls.sizes(), [1, 10, 10]);
    let error = bus.shutdown(std::time::Duration::from_millis(10)).await.expect_err("one is under way");
    assert_eq!(error.undelivered().len(), 1);
}

#[tokio::test]
async fn a_shutdown_whose_time_is_up_returns_the_events_of_all_calls_under_way() {
    let (bus, calls, _gate) = bus(true, 3, |_| false).await;
    let _emissions: Vec<_> = (0..35).map(|number| bus.hub().emit(counted(number))).collect();
    settled().await;
    assert_eq!(calls.sizes(), [10, 10, 10]);
    let undelivered =
        bus.shutdown(std::time::Duration::from_millis(10)).await.expect_err("nothing was stored");
    assert_eq!(undelivered.undelivered().len(), 35);
}
