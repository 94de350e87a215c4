//! What goes wrong on the bus, an enum for each stop.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::flush::last;
use super::topic_queue::TopicQueue;
use super::writers::{AmbiguousSchema, SchemasError, WritersError};
use crate::RegistryError;
use crate::avro::{DecodeError, EncodeError};
use crate::config::ConfigError;
use crate::envelope::EnvelopeError;
pub(super) use crate::error_chain::{caught, chain, links};
use crate::metadata::MetadataError;
use crate::receiver::Disposition;
use crate::transport::{Message, NameError, Rejection, Topic, TransportError};

/// Why a bus did not start. Nothing was attached and nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The builder has no configuration.
    #[error("the bus has no configuration: call `config(Config::load(\"events.toml\")?)` before `start`")]
    NoConfig,
    /// The configuration does not fit the linked definitions.
    #[error("the configuration does not fit this program")]
    Config(#[from] ConfigError),
    /// The definitions contradict each other.
    #[error("the event definitions of this program can't be used")]
    Registry(#[from] RegistryError),
    /// A file of `bus.consumer.schemas` can't be used.
    #[error("the schemas of other versions can't be used")]
    Schemas(#[from] SchemasError),
    /// A schema of another version has the fingerprint of one that is read otherwise.
    #[error("the schemas of other versions can't be told apart")]
    Ambiguous(#[from] AmbiguousSchema),
    /// A topic's name or the prefix can't be used.
    #[error("a topic can't be used")]
    Name(#[from] NameError),
    /// The service's name can't be used.
    #[error("the service's name can't be used")]
    Service(#[from] MetadataError),
    /// The transport could not be opened.
    #[error("the transport could not be opened")]
    Transport(#[from] TransportError),
    /// The file of `bus.error_log` can't be written.
    #[error(
        "{place}: bus.error_log: `{}` can't be written: name a file in a folder that is there", .path.display()
    )]
    ErrorLog {
        /// The file.
        path: PathBuf,
        /// Where the configuration names it.
        place: String,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// There is no async runtime.
    #[error("a bus needs a tokio runtime: call `start` inside of one")]
    NoRuntime,
}

impl From<WritersError> for StartError {
    fn from(error: WritersError) -> Self {
        match error {
            WritersError::Schemas(error) => error.into(),
            WritersError::Ambiguous(error) => error.into(),
        }
    }
}

/// Why an event was not given to the transport. It is in no topic.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// The payload can't be held by its schema.
    #[error("the payload could not be encoded")]
    Encode(#[from] EncodeError),
    /// The payload's own code panicked: a `with` module, or a hand-written `EventData`.
    #[error("encoding the payload panicked: {message}")]
    Panicked {
        /// The panic's message, where it is text.
        message: String,
    },
    /// The route's key could not be read from the datum.
    #[error("the key could not be read from the encoded event")]
    Key(#[source] DecodeError),
    /// Too many events wait.
    #[error(
        "{capacity} events wait already: the transport is slower than the emitter, or away; emit again later, or raise `bus.queue_capacity`"
    )]
    QueueFull {
        /// The queue's capacity.
        capacity: usize,
    },
    /// The bus was shut down.
    #[error("the bus was shut down; emit before `shutdown`")]
    ShutDown,
}

/// Why a consumer stopped before it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumeError {
    /// The consumer has no group.
    #[error(
        "the consumer of topic `{topic}` has no group: call `group(\"…\")`, or set `service.name`, which is the group then"
    )]
    NoGroup {
        /// The topic's base name.
        topic: String,
    },
    /// The topic's or the group's name can't be used.
    #[error("the consumer's topic or group can't be used")]
    Name(#[from] NameError),
    /// The transport failed in a way that trying again does not mend.
    #[error("the transport failed")]
    Transport(#[from] TransportError),
    /// An event of an unknown type came, and `unknown_events = "stop"`.
    #[error(
        "an event of type `{event_type}` came, which is not linked into this program: link the crate that defines it, or set `bus.consumer.unknown_events`"
    )]
    UnknownEvent {
        /// The event type.
        event_type: String,
    },
    /// As many events in a row failed as `max_consecutive_errors` allows. Each is settled: it comes
    /// again or is a dead letter.
    #[error(
        "{failed} events in a row failed on topic `{topic}`, the last of them so: {last}; mend what the receivers depend on and start the consumer again, or raise `bus.consumer.max_consecutive_errors`"
    )]
    TooManyErrors {
        /// The topic.
        topic: Topic,
        /// How many events failed in a row.
        failed: u32,
        /// The last failure.
        last: String,
    },
}

/// Why a message could not be emitted in this process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboundError {
    /// The message is no event.
    #[error("the message is no event")]
    Envelope(#[from] EnvelopeError),
    /// The event type is not linked into this program.
    #[error("the event type `{event_type}` is not linked into this program")]
    UnknownEvent {
        /// The event type.
        event_type: String,
    },
    /// The datum was written with another schema.
    #[error(
        "the event was written with schema {found:016x}, this program's is {expected:016x} and does not know the other: lock that version beside the definition, put its `.avsc` file into the folder of `bus.consumer.schemas`, or give it to `EventBus::builder().writer_schema(…)`"
    )]
    UnknownSchema {
        /// The fingerprint of the program's definition.
        expected: u64,
        /// The fingerprint of the message.
        found: u64,
    },
    /// The datum can't be read.
    #[error("the payload can't be read")]
    Decode(#[from] DecodeError),
    /// The payload's own code panicked: a `with` module, or a hand-written `EventData`.
    #[error("decoding the payload panicked: {message}")]
    Panicked {
        /// The panic's message, where it is text.
        message: String,
    },
    /// A hook of [`middleware`](super::Consume::middleware) returned an error.
    #[error("a hook around the message failed: {}", .errors.join(": "))]
    Middleware {
        /// The error and those behind it, outermost first.
        errors: Vec<String>,
    },
    /// A hook of [`middleware`](super::Consume::middleware) panicked.
    #[error("a hook around the message panicked: {message}")]
    MiddlewarePanicked {
        /// The panic's message, where it is text.
        message: String,
    },
    /// The message was handed out as often as it may be, and what came of the last time is not known.
    #[error(
        "its attempts were used up before: it was handed out {attempts} times, and what came of the last is not known or could not be stored; where its receivers end the process, or block it for longer than the lease, the consumers' logs tell"
    )]
    Abandoned {
        /// How often it was handed out.
        attempts: u32,
    },
    /// The store of [`dedup`](super::Consume::dedup) could not be asked whether the event was handled.
    #[error("whether the event was handled before could not be found out: {}", .errors.join(": "))]
    Dedup {
        /// The error and those behind it, outermost first.
        errors: Vec<String>,
    },
    /// The work on the message was ended from outside, or by a panic that no receiver and no hook had.
    #[error("the work on the message was interrupted: {0}")]
    Interrupted(String),
    /// Receivers failed; the text names each.
    #[error("{}", Receivers(.failed))]
    Receivers {
        /// The receivers and their errors.
        failed: Vec<ReceiverFailure>,
    },
}

/// A receiver that failed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverFailure {
    /// The receiver's name.
    pub receiver: String,
    /// Its error and the errors behind that, outermost first.
    pub errors: Vec<String>,
    /// What its error says should become of the event.
    pub disposition: Option<Disposition>,
}

impl InboundError {
    /// What a dead letter says: which way the message failed, the reason, and the errors behind it.
    pub(super) fn rejection(&self) -> Rejection {
        let rejection = Rejection::from_error(self).kind(self.kind());
        match self {
            Self::Receivers { failed } => failed.iter().fold(rejection, |rejection, failure| {
                let rejection = rejection.receiver(failure.receiver.as_str());
                failure.errors.iter().fold(rejection, |rejection, error| rejection.cause(error.as_str()))
            }),
            Self::Abandoned { attempts } => rejection.attempts(*attempts),
            Self::Middleware { errors } | Self::Dedup { errors } => {
                errors.iter().fold(rejection, |rejection, error| rejection.cause(error.as_str()))
            }
            _ => rejection,
        }
    }

    /// One word for programs; it stays as it is.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Envelope(_) => "envelope",
            Self::UnknownEvent { .. } => "unknown-event",
            Self::UnknownSchema { .. } => "unknown-schema",
            Self::Decode(_) => "decode",
            Self::Panicked { .. } => "decode-panicked",
            Self::Middleware { .. } => "hook",
            Self::MiddlewarePanicked { .. } => "hook-panicked",
            Self::Abandoned { .. } => "abandoned",
            Self::Dedup { .. } => "dedup",
            Self::Interrupted(_) => "interrupted",
            Self::Receivers { .. } => "receivers",
        }
    }
}

impl fmt::Display for ReceiverFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "receiver `{}`: {}", self.receiver, self.errors.join(": "))
    }
}

struct Receivers<'a>(&'a [ReceiverFailure]);

impl fmt::Display for Receivers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, failure) in self.0.iter().enumerate() {
            let mark = if index == 0 { "" } else { "; " };
            write!(f, "{mark}{failure}")?;
        }
        Ok(())
    }
}

/// Events that were not acknowledged when a shutdown's time had passed. Those that were under way at
/// that moment may be stored all the same: send the same messages again, with the ids they have.
#[derive(Debug, thiserror::Error)]
#[error("{} events were not acknowledged before the time was over{}", .undelivered.len(), last(.last_error.as_ref()))]
pub struct ShutdownError {
    pub(super) undelivered: Vec<Undelivered>,
    pub(super) last_error: Option<String>,
}

impl ShutdownError {
    /// What the queues gave back when they ended.
    pub(super) fn of(queues: &[Arc<TopicQueue>]) -> Result<(), Self> {
        let undelivered: Vec<_> = queues.iter().flat_map(|queue| queue.take_undelivered()).collect();
        if undelivered.is_empty() {
            return Ok(());
        }
        let last_error = queues.iter().find_map(|queue| queue.circuit().last_error().map(str::to_owned));
        Err(Self { undelivered, last_error })
    }

    /// The events, topic by topic, in the order they were emitted for each.
    #[must_use]
    pub fn undelivered(&self) -> &[Undelivered] {
        &self.undelivered
    }
}

/// An event that was not acknowledged before its bus was shut down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The topic that it was going to.
    pub topic: Topic,
    /// The whole message: headers, key and datum.
    pub message: Message,
}
