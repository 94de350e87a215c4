//! What can be wrong with the definitions of a program.

use std::fmt;
use std::sync::Arc;

use super::Descriptor;
use crate::hub::linked::LinkedReceiver;

/// What is wrong with the definitions of a program. Cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Event types with two definitions, or receivers of one signal with one name.
    #[error("registry: {}", List(duplicates))]
    Duplicates {
        /// Each pair.
        duplicates: Arc<[Duplicate]>,
    },
    /// Event types that are expected and not there.
    #[error(
        "registry: {}; {known} event types are linked: name the defining crate in code, such as `events_runtime::link!(my_events);`",
        List(missing)
    )]
    NotLinked {
        /// Each event type.
        missing: Arc<[NotLinked]>,
        /// How many event types are there.
        known: usize,
    },
}

/// Two definitions where one may be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Duplicate {
    /// What they share, such as the words "event type" and its text.
    pub what: String,
    /// The first one.
    pub first: Definition,
    /// The other one.
    pub second: Definition,
}

/// A place in the source.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Definition {
    /// The Rust item, with its module where it is known.
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

/// An event type that is expected and not there.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NotLinked {
    /// The event type.
    pub event_type: String,
    /// The known event types nearest to it, the nearest first; at most three.
    pub nearest: Vec<&'static str>,
}

impl NotLinked {
    pub(super) fn new(event_type: &str, known: impl Iterator<Item = Descriptor>) -> Self {
        /// Below it two event types share little but their first parts.
        const ALIKE: f64 = 0.7;
        let mut near: Vec<_> = known
            .map(|descriptor| descriptor.event_type())
            .map(|known| (strsim::normalized_damerau_levenshtein(event_type, known), known))
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .collect();
        near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        near.truncate(3);
        Self {
            event_type: event_type.to_owned(),
            nearest: near.into_iter().map(|(_, known)| known).collect(),
        }
    }
}

impl fmt::Display for NotLinked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event type `{}` is expected and not linked", self.event_type)?;
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

/// Faults in one line.
struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            let mark = if at == 0 { "" } else { "; " };
            write!(f, "{mark}{fault}")?;
        }
        Ok(())
    }
}
