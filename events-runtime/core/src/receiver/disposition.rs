//! What a receiver's error asks for: retry, reject or skip.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::{BoxError, ReceiverError};
use events_support::error_chain::sources;

/// What to do with an event from the bus after a receiver failed.
///
/// A receiver returns it in its error, made by [`retry`], [`retry_after`], [`reject`] or [`skip`]. After any
/// other error the event is retried after the consumer's own pause, until its attempts are exhausted.
///
/// If several receivers of one event fail, the first rule that applies decides, so that no receiver loses the
/// event:
///
/// 1. If any of them returned a plain error or asked for a retry, the event is retried. A retry calls every
///    receiver again.
/// 2. If any of them rejected the event, it becomes a dead letter, which can be repaired and sent again.
/// 3. Otherwise all of them asked for a skip, and the event is skipped.
///
/// It has no effect on a locally emitted event, which is not redelivered:
/// [`Response::result`](crate::Response::result) holds the error unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disposition {
    /// Another attempt may succeed. Attempts are counted and end at the consumer's maximum.
    Retry {
        /// The pause before it; `None` means the consumer's own pause. Of several receivers, the longest
        /// pause applies.
        after: Option<Duration>,
    },
    /// The event becomes a dead letter at once, because no attempt can succeed.
    Reject,
    /// The event is irrelevant here: it is acknowledged and counted.
    Skip,
}

/// An error with a [`Disposition`].
///
/// It is found anywhere in the chain of sources: below an error of your own, within an `anyhow::Error` or an
/// `eyre::Report`, or in a variant that is `#[error(transparent)]`. The outermost applies. As the context of
/// another error, `.context(reject("…"))`, it has no effect, because `anyhow` and `eyre` keep contexts out of
/// the chain of sources.
///
/// Its [`source`](Error::source) has the text of the cause, and the cause as its own source.
///
/// ```
/// use events_runtime::BoxError;
/// use events_runtime::receiver::{Disposition, disposition, reject};
///
/// fn charge(card: &str) -> Result<(), BoxError> {
///     let number = card.parse::<u64>().map_err(reject)?;
///     assert_ne!(number, 0);
///     Ok(())
/// }
///
/// let error = charge("4x").unwrap_err();
/// assert_eq!(disposition(&*error), Some(Disposition::Reject));
/// assert_eq!(error.to_string(), "rejected");
/// assert_eq!(error.source().unwrap().to_string(), "invalid digit found in string");
/// ```
#[derive(Debug)]
pub struct DispositionError {
    inner: WithCause,
}

/// The source of a [`DispositionError`], with the same disposition and the text of the cause.
///
/// `anyhow`, `eyre` and `#[error(transparent)]` replace an error by one of their own and expose only its
/// source.
#[derive(Debug)]
struct WithCause {
    disposition: Disposition,
    cause: BoxError,
}

impl fmt::Display for WithCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.cause, f)
    }
}

impl Error for WithCause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

impl DispositionError {
    /// An error with a [`Disposition`].
    pub fn new(disposition: Disposition, cause: impl Into<BoxError>) -> Self {
        Self { inner: WithCause { disposition, cause: cause.into() } }
    }

    /// The disposition.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.inner.disposition
    }

    /// The cause, without the disposition.
    #[must_use]
    pub fn into_cause(self) -> BoxError {
        self.inner.cause
    }
}

impl fmt::Display for DispositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.inner.disposition {
            Disposition::Retry { after: None } => f.write_str("retry requested"),
            Disposition::Retry { after: Some(after) } => write!(f, "retry requested after {after:?}"),
            Disposition::Reject => f.write_str("rejected"),
            Disposition::Skip => f.write_str("skip requested"),
        }
    }
}

impl Error for DispositionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.inner)
    }
}

/// Asks for a retry after the consumer's own pause.
///
/// A plain error means the same; this overrides a disposition in the chain of the cause.
#[doc(alias = "nack")]
pub fn retry(cause: impl Into<BoxError>) -> DispositionError {
    DispositionError::new(Disposition::Retry { after: None }, cause)
}

/// Asks for a retry, but not before this time has passed.
pub fn retry_after(cause: impl Into<BoxError>, after: Duration) -> DispositionError {
    DispositionError::new(Disposition::Retry { after: Some(after) }, cause)
}

/// The event becomes a dead letter at once, because no attempt can succeed.
#[doc(alias("nack", "dlq"))]
pub fn reject(cause: impl Into<BoxError>) -> DispositionError {
    DispositionError::new(Disposition::Reject, cause)
}

/// The event is irrelevant here: it is acknowledged and counted.
#[doc(alias("ignore", "drop"))]
pub fn skip(cause: impl Into<BoxError>) -> DispositionError {
    DispositionError::new(Disposition::Skip, cause)
}

/// The disposition of an error, or else of the first one in its chain of sources that has one.
#[must_use]
pub fn disposition(error: &(dyn Error + 'static)) -> Option<Disposition> {
    sources(error).find_map(|error| {
        let outer = error.downcast_ref().map(DispositionError::disposition);
        outer.or_else(|| error.downcast_ref::<WithCause>().map(|inner| inner.disposition))
    })
}

impl ReceiverError {
    /// The disposition of the error that the receiver returned.
    #[must_use]
    pub fn disposition(&self) -> Option<Disposition> {
        disposition(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the order could not be charged")]
    struct Charge(#[source] DispositionError);

    #[test]
    fn a_disposition_is_found_below_an_error_of_the_users_own() {
        let error = ReceiverError::Failed(Charge(skip("nothing to pay")).into());
        assert_eq!(error.disposition(), Some(Disposition::Skip));
        assert_eq!(ReceiverError::Failed("nothing to pay".into()).disposition(), None);
    }

    #[test]
    fn the_outermost_disposition_counts() {
        let pause = Duration::from_secs(5);
        let error = retry_after(Charge(reject("expired")), pause);
        assert_eq!(disposition(&error), Some(Disposition::Retry { after: Some(pause) }));
        assert_eq!(error.to_string(), "retry requested after 5s");
        assert_eq!(disposition(&*error.into_cause()), Some(Disposition::Reject));
    }

    #[derive(Debug, thiserror::Error)]
    #[error("out of paper")]
    struct OutOfPaper;

    #[derive(Debug, thiserror::Error)]
    enum Inner {
        #[error(transparent)]
        Disposition(#[from] DispositionError),
    }

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error(transparent)]
        Inner(#[from] Inner),
        #[error(transparent)]
        Any(#[from] BoxError),
        #[error("the invoice was not printed")]
        Printing(#[source] Inner),
    }

    /// The disposition of an error that a receiver returns, and its text.
    fn outcome_of(error: impl Into<BoxError>) -> (Option<Disposition>, String) {
        let error = ReceiverError::Failed(error.into());
        (error.disposition(), events_support::error_chain::chain(&error))
    }

    const REJECTED: &str = "the receiver returned an error: rejected: out of paper";

    #[test]
    fn a_disposition_survives_transparent_errors_in_several_layers() {
        fn layers() -> Result<(), Outer> {
            fn inner() -> Result<(), Inner> {
                Err(reject(OutOfPaper))?;
                Ok(())
            }
            Ok(inner()?)
        }
        let rejected = (Some(Disposition::Reject), REJECTED.to_owned());
        assert_eq!(outcome_of(layers().unwrap_err()), rejected);
        assert_eq!(outcome_of(Outer::Any(reject(OutOfPaper).into())), rejected);
        assert_eq!(outcome_of(BoxError::from(reject(BoxError::from(OutOfPaper)))), rejected);
        assert_eq!(outcome_of(Outer::Printing(skip("none").into())).0, Some(Disposition::Skip));
    }

    #[test]
    fn a_disposition_survives_anyhow_with_contexts_on_either_side() {
        use anyhow::Context;

        fn layers() -> anyhow::Result<()> {
            fn inner() -> anyhow::Result<()> {
                Err(reject(OutOfPaper))?;
                Ok(())
            }
            inner()?;
            Ok(())
        }
        assert_eq!(outcome_of(layers().unwrap_err()), (Some(Disposition::Reject), REJECTED.to_owned()));
        for error in [
            layers().context("outside").unwrap_err(),
            layers().context("outside").context("further outside").unwrap_err(),
            reject(anyhow::Error::from(OutOfPaper).context("inside")).into(),
            anyhow::Error::from(reject(anyhow::Error::from(OutOfPaper).context("inside"))).context("outside"),
            Outer::from(Inner::from(reject(OutOfPaper))).into(),
            anyhow::Error::from_boxed(layers().unwrap_err().into()),
        ] {
            let (disposition, text) = outcome_of(error);
            assert_eq!(disposition, Some(Disposition::Reject), "{text}");
            assert_eq!(text.matches("out of paper").count(), 1, "{text}");
        }
    }

    #[test]
    fn a_disposition_survives_eyre_with_contexts_on_either_side() {
        use eyre::WrapErr;

        fn layers() -> eyre::Result<()> {
            fn inner() -> eyre::Result<()> {
                Err(reject(OutOfPaper))?;
                Ok(())
            }
            inner()?;
            Ok(())
        }
        assert_eq!(outcome_of(layers().unwrap_err()), (Some(Disposition::Reject), REJECTED.to_owned()));
        let inside = || eyre::Report::from(OutOfPaper).wrap_err("inside");
        for error in [
            layers().wrap_err("outside").wrap_err("further outside").unwrap_err(),
            reject(inside()).into(),
            eyre::Report::from(reject(inside())).wrap_err("outside"),
            Outer::from(Inner::from(reject(OutOfPaper))).into(),
            eyre::eyre!(BoxError::from(layers().unwrap_err())),
        ] {
            let (disposition, text) = outcome_of(error);
            assert_eq!(disposition, Some(Disposition::Reject), "{text}");
            assert_eq!(text.matches("out of paper").count(), 1, "{text}");
        }
        let mixed = anyhow::Error::from_boxed(layers().unwrap_err().into()).context("outside");
        assert_eq!(outcome_of(mixed).0, Some(Disposition::Reject));
    }

    #[test]
    fn the_cause_of_a_disposition_is_found_in_the_chain_of_sources() {
        let error = ReceiverError::Failed(anyhow::Error::from(reject(OutOfPaper)).into());
        assert!(sources(&error).any(<dyn Error>::is::<OutOfPaper>));
    }
}
