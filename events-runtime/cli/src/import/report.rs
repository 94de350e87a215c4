//! The errors and notes of a file.

use std::fmt;

/// A path in a schema, such as `lines[].price`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SchemaPath(String);

impl SchemaPath {
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

impl fmt::Display for SchemaPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the root" } else { &self.0 })
    }
}

/// Maximum number of paths in a note.
const MAX_PATHS: usize = 3;

/// The errors and notes of a file.
#[derive(Debug, Default)]
pub(super) struct Report {
    errors: Vec<(SchemaPath, String)>,
    notes: Vec<(String, Vec<SchemaPath>)>,
}

impl Report {
    /// Adds an error, which prevents the import.
    pub(super) fn error(&mut self, path: &SchemaPath, what: impl Into<String>) {
        self.errors.push((path.clone(), what.into()));
    }

    /// Adds a note about a difference to the file. The same note for several paths is printed once.
    pub(super) fn note(&mut self, path: &SchemaPath, what: impl Into<String>) {
        let what = what.into();
        match self.notes.iter_mut().find(|(other, _)| *other == what) {
            Some((_, paths)) => paths.push(path.clone()),
            None => self.notes.push((what, vec![path.clone()])),
        }
    }

    pub(super) fn is_ok(&self) -> bool {
        self.errors.is_empty()
    }

    /// The lines for standard error: the errors, or the notes if there are no errors.
    pub(super) fn lines(&self, file: &str) -> Vec<String> {
        if !self.is_ok() {
            let errors = self.errors.iter();
            return errors.map(|(path, what)| format!("error: {file}: {path}: {what}")).collect();
        }
        let notes = self.notes.iter().map(|(what, paths)| {
            let first: Vec<_> = paths.iter().take(MAX_PATHS).map(ToString::to_string).collect();
            let more = paths.len().saturating_sub(MAX_PATHS);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("note: {file}: {}{more}: {what}", first.join(", "))
        });
        notes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_fields_items_values_and_branches() {
        let root = SchemaPath::default();
        assert_eq!(root.to_string(), "the root");
        assert_eq!(root.field("lines").item().field("price").to_string(), "lines[].price");
        assert_eq!(root.field("by_name").value().branch("Card").to_string(), "by_name{}<Card>");
    }

    #[test]
    fn same_note_for_several_paths_is_one_line() {
        let mut report = Report::default();
        let root = SchemaPath::default();
        for field in ["a", "b", "c", "d", "e"] {
            report.note(&root.field(field), "is dropped");
        }
        report.note(&root, "is renamed");
        let lines = ["note: x.avsc: a, b, c and 2 more: is dropped", "note: x.avsc: the root: is renamed"];
        assert_eq!(report.lines("x.avsc"), lines);
    }

    #[test]
    fn errors_suppress_notes() {
        let mut report = Report::default();
        report.note(&SchemaPath::default(), "is dropped");
        report.error(&SchemaPath::default().field("a"), "is not a type");
        assert!(!report.is_ok());
        assert_eq!(report.lines("x.avsc"), ["error: x.avsc: a: is not a type"]);
    }
}
