//! The records of a plan: fields by their names, in the reader's order.

use std::borrow::Cow;

use super::compile::{Compiler, Key, Known, other_name, text};
use super::defaults;
use super::plan::{Action, Fault, Op, OpId, Shuffle, Shuffled, Step};
use crate::avro::resolution::{field_of, names_match};
use crate::avro::view::{FieldView, RecordView, View};

/// Where a field of the reader has its value from.
enum Taken {
    /// The writer's field of this index.
    Field {
        index: usize,
        value: OpId,
    },
    Default(Vec<u8>),
}

impl Compiler {
    /// The op of two records; within themselves, the one that leads back to it.
    pub(super) fn record(
        &mut self,
        reader: View<'static>,
        to: RecordView<'static>,
        writer: View<'_>,
        from: RecordView<'_>,
    ) -> OpId {
        let place = match reader {
            View::Tree { schema, namespace, .. } => (std::ptr::from_ref(schema).addr(), namespace),
            View::Branch { record, namespace, .. } => (std::ptr::from_ref(record).addr(), namespace),
            View::Packed(_) => return self.fault("a reader's schema is a tree"),
        };
        self.once((Some(place), start(writer)), |compiler| {
            if !names_match(&to.name, &from.name) {
                return Op::Fault(Fault::new(other_name("record", &to.name, &from.name)));
            }
            compiler.fields(to, from).unwrap_or_else(Op::Fault)
        })
    }

    /// The op that passes over a record of the writer.
    pub(super) fn pass_record(&mut self, writer: View<'_>, record: RecordView<'_>) -> OpId {
        self.once((None, start(writer)), |compiler| {
            let mut steps = Vec::with_capacity(record.len());
            // Together, where all of them have a length of their own: records of records without
            // bytes would take more steps than a datum has bytes.
            let mut len = Some(0_usize);
            for index in 0..record.len() {
                let field = record.field(index);
                let value = compiler.pass(field.schema);
                let raw = match compiler.op(value) {
                    Some(Op::Raw(raw)) => Some(*raw),
                    _ => None,
                };
                len = len.zip(raw).map(|(len, raw)| len.saturating_add(raw));
                if raw != Some(0) {
                    let field = Cow::Owned(text(field.name).to_owned());
                    steps.push(Step { action: Action::Take(value), field });
                }
            }
            len.map_or_else(|| Op::Record(steps.into()), Op::Raw)
        })
    }

    fn once(&mut self, key: Key, make: impl FnOnce(&mut Self) -> Op) -> OpId {
        match self.records.get(&key) {
            Some(Known { op, done: true }) => return *op,
            Some(Known { op, .. }) => return self.push(Op::Deeper(*op)),
            None => {}
        }
        let id = self.push(Op::Raw(0));
        self.records.insert(key, Known { op: id, done: false });
        let op = make(self);
        self.set(id, op);
        self.records.insert(key, Known { op: id, done: true });
        id
    }

    /// The fields of a record; the fault of one that every datum meets.
    fn fields(&mut self, to: RecordView<'static>, from: RecordView<'_>) -> Result<Op, Fault> {
        let mut taken = Vec::with_capacity(to.len());
        let mut uses = vec![0_usize; from.len()];
        for index in 0..to.len() {
            let field = to.field(index);
            let name = Cow::Borrowed(text(field.name));
            let value = self.field(&field, from).map_err(|fault| fault.in_field(name.clone()))?;
            if let Taken::Field { index, .. } = value
                && let Some(uses) = uses.get_mut(index)
            {
                *uses += 1;
            }
            taken.push((value, name));
        }
        self.taken_again += uses.iter().map(|uses| uses.saturating_sub(1)).sum::<usize>();
        let indexes = taken.iter().filter_map(|(taken, _)| match taken {
            Taken::Field { index, .. } => Some(*index),
            Taken::Default(_) => None,
        });
        Ok(if indexes.is_sorted_by(|a, b| a < b) {
            Op::Record(self.in_order(taken, from))
        } else {
            Op::Shuffled(Box::new(self.shuffled(taken, from)))
        })
    }

    fn field(&mut self, field: &FieldView<'static>, from: RecordView<'_>) -> Result<Taken, Fault> {
        if let Some(index) = field_of(from, field) {
            let value = self.pair(field.schema, from.field(index).schema);
            return match self.fault_of(value) {
                Some(fault) => Err(fault.clone()),
                None => Ok(Taken::Field { index, value }),
            };
        }
        match field.default {
            Some(default) => defaults::datum(field.schema, default).map(Taken::Default).map_err(Fault::new),
            None => Err(Fault::new("the writer has no such field, and it has no default here")),
        }
    }

    fn in_order(&mut self, taken: Vec<(Taken, Cow<'static, str>)>, from: RecordView<'_>) -> Box<[Step]> {
        let mut steps = Vec::with_capacity(from.len());
        let mut next = 0;
        for (taken, field) in taken {
            match taken {
                Taken::Field { index, value } => {
                    self.drops(next..index, from, &mut steps);
                    next = index + 1;
                    steps.push(Step { action: Action::Take(value), field });
                }
                Taken::Default(datum) => steps.push(Step { action: Action::Put(datum.into()), field }),
            }
        }
        self.drops(next..from.len(), from, &mut steps);
        steps.into()
    }

    fn drops(&mut self, indexes: std::ops::Range<usize>, from: RecordView<'_>, steps: &mut Vec<Step>) {
        for index in indexes {
            let field = from.field(index);
            let value = self.pass(field.schema);
            if !matches!(self.op(value), Some(Op::Raw(0))) {
                let field = Cow::Owned(text(field.name).to_owned());
                steps.push(Step { action: Action::Drop(value), field });
            }
        }
    }

    fn shuffled(&mut self, taken: Vec<(Taken, Cow<'static, str>)>, from: RecordView<'_>) -> Shuffled {
        let passes = (0..from.len()).map(|index| {
            let field = from.field(index);
            (self.pass(field.schema), text(field.name).to_owned())
        });
        let passes = passes.collect();
        let shuffles = taken.into_iter().map(|(taken, field)| match taken {
            Taken::Field { index, value } => Shuffle::Take { index, value, field },
            Taken::Default(datum) => Shuffle::Put(datum.into()),
        });
        Shuffled { passes, takes: shuffles.collect() }
    }
}

/// Where a record of the writer stands.
fn start(writer: View<'_>) -> usize {
    writer.offset().unwrap_or(usize::MAX)
}

pub(super) fn weight_of_steps(compiler: &Compiler, steps: &[Step]) -> usize {
    let weights = steps.iter().map(|step| match &step.action {
        Action::Take(value) => compiler.weight(*value),
        Action::Drop(_) => 0,
        Action::Put(datum) => datum.len(),
    });
    weights.fold(0, usize::saturating_add)
}

pub(super) fn weight_of_shuffled(compiler: &Compiler, shuffled: &Shuffled) -> usize {
    let weights = shuffled.takes.iter().map(|take| match take {
        Shuffle::Take { value, .. } => compiler.weight(*value),
        Shuffle::Put(datum) => datum.len(),
    });
    weights.fold(0, usize::saturating_add)
}
