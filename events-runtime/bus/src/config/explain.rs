//! Explains where each value comes from.

use std::collections::BTreeMap;
use std::fmt;

use super::source::Source;

/// A setting with its value and source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The key, as TOML writes it.
    pub key: String,
    /// The value as text; passwords are masked.
    pub value: String,
    /// The source of the value.
    pub source: Source,
    /// Additional information: the absolute path of a relative one.
    pub note: Option<String>,
}

/// All settings of a configuration; displayed as a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    settings: Vec<Explained>,
    /// The source of each table, for problems with the table itself.
    tables: BTreeMap<String, Source>,
}

impl Explanation {
    pub(super) fn push(&mut self, key: String, value: String, source: Source) {
        self.push_noted(key, value, source, None);
    }

    pub(super) fn push_noted(&mut self, key: String, value: String, source: Source, note: Option<String>) {
        self.settings.push(Explained { key, value, source, note });
    }

    pub(super) fn push_table(&mut self, key: String, source: Source) {
        self.tables.insert(key, source);
    }

    /// The settings, in the order of the tables.
    pub fn iter(&self) -> std::slice::Iter<'_, Explained> {
        self.settings.iter()
    }

    /// The setting of a key, such as `bus.url`.
    pub fn get(&self, key: &str) -> Option<&Explained> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// The source of a key or a table; [`Source::Default`] if it is not set.
    pub(crate) fn source_of(&self, key: &str) -> Source {
        let written = self.get(key).map(|setting| &setting.source).or_else(|| self.tables.get(key));
        written.cloned().unwrap_or(Source::Default)
    }
}

impl<'a> IntoIterator for &'a Explanation {
    type Item = &'a Explained;
    type IntoIter = std::slice::Iter<'a, Explained>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |text: fn(&Explained) -> &str| {
            let lengths = self.settings.iter().map(|s| text(s).chars().count());
            lengths.max().unwrap_or_default()
        };
        let (keys, values) = (width(|s| &s.key), width(|s| &s.value));
        for (at, Explained { key, value, source, note }) in self.settings.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{key:keys$}  {value:values$}  {source}")?;
            if let Some(note) = note {
                write!(f, "  ({note})")?;
            }
        }
        Ok(())
    }
}
