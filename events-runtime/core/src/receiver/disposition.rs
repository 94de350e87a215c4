//! What an error says should become of its event.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::{BoxError, ReceiverError};
use events_support::error_chain::sources;

/// What should become of an event that a receiver failed to take from the bus.
///
/// A receiver says so by its error, made by [`retry`], [`retry_after`], [`reject`] or [`skip`]. An
/// error without one is a failure like any other: the event comes again after the consumer's own
/// pause, until its attempts are used up.
///
/// A receiver speaks for itself alone. Where several receivers of one event disagree, the event
/// goes the way that takes it from none of them:
///
/// 1. one that failed plainly or asked for a retry gets its further attempts, whatever the others
///    say; a retry hands the event to every receiver again;
/// 2. of the rest, one that rejects sends the event to the dead letters, where it can be repaired
///    and sent again, which passing it over would prevent;
/// 3. the event is passed over where all that failed say so.
///
/// In the process, where nothing is delivered again, it means nothing:
/// [`Response::result`](crate::Response::result) holds the error as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disposition {
    /// Another attempt may succeed. Attempts are counted and end at the consumer's maximum.
    Retry {
        /// How long to wait for it; the consumer's own pause where nothing is said. Of several
        /// receivers, the longest pause counts.
        after: Option<Duration>,
    },
    /// No attempt can succeed: a dead letter at once.
    Reject,
    /// The event is of no use here: acknowledged and counted.
    Skip,
}

/// An error that says what should become of its event.
///
/// It is found in the chain of sources too, so that it may stand below an error of your own, within
/// an `anyhow::Error` or an `eyre::Report`, or in a variant that is `#[error(transparent)]`; the
/// outermost counts. As the context of another error, `.context(reject("…"))`, it is a text only and
/// says nothing: `anyhow` and `eyre` keep contexts out of the chain of sources.
///
/// Its [`source`](Error::source) has the cause's text, and the cause itself as its own source.
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
/// assert_eq!(error.to_string(), "not to be tried again");
/// assert_eq!(error.source().unwrap().to_string(), "invalid digit found in string");
/// ```
#[derive(Debug)]
pub struct DispositionError {
    told: Told,
}

/// What stands behind a [`DispositionError`] in the chain of sources, and says the same.
///
/// `anyhow`, `eyre` and `#[error(transparent)]` put an error of their own in an error's place and
/// show only what is behind it. Its text is the cause's.
#[derive(Debug)]
struct Told {
    disposition: Disposition,
    cause: BoxError,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.cause, f)
    }
}

impl Error for Told {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

impl DispositionError {
    /// An error that says what should become of its event.
    pub fn new(disposition: Disposition, cause: impl Into<BoxError>) -> Self {
        Self { told: Told { disposition, cause: cause.into() } }
    }

    /// What should become of the event.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.told.disposition
    }

    /// The error without what it says of the event.
    #[must_use]
    pub fn into_cause(self) -> BoxError {
        self.told.cause
    }
}

impl fmt::Display for DispositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.told.disposition {
            Disposition::Retry { after: None } => f.write_str("to be tried again"),
            Disposition::Retry { after: Some(after) } => write!(f, "to be tried again after {after:?}"),
            Disposition::Reject => f.write_str("not to be tried again"),
            Disposition::Skip => f.write_str("to be passed over"),
        }
    }
}

impl Error for DispositionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.told)
    }
}

/// Another attempt may succeed, after the consumer's own pause.
///
/// That is what an error says by itself; this overrules what stands below it.
#[doc(alias = "nack")]
pub fn retry(cause: impl Into<BoxError>) -> DispositionError {
    DispositionError::new(Disposition::Retry { after: None }, cause)
}

/// Another attempt may succeed, but not before this time has passed.
pub fn retry_after(cause: impl Into<BoxError>, after: Duration) -> DispositionError {
    DispositionError::new(Disposition::Retry { after: Some(after) }, cause)
}

/// No attempt can succeed: a dead letter at once.
#[doc(alias("nack", "dlq"))]
pub fn reject(cause: impl Into<BoxError>) -> DispositionError {
    DispositionError::new(Disposition::Reject, cause)
}

/// The event is of no use here: it is acknowledged and counted.
#[doc(alias("ignore", "drop"))]
pub fn skip(cause: impl Into<BoxError>) -> DispositionError {
    DispositionError::new(Disposition::Skip, cause)
}

/// What an error, or an error behind it, says should become of its event.
#[must_use]
pub fn disposition(error: &(dyn Error + 'static)) -> Option<Disposition> {
    sources(error).find_map(|error| {
        let outer = error.downcast_ref().map(DispositionError::disposition);
        outer.or_else(|| error.downcast_ref::<Told>().map(|told| told.disposition))
    })
}

impl ReceiverError {
    /// What the receiver's error says should become of the event.
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
        assert_eq!(error.to_string(), "to be tried again after 5s");
        assert_eq!(disposition(&*error.into_cause()), Some(Disposition::Reject));
    }

    #[derive(Debug, thiserror::Error)]
    #[error("out of paper")]
    struct OutOfPaper;

    #[derive(Debug, thiserror::Error)]
    enum Inner {
        #[error(transparent)]
        Said(#[from] DispositionError),
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

    /// What a receiver that returns this error says of its event, and its text.
    fn said(error: impl Into<BoxError>) -> (Option<Disposition>, String) {
        let error = ReceiverError::Failed(error.into());
        (error.disposition(), events_support::error_chain::chain(&error))
    }

    const REJECTED: &str = "the receiver returned an error: not to be tried again: out of paper";

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
        assert_eq!(said(layers().unwrap_err()), rejected);
        assert_eq!(said(Outer::Any(reject(OutOfPaper).into())), rejected);
        assert_eq!(said(BoxError::from(reject(BoxError::from(OutOfPaper)))), rejected);
        assert_eq!(said(Outer::Printing(skip("none").into())).0, Some(Disposition::Skip));
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
        assert_eq!(said(layers().unwrap_err()), (Some(Disposition::Reject), REJECTED.to_owned()));
        for error in [
            layers().context("outside").unwrap_err(),
            layers().context("outside").context("further outside").unwrap_err(),
            reject(anyhow::Error::from(OutOfPaper).context("inside")).into(),
            anyhow::Error::from(reject(anyhow::Error::from(OutOfPaper).context("inside"))).context("outside"),
            Outer::from(Inner::from(reject(OutOfPaper))).into(),
            anyhow::Error::from_boxed(layers().unwrap_err().into()),
        ] {
            let (disposition, text) = said(error);
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
        assert_eq!(said(layers().unwrap_err()), (Some(Disposition::Reject), REJECTED.to_owned()));
        let inside = || eyre::Report::from(OutOfPaper).wrap_err("inside");
        for error in [
            layers().wrap_err("outside").wrap_err("further outside").unwrap_err(),
            reject(inside()).into(),
            eyre::Report::from(reject(inside())).wrap_err("outside"),
            Outer::from(Inner::from(reject(OutOfPaper))).into(),
            eyre::eyre!(BoxError::from(layers().unwrap_err())),
        ] {
            let (disposition, text) = said(error);
            assert_eq!(disposition, Some(Disposition::Reject), "{text}");
            assert_eq!(text.matches("out of paper").count(), 1, "{text}");
        }
        let mixed = anyhow::Error::from_boxed(layers().unwrap_err().into()).context("outside");
        assert_eq!(said(mixed).0, Some(Disposition::Reject));
    }

    #[test]
    fn the_cause_of_a_disposition_is_found_in_the_chain_of_sources() {
        let error = ReceiverError::Failed(anyhow::Error::from(reject(OutOfPaper)).into());
        assert!(sources(&error).any(<dyn Error>::is::<OutOfPaper>));
    }
}
