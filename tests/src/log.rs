//! Captured log output, as text.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Collects log events with all fields.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<String>>);

impl Log {
    /// The log of this thread during the call, one line per field.
    ///
    /// # Panics
    /// If logging itself panicked.
    pub fn of(logging: impl FnOnce()) -> String {
        see_every_callsite();
        let log = Self::default();
        tracing::subscriber::with_default(log.clone(), logging);
        let text = log.0.lock().expect("no panic while logging");
        text.clone()
    }
}

/// Prevents that the first thread to reach a callsite disables it for all.
///
/// With a single subscriber, `tracing` asks the subscriber of that thread only, and another test's thread has
/// none; the answer is cached for all threads. With several subscribers, it asks all of them.
pub(crate) fn see_every_callsite() {
    static OTHERS: OnceLock<[Dispatch; 2]> = OnceLock::new();
    OTHERS.get_or_init(|| [Dispatch::new(Log::default()), Dispatch::new(Log::default())]);
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        attributes.record(&mut Text(self));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Text(self));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        writeln!(self.0.lock().expect("no panic while logging"), "level={}", event.metadata().level())
            .expect("a string takes all");
        event.record(&mut Text(self));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text<'a>(&'a Log);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = self.0.0.lock().expect("no panic while logging");
        writeln!(text, "{field}={value:?}").expect("a string takes all");
    }
}
