//! The event type: the name that a definition is published under.
//!
//! A definition's event type follows the rule `reverse.dns.subject.action.vN`, from the [Open edX naming
//! decision][adr]:
//!
//! | part | example | characters |
//! |---|---|---|
//! | reverse DNS, two parts or more, subdomains of the architecture included | `org.acme.orders` | `a`–`z`, `0`–`9`, `_`, beginning with a letter |
//! | subject, one part | `order` | the same |
//! | action, one part, in the past tense | `placed` | the same |
//! | major version, one part | `v1` | `v` and a whole number from 1, without leading zeros |
//!
//! The parts are joined by dots. The characters are those of an Avro namespace, because the event type is the
//! namespace of the definition's records. Foreign event types that break the rule are kept as they are:
//! [`EventType::foreign`].
//!
//! [adr]: https://docs.openedx.org/projects/openedx-events/en/latest/decisions/0002-events-naming-and-versioning.html

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

pub use events_schema::event_type::EventTypeViolation;
use events_schema::event_type::{check, check_foreign};

/// A checked event type; cheap to clone.
///
/// ```
/// use events_runtime::EventType;
///
/// let placed = EventType::new("org.acme.orders.order.placed.v1")?;
/// assert_eq!(placed, "org.acme.orders.order.placed.v1");
///
/// let error = EventType::new("org.acme.orders.order-placed.v1").unwrap_err();
/// assert!(error.to_string().contains("part `order-placed`"));
/// # Ok::<(), events_runtime::event_type::EventTypeError>(())
/// ```
#[derive(Clone)]
pub struct EventType(Text);

#[derive(Clone)]
enum Text {
    Static(&'static str),
    Shared(Arc<str>),
}

/// Text that is not a valid event type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .violation.text(.event_type).as_str())]
pub struct EventTypeError {
    event_type: String,
    violation: EventTypeViolation,
}

impl EventTypeError {
    /// The invalid text.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The rule that it breaks.
    pub fn violation(&self) -> EventTypeViolation {
        self.violation
    }
}

impl EventType {
    /// An event type that follows the rule `reverse.dns.subject.action.vN`.
    ///
    /// # Errors
    /// An [`EventTypeError`] with the part that breaks the rule and the characters that it may have. For an
    /// event type of another organization, use [`foreign`](Self::foreign).
    pub fn new(event_type: impl AsRef<str>) -> Result<Self, EventTypeError> {
        Self::checked(event_type.as_ref(), check)
    }

    /// A foreign event type, kept as it is: any text without white space and control characters.
    ///
    /// # Errors
    /// An [`EventTypeError`] if the text is empty, too long, or has such a character.
    pub fn foreign(event_type: impl AsRef<str>) -> Result<Self, EventTypeError> {
        Self::checked(event_type.as_ref(), check_foreign)
    }

    /// An event type that the derive macro has checked at compile time.
    pub(crate) const fn defined(event_type: &'static str) -> Self {
        Self(Text::Static(event_type))
    }

    fn checked(
        event_type: &str,
        rule: fn(&str) -> Result<(), EventTypeViolation>,
    ) -> Result<Self, EventTypeError> {
        match rule(event_type) {
            Ok(()) => Ok(Self(Text::Shared(event_type.into()))),
            Err(violation) => Err(EventTypeError { event_type: event_type.to_owned(), violation }),
        }
    }

    /// The event type as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Static(text) => text,
            Text::Shared(text) => text,
        }
    }

    /// Whether it follows the rule `reverse.dns.subject.action.vN`.
    pub fn is_regular(&self) -> bool {
        check(self.as_str()).is_ok()
    }
}

impl Deref for EventType {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for EventType {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for EventType {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl FromStr for EventType {
    type Err = EventTypeError;

    fn from_str(text: &str) -> Result<Self, EventTypeError> {
        Self::new(text)
    }
}

impl PartialEq for EventType {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for EventType {}

impl PartialEq<str> for EventType {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for EventType {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Hash for EventType {
    // `Borrow<str>` requires the hash of the text.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for EventType {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EventType {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn foreign_event_types_of_open_edx_are_kept_as_they_are() {
        for text in [
            "org.openedx.enterprise.subsidy.redemption-reversed.v1",
            "org.openedx.authz.role_assignment.created",
        ] {
            assert!(EventType::new(text).is_err(), "{text}");
            let foreign = EventType::foreign(text).expect(text);
            assert_eq!(foreign, text);
            assert!(!foreign.is_regular());
        }
    }

    #[test]
    fn static_and_shared_event_types_are_equal_and_hash_alike() {
        let defined = EventType::defined("org.acme.orders.order.placed.v1");
        let parsed: EventType = "org.acme.orders.order.placed.v1".parse().expect("regular");
        assert_eq!(defined, parsed);
        assert_eq!(defined.cmp(&parsed), std::cmp::Ordering::Equal);
        let map = HashMap::from([(defined, 1)]);
        assert_eq!(map.get(&parsed), Some(&1));
        assert_eq!(map.get("org.acme.orders.order.placed.v1"), Some(&1));
    }

    #[test]
    fn error_shows_the_text_and_the_violation() {
        let error = EventType::new("org.acme.orders.Order.placed.v1").expect_err("a capital");
        assert_eq!(error.event_type(), "org.acme.orders.Order.placed.v1");
        assert_eq!(
            error.to_string(),
            "event type `org.acme.orders.Order.placed.v1`: part `Order` (the subject) has a character other than a-z, 0-9 and _"
        );
    }
}
