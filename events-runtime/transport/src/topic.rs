//! Validated names: topics, consumer groups, topic prefixes, transports.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The longest topic name, Kafka's limit.
const TOPIC_MAX: usize = 249;
/// The longest name of a group or prefix; leaves room for the name of a dead-letter topic.
const NAME_MAX: usize = 100;
/// The suffix of dead-letter topics.
const DEAD_LETTERS: &str = ".dlq";

/// A text is not a valid name of a topic, a consumer group, a prefix or a transport.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name is empty.
    #[error("the {what} is empty: use at least one character")]
    Empty {
        /// What was to be named.
        what: &'static str,
    },
    /// The name is too long.
    #[error("the {what} `{name}` has {len} characters: use at most {max}")]
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
    /// The name contains a character that some transport does not support.
    #[error("the {what} `{name}` contains {found:?}: use letters, digits, `.`, `_` and `-`")]
    Character {
        /// What was to be named.
        what: &'static str,
        /// The name.
        name: String,
        /// The first invalid character.
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
            /// Validates a name.
            ///
            /// # Errors
            /// A [`NameError`] that names the violated rule.
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
/// Transports use full names. The configuration and the commands use base names, from which
/// [`with_prefix`](Self::with_prefix) makes full names.
#[doc(alias("channel", "stream", "subject", "queue"))]
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(std::sync::Arc<str>);

name!(Topic, "topic", TOPIC_MAX);

impl Topic {
    /// The full name of this base name: `<prefix>-<base>`, or the base name if there is no prefix.
    ///
    /// # Errors
    /// [`NameError::TooLong`] if the full name has more than 249 characters.
    pub fn with_prefix(&self, prefix: Option<&TopicPrefix>) -> Result<Self, NameError> {
        match prefix {
            Some(prefix) => Self::new(format!("{prefix}-{self}")),
            None => Ok(self.clone()),
        }
    }

    /// The base name of this full name; `None` if it does not begin with `<prefix>-`.
    #[must_use]
    pub fn without_prefix(&self, prefix: Option<&TopicPrefix>) -> Option<Self> {
        let Some(prefix) = prefix else {
            return Some(self.clone());
        };
        let base = self.0.strip_prefix(prefix.as_str())?.strip_prefix('-')?;
        Self::new(base).ok()
    }

    /// The dead-letter topic of a group: `<topic>.<group>.dlq`.
    ///
    /// # Errors
    /// [`NameError::TooLong`] if that has more than 249 characters.
    #[doc(alias = "dlq")]
    pub fn dead_letter(&self, group: &ConsumerGroup) -> Result<Self, NameError> {
        Self::new(format!("{self}.{group}{DEAD_LETTERS}"))
    }

    /// Whether this is a dead-letter topic by its name, which ends in `.dlq`. Such a topic keeps its messages
    /// unless it has a retention of its own.
    #[must_use]
    pub fn holds_dead_letters(&self) -> bool {
        self.0.ends_with(DEAD_LETTERS)
    }
}

/// The name of a consumer group: 1 to 100 ASCII letters, digits, `.`, `_`, `-`.
///
/// Each group gets every message of a topic; the members of a group share the messages.
#[doc(alias("subscription", "durable"))]
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConsumerGroup(std::sync::Arc<str>);

name!(ConsumerGroup, "consumer group", NAME_MAX);

/// The prefix of all topics of an environment, such as `dev`: 1 to 100 ASCII letters, digits, `.`, `_`, `-`.
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
    fn an_invalid_name_is_an_error_that_names_the_rule() {
        assert_eq!(Topic::new("").unwrap_err(), NameError::Empty { what: "topic" });
        assert_eq!(
            Topic::new("or ders").unwrap_err().to_string(),
            "the topic `or ders` contains ' ': use letters, digits, `.`, `_` and `-`"
        );
        assert!(matches!(Topic::new(".."), Err(NameError::Reserved { .. })));
        assert!(matches!(Topic::new("a".repeat(250)), Err(NameError::TooLong { len: 250, .. })));
        assert!(Topic::new("a".repeat(249)).is_ok());
        assert!(matches!(ConsumerGroup::new("a".repeat(101)), Err(NameError::TooLong { .. })));
    }

    #[test]
    fn a_prefix_is_added_and_removed() {
        let prefix = TopicPrefix::new("dev").unwrap();
        let full = Topic::new("orders").unwrap().with_prefix(Some(&prefix)).unwrap();
        assert_eq!(full.as_str(), "dev-orders");
        assert_eq!(full.without_prefix(Some(&prefix)).unwrap().as_str(), "orders");
        assert_eq!(Topic::new("development-x").unwrap().without_prefix(Some(&prefix)), None);
        assert_eq!(full.with_prefix(None).unwrap(), full);
    }
}
