//! What goes wrong between the bus and a store.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::{ConsumerGroup, Position, Topic};

/// The class of a [`TransportError`]: what a caller can decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL, an option or a name is wrong.
    Invalid,
    /// This transport can't do what was asked.
    Unsupported,
    /// The store can't be reached at present.
    Unavailable,
    /// Another process held the store for longer than the waiting time.
    Locked,
    /// There is no room left.
    Full,
    /// The store can be read but not written.
    ReadOnly,
    /// The store may not be opened by this user.
    Permission,
    /// What is there is damaged, or no store of ours.
    Corrupt,
    /// The store was written by another version of this crate.
    Version,
    /// There is no such topic, group or position.
    NotFound,
    /// The delivery belongs to somebody else by now: its lease ran out or its partition moved.
    LeaseLost,
    /// The message is larger than the store takes.
    TooLarge,
    /// The store never takes this message, whoever sends it: its key, its headers or its data are at fault.
    Refused,
    /// The file of the store was removed, renamed, or replaced by another under the running program.
    Replaced,
    /// The transport was shut down.
    Closed,
    /// What fits none of the others; the source tells.
    Other,
}

impl ErrorKind {
    /// One word for programs, such as `lease-lost`; it stays as it is.
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

    /// Whether the same call can succeed later: the error tells of a state of the store that passes by
    /// itself, or that an operator ends without a change to this program, such as a full disk or a
    /// password that was changed on one side first. Consumers wait for the end of such a state.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Locked | Self::Full | Self::Replaced)
            || self.needs_operator()
    }

    /// Whether the message itself is at fault, so that sending it again fails again. Only such a message
    /// is refused for good; whatever is wrong with the store, the queue is kept.
    #[must_use]
    pub const fn is_of_message(self) -> bool {
        matches!(self, Self::TooLarge | Self::Refused)
    }

    /// Whether the state passes only when somebody sets the store or the user's rights right.
    #[must_use]
    pub const fn needs_operator(self) -> bool {
        matches!(self, Self::ReadOnly | Self::Permission)
    }
}

/// A failed call to a transport: which call, on what, why, and whether trying again helps.
///
/// The text never holds credentials: a URL is shown without its user part.
#[derive(Debug, Clone)]
pub struct TransportError {
    kind: ErrorKind,
    operation: &'static str,
    subject: Box<str>,
    message: Box<str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What is wrong where a topic is not there.
pub const NO_TOPIC: &str = "there is no such topic: it is made by the first send or subscription";

impl TransportError {
    /// An error of this kind; `operation` is a verb (`send`, `receive`), `subject` the topic, URL
    /// without secrets, or file, `message` what is wrong and what to do.
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

    /// The delivery is somebody else's by now; for transports.
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
                "message {position} is no longer held for group `{group}` by this member: \
                 its lease ran out or the group was moved, and it comes again; \
                 renew the lease or make it longer than a receiver's work"
            ),
        )
    }

    /// There is no such topic; for transports.
    pub fn no_topic(operation: &'static str, topic: &Topic) -> Self {
        Self::new(ErrorKind::NotFound, operation, topic, NO_TOPIC)
    }

    /// The topic has no such group; for transports.
    pub fn no_group(operation: &'static str, topic: &Topic, group: &ConsumerGroup) -> Self {
        Self::new(
            ErrorKind::NotFound,
            operation,
            topic,
            format!(
                "there is no group `{group}`: it was removed, or never made; a consumer that starts makes it"
            ),
        )
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The class of this error.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The call that failed, a verb.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    /// The topic, file or URL (without secrets) that the call was about.
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
