//! The trace context that events carry, and whoever knows it.

use tracing::Span;

use crate::EventMetadata;
use crate::envelope::Envelope;
use crate::error_chain::{caught, chain};
use crate::transport::Message;

/// A [W3C trace context](https://www.w3.org/TR/trace-context/), as the two texts that travel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceContext {
    /// `traceparent`: version, trace, span and flags.
    pub traceparent: String,
    /// `tracestate`: what tracing systems add; may be absent.
    pub tracestate: Option<String>,
}

impl TraceContext {
    /// A context without a state.
    pub fn new(traceparent: impl Into<String>) -> Self {
        Self { traceparent: traceparent.into(), tracestate: None }
    }

    /// The same with this state.
    #[must_use]
    pub fn with_tracestate(mut self, tracestate: impl Into<String>) -> Self {
        self.tracestate = Some(tracestate.into());
        self
    }
}

/// Links the spans of a program to the trace context that events carry; for
/// [`EventBusBuilder::propagator`](crate::bus::EventBusBuilder::propagator).
///
/// This crate knows `tracing` and no OpenTelemetry, whose versions change faster. With the crates
/// `opentelemetry`, `opentelemetry_sdk` and `tracing-opentelemetry`:
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
    /// The context that an event is to carry. It is asked for each topic that an event goes to, on the
    /// emitting thread, unless the emitter set the extension `traceparent` itself. The span is the
    /// event's `create` span or, where nobody listens to that, the emitter's current one.
    fn inject(&self, span: &Span) -> Option<TraceContext>;

    /// A message is about to be processed: the metadata that it came with, and its `process` span, which
    /// has not been entered yet.
    fn extract(&self, metadata: &EventMetadata, span: &Span);
}

/// Puts the context of a span into an event's metadata, where the emitter has not.
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

/// Shows the context of a message to the propagator, before the span of its processing is entered.
pub(in crate::bus) fn extract(propagator: Option<&dyn TracePropagator>, message: &Message, span: &Span) {
    let Some(propagator) = propagator else { return };
    // What is no event has no context, and is told of elsewhere.
    let Ok(envelope) = Envelope::from_message(message) else { return };
    if let Err(message) = caught(|| propagator.extract(&envelope.metadata, span)) {
        failed("extract", &message);
    }
}

fn failed(what: &'static str, error: &str) {
    tracing::warn!(what, error, "the trace context of an event is not carried on");
}
