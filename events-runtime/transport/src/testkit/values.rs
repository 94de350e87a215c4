//! A metrics recorder for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// The values by name and labels, and the descriptions.
#[derive(Clone, Default)]
pub struct Values {
    /// Counters and gauges, as `events_sent_total{topic=dev-orders}`.
    pub numbers: Arc<Mutex<BTreeMap<String, f64>>>,
    /// The samples of histograms.
    pub samples: Arc<Mutex<BTreeMap<String, Vec<f64>>>>,
    /// The described units, by name.
    pub units: Arc<Mutex<BTreeMap<String, Option<Unit>>>>,
}

struct One(String, Values);

impl One {
    fn of(key: &Key, values: &Values) -> Arc<Self> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(Self(format!("{}{{{}}}", key.name(), labels.join(",")), values.clone()))
    }

    fn change(&self, change: impl FnOnce(&mut f64)) {
        change(self.1.numbers.lock().expect("no panic").entry(self.0.clone()).or_default());
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

impl HistogramFn for One {
    fn record(&self, value: f64) {
        self.1.samples.lock().expect("no panic").entry(self.0.clone()).or_default().push(value);
    }
}

impl Values {
    fn unit(&self, name: &KeyName, unit: Option<Unit>) {
        self.units.lock().expect("no panic").insert(name.as_str().to_owned(), unit);
    }

    /// The value of a counter or a gauge; NaN if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> f64 {
        self.numbers.lock().expect("no panic").get(name).copied().unwrap_or(f64::NAN)
    }

    /// Asserts the value of a counter or a gauge. All are whole numbers, which `f64` holds exactly.
    ///
    /// # Panics
    /// If the value differs.
    #[track_caller]
    pub fn assert(&self, name: &str, expected: f64) {
        let found = self.get(name);
        assert!((found - expected).abs() < 0.5, "{name} is {found}, not {expected}: {:?}", self.numbers);
    }
}

impl Recorder for Values {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.unit(&name, unit);
    }
    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.unit(&name, unit);
    }
    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.unit(&name, unit);
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(One::of(key, self))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(One::of(key, self))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(One::of(key, self))
    }
}
