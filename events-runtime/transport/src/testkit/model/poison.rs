//! Which message ends the members that hold it.

/// The attempts of one message, and whether it is a poison candidate.
///
/// A lost member counts as an attempt only if it held nothing else: otherwise it is unknown which message caused
/// the loss. After [`CANDIDATE_AFTER`](Self::CANDIDATE_AFTER) losses among other messages, the message is a
/// candidate, which is delivered in isolation. If that member is lost too, this loss and the earlier ones count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Poison {
    attempts: u32,
    losses: u32,
    is_candidate: bool,
}

impl Poison {
    /// The number of losses among other messages that make a candidate.
    pub const CANDIDATE_AFTER: u32 = 2;

    /// The attempt of the next delivery.
    #[must_use]
    pub const fn next_attempt(&self) -> u32 {
        self.attempts + 1
    }

    /// Whether the message is delivered in isolation.
    #[must_use]
    pub const fn is_candidate(&self) -> bool {
        self.is_candidate
    }

    /// The delivery was returned by its member, as a counted attempt. The member survived it.
    pub const fn returned(&mut self) {
        *self = Self { attempts: self.attempts + 1, losses: 0, is_candidate: false };
    }

    /// The member was lost, and held only this message or others too.
    pub const fn lost(&mut self, alone: bool) {
        if alone || self.is_candidate {
            *self = Self { attempts: self.attempts + 1 + self.losses, losses: 0, is_candidate: true };
        } else {
            self.losses += 1;
            self.is_candidate = self.losses >= Self::CANDIDATE_AFTER;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_among_others_count_only_once_the_message_was_lost_alone() {
        let mut poison = Poison::default();
        let mut attempts = Vec::new();
        for alone in [false, false, true, true] {
            attempts.push((poison.next_attempt(), poison.is_candidate()));
            poison.lost(alone);
        }
        assert_eq!(attempts, [(1, false), (1, false), (1, true), (4, true)]);
        assert_eq!(poison.next_attempt(), 5);
    }

    #[test]
    fn a_member_that_returns_a_message_clears_it_of_suspicion() {
        let mut poison = Poison::default();
        poison.lost(false);
        poison.lost(false);
        poison.returned();
        assert_eq!((poison.next_attempt(), poison.is_candidate()), (2, false));
    }
}
