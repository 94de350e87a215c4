//! Whether two names are the same.

use super::{NameView, Texts};
use crate::avro::text::Sink;

/// The longest short name of a generic type, as in `text`.
const SHORT_MAX: usize = 512;

/// Whether two texts are the same; eight bytes at a time, because each step of a constant counts.
pub(crate) const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (mut a, mut b) = (a, b);
    while let (Some((x, rest_of_a)), Some((y, rest_of_b))) = (a.split_first_chunk(), b.split_first_chunk()) {
        if u64::from_ne_bytes(*x) != u64::from_ne_bytes(*y) {
            return false;
        }
        (a, b) = (rest_of_a, rest_of_b);
    }
    while let ([x, rest_of_a @ ..], [y, rest_of_b @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (rest_of_a, rest_of_b);
    }
    true
}

impl NameView<'_> {
    /// Whether this is the same name in full.
    pub(crate) const fn is(&self, other: &NameView<'_>) -> bool {
        same(self.namespace, other.namespace) && self.same_base(other)
    }

    /// Whether the names are the same without their namespaces.
    pub(crate) const fn same_base(&self, other: &NameView<'_>) -> bool {
        if self.generic.is_none() && other.generic.is_none() {
            return same(self.base, other.base);
        }
        let (mut left, mut right) = ([0; SHORT_MAX], [0; SHORT_MAX]);
        same(self.short(&mut left), other.short(&mut right))
    }

    /// The name without its namespace: `Page_Line` where it is generic.
    pub(crate) const fn short<'b>(&'b self, buffer: &'b mut [u8; SHORT_MAX]) -> &'b [u8] {
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

    /// Whether an alias of this name is the other one, in full.
    pub(crate) const fn has_alias(&self, other: &NameView<'_>) -> bool {
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
    pub(crate) const fn alias(&self, index: usize) -> NameView<'_> {
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
