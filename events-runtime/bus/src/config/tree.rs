//! The untyped configuration: tables and values with their sources.

use std::collections::BTreeMap;

use super::source::Source;
use super::value::Value;

/// A table or a value, and the source that set it last.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) source: Source,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Table(BTreeMap<String, Node>),
    Value(Value),
}

impl Node {
    pub(super) fn empty() -> Self {
        Self { source: Source::Default, kind: Kind::Table(BTreeMap::new()) }
    }

    pub(super) fn value(value: Value, source: Source) -> Self {
        Self { source, kind: Kind::Value(value) }
    }

    pub(super) fn table(&self) -> Option<&BTreeMap<String, Node>> {
        match &self.kind {
            Kind::Table(entries) => Some(entries),
            Kind::Value(_) => None,
        }
    }

    /// Overlays another tree: tables merge key by key, values are replaced.
    pub(super) fn overlay(&mut self, over: Self) {
        match (&mut self.kind, over.kind) {
            (Kind::Table(below), Kind::Table(above)) => {
                self.source = over.source;
                for (key, node) in above {
                    match below.get_mut(&key) {
                        Some(there) => there.overlay(node),
                        None => {
                            below.insert(key, node);
                        }
                    }
                }
            }
            (_, kind) => {
                self.source = over.source;
                self.kind = kind;
            }
        }
    }

    /// Wraps a value in the tables of its path.
    pub(super) fn nested(path: &[String], value: Self) -> Self {
        path.iter().rev().fold(value, |inner, key| Self {
            source: inner.source.clone(),
            kind: Kind::Table(BTreeMap::from([(key.clone(), inner)])),
        })
    }

    /// The names in a subtable, such as the topics in `topics`.
    pub(super) fn names_below(&self, key: &str) -> impl Iterator<Item = &str> {
        self.table()
            .and_then(|entries| entries.get(key))
            .and_then(Self::table)
            .into_iter()
            .flat_map(|entries| entries.keys().map(String::as_str))
    }
}

/// A key as TOML writes it: `routes."org.acme.order.placed.v1".orders`.
pub(super) fn join_key(parent: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let name = if bare { name.to_owned() } else { format!("{name:?}") };
    if parent.is_empty() { name } else { format!("{parent}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_bare_keys_are_quoted() {
        assert_eq!(join_key("", "bus"), "bus");
        assert_eq!(join_key("routes", "a.b.v1"), "routes.\"a.b.v1\"");
        assert_eq!(join_key("topics", ""), "topics.\"\"");
    }
}
