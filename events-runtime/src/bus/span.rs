//! The span around a call that sends, named as OpenTelemetry's [messaging conventions] do.
//!
//! [messaging conventions]: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/

use tracing::field::Empty;
use tracing::{Span, debug_span};

use crate::envelope::Envelope;
use crate::transport::{Message, Topic};

/// A span at debug level; where nobody looks at that level, nothing is formatted.
///
/// A message that goes alone is named by its id; of a batch the conventions want the number, and
/// the ids stand in events of their own inside the span.
pub(super) fn send_span(system: &str, topic: &Topic, messages: &[Message]) -> Span {
    let span = debug_span!(
        "send",
        otel.kind = "producer",
        otel.name = Empty,
        messaging.system = system,
        messaging.destination.name = topic.as_str(),
        messaging.operation.name = "send",
        messaging.operation.type = "send",
        messaging.message.id = Empty,
        messaging.batch.message_count = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    span.record("otel.name", format_args!("send {topic}"));
    if let [message] = messages {
        span.record("messaging.message.id", Envelope::id_of(message));
        return span;
    }
    span.record("messaging.batch.message_count", messages.len());
    span.in_scope(|| {
        for message in messages {
            tracing::debug!(messaging.message.id = Envelope::id_of(message), "an event is sent");
        }
    });
    span
}
