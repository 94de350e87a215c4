//! The trace context of events, and the user's propagator for it.

use tracing::Span;

use crate::envelope::Envelope;
use events_core::EventMetadata;
use events_support::error_chain::{caught, chain};
use events_transport::Message;

/// A [W3C trace context](https://www.w3.org/TR/trace-context/), as its two header values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceContext {
    /// `traceparent`: version, trace, span and flags.
    pub traceparent: String,
    /// `tracestate`: data of tracing systems; optional.
    pub tracestate: Option<String>,
}

impl TraceContext {
    /// A context without a state.
    pub fn new(traceparent: impl Into<String>) -> Self {
        Self { traceparent: traceparent.into(), tracestate: None }
    }

    /// Adds a state.
    #[must_use]
    pub fn with_tracestate(mut self, tracestate: impl Into<String>) -> Self {
        self.tracestate = Some(tracestate.into());
        self
    }
}

/// Links a program's spans to the trace context of events; see
/// [`EventBusBuilder::propagator`](crate::bus::EventBusBuilder::propagator).
///
/// This crate depends on `tracing` but not on OpenTelemetry, whose versions change faster. An
/// implementation with the crates `opentelemetry`, `opentelemetry_sdk` and `tracing-opentelemetry`:
///
/// ```text
/// use std::collections::HashMap;
/// use events_runtime::EventMetadata;
/// use events_runtime::bus::{TraceContext, TracePropagator};
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry_sdk::propagation::TraceContextPropagator;
/// use tracing_opentelemetry::OpenTelemetrySpanExt;
///
/// struct OpenTelemetry;
///
/// impl TracePropagator for OpenTelemetry {
///     fn inject(&self, span: &tracing::Span) -> Option<TraceContext> {
///         let mut carrier = HashMap::new();
///         TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
///         let context = TraceContext::new(carrier.remove("traceparent")?);
///         Some(match carrier.remove("tracestate") {
///             Some(state) if !state.is_empty() => context.with_tracestate(state),
///             _ => context,
///         })
///     }
///
///     fn extract(&self, metadata: &EventMetadata, span: &tracing::Span) {
///         let carrier: HashMap<_, _> = metadata.extensions().iter()
///             .map(|(name, value)| (name.to_owned(), value.to_owned()))
///             .collect();
///         let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
///     }
/// }
/// ```
pub trait TracePropagator: Send + Sync + 'static {
    /// Returns the context that an event carries. Called on the emitting thread, once per topic of the
    /// event, unless the emitter set the extension `traceparent`. The span is the event's `create` span, or
    /// the emitter's current span if `create` is disabled.
    fn inject(&self, span: &Span) -> Option<TraceContext>;

    /// Called before a message is processed, with the message's metadata and its `process` span, which is
    /// not entered yet.
    fn extract(&self, metadata: &EventMetadata, span: &Span);
}

/// Writes the context of a span into an event's metadata, unless the emitter has set one.
pub(in crate::bus) fn inject(
    propagator: Option<&dyn TracePropagator>,
    span: &Span,
    metadata: &mut EventMetadata,
) {
    let Some(propagator) = propagator else { return };
    if metadata.extensions().get("traceparent").is_some() {
        return;
    }
    let current = || if span.is_disabled() { Span::current() } else { span.clone() };
    let context = match caught(|| propagator.inject(&current())) {
        Ok(Some(context)) => context,
        Ok(None) => return,
        Err(message) => return failed("inject", &message),
    };
    let extensions = metadata.extensions_mut();
    let mut set = |name, value| {
        if let Err(error) = extensions.insert(name, value) {
            failed("inject", &chain(&error));
        }
    };
    set("traceparent", context.traceparent);
    if let Some(state) = context.tracestate {
        set("tracestate", state);
    }
}

/// Passes a message's metadata to the propagator, before its `process` span is entered.
pub(in crate::bus) fn extract(propagator: Option<&dyn TracePropagator>, message: &Message, span: &Span) {
    let Some(propagator) = propagator else { return };
    // A message that is not an event has no context; it is reported when it is processed.
    let Ok(envelope) = Envelope::from_message(message) else { return };
    if let Err(message) = caught(|| propagator.extract(&envelope.metadata, span)) {
        failed("extract", &message);
    }
}

fn failed(what: &'static str, error: &str) {
    tracing::warn!(what, error, "failed to propagate the trace context of an event");
}
