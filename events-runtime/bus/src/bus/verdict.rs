//! Combines the results of an event's receivers. [`Disposition`] documents the precedence and its reasons.

use std::fmt;
use std::time::Duration;

use super::retry::Pause;
use crate::envelope::EnvelopeError;
use events_core::avro::DecodeError;
use events_core::receiver::Disposition;
use events_core::registry::Descriptor;
use events_transport::{Message, Rejection, SchemaId, Topic, TransportError};

/// The reason why a message could not be processed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboundError {
    /// The message is not an event.
    #[error("the message is not an event")]
    Envelope(#[from] EnvelopeError),
    /// The event type is not linked into this program.
    #[error("the event type `{event_type}` is not linked into this program")]
    UnknownEvent {
        /// The event type.
        event_type: String,
    },
    /// The event type is linked, and no receiver takes the event.
    #[error(
        "no receiver of this program takes events of type `{event_type}` from a bus: link the crate that has its receivers"
    )]
    Unhandled {
        /// The event type.
        event_type: String,
    },
    /// The datum was written with an unknown schema.
    #[error(
        "the event was written with {}, which this program (schema {expected:016x}) does not know{lookup}: lock that version beside the definition, put its `.avsc` file into the folder of `bus.consumer.schemas`, or pass it to `EventBus::builder().writer_schema(…)`",
        Writer(*found)
    )]
    UnknownSchema {
        /// The fingerprint of the program's definition.
        expected: u64,
        /// The fingerprint of the message.
        found: u64,
        /// What the search beside the topic has found; empty if the transport stores no schemas.
        lookup: String,
    },
    /// The datum was written with a schema that the definition can't read.
    #[error(
        "the event was written with schema {found:016x}, which can't be read as this program's schema {expected:016x}: {mismatch}"
    )]
    IncompatibleSchema {
        /// The fingerprint of the program's definition.
        expected: u64,
        /// The fingerprint of the message.
        found: u64,
        /// The field, and both types.
        mismatch: String,
    },
    /// The datum was written with an unknown schema, and the transport failed to fetch it.
    #[error("the schema {found:016x} of the event could not be fetched from the topic")]
    SchemaUnavailable {
        /// The fingerprint of the message.
        found: u64,
        /// The error of the transport.
        #[source]
        error: TransportError,
    },
    /// The datum can't be read.
    #[error("the payload can't be read")]
    Decode(#[from] DecodeError),
    /// The payload's own code panicked: a `with` module or a hand-written `EventData`.
    #[error("decoding the payload panicked: {message}")]
    Panicked {
        /// The panic's message, if it is text.
        message: String,
    },
    /// A [`middleware`](super::Consume::middleware) returned an error.
    #[error("a middleware failed: {}", .errors.join(": "))]
    Middleware {
        /// The error and those behind it, outermost first.
        errors: Vec<String>,
    },
    /// A [`middleware`](super::Consume::middleware) panicked.
    #[error("a middleware panicked: {message}")]
    MiddlewarePanicked {
        /// The panic's message, if it is text.
        message: String,
    },
    /// The attempts are exhausted, and the outcome of the last one is not recorded.
    #[error(
        "attempts exhausted: delivered {} with no recorded outcome; a consumer probably crashed or outlived its lease: see the consumers' logs", times(*attempts)
    )]
    Abandoned {
        /// The number of deliveries.
        attempts: u32,
    },
    /// The store of [`dedup`](super::Consume::dedup) could not be queried.
    #[error("can't look up whether the event was handled before: {}", .errors.join(": "))]
    Dedup {
        /// The error and those behind it, outermost first.
        errors: Vec<String>,
    },
    /// The work on the message was cancelled from outside, or ended by a panic outside of receivers and
    /// middleware.
    #[error("the work on the message was interrupted: {0}")]
    Interrupted(String),
    /// With `transactions`: the schema of an event that a receiver emitted could not be stored.
    #[error("an event that a receiver emitted can't be stored with the acknowledgement")]
    Outputs(#[source] TransportError),
    /// Receivers failed; the text lists them.
    #[error("{}", Receivers(.failed))]
    Receivers {
        /// The receivers and their errors.
        failed: Vec<ReceiverFailure>,
    },
}

/// A failed receiver and its error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverFailure {
    /// The receiver's name.
    pub receiver: String,
    /// Its error and that error's sources, outermost first.
    pub errors: Vec<String>,
    /// The disposition of the error.
    pub disposition: Option<Disposition>,
}

impl InboundError {
    /// The reason for a dead letter: the kind of failure, the text, and the causes.
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

    /// A stable identifier for programs.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Envelope(_) => "envelope",
            Self::UnknownEvent { .. } => "unknown-event",
            Self::Unhandled { .. } => "unhandled",
            Self::UnknownSchema { .. } => "unknown-schema",
            Self::SchemaUnavailable { .. } => "schema-unavailable",
            Self::Decode(_) | Self::IncompatibleSchema { .. } => "decode",
            Self::Panicked { .. } => "decode-panicked",
            Self::Middleware { .. } => "hook",
            Self::MiddlewarePanicked { .. } => "hook-panicked",
            Self::Abandoned { .. } => "abandoned",
            Self::Dedup { .. } => "dedup",
            Self::Interrupted(_) => "interrupted",
            Self::Outputs(_) => "outputs",
            Self::Receivers { .. } => "receivers",
        }
    }
}

impl fmt::Display for ReceiverFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "receiver `{}`: {}", self.receiver, self.errors.join(": "))
    }
}

/// Names a writer's schema: by its fingerprint, or by its id in a schema registry if that is what the fingerprint
/// stands in for.
struct Writer(u64);

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SchemaId::stands_for(self.0) {
            Some((id, false)) => write!(f, "schema {id} of the schema registry"),
            Some((_, true)) => {
                f.write_str("a schema that the message names by a GUID of the schema registry")
            }
            None => write!(f, "schema {:016x}", self.0),
        }
    }
}

/// "1 time" or "3 times".
fn times(count: u32) -> String {
    if count == 1 { "1 time".to_owned() } else { format!("{count} times") }
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

/// What to do with a message, in the words of [`Disposition`]. The worker makes an
/// [`Outcome`](events_transport::Outcome) of it.
pub(super) enum Verdict {
    /// Every receiver succeeded.
    Done,
    /// The same; these messages are stored with the acknowledgement.
    DoneWith(Vec<(Topic, Message)>),
    /// Skipped: the type is not known here, no receiver takes it, or the failed receivers asked for it.
    Skip,
    /// The signal is disabled: the event comes again after this time, without an attempt.
    Pause { event_type: &'static str, after: Duration },
    /// Another attempt may succeed after this pause.
    Retry(InboundError, Pause),
    /// The message waits for its schema. No attempt was made.
    Wait(InboundError, Duration),
    /// No attempt can succeed.
    Reject(InboundError),
    /// The consumer must stop.
    Stop(Stop),
}

/// The reason why an event stops its consumer.
pub(super) enum Stop {
    /// The type is not linked.
    Unknown { event_type: String },
    /// No receiver takes an event of this definition.
    Unhandled(Descriptor),
}

/// The verdict that deprives no receiver of the event.
pub(super) fn combine(failed: Vec<ReceiverFailure>) -> Verdict {
    if failed.is_empty() {
        return Verdict::Done;
    }
    let pause = failed.iter().filter_map(|failure| pause(failure.disposition)).reduce(Pause::longer);
    if let Some(pause) = pause {
        return Verdict::Retry(InboundError::Receivers { failed }, pause);
    }
    if failed.iter().any(|failure| failure.disposition == Some(Disposition::Reject)) {
        return Verdict::Reject(InboundError::Receivers { failed });
    }
    Verdict::Skip
}

/// The pause before another attempt, if the disposition asks for one.
pub(super) fn pause(disposition: Option<Disposition>) -> Option<Pause> {
    match disposition {
        Some(Disposition::Retry { after: Some(after) }) => Some(Pause::requested(after)),
        Some(Disposition::Reject | Disposition::Skip) => None,
        _ => Some(Pause::BACKOFF),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PLAIN: Option<Disposition> = None;
    const RETRY: Option<Disposition> = Some(Disposition::Retry { after: Some(SECOND) });
    const REJECT: Option<Disposition> = Some(Disposition::Reject);
    const SKIP: Option<Disposition> = Some(Disposition::Skip);

    fn combined(dispositions: &[Option<Disposition>]) -> Verdict {
        let failure = |disposition: &Option<Disposition>| ReceiverFailure {
            receiver: "receiver".to_owned(),
            errors: vec!["no".to_owned()],
            disposition: *disposition,
        };
        combine(dispositions.iter().map(failure).collect())
    }

    #[test]
    fn a_retry_wins_over_all_other_dispositions() {
        for others in [&[PLAIN, SKIP][..], &[REJECT, PLAIN], &[RETRY, REJECT, SKIP], &[SKIP, RETRY]] {
            let verdict = combined(others);
            let Verdict::Retry(InboundError::Receivers { failed }, _) = verdict else { panic!("{others:?}") };
            assert_eq!(failed.len(), others.len(), "the text names each");
        }
    }

    #[test]
    fn a_rejection_wins_over_skips_and_a_skip_must_be_unanimous() {
        assert!(matches!(combined(&[SKIP, REJECT]), Verdict::Reject(_)));
        assert!(matches!(combined(&[SKIP, SKIP]), Verdict::Skip));
        assert!(matches!(combined(&[]), Verdict::Done));
    }

    #[test]
    fn the_longest_pause_wins_and_a_plain_failure_uses_the_backoff() {
        let pause = |dispositions: &[Option<Disposition>], backoff: Duration| match combined(dispositions) {
            Verdict::Retry(_, pause) => pause.duration(backoff),
            _ => panic!("{dispositions:?}"),
        };
        let longer = Some(Disposition::Retry { after: Some(SECOND * 3) });
        assert_eq!(pause(&[RETRY], SECOND * 2), SECOND, "what was asked may be shorter");
        assert_eq!(pause(&[RETRY, longer], SECOND * 9), SECOND * 3);
        assert_eq!(pause(&[RETRY, PLAIN], SECOND * 2), SECOND * 2);
        assert_eq!(pause(&[PLAIN, longer], SECOND * 2), SECOND * 3);
    }
}
