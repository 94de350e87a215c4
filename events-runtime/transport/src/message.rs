//! Messages: an optional key, ordered headers and the data.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

/// A message as a transport stores it. The transport interprets only the key.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Message {
    /// Messages of the same key keep their order; messages without a key have no order. An empty key is a
    /// key.
    pub key: Option<Bytes>,
    /// Names and values, in order; a name may be repeated.
    pub headers: Headers,
    /// The payload.
    pub data: Bytes,
}

/// Shows only the lengths of key and data, which may contain personal data.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("key", &self.key.as_ref().map(Masked))
            .field("headers", &self.headers)
            .field("data", &Masked(&self.data))
            .finish()
    }
}

/// Bytes, formatted as their length.
pub struct Masked<'a>(pub &'a Bytes);

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "*** ({} bytes)", self.0.len())
    }
}

impl Message {
    /// Creates a message without a key and headers.
    pub fn new(data: impl Into<Bytes>) -> Self {
        Self { key: None, headers: Headers::new(), data: data.into() }
    }

    /// Sets the key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Adds a header at the end.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The number of bytes in key, headers and data.
    #[must_use]
    pub fn size(&self) -> usize {
        self.key.as_ref().map_or(0, Bytes::len)
            + self.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
            + self.data.len()
    }
}

/// Names and values, in order. Names are case-sensitive.
///
/// Clones share one list until one of them is changed, since a message goes through several hands. Headers of
/// [attributes](Self::of) become a list when somebody asks for it; a message that stays in the process needs none.
#[derive(Clone, Default)]
pub struct Headers {
    /// Instead of a list.
    source: Option<Arc<dyn Listed>>,
    list: Option<Arc<Vec<Header>>>,
}

type Header = (Cow<'static, str>, Bytes);

/// Values that can be written as headers.
pub trait HeaderSource: Any + Send + Sync {
    /// The headers, in order. Called once at most.
    fn headers(&self) -> Vec<(Cow<'static, str>, Bytes)>;
}

/// A source, and its headers once they were asked for.
struct Source<S> {
    source: S,
    written: OnceLock<Vec<Header>>,
}

trait Listed: Send + Sync {
    fn list(&self) -> &[Header];
    fn source(&self) -> &dyn Any;
}

impl<S: HeaderSource> Listed for Source<S> {
    fn list(&self) -> &[Header] {
        self.written.get_or_init(|| self.source.headers())
    }

    fn source(&self) -> &dyn Any {
        &self.source
    }
}

impl Headers {
    /// Creates empty headers.
    #[must_use]
    pub const fn new() -> Self {
        Self { source: None, list: None }
    }

    /// Creates empty headers with this capacity.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::from(Vec::with_capacity(capacity))
    }

    /// Headers that are written when they are asked for.
    #[must_use]
    pub fn of(source: impl HeaderSource) -> Self {
        Self { source: Some(Arc::new(Source { source, written: OnceLock::new() })), list: None }
    }

    /// The source of the headers, if it is of this type and they were not changed.
    #[must_use]
    pub fn source<S: HeaderSource>(&self) -> Option<&S> {
        self.source.as_ref()?.source().downcast_ref()
    }

    /// Adds a header at the end, even if its name exists already. To add many, collect them.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) {
        self.list_mut().push((name.into(), value.into()));
    }

    fn list(&self) -> &[Header] {
        match &self.source {
            Some(source) => source.list(),
            None => self.list.as_deref().map(Vec::as_slice).unwrap_or_default(),
        }
    }

    fn list_mut(&mut self) -> &mut Vec<Header> {
        if let Some(source) = self.source.take() {
            self.list = Some(Arc::new(source.list().to_vec()));
        }
        Arc::make_mut(self.list.get_or_insert_default())
    }

    /// The first value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.list().iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// All values of this name, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> {
        self.list().iter().filter(move |(n, _)| n == name).map(|(_, value)| value)
    }

    /// Keeps the headers for which `keep` returns `true`.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Bytes) -> bool) {
        if !self.is_empty() {
            self.list_mut().retain(|(name, value)| keep(name, value));
        }
    }

    /// All headers, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Bytes)> {
        self.list().iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The number of headers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// Whether there are no headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Headers").field(&self.list()).finish()
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.list() == other.list()
    }
}

impl Eq for Headers {}

impl IntoIterator for Headers {
    type Item = (Cow<'static, str>, Bytes);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        match self.source {
            Some(source) => source.list().to_vec(),
            None => self.list.map(Arc::unwrap_or_clone).unwrap_or_default(),
        }
        .into_iter()
    }
}

impl From<Vec<(Cow<'static, str>, Bytes)>> for Headers {
    fn from(list: Vec<(Cow<'static, str>, Bytes)>) -> Self {
        Self { source: None, list: Some(Arc::new(list)) }
    }
}

impl<N: Into<Cow<'static, str>>, V: Into<Bytes>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(iter: I) -> Self {
        let list: Vec<_> = iter.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self::from(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_order_and_repeats() {
        let message = Message::new("d").with_header("b", "1").with_header("a", "2").with_header("b", "3");
        let names: Vec<_> = message.headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a", "b"]);
        assert_eq!(message.headers.get_all("b").count(), 2);
        assert_eq!(message.headers.get("b").unwrap(), "1");
    }

    struct Number(u32);

    impl HeaderSource for Number {
        fn headers(&self) -> Vec<(Cow<'static, str>, Bytes)> {
            vec![("number".into(), self.0.to_string().into())]
        }
    }

    #[test]
    fn headers_of_a_source_are_those_that_it_writes() {
        let written: Headers = [("number", "7")].into_iter().collect();
        let headers = Headers::of(Number(7));
        assert_eq!(headers.source::<Number>().map(|number| number.0), Some(7));
        assert_eq!((&headers, headers.get("number").unwrap()), (&written, &Bytes::from("7")));
        assert_eq!(headers.clone().into_iter().count(), 1);
        let mut changed = headers.clone();
        changed.push("more", "");
        assert!(changed.source::<Number>().is_none(), "the source does not tell all any more");
        assert_eq!((changed.len(), headers.len()), (2, 1));
        changed.retain(|name, _| name == "number");
        assert_eq!(changed, written);
    }

    #[test]
    fn a_change_of_headers_does_not_change_their_clones() {
        let headers: Headers = [("a", "1"), ("b", "2")].into_iter().collect();
        let mut changed = headers.clone();
        changed.push("c", "3");
        changed.retain(|name, _| name != "a");
        assert_eq!(format!("{changed:?}"), r#"Headers([("b", b"2"), ("c", b"3")])"#);
        assert_eq!(headers.clone().into_iter().count(), 2);
        assert_eq!(headers, [("a", "1"), ("b", "2")].into_iter().collect());
        assert_eq!(Headers::with_capacity(7), Headers::new(), "empty ones are equal");
    }
}
