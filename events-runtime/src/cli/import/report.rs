//! What is said of a file: why it can't be imported, and what of it is not kept.

use std::fmt;

/// A place in a schema, such as `lines[].price`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place(String);

impl Place {
    pub(super) fn field(&self, name: &str) -> Self {
        Self(if self.0.is_empty() { name.to_owned() } else { format!("{}.{name}", self.0) })
    }

    pub(super) fn item(&self) -> Self {
        Self(format!("{}[]", self.0))
    }

    pub(super) fn value(&self) -> Self {
        Self(format!("{}{{}}", self.0))
    }

    pub(super) fn branch(&self, name: &str) -> Self {
        Self(format!("{}<{name}>", self.0))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the root" } else { &self.0 })
    }
}

/// The most places that a note names.
const SHOWN_PLACES: usize = 3;

/// All that is said of one file.
#[derive(Debug, Default)]
pub(super) struct Report {
    faults: Vec<(Place, String)>,
    notes: Vec<(String, Vec<Place>)>,
}

impl Report {
    /// A reason why the file can't be imported: what it is, and what to do.
    pub(super) fn fault(&mut self, place: &Place, what: impl Into<String>) {
        self.faults.push((place.clone(), what.into()));
    }

    /// What is not as the file has it; the same of several places is said once.
    pub(super) fn note(&mut self, place: &Place, what: impl Into<String>) {
        let what = what.into();
        match self.notes.iter_mut().find(|(known, _)| *known == what) {
            Some((_, places)) => places.push(place.clone()),
            None => self.notes.push((what, vec![place.clone()])),
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// The lines for standard error. Notes on a text that is not written are none.
    pub(super) fn lines(&self, file: &str) -> Vec<String> {
        if !self.is_sound() {
            let faults = self.faults.iter();
            return faults.map(|(place, what)| format!("error: {file}: {place}: {what}")).collect();
        }
        let notes = self.notes.iter().map(|(what, places)| {
            let shown: Vec<_> = places.iter().take(SHOWN_PLACES).map(ToString::to_string).collect();
            let more = places.len().saturating_sub(SHOWN_PLACES);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("note: {file}: {}{more}: {what}", shown.join(", "))
        });
        notes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_paths_of_fields_items_values_and_branches() {
        let root = Place::default();
        assert_eq!(root.to_string(), "the root");
        assert_eq!(root.field("lines").item().field("price").to_string(), "lines[].price");
        assert_eq!(root.field("by_name").value().branch("Card").to_string(), "by_name{}<Card>");
    }

    #[test]
    fn the_same_note_of_several_places_is_one_line() {
        let mut report = Report::default();
        let root = Place::default();
        for field in ["a", "b", "c", "d", "e"] {
            report.note(&root.field(field), "is not kept");
        }
        report.note(&root, "is something else");
        let lines =
            ["note: x.avsc: a, b, c and 2 more: is not kept", "note: x.avsc: the root: is something else"];
        assert_eq!(report.lines("x.avsc"), lines);
    }

    #[test]
    fn a_faulty_file_has_faults_alone() {
        let mut report = Report::default();
        report.note(&Place::default(), "is not kept");
        report.fault(&Place::default().field("a"), "is no type");
        assert!(!report.is_sound());
        assert_eq!(report.lines("x.avsc"), ["error: x.avsc: a: is no type"]);
    }
}
