//! Validated names: topics, consumer groups, the topic prefix, transports.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The longest topic name, Kafka's limit.
const TOPIC_MAX: usize = 249;
/// The longest name of a group or prefix, so that a dead-letter topic of ordinary names fits.
const NAME_MAX: usize = 100;
/// How the names of topics of dead letters end.
const DEAD_LETTERS: &str = ".dlq";

/// The reason why a text is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name has no characters.
    #[error("the {what} is empty: give it at least one character")]
    Empty {
        /// What was to be named.
        what: &'static str,
    },
    /// The name is longer than any transport takes.
    #[error("the {what} `{name}` has {len} characters: {max} is the most")]
    TooLong {
        /// What was to be named.
        what: &'static str,
        /// The name.
        name: String,
        /// Its length in bytes.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// A character that some transport can't hold in a name.
    #[error("the {what} `{name}` holds {found:?}: use letters, digits, `.`, `_` and `-`")]
    Character {
        /// What was to be named.
        what: &'static str,
        /// The name.
        name: String,
        /// The first offending character.
        found: char,
    },
    /// `.` or `..`, which Kafka reserves.
    #[error("the {what} can't be `{name}`: `.` and `..` are reserved")]
    Reserved {
        /// What was to be named.
        what: &'static str,
        /// The name.
        name: String,
    },
}

fn check(what: &'static str, name: &str, max: usize) -> Result<(), NameError> {
    let owned = || name.to_owned();
    if name.is_empty() {
        return Err(NameError::Empty { what });
    }
    if let Some(found) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-')) {
        return Err(NameError::Character { what, name: owned(), found });
    }
    if name.len() > max {
        return Err(NameError::TooLong { what, name: owned(), len: name.len(), max });
    }
    if name == "." || name == ".." {
        return Err(NameError::Reserved { what, name: owned() });
    }
    Ok(())
}

macro_rules! name {
    ($type:ident, $what:literal, $max:expr) => {
        impl $type {
            /// Checks a name.
            ///
            /// # Errors
            /// A [`NameError`] that says which rule the name breaks.
            pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
                let name = name.into();
                check($what, &name, $max)?;
                Ok(Self(name.into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl TryFrom<&str> for $type {
            type Error = NameError;

            fn try_from(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(name: String) -> Result<Self, NameError> {
                Self::new(name)
            }
        }
    };
}

/// The name of a topic: 1 to 249 ASCII letters, digits, `.`, `_`, `-`; not `.` or `..`.
///
/// A transport is given full names. Configuration and commands speak of base names, which
/// [`with_prefix`](Self::with_prefix) turns into full ones.
#[doc(alias("channel", "stream", "subject", "queue"))]
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(std::sync::Arc<str>);

name!(Topic, "topic", TOPIC_MAX);

impl Topic {
    /// The full name of this base name: `<prefix>-<base>`, or the base name where there is no prefix.
    ///
    /// # Errors
    /// [`NameError::TooLong`] where the two together pass 249 characters.
    pub fn with_prefix(&self, prefix: Option<&TopicPrefix>) -> Result<Self, NameError> {
        match prefix {
            Some(prefix) => Self::new(format!("{prefix}-{self}")),
            None => Ok(self.clone()),
        }
    }

    /// The base name of this full name; `None` where it does not begin with `<prefix>-`.
    #[must_use]
    pub fn without_prefix(&self, prefix: Option<&TopicPrefix>) -> Option<Self> {
        let Some(prefix) = prefix else {
            return Some(self.clone());
        };
        let base = self.0.strip_prefix(prefix.as_str())?.strip_prefix('-')?;
        Self::new(base).ok()
    }

    /// Where a group's rejected messages of this topic go: `<topic>.<group>.dlq`.
    ///
    /// # Errors
    /// [`NameError::TooLong`] where that passes 249 characters.
    #[doc(alias = "dlq")]
    pub fn dead_letter(&self, group: &ConsumerGroup) -> Result<Self, NameError> {
        Self::new(format!("{self}.{group}{DEAD_LETTERS}"))
    }

    /// Whether the name is one that [`dead_letter`](Self::dead_letter) makes: it ends in `.dlq`. Such a
    /// topic keeps its messages unless its own retention says otherwise.
    #[must_use]
    pub fn holds_dead_letters(&self) -> bool {
        self.0.ends_with(DEAD_LETTERS)
    }
}

/// The name of a consumer group: 1 to 100 ASCII letters, digits, `.`, `_`, `-`.
///
/// Each group gets every message of a topic; the members of one group share them.
#[doc(alias("subscription", "durable"))]
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConsumerGroup(std::sync::Arc<str>);

name!(ConsumerGroup, "consumer group", NAME_MAX);

/// What stands before every topic of an environment, such as `dev`: 1 to 100 characters as in a
/// topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPrefix(std::sync::Arc<str>);

name!(TopicPrefix, "topic prefix", NAME_MAX);

/// The name of a transport, by which routes and consumers select it: 1 to 100 characters as in a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransportName(std::sync::Arc<str>);

name!(TransportName, "name of a transport", NAME_MAX);

impl TransportName {
    /// The name of the transport that is used unless another one is selected.
    pub const DEFAULT: &'static str = "bus";

    /// Whether this is [`DEFAULT`](Self::DEFAULT).
    #[must_use]
    pub fn is_default(&self) -> bool {
        &*self.0 == Self::DEFAULT
    }

    /// The name, unless it is [`DEFAULT`](Self::DEFAULT).
    #[must_use]
    pub fn named(&self) -> Option<&str> {
        (!self.is_default()).then_some(&*self.0)
    }
}

impl Default for TransportName {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_which_rule_it_breaks() {
        assert_eq!(Topic::new("").unwrap_err(), NameError::Empty { what: "topic" });
        assert_eq!(
            Topic::new("or ders").unwrap_err().to_string(),
            "the topic `or ders` holds ' ': use letters, digits, `.`, `_` and `-`"
        );
        assert!(matches!(Topic::new(".."), Err(NameError::Reserved { .. })));
        assert!(matches!(Topic::new("a".repeat(250)), Err(NameError::TooLong { len: 250, .. })));
        assert!(Topic::new("a".repeat(249)).is_ok());
        assert!(matches!(ConsumerGroup::new("a".repeat(101)), Err(NameError::TooLong { .. })));
    }

    #[test]
    fn a_prefix_is_put_on_and_taken_off() {
        let prefix = TopicPrefix::new("dev").unwrap();
        let full = Topic::new("orders").unwrap().with_prefix(Some(&prefix)).unwrap();
        assert_eq!(full.as_str(), "dev-orders");
        assert_eq!(full.without_prefix(Some(&prefix)).unwrap().as_str(), "orders");
        assert_eq!(Topic::new("development-x").unwrap().without_prefix(Some(&prefix)), None);
        assert_eq!(full.with_prefix(None).unwrap(), full);
    }
}
