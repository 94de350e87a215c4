//! Recognizes what is unchanged since it was published.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use crate::resolution::same_primitive;
use crate::text::Form;
use crate::view::{FieldView, MAX_NAMES, NameView, RecordView, Shape, Texts, View, same};

/// Compares parts of a definition with parts of one published schema.
pub(super) struct UnchangedCheck {
    /// The offsets of the published types that are unchanged or being compared.
    passed: [usize; MAX_NAMES],
    len: usize,
    form: Form,
}

impl UnchangedCheck {
    /// Compares with texts of this form. That of Open edX has no aliases, no logical types and only null as a
    /// default.
    pub(super) const fn new(form: Form) -> Self {
        Self { passed: [0; MAX_NAMES], len: 0, form }
    }

    const fn is_plain(&self) -> bool {
        matches!(self.form, Form::OpenEdx)
    }

    /// Whether two fields are the same; one of them is packed.
    pub(super) const fn field_at(
        &mut self,
        a: RecordView<'_>,
        index: usize,
        b: RecordView<'_>,
        other: usize,
    ) -> bool {
        if a.digest_at(index) == b.digest_at(other) {
            return true;
        }
        let (a, b) = (a.field(index), b.field(other));
        same(a.name, b.name)
            && if b.schema.offset().is_some() { self.field(&a, &b) } else { self.field(&b, &a) }
    }

    /// Whether a field's schema, default and aliases are unchanged.
    pub(super) const fn field(&mut self, new: &FieldView<'_>, old: &FieldView<'_>) -> bool {
        self.same_default(new.default, old.default)
            && (self.is_plain() || same_texts(new.aliases, old.aliases))
            && {
                let before = self.len;
                let unchanged = self.schema(new.schema, old.schema);
                if !unchanged {
                    // The types compared on the way to the difference are not known to be unchanged.
                    self.len = before;
                }
                unchanged
            }
    }

    /// Whether a schema is unchanged.
    pub(super) const fn schema(&mut self, new: View<'_>, old: View<'_>) -> bool {
        if !self.is_plain() && !same_logical(new, old) {
            return false;
        }
        match (new.shape(), old.shape()) {
            (Shape::Fixed(new, size), Shape::Fixed(old, before)) => {
                size == before && self.same_name(&new, &old)
            }
            (Shape::Array(new), Shape::Array(old)) | (Shape::Map(new), Shape::Map(old)) => {
                self.schema(new, old)
            }
            (Shape::Enum(new), Shape::Enum(old)) => {
                let defaults = match (new.default, old.default) {
                    (None, None) => true,
                    (Some(new), Some(old)) => new == old,
                    _ => false,
                };
                defaults && self.same_name(&new.name, &old.name) && same_texts(new.symbols, old.symbols)
            }
            (Shape::Union(new), Shape::Union(old)) => {
                if new.len() != old.len() || new.has_other() != old.has_other() {
                    return false;
                }
                let mut index = 0;
                while index < new.len() {
                    if !self.schema(new.branch(index), old.branch(index)) {
                        return false;
                    }
                    index += 1;
                }
                true
            }
            (Shape::Record(new), Shape::Record(record)) => {
                if new.len() != record.len() || !self.same_name(&new.name, &record.name) {
                    return false;
                }
                if let Some(offset) = old.offset() {
                    if self.has_passed(offset) {
                        return true;
                    }
                    self.pass(offset);
                }
                let mut index = 0;
                while index < new.len() {
                    let (new, old) = (new.field(index), record.field(index));
                    if !same(new.name, old.name) || !self.field(&new, &old) {
                        return false;
                    }
                    index += 1;
                }
                true
            }
            (new, old) => same_primitive(&new, &old),
        }
    }

    const fn has_passed(&self, offset: usize) -> bool {
        let mut index = 0;
        while index < self.len {
            if self.passed[index] == offset {
                return true;
            }
            index += 1;
        }
        false
    }

    const fn pass(&mut self, offset: usize) {
        if self.len < MAX_NAMES {
            self.passed[self.len] = offset;
            self.len += 1;
        }
    }

    const fn same_name(&self, new: &NameView<'_>, old: &NameView<'_>) -> bool {
        if !new.is(old) {
            return false;
        }
        if self.is_plain() {
            return true;
        }
        let mut same = new.aliases.len() == old.aliases.len();
        let mut index = 0;
        while same && index < new.aliases.len() {
            // Published aliases are full names; the definition's may be relative.
            same = new.alias(index).is(&old.alias(index));
            index += 1;
        }
        same
    }

    const fn same_default(&self, new: Option<&[u8]>, old: Option<&[u8]>) -> bool {
        match (new, old) {
            (None, None) => true,
            (Some(new), None) => self.is_plain() && !same(new, b"null"),
            (Some(new), Some(old)) => same(new, old),
            (None, Some(_)) => false,
        }
    }
}

const fn same_texts(new: Texts<'_>, old: Texts<'_>) -> bool {
    if new.len() != old.len() {
        return false;
    }
    let mut index = 0;
    while index < new.len() {
        if !same(new.get(index), old.get(index)) {
            return false;
        }
        index += 1;
    }
    true
}

const fn same_logical(new: View<'_>, old: View<'_>) -> bool {
    match (new.logical(), old.logical()) {
        (None, None) => true,
        (Some(new), Some(old)) => {
            same(new.name, old.name) && new.precision == old.precision && new.scale == old.scale
        }
        _ => false,
    }
}
