//! Which dead letters a command means.

use super::super::failure::Failure;
use super::super::output::one_line;
use super::args::{Filter, Selection};
use crate::bus::DeadLetter;

/// Whether a text is this letter's position or id.
pub(super) fn names(letter: &DeadLetter, text: &str) -> bool {
    letter.position().to_string() == text || letter.id().is_some_and(|id| id.eq_ignore_ascii_case(text))
}

/// The texts that are to name letters, and which of them do.
pub(super) struct Names<'a> {
    unseen: Vec<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn new(which: &'a [String]) -> Self {
        Self { unseen: which.iter().map(String::as_str).collect() }
    }

    pub(super) fn see(&mut self, letter: &DeadLetter) {
        self.unseen.retain(|text| !names(letter, text));
    }

    /// Fails where a text names none of the letters.
    pub(super) fn all_seen(self) -> Result<(), Failure> {
        if self.unseen.is_empty() {
            return Ok(());
        }
        let unknown: Vec<_> = self.unseen.iter().map(|text| format!("`{}`", one_line(text))).collect();
        Err(Failure::failed(format!(
            "there is no dead letter {}: `dlq list` shows the positions and ids; one that was dealt with is gone",
            unknown.join(", ")
        )))
    }
}

impl Filter {
    pub(super) fn takes(&self, letter: &DeadLetter) -> bool {
        passes(letter, self.event_type.as_deref(), self.reason.as_deref())
    }
}

impl Selection {
    pub(super) fn takes(&self, letter: &DeadLetter) -> bool {
        if self.which.is_empty() {
            passes(letter, self.event_type.as_deref(), self.reason.as_deref())
        } else {
            self.which.iter().any(|text| names(letter, text))
        }
    }
}

fn passes(letter: &DeadLetter, event_type: Option<&str>, reason: Option<&str>) -> bool {
    event_type.is_none_or(|event_type| letter.event_type() == Some(event_type))
        && reason.is_none_or(|text| {
            letter.reason().into_iter().chain(letter.causes()).any(|said| said.contains(text))
        })
}
