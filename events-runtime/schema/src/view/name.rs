//! Names of types, and sets of them.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::{NameView, Texts};
use crate::const_str::{StrWriter, same};
use crate::digest;
use crate::tree::Name;

impl NameView<'static> {
    /// A name of a tree, in a definition of this namespace.
    pub(crate) const fn new(
        name: &'static Name,
        enclosing: &'static str,
        aliases: &'static [&'static str],
    ) -> Self {
        Self {
            namespace: name.namespace_in(enclosing).as_bytes(),
            base: name.base.as_bytes(),
            generic: if name.arguments.is_empty() { None } else { Some(name) },
            aliases: Texts::Slice(aliases),
        }
    }
}

impl NameView<'_> {
    /// Whether this is the same full name.
    pub const fn is(&self, other: &NameView<'_>) -> bool {
        same(self.namespace, other.namespace) && self.same_base(other)
    }

    /// Whether the names are the same without their namespaces. `Page<Line>` and a plain `Page_Line` are.
    pub const fn same_base(&self, other: &NameView<'_>) -> bool {
        match (self.generic, other.generic) {
            (None, None) => same(self.base, other.base),
            (Some(name), None) => same(name.short().as_bytes(), other.base),
            (None, Some(other)) => same(self.base, other.short().as_bytes()),
            (Some(name), Some(other)) => same(name.short().as_bytes(), other.short().as_bytes()),
        }
    }

    /// The name without its namespace, with the generic arguments: `Page_Line`.
    pub fn short_text(&self) -> String {
        match self.generic {
            None => super::text(self.base).to_owned(),
            Some(name) => name.short().as_str().to_owned(),
        }
    }

    /// Writes the name without its namespace.
    pub(crate) const fn write_short(&self, text: &mut StrWriter<'_>) {
        match self.generic {
            None => text.push_bytes(self.base),
            Some(name) => name.write_short(text),
        }
    }

    /// Whether an alias of this name is the other full name.
    pub const fn has_alias(&self, other: &NameView<'_>) -> bool {
        let mut index = 0;
        while index < self.aliases.len() {
            if self.alias(index).is(other) {
                return true;
            }
            index += 1;
        }
        false
    }

    /// An alias as a full name: one without a dot is in the name's own namespace.
    pub const fn alias(&self, index: usize) -> NameView<'_> {
        let alias = self.aliases.get(index);
        let (namespace, base) = match last_dot(alias) {
            Some(dot) => (alias.split_at(dot).0, alias.split_at(dot + 1).1),
            None => (self.namespace, alias),
        };
        NameView { namespace, base, generic: None, aliases: Texts::Slice(&[]) }
    }

    /// A number that equal full names have in common.
    const fn hash(&self) -> u64 {
        let base = match self.generic {
            None => digest::text(self.base),
            Some(name) => digest::text(name.short().as_bytes()),
        };
        digest::add(digest::text(self.namespace), base)
    }
}

const fn last_dot(text: &[u8]) -> Option<usize> {
    let mut rest = text;
    while let [head @ .., last] = rest {
        if *last == b'.' {
            return Some(head.len());
        }
        rest = head;
    }
    None
}

/// The most named types in one event.
pub(crate) const MAX_NAMES: usize = 256;

/// The definitions that a walk has passed, by full name.
pub(crate) struct Names<'a, T> {
    /// With the hash of each full name, because a constant compares texts byte by byte.
    seen: [Option<(u64, NameView<'a>, T)>; MAX_NAMES],
    len: usize,
}

impl<'a, T: Copy> Names<'a, T> {
    pub(crate) const fn new() -> Self {
        Self { seen: [None; MAX_NAMES], len: 0 }
    }

    pub(crate) const fn find(&self, name: &NameView<'_>) -> Option<T> {
        let hash = name.hash();
        let mut index = 0;
        while index < self.len {
            if let Some((other_hash, other, value)) = &self.seen[index]
                && hash == *other_hash
                && name.is(other)
            {
                return Some(*value);
            }
            index += 1;
        }
        None
    }

    /// Returns `false` if there is no room for one more.
    pub(crate) const fn add(&mut self, name: NameView<'a>, value: T) -> bool {
        if self.len == MAX_NAMES {
            return false;
        }
        self.seen[self.len] = Some((name.hash(), name, value));
        self.len += 1;
        true
    }
}
