//! Errors of the definitions that are linked into a program.

use std::fmt;
use std::sync::Arc;

use super::Descriptor;
use crate::hub::linked::LinkedReceiver;

/// The definitions of a program conflict, or expected ones are not linked. Cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Event types with two definitions, or receivers of one signal with one name.
    #[error("registry: {}", List(duplicates))]
    Duplicates {
        /// Each pair.
        duplicates: Arc<[Duplicate]>,
    },
    /// Expected event types are not linked.
    #[error(
        "registry: {}; {}: name the defining crate in code, such as `events_runtime::link!(my_events);`",
        List(missing),
        linked_count(*known)
    )]
    NotLinked {
        /// Each event type.
        missing: Arc<[NotLinked]>,
        /// The number of linked event types.
        known: usize,
    },
}

/// Two definitions of one thing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Duplicate {
    /// What both define, such as an event type, in words.
    pub what: String,
    /// The first one.
    pub first: Definition,
    /// The other one.
    pub second: Definition,
}

/// Where something is defined in the source.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Definition {
    /// The Rust item, with its module if known.
    pub item: &'static str,
    /// The file.
    pub file: &'static str,
    /// The line.
    pub line: u32,
}

impl Duplicate {
    pub(super) fn event_type(first: Descriptor, second: Descriptor) -> Self {
        let definition = |descriptor: Descriptor| Definition {
            item: descriptor.rust_type(),
            file: descriptor.file(),
            line: descriptor.line(),
        };
        Self {
            what: format!("event type `{}`", first.event_type()),
            first: definition(first),
            second: definition(second),
        }
    }

    pub(super) fn receiver(first: &LinkedReceiver, second: &LinkedReceiver) -> Self {
        let definition = |receiver: &LinkedReceiver| Definition {
            item: receiver.name,
            file: receiver.file,
            line: receiver.line,
        };
        Self {
            what: format!("receiver `{}` of event type `{}`", first.name, first.event_type()),
            first: definition(first),
            second: definition(second),
        }
    }
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, first, second } = self;
        write!(f, "{what} is defined twice: {first} and {second}; rename one of them")
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at {}:{}", self.item, self.file, self.line)
    }
}

/// An expected event type that is not linked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NotLinked {
    /// The event type.
    pub event_type: String,
    /// The most similar linked event types, at most three, most similar first.
    pub nearest: Vec<&'static str>,
}

impl NotLinked {
    pub(super) fn new(event_type: &str, known: impl Iterator<Item = Descriptor>) -> Self {
        /// Two event types below this similarity share little but their first parts.
        const MIN_SIMILARITY: f64 = 0.7;
        let mut nearest: Vec<_> = known
            .map(|descriptor| descriptor.event_type())
            .map(|known| (strsim::normalized_damerau_levenshtein(event_type, known), known))
            .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
            .collect();
        nearest.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        nearest.truncate(3);
        Self {
            event_type: event_type.to_owned(),
            nearest: nearest.into_iter().map(|(_, known)| known).collect(),
        }
    }
}

impl fmt::Display for NotLinked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected event type `{}` is not linked", self.event_type)?;
        let mut mark = ", did you mean";
        for known in &self.nearest {
            write!(f, "{mark} `{known}`")?;
            mark = " or";
        }
        if !self.nearest.is_empty() {
            f.write_str("?")?;
        }
        Ok(())
    }
}

fn linked_count(known: usize) -> String {
    match known {
        1 => "1 event type is linked".to_owned(),
        _ => format!("{known} event types are linked"),
    }
}

/// A list in one line.
struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, item) in self.0.iter().enumerate() {
            let mark = if at == 0 { "" } else { "; " };
            write!(f, "{mark}{item}")?;
        }
        Ok(())
    }
}
