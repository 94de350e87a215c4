//! Errors of the client.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use reqwest::StatusCode;

/// The class of a [`RegistryError`], by which a caller can decide what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegistryErrorKind {
    /// A setting, a subject or another argument is wrong.
    Invalid,
    /// No address answers, or the registry can't work now. The call can succeed later.
    Unavailable,
    /// The certificate of one side is not accepted by the other.
    Tls,
    /// The registry demands credentials, or rejects those that it got.
    Unauthorized,
    /// The credentials don't allow the operation.
    Forbidden,
    /// The registry has no such subject, version or schema.
    NotFound,
    /// The address has no schema registry, or the registry lacks this operation.
    NoApi,
    /// The schema is not compatible with the registered versions of the subject.
    Incompatible,
    /// The registry does not accept the schema as valid Avro.
    InvalidSchema,
    /// The registry or the subject accepts no changes.
    ReadOnly,
    /// The schema, or an answer, exceeds a size limit.
    TooLarge,
    /// The registry's answer is not one of Confluent's API.
    Malformed,
    /// The registry refuses the request for another reason.
    Refused,
    /// The client's thread has ended.
    Closed,
}

impl RegistryErrorKind {
    /// Whether the same call can succeed later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable)
    }
}

/// A failed call to a registry. The text has no credentials.
#[derive(Debug, Clone)]
pub struct RegistryError {
    kind: RegistryErrorKind,
    operation: &'static str,
    subject: Box<str>,
    message: Box<str>,
    status: Option<u16>,
    code: Option<i64>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl RegistryError {
    pub(crate) fn new(
        kind: RegistryErrorKind,
        operation: &'static str,
        subject: impl fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            operation,
            subject: subject.to_string().into(),
            message: message.into().into(),
            status: None,
            code: None,
            source: None,
        }
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode, code: Option<i64>) -> Self {
        self.status = Some(status.as_u16());
        self.code = code;
        self
    }

    /// The class of the error.
    #[must_use]
    pub const fn kind(&self) -> RegistryErrorKind {
        self.kind
    }

    /// The HTTP status of the answer; `None` if there was no answer.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// The `error_code` of the answer, such as 40401; products differ.
    #[must_use]
    pub const fn code(&self) -> Option<i64> {
        self.code
    }

    /// What is wrong and what to do, without the operation.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the same call can succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't {} `{}`: {}", self.operation, self.subject, self.message)
    }
}

impl StdError for RegistryError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}

/// The kind of an answer that is no success, and what to do about it. The HTTP status decides first: codes
/// differ between products, and proxies answer without one.
pub(crate) fn judge(status: StatusCode, code: Option<i64>) -> (RegistryErrorKind, &'static str) {
    use RegistryErrorKind::{
        Forbidden, Incompatible, Invalid, InvalidSchema, NoApi, NotFound, ReadOnly, Refused, TooLarge,
        Unauthorized, Unavailable,
    };
    match (status.as_u16(), code.unwrap_or_default()) {
        (401, _) => (Unauthorized, "the registry rejects the credentials: check user and password, or token"),
        (403, _) => {
            (Forbidden, "these credentials don't allow the operation: grant them access to the subject")
        }
        (404, 40401 | 40404) => (NotFound, "the registry has no such subject"),
        (404, 40402 | 40406) => (NotFound, "the subject has no such version"),
        (404, 40403) => (NotFound, "the registry has no such schema"),
        (404, 40408) => (NotFound, "the subject has no compatibility level of its own"),
        (404 | 409, 40405 | 40407) => {
            (Refused, "it is not deleted softly yet: delete it softly before it is deleted for good")
        }
        (404 | 405, _) => (
            NoApi,
            "the address has no such operation of a schema registry: check the path of the URL, which is `/apis/ccompat/v7` for Apicurio",
        ),
        (409, _) => (Incompatible, "the schema is not compatible with a registered version"),
        (413, _) => (TooLarge, "the schema exceeds the size limit of the registry or of a proxy before it"),
        (422, 42201) => (InvalidSchema, "the registry does not accept the schema as valid"),
        (422, 42202) => (Invalid, "the registry does not accept the version"),
        (422, 42203) => (Invalid, "the registry does not know the compatibility level"),
        (422, 42205) => (ReadOnly, "the registry accepts no changes: set its mode to READWRITE"),
        (408 | 429 | 500..=599, _) => (Unavailable, "the registry can't answer now"),
        (300..=399, _) => {
            (Invalid, "the address redirects elsewhere: configure the address that it redirects to")
        }
        _ => (Refused, "the registry refuses the request"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_http_status_decides_before_the_code() {
        use RegistryErrorKind as Kind;
        for (status, code, kind) in [
            (401, Some(40101), Kind::Unauthorized),
            (403, None, Kind::Forbidden),
            (404, Some(40401), Kind::NotFound),
            (404, Some(40403), Kind::NotFound),
            (404, Some(404), Kind::NoApi),
            (404, None, Kind::NoApi),
            (409, Some(409), Kind::Incompatible),
            (409, Some(40901), Kind::Incompatible),
            (409, Some(40405), Kind::Refused),
            (422, Some(42201), Kind::InvalidSchema),
            (422, Some(42205), Kind::ReadOnly),
            (422, None, Kind::Refused),
            // Apicurio's answer to a wrong request, and a proxy's.
            (500, Some(0), Kind::Unavailable),
            (502, Some(40401), Kind::Unavailable),
            (429, None, Kind::Unavailable),
            (301, None, Kind::Invalid),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(judge(status, code).0, kind, "{status} {code:?}");
        }
    }
}
