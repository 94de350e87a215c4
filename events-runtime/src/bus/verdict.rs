//! What becomes of an event whose receivers disagree; [`Disposition`] says in which order, and why.

use super::error::{InboundError, ReceiverFailure};
use super::retry::Pause;
use crate::receiver::Disposition;

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
