//! Extension attributes.

use super::MetadataError;
use super::error::shortened;
use super::string;

/// Attributes beyond the fixed ones, such as `traceparent`, in the order they were set.
///
/// Values are text, which every transport carries. An event has few extensions, so a lookup is linear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions(Vec<(Box<str>, Box<str>)>);

/// Names with another meaning in an envelope or in JSON.
const RESERVED: [&str; 14] = [
    "specversion",
    "id",
    "type",
    "event_type",
    "source",
    "time",
    "minorversion",
    "sourcehost",
    "sourcelib",
    "datacontenttype",
    "schemafp",
    "data",
    "data_base64",
    "event_data",
];

/// Whether an extension of this name is the [trace context], which must hold no personal data.
///
/// [trace context]: https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md
pub fn is_trace(extension: &str) -> bool {
    matches!(extension, "traceparent" | "tracestate")
}

impl Extensions {
    /// No extensions; allocates nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets an extension. If it was set already, it keeps its position. Returns the old value.
    ///
    /// # Errors
    /// [`MetadataError::ExtensionName`] unless the name is made of `a`–`z` and `0`–`9`, as CloudEvents
    /// requires, and is not the name of a fixed attribute; [`MetadataError::Character`] if the value has a
    /// control character or a noncharacter.
    pub fn insert(&mut self, name: &str, value: impl Into<String>) -> Result<Option<String>, MetadataError> {
        let regular =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !regular || RESERVED.contains(&name) {
            return Err(MetadataError::ExtensionName { found: shortened(name) });
        }
        self.checked(name, value.into())
    }

    /// Sets an extension that another program sent, with any name that is not empty or reserved.
    ///
    /// # Errors
    /// [`MetadataError::ExtensionName`] and [`MetadataError::Character`].
    #[doc(hidden)]
    pub fn keep(&mut self, name: &str, value: impl Into<String>) -> Result<Option<String>, MetadataError> {
        if name.is_empty() || RESERVED.contains(&name) || !string::is_string(name) {
            return Err(MetadataError::ExtensionName { found: shortened(name) });
        }
        self.checked(name, value.into())
    }

    /// Sets a trace context that another program sent, unless one is set or the value is invalid. Returns
    /// whether it did. An invalid trace context is not an error, because it is no reason to lose an event.
    #[doc(hidden)]
    pub fn keep_trace(&mut self, name: &str, value: &str) -> bool {
        let keeps = is_trace(name) && string::is_string(value) && self.get(name).is_none();
        if keeps {
            self.set(name, value.to_owned());
        }
        keeps
    }

    fn checked(&mut self, name: &str, value: String) -> Result<Option<String>, MetadataError> {
        string::check(name, &value)?;
        Ok(self.set(name, value))
    }

    fn set(&mut self, name: &str, value: String) -> Option<String> {
        let value = value.into_boxed_str();
        if let Some((_, old)) = self.0.iter_mut().find(|(known, _)| **known == *name) {
            return Some(std::mem::replace(old, value).into());
        }
        self.0.push((name.into(), value));
        None
    }

    /// The value of an extension.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Removes an extension.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| **known == *name)?;
        Some(self.0.remove(at).1.into())
    }

    /// Replaces the values of matching names by a mask. Returns whether any name matched.
    #[doc(hidden)]
    pub fn mask(&mut self, matches: impl Fn(&str) -> bool, mask: &str) -> bool {
        let mut found = false;
        for (_, value) in self.0.iter_mut().filter(|(name, _)| matches(name)) {
            *value = mask.into();
            found = true;
        }
        found
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The number of extensions.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no extensions.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_keep_their_order_and_replace_in_place() {
        let mut extensions = Extensions::new();
        extensions.insert("traceparent", "00-a").expect("regular");
        extensions.insert("tenant", "acme").expect("regular");
        let old = extensions.insert("traceparent", "00-b").expect("regular");
        assert_eq!(old.as_deref(), Some("00-a"));
        assert_eq!(extensions.iter().collect::<Vec<_>>(), [("traceparent", "00-b"), ("tenant", "acme")]);
        assert_eq!(extensions.remove("traceparent").as_deref(), Some("00-b"));
        assert_eq!(extensions.get("traceparent"), None);
        assert_eq!(extensions.len(), 1);
    }

    #[test]
    fn names_with_another_meaning_are_refused() {
        let mut extensions = Extensions::new();
        for name in ["", "Trace", "trace-parent", "trace_parent", "id", "sourcelib", "é"] {
            assert!(extensions.insert(name, "").is_err(), "{name:?}");
        }
        for name in RESERVED {
            assert!(extensions.keep(name, "").is_err(), "{name:?}");
        }
        assert!(extensions.is_empty());
        assert!(extensions.keep("a\nb", "").is_err());
        assert!(extensions.keep("X-Request-Id", "7").is_ok());
    }

    #[test]
    fn a_value_with_control_characters_or_noncharacters_is_refused() {
        let mut extensions = Extensions::new();
        extensions.insert("tenant", "acme").expect("a string");
        for value in ["a\r\n\0", "\u{7f}", "\u{9b}31m", "\u{ffff}"] {
            for refused in [extensions.insert("tenant", value), extensions.keep("tenant", value)] {
                let error = refused.expect_err(value).to_string();
                assert!(error.contains("`tenant`") && error.contains("U+"), "{error}");
            }
            assert!(!extensions.keep_trace("traceparent", value));
        }
        assert_eq!(extensions.iter().collect::<Vec<_>>(), [("tenant", "acme")], "nothing changed");
    }
}
