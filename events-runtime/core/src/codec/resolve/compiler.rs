//! The ops of a plan under construction, and those that skip a value of the writer.

use std::collections::HashMap;

use super::budget::Budget;
use super::path::PathField;
use super::plan::{Action, Branch, BranchIndex, Op, OpId, ReorderedField, Step, Unresolvable};
use crate::codec::varint::MAX_LEN;
use events_schema::view::{FieldView, RecordView, Shape, View};

/// How deep schemas may be nested, named types included. A schema from outside can define a chain of types as
/// long as itself.
const MAX_NESTED: usize = 192;

pub(super) struct Compiler {
    pub(super) budget: Budget,
    pub(super) ops: Vec<Op>,
    /// How many bytes each op adds at most, up to the next array, map or recursion.
    weights: Vec<usize>,
    records: HashMap<RecordPair, KnownRecord>,
    depth: usize,
    /// How often a field of the writer is read again for another field of the reader.
    pub(super) extra_reads: usize,
}

/// A record of the reader, by its address and namespace, `None` to skip; and a record of the writer, by its
/// offset.
pub(super) type RecordPair = (Option<(usize, &'static str)>, usize);

/// The op of a pair of records.
#[derive(Clone, Copy)]
struct KnownRecord {
    op: OpId,
    /// `false` inside of these records.
    is_complete: bool,
}

impl Compiler {
    pub(super) fn new(budget: Budget) -> Self {
        let (ops, weights, records) = (Vec::new(), Vec::new(), HashMap::new());
        Self { budget, ops, weights, records, depth: 0, extra_reads: 0 }
    }

    pub(super) fn push(&mut self, op: Op) -> OpId {
        let id = OpId(self.ops.len());
        self.budget.spend_on(&op);
        self.weights.push(self.weight_of(&op));
        self.ops.push(op);
        id
    }

    pub(super) fn unresolvable(&mut self, reason: impl Into<String>) -> OpId {
        self.push(Op::Unresolvable(Unresolvable::new(reason)))
    }

    /// Replaces an op that was pushed as a placeholder.
    pub(super) fn set(&mut self, id: OpId, op: Op) {
        let weight = self.weight_of(&op);
        self.budget.spend_on(&op);
        if let (Some(slot), Some(of)) = (self.ops.get_mut(id.0), self.weights.get_mut(id.0)) {
            (*slot, *of) = (op, weight);
        }
    }

    pub(super) fn op(&self, id: OpId) -> Option<&Op> {
        self.ops.get(id.0)
    }

    pub(super) fn weight(&self, id: OpId) -> usize {
        self.weights.get(id.0).copied().unwrap_or_default()
    }

    /// The longest output, in multiples of the input.
    pub(super) fn growth(&self, root: OpId) -> usize {
        let repeated = self.ops.iter().filter_map(|op| match op {
            Op::Blocks { item: inner, .. } | Op::Nested(inner) => Some(self.weight(*inner)),
            _ => None,
        });
        let added = repeated.chain([self.weight(root)]).max().unwrap_or_default();
        added.saturating_add(1 + self.extra_reads)
    }

    fn weight_of(&self, op: &Op) -> usize {
        match op {
            Op::Convert(_) | Op::Symbols(_) => MAX_LEN,
            Op::Branches(branches) => {
                let most = branches.iter().map(|branch| self.weight(branch.value)).max();
                most.unwrap_or_default().saturating_add(MAX_LEN)
            }
            Op::IntoBranch { value, .. } => self.weight(*value).saturating_add(MAX_LEN),
            Op::Record(steps) => weight_of_steps(self, steps),
            _ => 0,
        }
    }

    /// Why every datum is an error, if so.
    pub(super) fn reason_of(&self, id: OpId) -> Option<&Unresolvable> {
        match self.op(id) {
            Some(Op::Unresolvable(error)) => Some(error),
            _ => None,
        }
    }

    pub(super) fn nested(&mut self, inner: impl FnOnce(&mut Self) -> OpId) -> OpId {
        if self.budget.is_spent() {
            // The plan will be discarded.
            return OpId(usize::MAX);
        }
        if self.depth == MAX_NESTED {
            return self.unresolvable(format!("the schemas are nested more than {MAX_NESTED} levels deep"));
        }
        self.depth += 1;
        let id = inner(self);
        self.depth -= 1;
        id
    }

    /// The op that skips a value of the writer.
    pub(super) fn skip(&mut self, writer: View<'_>) -> OpId {
        self.nested(|compiler| {
            let op = match writer.shape() {
                Shape::Null => Op::Fixed(0),
                Shape::Boolean => Op::Fixed(1),
                Shape::Int | Shape::Long | Shape::Enum(_) => Op::Long,
                Shape::Float => Op::Fixed(4),
                Shape::Double => Op::Fixed(8),
                Shape::Bytes | Shape::String => Op::Bytes,
                Shape::Fixed(_, size) => Op::Fixed(size),
                Shape::Array(item) => Op::Blocks { keyed: false, item: compiler.skip(item) },
                Shape::Map(value) => Op::Blocks { keyed: true, item: compiler.skip(value) },
                Shape::Union(union) => {
                    let branch = |index| Branch {
                        index: BranchIndex::Keep,
                        value: compiler.skip(union.branch(index)),
                    };
                    Op::Branches((0..union.len()).map(branch).collect())
                }
                Shape::Record(record) => return compiler.skip_record(writer, record),
            };
            compiler.push(op)
        })
    }

    /// The op that skips a record of the writer.
    pub(super) fn skip_record(&mut self, writer: View<'_>, record: RecordView<'_>) -> OpId {
        self.once((None, record_offset(writer)), |compiler| {
            let mut steps = Vec::with_capacity(record.len());
            // One op if all fields have a fixed length: nested records without bytes would need more steps
            // than a datum has bytes.
            let mut len = Some(0_usize);
            for index in 0..record.len() {
                let field = record.field(index);
                let value = compiler.skip(field.schema);
                let fixed = match compiler.op(value) {
                    Some(Op::Fixed(len)) => Some(*len),
                    _ => None,
                };
                len = len.zip(fixed).map(|(sum, len)| sum.saturating_add(len));
                if fixed != Some(0) {
                    let path = compiler.skipped_field(&field).into();
                    steps.push(Step { action: Action::Read(value), path });
                }
            }
            len.map_or_else(|| Op::Record(steps.into()), Op::Fixed)
        })
    }

    pub(super) fn once(&mut self, key: RecordPair, make: impl FnOnce(&mut Self) -> Op) -> OpId {
        match self.records.get(&key) {
            Some(KnownRecord { op, is_complete: true }) => return *op,
            Some(KnownRecord { op, .. }) => return self.push(Op::Nested(*op)),
            None => {}
        }
        let id = self.push(Op::Fixed(0));
        self.records.insert(key, KnownRecord { op: id, is_complete: false });
        let op = make(self);
        self.set(id, op);
        self.records.insert(key, KnownRecord { op: id, is_complete: true });
        id
    }

    /// A field of the writer that is skipped.
    pub(super) fn skipped_field(&mut self, field: &FieldView<'_>) -> PathField {
        self.budget.spend(field.name.len());
        PathField::of_writer(field)
    }
}

/// The offset of a record of the writer, which identifies it.
pub(super) fn record_offset(writer: View<'_>) -> usize {
    writer.offset().unwrap_or(usize::MAX)
}

/// How many bytes steps add at most.
fn weight_of_steps(compiler: &Compiler, steps: &[Step]) -> usize {
    let of_field = |field: &ReorderedField| match field {
        ReorderedField::Read { value, .. } => compiler.weight(*value),
        ReorderedField::Default(datum) => datum.len(),
    };
    let weights = steps.iter().map(|step| match &step.action {
        Action::Read(value) => compiler.weight(*value),
        Action::Skip(_) => 0,
        Action::Default(datum) => datum.len(),
        Action::Reorder(reordered) => reordered.fields.iter().map(of_field).fold(0, usize::saturating_add),
    });
    weights.fold(0, usize::saturating_add)
}
