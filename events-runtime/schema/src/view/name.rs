//! Whether two names are the same.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::{NameView, Texts};
use crate::text::Sink;

/// The longest short name of a generic type, as in `text`.
const SHORT_MAX: usize = 512;

/// Whether two texts are the same. From the end, because names differ there sooner than in front; and
/// without a call, which costs a constant as much as fifty steps.
pub const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut left = a.len();
    while left > 0 {
        left -= 1;
        if a[left] != b[left] {
            return false;
        }
    }
    true
}

impl NameView<'_> {
    /// Whether this is the same name in full.
    pub const fn is(&self, other: &NameView<'_>) -> bool {
        same(self.namespace, other.namespace) && self.same_base(other)
    }

    /// Whether the names are the same without their namespaces.
    pub const fn same_base(&self, other: &NameView<'_>) -> bool {
        if self.generic.is_none() && other.generic.is_none() {
            return same(self.base, other.base);
        }
        let (mut left, mut right) = ([0; SHORT_MAX], [0; SHORT_MAX]);
        same(self.short(&mut left), other.short(&mut right))
    }

    /// The name without its namespace: `Page_Line` where it is generic.
    pub const fn short<'b>(&'b self, buffer: &'b mut [u8; SHORT_MAX]) -> &'b [u8] {
        match self.generic {
            None => self.base,
            Some(name) => {
                let mut sink = Sink { out: Some(buffer), len: 0 };
                sink.short_name(name);
                let len = sink.len;
                buffer.split_at(len).0
            }
        }
    }

    /// The name without its namespace, as a `String`.
    pub fn short_text(&self) -> String {
        super::text(self.short(&mut [0; SHORT_MAX])).to_owned()
    }

    /// Whether an alias of this name is the other one, in full.
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

    /// An alias in full: one without a dot is of the name's own namespace.
    pub const fn alias(&self, index: usize) -> NameView<'_> {
        let alias = self.aliases.get(index);
        let (namespace, base) = match last_dot(alias) {
            Some(dot) => (alias.split_at(dot).0, alias.split_at(dot + 1).1),
            None => (self.namespace, alias),
        };
        NameView { namespace, base, generic: None, aliases: Texts::Slice(&[]) }
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
