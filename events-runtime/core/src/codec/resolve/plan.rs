//! The plan that rewrites a datum of the writer's schema as one of the reader's.

use std::sync::Arc;

use super::path::{FieldPath, PathField};
use crate::codec::error::{DecodeError, DecodeErrorKind};

/// The index of an [`Op`]. In a recursive schema, an op can refer to one around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpId(pub(super) usize);

/// An operation on a value of the writer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Copies this many bytes.
    Fixed(usize),
    /// Copies a varint.
    Long,
    /// Copies a length and as many bytes.
    Bytes,
    /// Converts a number.
    Convert(Convert),
    /// Replaces the index of an enum symbol.
    Symbols(Box<[Symbol]>),
    /// An array; a map if `keyed`, whose items follow their keys.
    Blocks { keyed: bool, item: OpId },
    /// A union.
    Branches(Box<[Branch]>),
    /// Makes a value, which is no union, this branch of the reader's union.
    IntoBranch { branch: i64, value: OpId },
    /// A record, with records in it.
    Record(Box<[Step]>),
    /// A recursive type.
    Nested(OpId),
    /// No datum can be read.
    Unresolvable(Unresolvable),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Convert {
    LongToFloat,
    LongToDouble,
    FloatToDouble,
    /// To a smaller unit.
    Multiply(i64),
    /// To a larger unit; an error if digits are lost.
    Divide(i64),
}

/// The reader's symbol for a writer's symbol.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    Index(i64),
    /// The reader has no symbol of this name, and no default.
    Unknown(String),
}

/// A branch of the writer's union.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) index: BranchIndex,
    pub(super) value: OpId,
}

/// What is done with the index of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BranchIndex {
    /// The reader has the same index.
    Keep,
    Replace(i64),
    /// The reader has no union.
    Omit,
    /// The reader has no such branch. Its value is left out, and this index written: that of the reader's variant
    /// `#[event(other)]`.
    Other(i64),
}

/// A step of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) action: Action,
    /// The field of the reader, or of the writer if the reader lacks it; a longer path for a field of an inner
    /// record; empty if the action has fields itself.
    pub(super) path: FieldPath,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Reads the writer's next field.
    Read(OpId),
    /// Skips the writer's next field.
    Skip(OpId),
    /// Writes a default.
    Default(Arc<[u8]>),
    /// Reads and skips some of the writer's fields in another order.
    Reorder(Arc<Reordered>),
}

/// Fields in another order than the writer's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reordered {
    /// How to skip the writer's fields, in the writer's order.
    pub(super) skips: Box<[(OpId, PathField)]>,
    /// The fields in the reader's order.
    pub(super) fields: Box<[ReorderedField]>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReorderedField {
    /// The writer's field of this index in `skips`.
    Read { index: usize, value: OpId, field: PathField },
    /// A default.
    Default(Arc<[u8]>),
}

/// Why no value of the writer can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unresolvable {
    reason: String,
    /// The reader's fields on the path, innermost first.
    path: Vec<PathField>,
}

impl Unresolvable {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), path: Vec::new() }
    }

    pub(super) fn in_field(mut self, field: PathField) -> Self {
        self.path.push(field);
        self
    }

    /// The length of the text in bytes.
    pub(super) fn len(&self) -> usize {
        self.reason.len()
    }

    /// The path of the field, and the reason.
    fn text(&self) -> String {
        let path: Vec<_> = self.path.iter().rev().map(PathField::name).collect();
        if path.is_empty() {
            self.reason.clone()
        } else {
            format!("field `{}`: {}", path.join("."), self.reason)
        }
    }

    #[cold]
    pub(super) fn error(&self, offset: usize) -> DecodeError {
        let error = DecodeError::new(DecodeErrorKind::Unresolvable(self.reason.clone()), offset);
        // The reason names only schemas, so personal data needs no mask.
        self.path.iter().fold(error, |error, field| error.in_any_field(field.name()))
    }
}

/// The length that any rewritten datum may have.
const BASE_LIMIT: usize = 65_536;

/// The most bytes that all items without bytes in the input may take in the output, defaults included.
const EMPTY_ITEMS_LIMIT: usize = 4 * 1024 * 1024;

/// How to read data of a writer's schema as data of a reader's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(super) root: OpId,
    ops: Vec<Op>,
    /// Which ops copy their input unchanged.
    verbatim: Vec<bool>,
    /// The longest output, in multiples of the input.
    growth: usize,
    pub(super) strategy: Strategy,
}

/// The cheapest way to decode the writer's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategy {
    /// The bytes are a datum of the reader's schema.
    Same,
    /// The bytes begin with a datum of the reader's schema. Fields that the reader lacks follow; their steps
    /// begin at this index.
    Prefix(usize),
    /// The bytes must be rewritten.
    Rewrite,
}

/// The longest rewritten datum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) bytes: usize,
    /// What each item without bytes in the input adds.
    per_empty_item: usize,
    /// What all these items together can still add.
    left_for_empty_items: usize,
}

impl Limit {
    pub(super) fn exactly(bytes: usize) -> Self {
        Self { bytes, per_empty_item: 0, left_for_empty_items: 0 }
    }

    pub(super) fn add_empty_item(&mut self) {
        let added = self.per_empty_item.min(self.left_for_empty_items);
        self.left_for_empty_items -= added;
        self.bytes = self.bytes.saturating_add(added);
    }
}

impl Plan {
    pub(super) fn new(root: OpId, ops: Vec<Op>, growth: usize) -> Self {
        let verbatim = verbatim(&ops);
        let mut plan = Self { root, ops, verbatim, growth, strategy: Strategy::Rewrite };
        plan.strategy = plan.shortest();
        plan
    }

    /// Why no data of the writer can be read.
    pub(crate) fn mismatch(&self) -> Option<String> {
        match self.op(self.root) {
            Op::Unresolvable(error) => Some(error.text()),
            _ => None,
        }
    }

    /// Whether the writer's data is the reader's without a change.
    pub(crate) fn is_same(&self) -> bool {
        self.strategy == Strategy::Same
    }

    #[inline]
    pub(super) fn op(&self, id: OpId) -> &Op {
        // Every id is valid.
        self.ops.get(id.0).unwrap_or(&Op::Fixed(0))
    }

    #[inline]
    pub(super) fn is_verbatim(&self, id: OpId) -> bool {
        self.verbatim.get(id.0).copied().unwrap_or_default()
    }

    fn shortest(&self) -> Strategy {
        if self.is_verbatim(self.root) {
            return Strategy::Same;
        }
        let Op::Record(steps) = self.op(self.root) else { return Strategy::Rewrite };
        let stays = |step: &Step| matches!(step.action, Action::Read(value) if self.is_verbatim(value));
        let from = steps.iter().take_while(|step| stays(step)).count();
        let (_, rest) = steps.split_at(from);
        let dropped = rest.iter().all(|step| matches!(step.action, Action::Skip(_)));
        if dropped { Strategy::Prefix(from) } else { Strategy::Rewrite }
    }

    /// The longest output for an input of `len` bytes, so that memory stays in proportion to the input. An
    /// item of an array has at least a byte in the input. For each one that has none, the limit rises when the
    /// item is read, up to a maximum for the datum.
    pub(super) fn limit(&self, len: usize) -> Limit {
        let bytes = len.saturating_add(1).saturating_mul(self.growth).saturating_add(BASE_LIMIT);
        Limit { bytes, per_empty_item: self.growth, left_for_empty_items: EMPTY_ITEMS_LIMIT }
    }
}

/// Which ops copy their input unchanged. Starts from all and removes ops until nothing changes, so that
/// recursive types need no special case.
fn verbatim(ops: &[Op]) -> Vec<bool> {
    let mut found = vec![true; ops.len()];
    loop {
        let is = |id: &OpId| found.get(id.0).copied().unwrap_or_default();
        let next: Vec<_> = ops.iter().map(|op| is_verbatim(op, is)).collect();
        if next == found {
            return found;
        }
        found = next;
    }
}

fn is_verbatim(op: &Op, is: impl Fn(&OpId) -> bool) -> bool {
    match op {
        Op::Fixed(_) | Op::Long | Op::Bytes => true,
        Op::Blocks { item: inner, .. } | Op::Nested(inner) => is(inner),
        Op::Branches(branches) => {
            !branches.is_empty()
                && branches.iter().all(|branch| branch.index == BranchIndex::Keep && is(&branch.value))
        }
        Op::Record(steps) => {
            steps.iter().all(|step| matches!(&step.action, Action::Read(value) if is(value)))
        }
        Op::Convert(_) | Op::Symbols(_) | Op::IntoBranch { .. } | Op::Unresolvable(_) => false,
    }
}
