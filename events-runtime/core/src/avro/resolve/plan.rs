//! The steps that make a datum of the reader's schema out of a writer's.

use std::sync::Arc;

use super::compile;
use super::place::{Field, Place};
use crate::avro::error::{DecodeError, DecodeErrorKind};
use events_schema::tree::Schema;

/// The index of an [`Op`]; recursive schemas lead back to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpId(pub(super) usize);

/// What is done with a value of the writer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// So many bytes stay as they are.
    Raw(usize),
    /// A varint stays as it is.
    Long,
    /// A length and so many bytes stay as they are.
    Bytes,
    /// A number becomes another.
    Convert(Convert),
    /// The index of a symbol becomes the reader's.
    Symbols(Box<[Symbol]>),
    /// An array, or a map, whose items have a key in front.
    Blocks { keyed: bool, item: OpId },
    /// A union.
    Branches(Box<[Branch]>),
    /// What is no union becomes this branch of the reader's.
    Tagged { branch: i64, value: OpId },
    /// A record, and those within it.
    Record(Box<[Step]>),
    /// A type within itself.
    Deeper(OpId),
    /// There is no way.
    Fault(Fault),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Convert {
    LongToFloat,
    LongToDouble,
    FloatToDouble,
    /// To a smaller unit.
    Times(i64),
    /// To a larger unit, where nothing is lost.
    Over(i64),
}

/// What becomes of a writer's symbol.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    Index(i64),
    /// The reader has none of this name, and no default.
    Unknown(String),
}

/// What becomes of a writer's branch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) tag: Tag,
    pub(super) value: OpId,
}

/// What becomes of the index in front of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// It is the reader's as well.
    Stays,
    Becomes(i64),
    /// The reader has no union here.
    Goes,
}

/// A part of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) action: Action,
    /// The reader's field, the writer's where the reader has none; a path within a record that is
    /// in this one; none where the action has fields of its own.
    pub(super) place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Takes the writer's next field.
    Take(OpId),
    /// Passes over the writer's next field.
    Drop(OpId),
    /// Writes a default.
    Put(Arc<[u8]>),
    /// Takes and passes over some of the writer's fields, in another order.
    Shuffle(Arc<Shuffled>),
}

/// Fields that change places among each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shuffled {
    /// How the writer's fields are passed, in their order.
    pub(super) passes: Box<[(OpId, Field)]>,
    /// What is written, in the reader's order.
    pub(super) takes: Box<[Shuffle]>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shuffle {
    /// The writer's field of this index among those that are passed.
    Take { index: usize, value: OpId, field: Field },
    /// A default.
    Put(Arc<[u8]>),
}

/// Why a value of the writer can't be one of the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    reason: String,
    /// The reader's fields that lead there, the innermost first.
    path: Vec<Field>,
}

impl Fault {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), path: Vec::new() }
    }

    pub(super) fn in_field(mut self, field: Field) -> Self {
        self.path.push(field);
        self
    }

    /// How many bytes of text it has.
    pub(super) fn len(&self) -> usize {
        self.reason.len()
    }

    #[cold]
    pub(super) fn error(&self, offset: usize) -> DecodeError {
        let error = DecodeError::new(DecodeErrorKind::Unresolvable(self.reason.clone()), offset);
        // It is about the schemas alone, whatever the marks.
        self.path.iter().fold(error, |error, field| error.in_any_field(field.name()))
    }
}

/// How many bytes a datum may become whatever its length.
const ANYWAY: usize = 65_536;

/// How many bytes all items that take none of the input may become, defaults included.
const FOR_EMPTY_ITEMS: usize = 4 * 1024 * 1024;

/// How a writer's data become a reader's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(super) root: OpId,
    ops: Vec<Op>,
    /// Of which ops the bytes stay as they are.
    verbatim: Vec<bool>,
    /// How much longer than the writer's datum the reader's can be, in the datum's lengths.
    growth: usize,
    pub(super) way: Way,
}

/// The shortest way from the writer's bytes to the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// They are a datum of the reader.
    Same,
    /// They begin with a datum of the reader; behind it stand fields, from this step on, that the
    /// reader does not have.
    Prefix(usize),
    /// They are rewritten.
    Rewrite,
}

/// The most bytes that a datum may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) bytes: usize,
    /// What each item that takes no bytes of the input adds.
    for_empty_item: usize,
    /// What all of them together can still add.
    for_empty_items: usize,
}

impl Limit {
    pub(super) fn exactly(bytes: usize) -> Self {
        Self { bytes, for_empty_item: 0, for_empty_items: 0 }
    }

    pub(super) fn add_empty_item(&mut self) {
        let added = self.for_empty_item.min(self.for_empty_items);
        self.for_empty_items -= added;
        self.bytes = self.bytes.saturating_add(added);
    }
}

impl Plan {
    /// The plan for data that a writer's packed schema describes.
    pub(crate) fn new(reader: &'static Schema, writer: &[u8]) -> Self {
        let (root, ops, growth) = compile::compile(reader, writer);
        let verbatim = verbatim(&ops);
        let mut plan = Self { root, ops, verbatim, growth, way: Way::Rewrite };
        plan.way = plan.shortest();
        plan
    }

    /// Whether the writer's data are the reader's as they are.
    pub(crate) fn is_same(&self) -> bool {
        self.way == Way::Same
    }

    #[inline]
    pub(super) fn op(&self, id: OpId) -> &Op {
        // Every id is one of an op.
        self.ops.get(id.0).unwrap_or(&Op::Raw(0))
    }

    #[inline]
    pub(super) fn is_verbatim(&self, id: OpId) -> bool {
        self.verbatim.get(id.0).copied().unwrap_or_default()
    }

    fn shortest(&self) -> Way {
        if self.is_verbatim(self.root) {
            return Way::Same;
        }
        let Op::Record(steps) = self.op(self.root) else { return Way::Rewrite };
        let stays = |step: &Step| matches!(step.action, Action::Take(value) if self.is_verbatim(value));
        let from = steps.iter().take_while(|step| stays(step)).count();
        let (_, rest) = steps.split_at(from);
        let dropped = rest.iter().all(|step| matches!(step.action, Action::Drop(_)));
        if dropped { Way::Prefix(from) } else { Way::Rewrite }
    }

    /// The most bytes that a datum of so many becomes: so that memory stays in proportion to the
    /// input. Each item of an array took a byte, or is one of those that did not, for which the limit
    /// rises as they are read, by so many bytes in all.
    pub(super) fn limit(&self, len: usize) -> Limit {
        let bytes = len.saturating_add(1).saturating_mul(self.growth).saturating_add(ANYWAY);
        Limit { bytes, for_empty_item: self.growth, for_empty_items: FOR_EMPTY_ITEMS }
    }
}

/// Of which ops the bytes stay as they are: all of which nothing says otherwise, so that a type
/// within itself does not wait for its own answer.
fn verbatim(ops: &[Op]) -> Vec<bool> {
    let mut found = vec![true; ops.len()];
    loop {
        let is = |id: &OpId| found.get(id.0).copied().unwrap_or_default();
        let next: Vec<_> = ops.iter().map(|op| stays(op, is)).collect();
        if next == found {
            return found;
        }
        found = next;
    }
}

fn stays(op: &Op, is: impl Fn(&OpId) -> bool) -> bool {
    match op {
        Op::Raw(_) | Op::Long | Op::Bytes => true,
        Op::Blocks { item: inner, .. } | Op::Deeper(inner) => is(inner),
        Op::Branches(branches) => {
            !branches.is_empty()
                && branches.iter().all(|branch| branch.tag == Tag::Stays && is(&branch.value))
        }
        Op::Record(steps) => {
            steps.iter().all(|step| matches!(&step.action, Action::Take(value) if is(value)))
        }
        Op::Convert(_) | Op::Symbols(_) | Op::Tagged { .. } | Op::Fault(_) => false,
    }
}
