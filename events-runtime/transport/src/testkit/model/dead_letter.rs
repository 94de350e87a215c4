//! A message that moves between its topic and the dead-letter topic.

/// The copies of one message: in its topic, unsettled, and in the dead-letter topic.
///
/// A move has two steps, store and settle, since the topics may be on different servers. A crash between them
/// leaves two copies of one id: a duplicate, and never a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetter {
    /// The copies in the topic that its group has not settled.
    pub originals: u32,
    /// The copies in the dead-letter topic that are not removed.
    pub letters: u32,
}

/// How far a move came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steps {
    /// It crashed before it stored the copy.
    None,
    /// It crashed between the steps.
    Stored,
    /// It completed.
    Settled,
}

impl Default for DeadLetter {
    /// A message that was sent.
    fn default() -> Self {
        Self { originals: 1, letters: 0 }
    }
}

impl DeadLetter {
    /// The group rejects one copy. Nothing happens if there is none.
    pub fn reject(&mut self, steps: Steps) {
        advance(&mut self.originals, &mut self.letters, steps);
    }

    /// One dead letter is sent to its topic again. Nothing happens if there is none.
    pub fn retry(&mut self, steps: Steps) {
        advance(&mut self.letters, &mut self.originals, steps);
    }

    /// One dead letter is removed.
    pub const fn discard(&mut self) {
        self.letters = self.letters.saturating_sub(1);
    }

    /// Whether the message can still be received or listed.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.originals + self.letters > 0
    }
}

/// Stores first, then settles.
fn advance(source: &mut u32, target: &mut u32, steps: Steps) {
    if *source > 0 && steps != Steps::None {
        *target += 1;
        if steps == Steps::Settled {
            *source -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_crash_of_a_move_loses_a_message() {
        for first in [Steps::None, Steps::Stored, Steps::Settled] {
            for second in [Steps::None, Steps::Stored, Steps::Settled] {
                let mut letter = DeadLetter::default();
                letter.reject(first);
                letter.retry(second);
                assert!(letter.is_kept(), "{first:?}, {second:?}: {letter:?}");
            }
        }
    }
}
