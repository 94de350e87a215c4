//! Errors of the registry as errors of the transport.

use std::fmt;

use events_schema_registry::{RegistryError, RegistryErrorKind};
use events_transport::{ErrorKind, TransportError};

pub(super) fn convert(
    operation: &'static str,
    subject: impl fmt::Display,
    registers: bool,
    error: RegistryError,
) -> TransportError {
    use RegistryErrorKind as Kind;
    let kind = match error.kind() {
        Kind::Unavailable => ErrorKind::Unavailable,
        Kind::Tls | Kind::Unauthorized | Kind::Forbidden => ErrorKind::Permission,
        Kind::ReadOnly => ErrorKind::ReadOnly,
        Kind::NotFound => ErrorKind::NotFound,
        Kind::Incompatible | Kind::InvalidSchema => ErrorKind::Refused,
        Kind::TooLarge => ErrorKind::TooLarge,
        Kind::Invalid | Kind::NoApi => ErrorKind::Invalid,
        Kind::Closed => ErrorKind::Closed,
        _ => ErrorKind::Other,
    };
    let hint = match error.kind() {
        Kind::NotFound if !registers => {
            "; register it with `events schema push`, or set `registry_register=true`"
        }
        Kind::Incompatible => {
            "; compare them with `events schema push --check`, and give the event another event type or the subject \
             another compatibility"
        }
        Kind::InvalidSchema => {
            "; registries on Java Avro 1.12 refuse a hyphen in a namespace: name the event type in `registry_bare` to \
             send it without a frame"
        }
        _ => "",
    };
    TransportError::new(kind, operation, subject, format!("the schema registry: {error}{hint}"))
        .with_source(error)
}
