//! What becomes of an event whose receivers disagree; [`Disposition`] says in which order, and why.

use std::fmt;

use super::retry::Pause;
use crate::avro::DecodeError;
use crate::envelope::EnvelopeError;
use crate::receiver::Disposition;
use crate::transport::Rejection;

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

/// What should become of a message.
pub(super) enum Verdict {
    /// Every receiver did its work.
    Done,
    /// It is passed over: its type is not known here, or its receivers said so.
    Skipped,
    /// Another attempt may succeed, after this pause.
    Failed(InboundError, Pause),
    /// No attempt can succeed.
    Unusable(InboundError),
    /// The consumer must not go on.
    Stop { event_type: String },
}

/// The verdict that takes the event from no receiver.
pub(super) fn combine(failed: Vec<ReceiverFailure>) -> Verdict {
    if failed.is_empty() {
        return Verdict::Done;
    }
    let pause = failed.iter().filter_map(|failure| pause(failure.disposition)).reduce(Pause::longer);
    if let Some(pause) = pause {
        return Verdict::Failed(InboundError::Receivers { failed }, pause);
    }
    if failed.iter().any(|failure| failure.disposition == Some(Disposition::Reject)) {
        return Verdict::Unusable(InboundError::Receivers { failed });
    }
    Verdict::Skipped
}

/// The pause before another attempt, where one is wanted.
pub(super) fn pause(disposition: Option<Disposition>) -> Option<Pause> {
    match disposition {
        None | Some(Disposition::Retry { after: None }) => Some(Pause::OWN),
        Some(Disposition::Retry { after: Some(after) }) => Some(Pause::asked(after)),
        Some(Disposition::Reject | Disposition::Skip) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
    fn a_receiver_that_wants_another_attempt_gets_it_whatever_the_others_say() {
        for others in [&[PLAIN, SKIP][..], &[REJECT, PLAIN], &[RETRY, REJECT, SKIP], &[SKIP, RETRY]] {
            let verdict = combined(others);
            let Verdict::Failed(InboundError::Receivers { failed }, _) = verdict else {
                panic!("{others:?}")
            };
            assert_eq!(failed.len(), others.len(), "the text names each");
        }
    }

    #[test]
    fn a_rejection_wins_over_skipping_and_skipping_must_be_unanimous() {
        assert!(matches!(combined(&[SKIP, REJECT]), Verdict::Unusable(_)));
        assert!(matches!(combined(&[SKIP, SKIP]), Verdict::Skipped));
        assert!(matches!(combined(&[]), Verdict::Done));
    }

    #[test]
    fn the_longest_pause_counts_and_a_plain_failure_has_the_consumers_own() {
        let pause = |dispositions: &[Option<Disposition>], own: Duration| match combined(dispositions) {
            Verdict::Failed(_, pause) => pause.or(own),
            _ => panic!("{dispositions:?}"),
        };
        let longer = Some(Disposition::Retry { after: Some(SECOND * 3) });
        assert_eq!(pause(&[RETRY], SECOND * 2), SECOND, "what was asked may be shorter");
        assert_eq!(pause(&[RETRY, longer], SECOND * 9), SECOND * 3);
        assert_eq!(pause(&[RETRY, PLAIN], SECOND * 2), SECOND * 2);
        assert_eq!(pause(&[PLAIN, longer], SECOND * 2), SECOND * 3);
    }
}
