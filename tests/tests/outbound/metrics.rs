//! The counters and gauges, by the names that the documentation of the bus gives them.

use events_tests::gate::State;
use events_tests::values::Values;

use crate::{bus, counted, placed};

#[test]
fn sending_is_counted_by_topic_under_the_documented_names() {
    let values = Values::default();
    metrics::with_local_recorder(&values.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (bus, gates) = bus(100).await;
            gates.set("dev-counts", State::Away);
            gates.set("dev-audit", State::Refuses);
            let counts = [bus.hub().emit(counted(1)), bus.hub().emit(counted(2))];
            bus.hub().emit(placed(1)).delivered().await.unwrap_err();
            let retried = "events_send_retried_total{topic=dev-counts}";
            events_tests::until(|| async { values.get(retried) >= 2.0 }).await;
            values.assert("events_circuit_open{topic=dev-counts}", 1.0);
            values.assert("events_circuit_open{topic=dev-orders}", 0.0);
            values.assert("events_queue_depth{topic=dev-counts}", 2.0);
            gates.set("dev-counts", State::Open);
            for emission in counts {
                emission.delivered().await.expect("sent in the end");
            }
            bus.shutdown(std::time::Duration::from_secs(20)).await.expect("nothing is left");
        });
    });
    for (name, expected) in [
        ("events_emitted_total{event_type=org.acme.outbound.order.counted.v1}", 2.0),
        ("events_emitted_total{event_type=org.acme.outbound.order.placed.v1}", 1.0),
        ("events_sent_total{topic=dev-counts}", 2.0),
        ("events_sent_total{topic=dev-orders}", 1.0),
        ("events_send_failed_total{topic=dev-audit}", 1.0),
        ("events_circuit_open{topic=dev-counts}", 0.0),
        ("events_queue_depth{topic=dev-counts}", 0.0),
    ] {
        values.assert(name, expected);
    }
}

#[test]
fn whatever_is_wrong_with_the_store_keeps_the_queue_and_is_counted_and_shown() {
    for state in [State::Forbids, State::Breaks] {
        let values = Values::default();
        metrics::with_local_recorder(&values.clone(), || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let (bus, gates) = bus(100).await;
                gates.set("dev-counts", state);
                let counts = [bus.hub().emit(counted(1)), bus.hub().emit(counted(2))];
                let refuses = "events_store_refuses_total{topic=dev-counts}";
                events_tests::until(|| async { values.get(refuses) >= 3.0 }).await;
                let status = bus.status();
                let lane = status.queues.iter().find(|lane| lane.topic.as_str() == "dev-counts");
                let lane = lane.expect("the lane");
                assert!(lane.circuit.last_error().is_some() && lane.queue_depth == 2, "{lane:?}");
                assert!(lane.circuit.needs_operator() && status.needs_operator(), "{lane:?}");
                gates.set("dev-counts", State::Open);
                for emission in counts {
                    emission.delivered().await.expect("sent in the end");
                }
                events_tests::until(|| async { !bus.status().needs_operator() }).await;
                bus.shutdown(std::time::Duration::from_secs(20)).await.expect("nothing is left");
            });
        });
        assert!(values.get("events_send_failed_total{topic=dev-counts}").is_nan(), "none was thrown away");
    }
}
