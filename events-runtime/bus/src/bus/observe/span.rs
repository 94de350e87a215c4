//! Message spans, named according to OpenTelemetry's [messaging conventions].
//!
//! All spans have debug level; nothing is formatted if that level is disabled.
//!
//! [messaging conventions]: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/

use tracing::field::Empty;
use tracing::{Span, debug_span};

use super::Consuming;
use crate::envelope::Envelope;
use events_core::EventMetadata;
use events_transport::{Delivery, Message, Position, Topic};

/// The span for building a topic's message from an event. Its context is the one that the message carries.
pub(in crate::bus) fn create_span(system: &str, topic: &Topic, metadata: &EventMetadata) -> Span {
    let span = debug_span!(
        "create",
        otel.kind = "producer",
        otel.name = Empty,
        messaging.system = system,
        messaging.destination.name = topic.as_str(),
        messaging.operation.name = "create",
        messaging.operation.type = "create",
        messaging.message.id = Empty,
        cloudevents.event_id = Empty,
        cloudevents.event_type = metadata.event_type().as_str(),
        cloudevents.event_source = metadata.source(),
    );
    if span.is_disabled() {
        return span;
    }
    span.record("otel.name", format_args!("create {topic}"));
    span.record("messaging.message.id", format_args!("{}", metadata.id()));
    span.record("cloudevents.event_id", format_args!("{}", metadata.id()));
    span
}

/// The span of a send call.
///
/// A single message is named by its id. For a batch, the conventions ask for the number of messages; their
/// ids are log events inside the span.
pub(in crate::bus) fn send_span(system: &str, topic: &Topic, messages: &[Message]) -> Span {
    let span = debug_span!(
        "send",
        // The message's context is that of its `create` span.
        otel.kind = "client",
        otel.name = Empty,
        otel.status_code = Empty,
        error.type = Empty,
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
    one_or_many(&span, messages.iter(), "sending an event");
    span
}

/// Records the id of a single message, or the number of messages and a log event for each.
fn one_or_many<'a>(span: &Span, messages: impl ExactSizeIterator<Item = &'a Message>, said: &'static str) {
    let count = messages.len();
    for message in messages {
        if count == 1 {
            span.record("messaging.message.id", Envelope::id_of(message));
        } else {
            span.in_scope(|| tracing::debug!(messaging.message.id = Envelope::id_of(message), "{said}"));
        }
    }
    if count != 1 {
        span.record("messaging.batch.message_count", count);
    }
}

/// Marks a span as failed, with an error type of low cardinality.
pub(in crate::bus) fn record_error(span: &Span, kind: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", kind);
}

impl Consuming {
    /// The span of a receive call that returned messages. It starts when they have arrived, since a
    /// consumer waits most of the time.
    pub(in crate::bus) fn receive_span(&self, deliveries: &[Delivery]) -> Span {
        let span = debug_span!(
            "receive",
            otel.kind = "client",
            otel.name = Empty,
            messaging.system = &*self.system,
            messaging.destination.name = self.topic.as_str(),
            messaging.consumer.group.name = self.group.as_str(),
            messaging.operation.name = "receive",
            messaging.operation.type = "receive",
            messaging.message.id = Empty,
            messaging.batch.message_count = Empty,
        );
        if !span.is_disabled() {
            span.record("otel.name", format_args!("receive {}", self.topic));
            one_or_many(&span, deliveries.iter().map(Delivery::message), "received an event");
        }
        span
    }

    /// The span for processing a message: middleware, decoding, all receivers.
    pub(in crate::bus) fn process_span(&self, delivery: &Delivery) -> Span {
        let span = debug_span!(
            "process",
            otel.kind = "consumer",
            otel.name = Empty,
            otel.status_code = Empty,
            error.type = Empty,
            messaging.system = &*self.system,
            messaging.destination.name = self.topic.as_str(),
            messaging.destination.partition.id = Empty,
            messaging.consumer.group.name = self.group.as_str(),
            messaging.operation.name = "process",
            messaging.operation.type = "process",
            messaging.message.id = Empty,
            cloudevents.event_id = Empty,
            cloudevents.event_type = Empty,
            cloudevents.event_source = Empty,
        );
        if span.is_disabled() {
            return span;
        }
        let message = delivery.message();
        span.record("otel.name", format_args!("process {}", self.topic));
        span.record("messaging.message.id", Envelope::id_of(message));
        span.record("cloudevents.event_id", Envelope::id_of(message));
        span.record("cloudevents.event_type", Envelope::event_type_of(message));
        span.record("cloudevents.event_source", Envelope::source_of(message));
        if let Position::Record { partition, .. } = delivery.position() {
            span.record("messaging.destination.partition.id", format_args!("{partition}"));
        }
        span
    }

    /// The span for storing outcomes; the operation is `ack`, `retry`, `release`, `postpone` or `reject`.
    pub(in crate::bus) fn settle_span<'a, D>(
        &self,
        operation: &'static str,
        deliveries: impl FnOnce() -> D,
    ) -> Span
    where
        D: ExactSizeIterator<Item = &'a Delivery>,
    {
        let span = debug_span!(
            "settle",
            otel.kind = "client",
            otel.name = Empty,
            otel.status_code = Empty,
            error.type = Empty,
            messaging.system = &*self.system,
            messaging.destination.name = self.topic.as_str(),
            messaging.consumer.group.name = self.group.as_str(),
            messaging.operation.name = operation,
            messaging.operation.type = "settle",
            messaging.message.id = Empty,
            messaging.batch.message_count = Empty,
        );
        if !span.is_disabled() {
            span.record("otel.name", format_args!("{operation} {}", self.topic));
            one_or_many(&span, deliveries().map(Delivery::message), "settling an event");
        }
        span
    }
}
