//! The counters and gauges, by the names that the documentation of the bus gives them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

use crate::gate::State;
use crate::{bus, counted, placed};

/// The values by name and labels, as `events_sent_total{topic=dev-orders}`.
#[derive(Clone, Default)]
struct Values(Arc<Mutex<BTreeMap<String, f64>>>);

struct One {
    name: String,
    values: Values,
}

impl One {
    fn of(key: &Key, values: &Values) -> Arc<Self> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(Self { name: format!("{}{{{}}}", key.name(), labels.join(",")), values: values.clone() })
    }

    fn change(&self, change: impl FnOnce(&mut f64)) {
        change(self.values.0.lock().expect("no panic").entry(self.name.clone()).or_default());
    }
}

#[expect(clippy::cast_precision_loss, reason = "the numbers of a test are small")]
impl CounterFn for One {
    fn increment(&self, value: u64) {
        self.change(|old| *old += value as f64);
    }
    fn absolute(&self, value: u64) {
        self.change(|old| *old = value as f64);
    }
}

impl GaugeFn for One {
    fn increment(&self, value: f64) {
        self.change(|old| *old += value);
    }
    fn decrement(&self, value: f64) {
        self.change(|old| *old -= value);
    }
    fn set(&self, value: f64) {
        self.change(|old| *old = value);
    }
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(One::of(key, self))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(One::of(key, self))
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

impl Values {
    fn get(&self, name: &str) -> f64 {
        self.0.lock().expect("no panic").get(name).copied().unwrap_or_default()
    }
}

/// They are whole numbers, exact as such.
#[track_caller]
fn assert_value(values: &Values, name: &str, expected: f64) {
    let found = values.get(name);
    assert!((found - expected).abs() < 0.5, "{name} is {found}, not {expected}: {:?}", values.0);
}

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
            assert_value(&values, "events_circuit_open{topic=dev-counts}", 1.0);
            assert_value(&values, "events_circuit_open{topic=dev-orders}", 0.0);
            assert_value(&values, "events_queue_depth{topic=dev-counts}", 2.0);
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
        assert_value(&values, name, expected);
    }
}
