//! Two schemas ▶ a plan, by the rules of `resolution`.

use std::collections::HashMap;

use super::budget::Budget;
use super::plan::{Branch, Convert, Fault, Op, OpId, Symbol, Tag};
use super::records;
use crate::avro::varint::MAX_LEN;
use events_schema::resolution::{Units, branch_of, promotes, same_primitive, units};
use events_schema::tree::Schema;
use events_schema::view::{EnumView, NameView, Shape, UnionView, View, text};

/// How deep schemas may be nested within each other, types of their own names included. A schema
/// from outside may define a chain of types as long as itself.
const MAX_NESTED: usize = 192;

/// The ops of a reader and a writer, and how much longer data can become by them.
pub(super) fn compile(reader: &'static Schema, writer: &[u8]) -> (OpId, Vec<Op>, usize) {
    let mut compiler = Compiler::new(Budget::of(reader, writer));
    let root = compiler.pair(View::tree(reader), View::packed(writer));
    if let Some(reason) = compiler.budget.fault() {
        return (OpId(0), vec![Op::Fault(Fault::new(reason))], 1);
    }
    let repeated = compiler.ops.iter().filter_map(|op| match op {
        Op::Blocks { item: inner, .. } | Op::Deeper(inner) => Some(compiler.weight(*inner)),
        _ => None,
    });
    let added = repeated.chain([compiler.weight(root)]).max().unwrap_or_default();
    let growth = added.saturating_add(1 + compiler.taken_again);
    (root, compiler.ops, growth)
}

pub(super) struct Compiler {
    pub(super) budget: Budget,
    pub(super) ops: Vec<Op>,
    /// How many bytes each op adds at most, up to the next array, map or recursion.
    weights: Vec<usize>,
    pub(super) records: HashMap<Key, Known>,
    depth: usize,
    /// How many fields of writers two fields of the reader take.
    pub(super) taken_again: usize,
}

/// Two records that meet: where that of the reader stands, `None` where it has none, and that of
/// the writer.
pub(super) type Key = (Option<(usize, &'static str)>, usize);

/// The op of two records that have met before.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) op: OpId,
    /// `false` within the types themselves.
    pub(super) done: bool,
}

impl Compiler {
    fn new(budget: Budget) -> Self {
        let (ops, weights, records) = (Vec::new(), Vec::new(), HashMap::new());
        Self { budget, ops, weights, records, depth: 0, taken_again: 0 }
    }

    pub(super) fn push(&mut self, op: Op) -> OpId {
        let id = OpId(self.ops.len());
        self.budget.spend_on(&op);
        self.weights.push(self.weight_of(&op));
        self.ops.push(op);
        id
    }

    pub(super) fn fault(&mut self, reason: impl Into<String>) -> OpId {
        self.push(Op::Fault(Fault::new(reason)))
    }

    /// Fills in an op that was pushed as a place for it.
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

    fn weight_of(&self, op: &Op) -> usize {
        match op {
            Op::Convert(_) | Op::Symbols(_) => MAX_LEN,
            Op::Branches(branches) => {
                let most = branches.iter().map(|branch| self.weight(branch.value)).max();
                most.unwrap_or_default().saturating_add(MAX_LEN)
            }
            Op::Tagged { value, .. } => self.weight(*value).saturating_add(MAX_LEN),
            Op::Record(steps) => records::weight_of_steps(self, steps),
            _ => 0,
        }
    }

    /// The fault of an op that every datum meets.
    pub(super) fn fault_of(&self, id: OpId) -> Option<&Fault> {
        match self.op(id) {
            Some(Op::Fault(fault)) => Some(fault),
            _ => None,
        }
    }

    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> OpId) -> OpId {
        if self.budget.is_spent() {
            // The plan comes to nothing.
            return OpId(usize::MAX);
        }
        if self.depth == MAX_NESTED {
            return self.fault(format!("the schemas are nested more than {MAX_NESTED} levels deep"));
        }
        self.depth += 1;
        let id = inner(self);
        self.depth -= 1;
        id
    }

    /// The op that makes the reader's value of the writer's.
    pub(super) fn pair(&mut self, reader: View<'static>, writer: View<'_>) -> OpId {
        self.nested(|compiler| match (reader.shape(), writer.shape()) {
            (_, Shape::Union(union)) => compiler.of_union(reader, union),
            (Shape::Union(union), _) => compiler.branch_for(union, writer),
            (Shape::Record(to), Shape::Record(from)) => compiler.record(reader, to, writer, from),
            (Shape::Enum(to), Shape::Enum(from)) => compiler.symbols(&to, &from),
            (Shape::Array(to), Shape::Array(from)) => {
                let item = compiler.pair(to, from);
                compiler.push(Op::Blocks { keyed: false, item })
            }
            (Shape::Map(to), Shape::Map(from)) => {
                let item = compiler.pair(to, from);
                compiler.push(Op::Blocks { keyed: true, item })
            }
            (to, from) if same_primitive(&to, &from) || promotes(&to, &from) => {
                compiler.primitive(reader, &to, writer, &from)
            }
            (to, from) => compiler.fault(mismatch(&to, &from)),
        })
    }

    fn primitive(
        &mut self,
        reader: View<'static>,
        to: &Shape<'_>,
        writer: View<'_>,
        from: &Shape<'_>,
    ) -> OpId {
        let convert = match (units(reader, writer), to, from) {
            (Units::Differ, ..) => {
                let name = |view: View<'_>| {
                    view.logical().map_or(String::new(), |logical| text(logical.name).to_owned())
                };
                let (to, from) = (name(reader), name(writer));
                return self.fault(if to == from {
                    format!("the writer's `{from}` has another precision or scale")
                } else {
                    format!("the writer's `{from}` is no `{to}`")
                });
            }
            (Units::Times(factor), ..) => Convert::Times(factor),
            (Units::Over(divisor), ..) => Convert::Over(divisor),
            (Units::Same, Shape::Float, Shape::Int | Shape::Long) => Convert::LongToFloat,
            (Units::Same, Shape::Double, Shape::Int | Shape::Long) => Convert::LongToDouble,
            (Units::Same, Shape::Double, Shape::Float) => Convert::FloatToDouble,
            _ => return self.pass(writer),
        };
        self.push(Op::Convert(convert))
    }

    fn symbols(&mut self, to: &EnumView<'_>, from: &EnumView<'_>) -> OpId {
        if !events_schema::resolution::names_match(&to.name, &from.name) {
            return self.fault(other_name("enum", &to.name, &from.name));
        }
        let index = |symbol| to.symbols.position(symbol).or(to.default).and_then(|at| i64::try_from(at).ok());
        let symbols = (0..from.symbols.len()).map(|at| {
            let symbol = from.symbols.get(at);
            index(symbol).map_or_else(|| Symbol::Unknown(text(symbol).to_owned()), Symbol::Index)
        });
        let symbols: Box<[_]> = symbols.collect();
        let stays = |(at, symbol): (usize, &Symbol)| matches!(symbol, Symbol::Index(to) if i64::try_from(at) == Ok(*to));
        // With symbols of the reader behind the writer's, an index may be of neither.
        let same = symbols.len() == to.symbols.len() && symbols.iter().enumerate().all(stays);
        self.push(if same { Op::Long } else { Op::Symbols(symbols) })
    }

    /// A union of the writer: each of its branches in a way of its own.
    fn of_union(&mut self, reader: View<'static>, union: UnionView<'_>) -> OpId {
        let shape = reader.shape();
        let mut branches = Vec::with_capacity(union.len());
        for index in 0..union.len() {
            let from = union.branch(index);
            branches.push(match shape {
                Shape::Union(to) => match branch_of(to, from) {
                    Some(at) => {
                        // With more branches here, an index may be one of the reader alone.
                        let same = at == index && to.len() == union.len();
                        let tag = if same { Tag::Stays } else { Tag::Becomes(as_tag(at)) };
                        Branch { tag, value: self.pair(to.branch(at), from) }
                    }
                    None => Branch { tag: Tag::Stays, value: self.no_branch(from) },
                },
                _ => Branch { tag: Tag::Goes, value: self.pair(reader, from) },
            });
        }
        self.push(Op::Branches(branches.into()))
    }

    /// What is no union of the writer, for one of the reader.
    fn branch_for(&mut self, union: UnionView<'static>, writer: View<'_>) -> OpId {
        let Some(at) = branch_of(union, writer) else { return self.no_branch(writer) };
        let value = self.pair(union.branch(at), writer);
        if self.fault_of(value).is_some() {
            return value;
        }
        self.push(Op::Tagged { branch: as_tag(at), value })
    }

    fn no_branch(&mut self, writer: View<'_>) -> OpId {
        self.fault(format!("no branch of the union here takes the writer's {}", words(&writer.shape())))
    }

    /// The op that passes over a value of the writer.
    pub(super) fn pass(&mut self, writer: View<'_>) -> OpId {
        self.nested(|compiler| {
            let op = match writer.shape() {
                Shape::Null => Op::Raw(0),
                Shape::Boolean => Op::Raw(1),
                Shape::Int | Shape::Long | Shape::Enum(_) => Op::Long,
                Shape::Float => Op::Raw(4),
                Shape::Double => Op::Raw(8),
                Shape::Bytes | Shape::String => Op::Bytes,
                Shape::Fixed(_, size) => Op::Raw(size),
                Shape::Array(item) => Op::Blocks { keyed: false, item: compiler.pass(item) },
                Shape::Map(value) => Op::Blocks { keyed: true, item: compiler.pass(value) },
                Shape::Union(union) => {
                    let branch =
                        |index| Branch { tag: Tag::Stays, value: compiler.pass(union.branch(index)) };
                    Op::Branches((0..union.len()).map(branch).collect())
                }
                Shape::Record(record) => return compiler.pass_record(writer, record),
            };
            compiler.push(op)
        })
    }
}

/// No schema has more branches than a `long` counts.
fn as_tag(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

fn mismatch(to: &Shape<'_>, from: &Shape<'_>) -> String {
    format!("the writer's {} can't be read as {}", words(from), words(to))
}

pub(super) fn other_name(kind: &str, to: &NameView<'_>, from: &NameView<'_>) -> String {
    let (to, from) = (to.short_text(), from.short_text());
    format!("the writer's {kind} is `{from}`, here it is `{to}`: give that the alias `{from}`")
}

/// A schema in a message.
fn words(shape: &Shape<'_>) -> String {
    match shape {
        Shape::Null => "`null`".to_owned(),
        Shape::Boolean => "`boolean`".to_owned(),
        Shape::Int => "`int`".to_owned(),
        Shape::Long => "`long`".to_owned(),
        Shape::Float => "`float`".to_owned(),
        Shape::Double => "`double`".to_owned(),
        Shape::Bytes => "`bytes`".to_owned(),
        Shape::String => "`string`".to_owned(),
        Shape::Array(_) => "array".to_owned(),
        Shape::Map(_) => "map".to_owned(),
        Shape::Union(_) => "union".to_owned(),
        Shape::Fixed(name, _) => format!("fixed `{}`", name.short_text()),
        Shape::Enum(view) => format!("enum `{}`", view.name.short_text()),
        Shape::Record(view) => format!("record `{}`", view.name.short_text()),
    }
}
