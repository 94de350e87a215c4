//! Topics that are away, others that are not, and what a health check sees of it.

use std::time::Duration;

use events_runtime::bus::Circuit;
use events_tests::chain;

use crate::{bus, counted, placed};
use events_tests::gate::State;

#[tokio::test]
async fn a_topic_that_is_away_stops_no_other_and_keeps_its_order() {
    for state in [State::Away, State::Hangs, State::Panics, State::PanicsLater] {
        let (bus, gates) = bus(1000).await;
        gates.set("dev-counts", state);
        let waiting: Vec<_> = (1..=50).map(|number| bus.hub().emit(counted(number))).collect();
        for number in 1..=50 {
            bus.hub().emit(placed(number)).delivered().await.expect("its topics are there");
        }
        gates.set("dev-counts", State::Open);
        for (index, emission) in waiting.into_iter().enumerate() {
            let delivered = emission.delivered().await.expect("sent when the topic is back");
            assert_eq!(delivered.topics()[0].result().expect("a position"), (index + 1).to_string());
        }
    }
}

#[tokio::test]
async fn a_topic_that_is_away_leaves_a_part_of_the_queue_to_the_others() {
    let (bus, gates) = bus(8).await;
    gates.set("dev-counts", State::Away);
    let first = bus.hub().emit(counted(1));
    events_tests::until(|| async { gates.calls("dev-counts") >= 3 }).await;
    let waiting: Vec<_> = (2..=20).map(|number| bus.hub().emit(counted(number))).collect();
    assert_eq!(bus.queue_depth(), 6, "a quarter of the eight places is kept");
    bus.hub().emit(placed(1)).delivered().await.expect("two places are left for its two topics");
    gates.set("dev-counts", State::Open);
    first.delivered().await.expect("sent in the end");
    let mut refused = 0;
    for emission in waiting {
        if let Err(error) = emission.delivered().await {
            let text = chain(error.topics()[0].result().unwrap_err());
            assert!(text.contains("6 events are waiting"), "{text}");
            refused += 1;
        }
    }
    assert_eq!(refused, 14);
}

#[tokio::test]
async fn the_queue_is_bounded_by_what_is_not_acknowledged() {
    let (bus, gates) = bus(4).await;
    gates.set("dev-counts", State::Hangs);
    let first = bus.hub().emit(counted(1));
    events_tests::until(|| async { gates.calls("dev-counts") == 1 }).await;
    let rest: Vec<_> = (2..=6).map(|number| bus.hub().emit(counted(number))).collect();
    assert_eq!(bus.queue_depth(), 4, "the one under way counts");
    gates.set("dev-counts", State::Open);
    first.delivered().await.expect("sent");
    let mut sent = 1;
    for emission in rest {
        sent += usize::from(emission.delivered().await.is_ok());
    }
    assert_eq!((sent, bus.queue_depth()), (4, 0));
}

#[tokio::test]
async fn the_status_shows_depth_age_and_circuit_of_each_topic() {
    let (bus, gates) = bus(100).await;
    let idle = bus.status();
    assert_eq!((idle.queue_depth, idle.queue_capacity, idle.oldest_waiting), (0, 100, None));
    let topics: Vec<_> = idle.queues.iter().map(|lane| lane.topic.as_str()).collect();
    assert_eq!(topics, ["dev-audit", "dev-counts", "dev-orders"], "a disabled route has no lane");
    assert!(idle.queues.iter().all(|lane| lane.circuit == Circuit::Closed));

    gates.set("dev-counts", State::Away);
    let emissions = [bus.hub().emit(counted(1)), bus.hub().emit(counted(2))];
    let lane = || bus.status().queues.swap_remove(1);
    events_tests::until(|| async { lane().circuit.failures() >= 2 }).await;
    let away = lane();
    assert_eq!(away.queue_depth, 2);
    assert!(away.oldest_waiting.expect("two wait") > Duration::ZERO);
    assert!(away.circuit.last_error().expect("it failed").contains("its gate is closed"));
    let since = match away.circuit {
        Circuit::Open { since, next_attempt, .. } => {
            assert!(next_attempt > since);
            since
        }
        Circuit::HalfOpen { since, .. } => since,
        other => panic!("{other:?}"),
    };

    gates.set("dev-counts", State::Hangs);
    events_tests::until(|| async { matches!(lane().circuit, Circuit::HalfOpen { .. }) }).await;
    let Circuit::HalfOpen { since: still, .. } = lane().circuit else { panic!("an attempt hangs") };
    assert_eq!(still, since, "since the first failure");

    gates.set("dev-counts", State::Open);
    for emission in emissions {
        emission.delivered().await.expect("sent in the end");
    }
    events_tests::until(|| async { lane().circuit == Circuit::Closed }).await;
    assert_eq!((bus.queue_depth(), lane().oldest_waiting), (0, None));
}

#[test]
fn a_runtime_that_goes_down_settles_what_waits_and_shutdown_still_gives_it_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (bus, gates) = runtime.block_on(bus(100));
    gates.set("dev-counts", State::Hangs);
    let emissions = [bus.hub().emit(counted(1)), bus.hub().emit(counted(2))];
    runtime.block_on(events_tests::until(|| async { gates.calls("dev-counts") == 1 }));
    drop(runtime);
    for emission in emissions {
        let error = emission.wait().unwrap_err();
        assert!(chain(&error).contains("shut down"), "{error}");
    }
    let late = bus.hub().emit(counted(3)).wait().unwrap_err();
    assert!(chain(&late).contains("shut down"), "{late}");
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let error = other.block_on(bus.shutdown(Duration::ZERO)).unwrap_err();
    assert_eq!(error.undelivered().len(), 2);
}

#[tokio::test]
async fn a_bus_that_was_dropped_with_its_hub_sends_what_waits() {
    let (bus, gates) = bus(100).await;
    gates.set("dev-counts", State::Away);
    let emissions = [bus.hub().emit(counted(1)), bus.hub().emit(counted(2))];
    drop(bus);
    events_tests::until(|| async { gates.calls("dev-counts") >= 3 }).await;
    gates.set("dev-counts", State::Open);
    for emission in emissions {
        emission.delivered().await.expect("sent all the same");
    }
}

#[tokio::test]
async fn keys_keep_their_order_in_a_topic_that_comes_and_goes() {
    let (bus, gates) = bus(10_000).await;
    let mut emissions = Vec::new();
    for round in 0..40 {
        gates.set("dev-audit", if round % 3 == 0 { State::Open } else { State::Away });
        gates.set("dev-orders", if round % 2 == 0 { State::Open } else { State::Away });
        emissions.extend((0..25).map(|number| bus.hub().emit(placed(round * 25 + number))));
        tokio::task::yield_now().await;
    }
    gates.set("dev-audit", State::Open);
    gates.set("dev-orders", State::Open);
    for (index, emission) in emissions.into_iter().enumerate() {
        let delivered = emission.delivered().await.expect("sent in the end");
        for outcome in delivered.topics() {
            assert_eq!(outcome.result().expect("a position"), (index + 1).to_string(), "{}", outcome.topic());
        }
    }
}
