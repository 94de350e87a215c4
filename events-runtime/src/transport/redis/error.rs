//! What Redis says, in our words.

use std::fmt;

use ::redis::{ErrorKind as RedisKind, RedisError};

use super::super::{ErrorKind, TransportError};
use super::error_codes::{self, ErrorCode, Handling};

/// A Redis error in our words; Redis's own is its source.
pub(super) fn convert(
    error: RedisError,
    operation: &'static str,
    subject: impl fmt::Display,
) -> TransportError {
    let (kind, message) = if error.is_timeout() {
        (
            ErrorKind::Unavailable,
            "the server did not answer in time: is it paused or overloaded? Set a longer `timeout` if it is only \
             slow; what was asked may still be done",
        )
    } else if error.kind() == RedisKind::MasterNameNotFoundBySentinel {
        (
            ErrorKind::Unavailable,
            "no Sentinel knows a master of this name: check the name, or wait for a failover",
        )
    } else if error.kind() == RedisKind::ClusterConnectionNotFound {
        (
            ErrorKind::Unavailable,
            "no node of the cluster answers: are they running, and are hosts and ports right?",
        )
    } else if is_untrusted_certificate(&error) {
        (
            ErrorKind::Permission,
            "the server's certificate is not trusted: name its authority's file by `ca`, and the host as the \
             certificate does (in a cluster also by each node's `cluster-announce-hostname`)",
        )
    } else if error.is_io_error() || error.is_connection_dropped() || error.is_connection_refusal() {
        (ErrorKind::Unavailable, "the server can't be reached: is it running, and are host and port right?")
    } else {
        by_code(&code(&error), &error.to_string())
    };
    TransportError::new(kind, operation, subject, message).with_source(error)
}

/// An error that a script caught, by its text.
pub(super) fn told(text: &str, operation: &'static str, subject: impl fmt::Display) -> TransportError {
    let (kind, message) = by_code(error_codes::find_in(text), text);
    TransportError::new(kind, operation, subject, message).with_source(std::io::Error::other(text.to_owned()))
}

/// Whether the server is not who it should be.
pub(super) fn is_untrusted_certificate(error: &RedisError) -> bool {
    error.is_io_error() && error.to_string().contains("certificate")
}

/// What the table of codes says of an error that the server answered, or nothing where it did not answer.
pub(super) fn error_code(error: &RedisError) -> Option<&'static ErrorCode> {
    if error.kind() == RedisKind::AuthenticationFailed {
        return Some(error_codes::lookup("WRONGPASS", ""));
    }
    (!error.is_io_error()).then(|| error_codes::lookup(&code(error), &error.to_string()))
}

/// The code of the error that matters: that of the first command of a transaction that was refused.
pub(super) fn code(error: &RedisError) -> String {
    if let Some(errors) = error.clone().into_server_errors() {
        return errors.first().map(|(_, error)| error.code().to_owned()).unwrap_or_default();
    }
    match error.code() {
        Some(code) if code != "EXECABORT" && code != "ERR" => code.to_owned(),
        _ if error.is_io_error() => String::new(),
        code => match error_codes::find_in(&error.to_string()) {
            "" => code.unwrap_or_default().to_owned(),
            told => told.to_owned(),
        },
    }
}

fn by_code(code: &str, text: &str) -> (ErrorKind, &'static str) {
    let refused = text.contains("Password authentication failed") || text.contains("AuthenticationFailed");
    let row = match error_codes::lookup(code, text) {
        row if refused && row.judgement == Handling::Ends => error_codes::lookup("WRONGPASS", ""),
        row => row,
    };
    (row.kind, row.message)
}
