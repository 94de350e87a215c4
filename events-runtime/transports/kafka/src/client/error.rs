//! Converts the errors of librdkafka.

use std::fmt;

use events_transport::{ErrorKind, TransportError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::context::Reported;

/// Converts an error of a call.
pub(crate) fn convert(
    error: KafkaError,
    operation: &'static str,
    subject: impl fmt::Display,
) -> TransportError {
    match error.rdkafka_error_code() {
        Some(code) => from_code(code, operation, subject).with_source(error),
        None => TransportError::new(ErrorKind::Other, operation, subject, "librdkafka failed: see the cause")
            .with_source(error),
    }
}

/// The error of a code alone.
pub(crate) fn from_code(
    _code: RDKafkaErrorCode,
    operation: &'static str,
    subject: impl fmt::Display,
) -> TransportError {
    TransportError::new(
        ErrorKind::Unavailable,
        operation,
        subject,
        "the broker replied with an error: see the cause",
    )
}

/// The error that a client reported.
pub(crate) fn from_report(
    reported: &Reported,
    operation: &'static str,
    subject: impl fmt::Display,
) -> TransportError {
    from_code(reported.code, operation, subject).with_source(std::io::Error::other(reported.reason.clone()))
}
