//! The spans and events of a program, with their fields and parents.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

/// A span or an event.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The name of a span, or the target of an event.
    pub name: String,
    /// The fields as text.
    pub fields: BTreeMap<String, String>,
    /// The index of the parent span in [`Spans::spans`].
    pub parent: Option<usize>,
}

impl Recorded {
    /// A field's text; empty if the field is missing.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// Records all spans and events of the current thread.
#[derive(Debug, Clone)]
pub struct Spans(Arc<Mutex<State>>);

impl Default for Spans {
    fn default() -> Self {
        crate::log::see_every_callsite();
        Self(Arc::default())
    }
}

#[derive(Debug, Default)]
struct State {
    spans: Vec<(Recorded, &'static Metadata<'static>)>,
    events: Vec<Recorded>,
    entered: Vec<usize>,
}

impl Spans {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The spans so far, in order of creation.
    #[must_use]
    pub fn spans(&self) -> Vec<Recorded> {
        self.state().spans.iter().map(|(span, _)| span.clone()).collect()
    }

    /// The spans of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<Recorded> {
        self.spans().into_iter().filter(|span| span.name == name).collect()
    }

    /// The events of this target so far.
    #[must_use]
    pub fn events(&self, target: &str) -> Vec<Recorded> {
        self.state().events.iter().filter(|event| event.name == target).cloned().collect()
    }
}

fn index(id: &Id) -> usize {
    usize::try_from(id.into_u64()).unwrap_or(usize::MAX) - 1
}

fn id(index: usize) -> Id {
    Id::from_u64(u64::try_from(index).unwrap_or(u64::MAX - 1) + 1)
}

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut state = self.state();
        let parent = match attributes.parent() {
            Some(parent) => Some(index(parent)),
            None if attributes.is_root() => None,
            None => state.entered.last().copied(),
        };
        let name = attributes.metadata().name().to_owned();
        let mut span = Recorded { name, fields: BTreeMap::new(), parent };
        attributes.record(&mut Text(&mut span.fields));
        state.spans.push((span, attributes.metadata()));
        id(state.spans.len() - 1)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if let Some((span, _)) = self.state().spans.get_mut(index(span)) {
            values.record(&mut Text(&mut span.fields));
        }
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut state = self.state();
        let parent = state.entered.last().copied();
        let name = event.metadata().target().to_owned();
        let mut recorded = Recorded { name, fields: BTreeMap::new(), parent };
        event.record(&mut Text(&mut recorded.fields));
        state.events.push(recorded);
    }

    fn enter(&self, span: &Id) {
        self.state().entered.push(index(span));
    }

    fn exit(&self, span: &Id) {
        let mut state = self.state();
        if let Some(at) = state.entered.iter().rposition(|entered| *entered == index(span)) {
            state.entered.remove(at);
        }
    }

    fn current_span(&self) -> Current {
        let state = self.state();
        let Some(at) = state.entered.last().copied() else { return Current::none() };
        state.spans.get(at).map_or_else(Current::none, |(_, metadata)| Current::new(id(at), metadata))
    }
}

struct Text<'a>(&'a mut BTreeMap<String, String>);

impl Visit for Text<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}
