//! Errors of transports.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::{ConsumerGroup, Position, Topic};

/// The class of a [`TransportError`], by which a caller can decide what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL, an option or a name is wrong.
    Invalid,
    /// This transport does not support the operation.
    Unsupported,
    /// The store can't be reached now.
    Unavailable,
    /// Another process held the store's lock until the timeout.
    Locked,
    /// The store has no space left.
    Full,
    /// The store can be read but not written.
    ReadOnly,
    /// This user has no permission to access the store.
    Permission,
    /// The store is damaged, or was not created by this crate.
    Corrupt,
    /// The store was written by another version of this crate.
    Version,
    /// The topic, group or position does not exist.
    NotFound,
    /// The delivery no longer belongs to this member: its lease ended, or its partition was reassigned.
    LeaseLost,
    /// The message exceeds the store's size limit.
    TooLarge,
    /// The store rejects this message from any sender because of its key, headers or data.
    Refused,
    /// The store's file was removed, renamed or replaced while the program was running.
    Replaced,
    /// The transport was shut down.
    Closed,
    /// None of the other kinds; the source has the details.
    Other,
}

impl ErrorKind {
    /// A stable identifier for programs, such as `lease-lost`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::Locked => "locked",
            Self::Full => "full",
            Self::ReadOnly => "read-only",
            Self::Permission => "permission",
            Self::Corrupt => "corrupt",
            Self::Version => "version",
            Self::NotFound => "not-found",
            Self::LeaseLost => "lease-lost",
            Self::TooLarge => "too-large",
            Self::Refused => "refused",
            Self::Replaced => "replaced",
            Self::Closed => "closed",
            Self::Other => "other",
        }
    }

    /// Whether the same call can succeed later. The store is in a state that ends by itself, or that an
    /// operator ends without changing this program, such as a full disk or a password that was changed on
    /// one side first. Consumers wait for the end of such a state.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Locked | Self::Full | Self::Replaced)
            || self.needs_operator()
    }

    /// Whether the message itself causes the error, so that another attempt to send it fails as well. Only
    /// such a message is refused permanently; other errors keep the queue.
    #[must_use]
    pub const fn is_of_message(self) -> bool {
        matches!(self, Self::TooLarge | Self::Refused)
    }

    /// Whether an operator must repair the store or the user's permissions.
    #[must_use]
    pub const fn needs_operator(self) -> bool {
        matches!(self, Self::ReadOnly | Self::Permission)
    }
}

/// A failed call to a transport: the operation, its subject, the reason, and whether a retry helps.
///
/// The text never contains credentials: passwords in URLs are masked.
#[derive(Debug, Clone)]
pub struct TransportError {
    kind: ErrorKind,
    operation: &'static str,
    subject: Box<str>,
    message: Box<str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The message of an error about a missing topic.
pub const NO_TOPIC: &str = "no such topic: the first send or subscription creates it";

impl TransportError {
    /// Creates an error. `operation` is a verb such as `send`, `subject` a topic, a file or a URL without
    /// secrets, and `message` says what is wrong and what to do.
    pub fn new(
        kind: ErrorKind,
        operation: &'static str,
        subject: impl fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            operation,
            subject: subject.to_string().into(),
            message: message.into().into(),
            source: None,
        }
    }

    /// The error for a delivery that no longer belongs to this member; for transports.
    pub fn lease_lost(
        operation: &'static str,
        topic: &Topic,
        group: &ConsumerGroup,
        position: Position,
    ) -> Self {
        Self::new(
            ErrorKind::LeaseLost,
            operation,
            topic,
            format!(
                "this member of group `{group}` no longer holds message {position}: its lease ended or the \
                 group was moved, and the message is redelivered; renew the lease, or configure a lease that \
                 is longer than the work of a receiver"
            ),
        )
    }

    /// The error for a missing topic; for transports.
    pub fn no_topic(operation: &'static str, topic: &Topic) -> Self {
        Self::new(ErrorKind::NotFound, operation, topic, NO_TOPIC)
    }

    /// The error for a missing group; for transports.
    pub fn no_group(operation: &'static str, topic: &Topic, group: &ConsumerGroup) -> Self {
        Self::new(
            ErrorKind::NotFound,
            operation,
            topic,
            format!(
                "no group `{group}`: it was removed or never created; a consumer creates it when it starts"
            ),
        )
    }

    /// Sets the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The error with this topic as its subject; the text keeps another subject.
    #[doc(hidden)]
    #[must_use]
    pub fn about(mut self, topic: &Topic) -> Self {
        if *self.subject != *topic.as_str() {
            self.message = format!("`{}`: {}", self.subject, self.message).into();
            self.subject = topic.as_str().into();
        }
        self
    }

    /// The class of the error.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The failed operation, a verb.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    /// The topic, file or URL (without secrets) that the operation was about.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether the same call can succeed later, see [`ErrorKind::is_retryable`].
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't {} `{}`: {}", self.operation, self.subject, self.message)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}
