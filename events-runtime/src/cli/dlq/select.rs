//! Which dead letters a command means.

use super::super::failure::Failure;
use super::super::output::one_line;
use super::args::{Filter, Selection};
use crate::bus::DeadLetter;

/// Whether a text is this letter's position or id.
pub(super) fn names(letter: &DeadLetter, text: &str) -> bool {
    letter.position().to_string() == text || letter.id().is_some_and(|id| id.eq_ignore_ascii_case(text))
}

/// Fails where a text names none of the letters.
pub(super) fn all_named(letters: &[DeadLetter], which: &[String]) -> Result<(), Failure> {
    let unknown: Vec<_> = which
        .iter()
        .filter(|text| !letters.iter().any(|letter| names(letter, text)))
        .map(|text| format!("`{}`", one_line(text)))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "there is no dead letter {}: `dlq list` shows the positions and ids; one that was dealt with is gone",
        unknown.join(", ")
    )))
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
