//! Selects dead letters by position, id, event type or reason.

use super::super::failure::Failure;
use super::super::output::one_line;
use super::args::{Filter, Selection};
use events_bus::bus::DeadLetter;

/// Whether `id` is the position or the event id of a dead letter.
pub(super) fn has_id(dead_letter: &DeadLetter, id: &str) -> bool {
    dead_letter.position().to_string() == id
        || dead_letter.id().is_some_and(|own| own.eq_ignore_ascii_case(id))
}

/// The requested positions and ids that have not been found yet.
pub(super) struct MissingIds<'a>(Vec<&'a str>);

impl<'a> MissingIds<'a> {
    pub(super) fn new(ids: &'a [String]) -> Self {
        Self(ids.iter().map(String::as_str).collect())
    }

    pub(super) fn remove_found(&mut self, dead_letter: &DeadLetter) {
        self.0.retain(|id| !has_id(dead_letter, id));
    }

    /// Fails if a requested dead letter was not found.
    pub(super) fn check_none(self) -> Result<(), Failure> {
        if self.0.is_empty() {
            return Ok(());
        }
        let missing: Vec<_> = self.0.iter().map(|id| format!("`{}`", one_line(id))).collect();
        Err(Failure::failed(format!(
            "no dead letter {}: it may have been retried or dropped; `dlq list` lists positions and ids",
            missing.join(", ")
        )))
    }
}

impl Filter {
    pub(super) fn matches(&self, dead_letter: &DeadLetter) -> bool {
        matches(dead_letter, self.event_type.as_deref(), self.reason.as_deref())
    }
}

impl Selection {
    pub(super) fn matches(&self, dead_letter: &DeadLetter) -> bool {
        if self.ids.is_empty() {
            matches(dead_letter, self.event_type.as_deref(), self.reason.as_deref())
        } else {
            self.ids.iter().any(|id| has_id(dead_letter, id))
        }
    }
}

fn matches(dead_letter: &DeadLetter, event_type: Option<&str>, reason: Option<&str>) -> bool {
    event_type.is_none_or(|event_type| dead_letter.event_type() == Some(event_type))
        && reason.is_none_or(|text| {
            dead_letter.reason().into_iter().chain(dead_letter.causes()).any(|own| own.contains(text))
        })
}
