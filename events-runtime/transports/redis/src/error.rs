//! Converts errors of the Redis client into [`TransportError`]s.

use std::fmt;

use ::redis::{ErrorKind as RedisKind, RedisError};

use super::error_codes::{self, ErrorCode, Handling};
use events_transport::{ErrorKind, TransportError};

/// Converts a Redis error, which becomes the source.
pub(super) fn convert(
    error: RedisError,
    operation: &'static str,
    subject: impl fmt::Display,
) -> TransportError {
    let (kind, message) = if error.is_timeout() {
        (
            ErrorKind::Unavailable,
            "the server did not reply in time and may still execute the call: check whether it is paused or \
             overloaded, or increase `timeout`",
        )
    } else if error.kind() == RedisKind::MasterNameNotFoundBySentinel {
        (
            ErrorKind::Unavailable,
            "no Sentinel knows a master of this name: check the name, or wait until the failover is complete",
        )
    } else if error.kind() == RedisKind::ClusterConnectionNotFound {
        (
            ErrorKind::Unavailable,
            "no node of the cluster replies: check that they are running, and the hosts and ports in the URL",
        )
    } else if is_untrusted_certificate(&error) {
        (
            ErrorKind::Permission,
            "the server's certificate is not trusted: set `ca` to the file of its CA, and use the host name in the \
             certificate (in a cluster, set it as each node's `cluster-announce-hostname` too)",
        )
    } else if error.is_io_error() || error.is_connection_dropped() || error.is_connection_refusal() {
        (
            ErrorKind::Unavailable,
            "can't reach the server: check that it is running, and the host and port in the URL",
        )
    } else {
        by_code(&code(&error), &error.to_string())
    };
    TransportError::new(kind, operation, subject, message).with_source(error)
}

/// Converts the text of an error that a script caught.
pub(super) fn from_text(text: &str, operation: &'static str, subject: impl fmt::Display) -> TransportError {
    let (kind, message) = by_code(error_codes::find_in(text), text);
    TransportError::new(kind, operation, subject, message).with_source(std::io::Error::other(text.to_owned()))
}

/// Whether the server's certificate was rejected.
pub(super) fn is_untrusted_certificate(error: &RedisError) -> bool {
    error.is_io_error() && error.to_string().contains("certificate")
}

/// The error code of a reply; `None` if there was no reply.
pub(super) fn error_code(error: &RedisError) -> Option<&'static ErrorCode> {
    if error.kind() == RedisKind::AuthenticationFailed {
        return Some(error_codes::lookup("WRONGPASS", ""));
    }
    (!error.is_io_error()).then(|| error_codes::lookup(&code(error), &error.to_string()))
}

/// The name of the error code. For a transaction, that of its first failed command.
pub(super) fn code(error: &RedisError) -> String {
    if let Some(errors) = error.clone().into_server_errors() {
        return errors.first().map(|(_, error)| error.code().to_owned()).unwrap_or_default();
    }
    match error.code() {
        Some(code) if code != "EXECABORT" && code != "ERR" => code.to_owned(),
        _ if error.is_io_error() => String::new(),
        code => match error_codes::find_in(&error.to_string()) {
            "" => code.unwrap_or_default().to_owned(),
            found => found.to_owned(),
        },
    }
}

fn by_code(code: &str, text: &str) -> (ErrorKind, &'static str) {
    let is_auth_failure =
        text.contains("Password authentication failed") || text.contains("AuthenticationFailed");
    let row = match error_codes::lookup(code, text) {
        row if is_auth_failure && row.judgement == Handling::Stop => error_codes::lookup("WRONGPASS", ""),
        row => row,
    };
    (row.kind, row.message)
}
