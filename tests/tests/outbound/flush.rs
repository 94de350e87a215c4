//! `EventBus::flush`.

use std::time::Duration;

use crate::{bus, counted, placed};
use events_tests::gate::State;

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn flush_waits_for_earlier_events_and_the_bus_continues() {
    let (bus, gates) = bus(100).await;
    bus.flush(Duration::ZERO).await.expect("nothing is left to wait for");
    gates.set("dev-counts", State::Hangs);
    let emissions: Vec<_> = (1..=20).map(|number| bus.hub().emit(counted(number))).collect();
    let mut flush = std::pin::pin!(bus.flush(LONG));
    assert!(tokio::time::timeout(SHORT, &mut flush).await.is_err(), "the topic does not answer");
    gates.set("dev-counts", State::Open);
    flush.await.expect("all are acknowledged");
    for emission in emissions {
        // The result is ready already: the time-out is zero.
        emission.wait_timeout(Duration::ZERO).expect("acknowledged before the flush ended");
    }
    bus.hub().emit(counted(21)).delivered().await.expect("the bus was not stopped");
}

#[tokio::test]
async fn flush_lists_late_events_which_are_still_sent() {
    let (bus, gates) = bus(100).await;
    for state in [State::Away, State::Hangs] {
        gates.set("dev-counts", state);
        let late: Vec<_> = (1..=3).map(|number| bus.hub().emit(counted(number))).collect();
        let in_time = bus.hub().emit(placed(1));
        let error = bus.flush(SHORT).await.unwrap_err();
        let ids: Vec<_> = error.unacknowledged().iter().map(|event| event.id.clone()).collect();
        let expected: Vec<_> = late.iter().map(|e| e.event().metadata().id().to_string()).collect();
        assert_eq!(ids, expected, "{error}");
        assert!(error.unacknowledged().iter().all(|event| event.topic.as_str() == "dev-counts"
            && event.event_type == "org.acme.outbound.order.counted.v1"));
        assert_eq!(error.to_string().contains("its gate is closed"), state == State::Away, "{error}");
        in_time.delivered().await.expect("its topics are open");
        gates.set("dev-counts", State::Open);
        bus.flush(LONG).await.expect("sent eventually");
        for emission in late {
            emission.delivered().await.expect("sent eventually");
        }
    }
}

#[tokio::test]
async fn flush_does_not_wait_for_later_events() {
    let (bus, gates) = bus(1000).await;
    gates.set("dev-counts", State::Hangs);
    let first = bus.hub().emit(counted(1));
    let mut flush = std::pin::pin!(bus.flush(LONG));
    assert!(tokio::time::timeout(SHORT, &mut flush).await.is_err());
    assert_eq!(gates.calls("dev-counts"), 1, "the first is under way alone");
    let second = bus.hub().emit(counted(2));
    gates.set("dev-counts", State::Once);
    first.delivered().await.expect("sent");
    flush.await.expect("later events are not waited for");
    assert_eq!(bus.queue_depth(), 1, "the second is still under way");
    gates.set("dev-counts", State::Open);
    second.delivered().await.expect("sent");
}

#[tokio::test]
async fn flush_counts_permanently_failed_events_as_done() {
    let (bus, gates) = bus(100).await;
    gates.set("dev-counts", State::Refuses);
    let emission = bus.hub().emit(counted(1));
    bus.flush(LONG).await.expect("nothing is left to wait for");
    emission.delivered().await.unwrap_err();
}

#[tokio::test]
async fn a_flush_ends_with_the_bus_and_lists_what_a_shutdown_abandons() {
    let (bus, gates) = bus(100).await;
    gates.set("dev-counts", State::Hangs);
    let emission = bus.hub().emit(counted(1));
    let flushed = bus.flush(LONG);
    let shutdown = bus.shutdown(SHORT);
    let (flushed, shutdown) = tokio::join!(flushed, shutdown);
    assert_eq!(shutdown.unwrap_err().undelivered().len(), 1);
    // Either the shutdown has the event or the flush lists it; neither waits for its time-out.
    if let Err(error) = flushed {
        assert_eq!(error.unacknowledged().len(), 1);
    }
    emission.delivered().await.unwrap_err();
}
