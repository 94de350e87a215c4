//! What a program logs, as text.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Collects what is logged, with every field of it.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<String>>);

impl Log {
    /// What is logged meanwhile, on this thread: a line for each field.
    ///
    /// # Panics
    /// Where logging itself panicked.
    pub fn of(logging: impl FnOnce()) -> String {
        see_every_callsite();
        let log = Self::default();
        tracing::subscriber::with_default(log.clone(), logging);
        let text = log.0.lock().expect("no panic while logging");
        text.clone()
    }
}

/// Has no callsite be switched off by the thread that meets it first.
///
/// Where there is one subscriber only, `tracing` asks that thread's, which has none where another test
/// runs on it; what it answers holds for all threads. It asks every one where there are more.
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
