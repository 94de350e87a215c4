//! The processing time of events.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use metrics::{Key, Label, Level, Metadata, SharedString};

use super::metrics::HANDLER_SECONDS;
use events_transport::ConsumerGroup;

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// Cached keys of the histogram. Creating them for each event would cost a tenth of consuming it.
///
/// The recorder is queried each time nevertheless, since it may be installed later. The event type of a definition is
/// found by its address, which is faster than by its text.
#[derive(Default)]
pub(in crate::bus) struct HandlerTimes(Mutex<HashMap<usize, Key, RandomState>>);

impl HandlerTimes {
    pub(in crate::bus) fn record(&self, event_type: &'static str, group: &ConsumerGroup, time: Duration) {
        // A poisoned lock is safe to use: no critical section leaves the map inconsistent.
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = keys.entry(event_type.as_ptr().addr()).or_insert_with(|| {
            let group = SharedString::from(group.to_string());
            let labels = vec![Label::new("event_type", event_type), Label::new("group", group)];
            Key::from_parts(HANDLER_SECONDS, labels)
        });
        let histogram = metrics::with_recorder(|recorder| recorder.register_histogram(key, &METADATA));
        drop(keys);
        histogram.record(time.as_secs_f64());
    }
}
