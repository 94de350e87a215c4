//! The event type: the name that a definition is published under.

/// A checked event type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventType(std::borrow::Cow<'static, str>);
