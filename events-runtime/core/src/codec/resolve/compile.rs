//! Makes the plan for two schemas, by the rules of `events_schema::resolution`.

use super::budget::Budget;
use super::compiler::{Compiler, record_offset};
use super::defaults;
use super::path::PathField;
use super::plan::{Branch, BranchIndex, Convert, Op, OpId, Plan, Symbol, Unresolvable};
use super::records::FieldSource;
use events_schema::resolution::{
    Units, branch_of, field_of, is_other, is_unknown_variant, names_match, promotes, same_primitive, units,
};
use events_schema::tree::Schema;
use events_schema::view::{EnumView, FieldView, NameView, RecordView, Shape, UnionView, View, text};

/// The plan for data that a writer's packed schema describes.
pub(crate) fn plan(reader: &'static Schema, writer: &[u8]) -> Plan {
    let mut compiler = Compiler::new(Budget::of(reader, writer));
    let root = compiler.pair(View::tree(reader), View::packed(writer));
    if let Some(reason) = compiler.budget.exceeded() {
        return Plan::new(OpId(0), vec![Op::Unresolvable(Unresolvable::new(reason))], 1);
    }
    let growth = compiler.growth(root);
    Plan::new(root, compiler.ops, growth)
}

impl Compiler {
    /// The op that makes a value of the reader from one of the writer.
    fn pair(&mut self, reader: View<'static>, writer: View<'_>) -> OpId {
        self.nested(|compiler| match (reader.shape(), writer.shape()) {
            (_, Shape::Union(union)) => compiler.writer_union(reader, union),
            (Shape::Union(union), _) => compiler.reader_union(union, writer),
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
            (to, from) => compiler.unresolvable(mismatch(&to, &from)),
        })
    }

    /// The op of two records; inside of these records, an op that refers back to it.
    fn record(
        &mut self,
        reader: View<'static>,
        to: RecordView<'static>,
        writer: View<'_>,
        from: RecordView<'_>,
    ) -> OpId {
        let reader = match reader {
            View::Tree { schema, namespace, .. } => (std::ptr::from_ref(schema).addr(), namespace),
            View::Branch { record, namespace, .. } => (std::ptr::from_ref(record).addr(), namespace),
            View::Packed(_) => return self.unresolvable("a reader's schema is a tree"),
        };
        self.once((Some(reader), record_offset(writer)), |compiler| {
            if !names_match(&to.name, &from.name) {
                return Op::Unresolvable(Unresolvable::new(other_name("record", &to.name, &from.name)));
            }
            compiler.fields(to, from).unwrap_or_else(Op::Unresolvable)
        })
    }

    /// The fields of a record; an error if no datum can be read.
    fn fields(&mut self, to: RecordView<'static>, from: RecordView<'_>) -> Result<Op, Unresolvable> {
        let mut sources = Vec::with_capacity(to.len());
        let mut uses = vec![0_usize; from.len()];
        for index in 0..to.len() {
            let field = to.field(index);
            let name = PathField::of_reader(&field);
            let value = self.field(&field, from).map_err(|error| error.in_field(name.clone()))?;
            if let FieldSource::Field { index, .. } = value
                && let Some(uses) = uses.get_mut(index)
            {
                *uses += 1;
            }
            sources.push((value, name));
        }
        self.extra_reads += uses.iter().map(|uses| uses.saturating_sub(1)).sum::<usize>();
        Ok(Op::Record(self.steps(sources, from)))
    }

    fn field(
        &mut self,
        field: &FieldView<'static>,
        from: RecordView<'_>,
    ) -> Result<FieldSource, Unresolvable> {
        if let Some(index) = field_of(from, field) {
            let value = self.pair(field.schema, from.field(index).schema);
            return match self.reason_of(value) {
                Some(error) => Err(error.clone()),
                None => Ok(FieldSource::Field { index, value }),
            };
        }
        match field.default {
            Some(default) => {
                let datum = defaults::datum(field.schema, default).map_err(Unresolvable::new)?;
                self.budget.spend(datum.len());
                Ok(FieldSource::Default(datum))
            }
            None => {
                Err(Unresolvable::new("the writer has no such field, and the reader has no default for it"))
            }
        }
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
                return self.unresolvable(if to == from {
                    format!("the writer's `{from}` has another precision or scale")
                } else {
                    format!("the writer's `{from}` can't be read as `{to}`")
                });
            }
            (Units::Times(factor), ..) => Convert::Multiply(factor),
            (Units::Over(divisor), ..) => Convert::Divide(divisor),
            (Units::Same, Shape::Float, Shape::Int | Shape::Long) => Convert::LongToFloat,
            (Units::Same, Shape::Double, Shape::Int | Shape::Long) => Convert::LongToDouble,
            (Units::Same, Shape::Double, Shape::Float) => Convert::FloatToDouble,
            _ => return self.skip(writer),
        };
        self.push(Op::Convert(convert))
    }

    fn symbols(&mut self, to: &EnumView<'_>, from: &EnumView<'_>) -> OpId {
        if !names_match(&to.name, &from.name) {
            return self.unresolvable(other_name("enum", &to.name, &from.name));
        }
        let index = |symbol| to.symbols.position(symbol).or(to.default).and_then(|at| i64::try_from(at).ok());
        let symbols = (0..from.symbols.len()).map(|at| {
            let symbol = from.symbols.get(at);
            index(symbol).map_or_else(|| Symbol::Unknown(text(symbol).to_owned()), Symbol::Index)
        });
        let symbols: Box<[_]> = symbols.collect();
        let is_kept = |(at, symbol): (usize, &Symbol)| matches!(symbol, Symbol::Index(to) if i64::try_from(at) == Ok(*to));
        // If the reader has more symbols, an index beyond the writer's must stay an error.
        let same = symbols.len() == to.symbols.len() && symbols.iter().enumerate().all(is_kept);
        self.push(if same { Op::Long } else { Op::Symbols(symbols) })
    }

    /// A union of the writer.
    fn writer_union(&mut self, reader: View<'static>, union: UnionView<'_>) -> OpId {
        let shape = reader.shape();
        let mut branches = Vec::with_capacity(union.len());
        for index in 0..union.len() {
            let from = union.branch(index);
            branches.push(match shape {
                Shape::Union(to) => match branch_of(to, from) {
                    Some(at) => {
                        // If the reader has more branches, an index beyond the writer's must stay an error.
                        let same = at == index && to.len() == union.len();
                        let index = if same { BranchIndex::Keep } else { BranchIndex::Replace(as_index(at)) };
                        Branch { index, value: self.pair(to.branch(at), from) }
                    }
                    None if is_other(to, union, from) => {
                        Branch { index: BranchIndex::Other(as_index(to.len())), value: self.skip(from) }
                    }
                    None if is_unknown_variant(to, union, from) => {
                        Branch { index: BranchIndex::Keep, value: self.unknown_variant(from) }
                    }
                    None => Branch { index: BranchIndex::Keep, value: self.no_branch(from) },
                },
                _ => Branch { index: BranchIndex::Omit, value: self.pair(reader, from) },
            });
        }
        self.push(Op::Branches(branches.into()))
    }

    /// A value of the writer, which is no union, for a union of the reader.
    fn reader_union(&mut self, union: UnionView<'static>, writer: View<'_>) -> OpId {
        let Some(at) = branch_of(union, writer) else { return self.no_branch(writer) };
        let value = self.pair(union.branch(at), writer);
        if self.reason_of(value).is_some() {
            return value;
        }
        self.push(Op::IntoBranch { branch: as_index(at), value })
    }

    fn no_branch(&mut self, writer: View<'_>) -> OpId {
        self.unresolvable(unread(&writer.shape()))
    }

    fn unknown_variant(&mut self, writer: View<'_>) -> OpId {
        let unread = unread(&writer.shape());
        self.unresolvable(format!("{unread}; an enum with a variant `#[event(other)]` takes it"))
    }
}

/// No schema has more branches than `i64::MAX`.
fn as_index(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

fn unread(writer: &Shape<'_>) -> String {
    format!("no branch of the reader's union can read the writer's {}", describe(writer))
}

fn mismatch(to: &Shape<'_>, from: &Shape<'_>) -> String {
    format!("the writer's {} can't be read as {}", describe(from), describe(to))
}

fn other_name(kind: &str, to: &NameView<'_>, from: &NameView<'_>) -> String {
    let (to, from) = (to.short_text(), from.short_text());
    format!("the writer's {kind} is `{from}`, the reader's is `{to}`: give `{to}` the alias `{from}`")
}

/// Describes a schema in a message.
fn describe(shape: &Shape<'_>) -> String {
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
