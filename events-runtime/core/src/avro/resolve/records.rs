//! The records of a plan: fields by their names, in the reader's order.

use std::ops::Range;

use super::compile::{Compiler, Key, Known, other_name};
use super::defaults;
use super::place::{Field, Place};
use super::plan::{Action, Fault, Op, OpId, Shuffle, Shuffled, Step};
use events_schema::resolution::{field_of, names_match};
use events_schema::view::{FieldView, RecordView, View};

/// Where a field of the reader has its value from.
enum Taken {
    /// The writer's field of this index.
    Field {
        index: usize,
        value: OpId,
    },
    Default(Vec<u8>),
}

impl Taken {
    fn index(&self) -> Option<usize> {
        match self {
            Self::Field { index, .. } => Some(*index),
            Self::Default(_) => None,
        }
    }
}

/// With the reader's field.
type Named = (Taken, Field);

/// How many steps a record may have with those of the records within it.
const MAX_INLINED: usize = 256;

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
                    let place = compiler.passed(&field).into();
                    steps.push(Step { action: Action::Take(value), place });
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
            let name = Field::of_reader(&field);
            let value = self.field(&field, from).map_err(|fault| fault.in_field(name.clone()))?;
            if let Taken::Field { index, .. } = value
                && let Some(uses) = uses.get_mut(index)
            {
                *uses += 1;
            }
            taken.push((value, name));
        }
        self.taken_again += uses.iter().map(|uses| uses.saturating_sub(1)).sum::<usize>();
        Ok(Op::Record(self.steps(taken, from)))
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
            Some(default) => {
                let datum = defaults::datum(field.schema, default).map_err(Fault::new)?;
                self.budget.spend(datum.len());
                Ok(Taken::Default(datum))
            }
            None => Err(Fault::new("the writer has no such field, and it has no default here")),
        }
    }

    /// The writer's fields in their order; those that change places, together.
    fn steps(&mut self, taken: Vec<Named>, from: RecordView<'_>) -> Box<[Step]> {
        let mut steps = Vec::with_capacity(from.len());
        // The writer's first field that is taken from here on.
        let mut later: Vec<_> = taken.iter().map(|(taken, _)| taken.index().unwrap_or(usize::MAX)).collect();
        later.push(usize::MAX);
        let mut least = usize::MAX;
        for index in later.iter_mut().rev() {
            least = least.min(*index);
            *index = least;
        }
        let mut next = 0;
        let mut group = Vec::new();
        for ((taken, field), later) in taken.into_iter().zip(later.into_iter().skip(1)) {
            match taken {
                Taken::Default(datum) if group.is_empty() => {
                    steps.push(Step { action: Action::Put(datum.into()), place: field.into() });
                    continue;
                }
                Taken::Field { index, value } if group.is_empty() && index < later => {
                    self.drops(next..index, from, &mut steps);
                    next = index + 1;
                    self.take(value, field, &mut steps);
                    continue;
                }
                taken => group.push((taken, field)),
            }
            let indexes = || group.iter().filter_map(|(taken, _)| taken.index());
            if let (Some(first), Some(last)) = (indexes().min(), indexes().max())
                && last < later
            {
                self.drops(next..first, from, &mut steps);
                next = last + 1;
                let shuffled = self.shuffled(std::mem::take(&mut group), first..next, from);
                steps.push(Step { action: Action::Shuffle(shuffled.into()), place: Place::default() });
            }
        }
        self.drops(next..from.len(), from, &mut steps);
        steps.into()
    }

    /// Takes a field; of a record, its fields: fewer calls, at the price of longer steps.
    fn take(&mut self, value: OpId, field: Field, steps: &mut Vec<Step>) {
        // Not by `op`, which borrows the budget too.
        match self.ops.get(value.0) {
            Some(Op::Record(inner))
                if inner.len() + steps.len() <= MAX_INLINED && self.budget.copy(inner.len()) =>
            {
                steps.extend(inner.iter().map(|step| Step {
                    action: step.action.clone(),
                    place: step.place.clone().within(field.clone()),
                }));
            }
            _ => steps.push(Step { action: Action::Take(value), place: field.into() }),
        }
    }

    fn drops(&mut self, indexes: Range<usize>, from: RecordView<'_>, steps: &mut Vec<Step>) {
        for index in indexes {
            let field = from.field(index);
            let value = self.pass(field.schema);
            if !matches!(self.op(value), Some(Op::Raw(0))) {
                let place = self.passed(&field).into();
                steps.push(Step { action: Action::Drop(value), place });
            }
        }
    }

    fn shuffled(&mut self, taken: Vec<Named>, between: Range<usize>, from: RecordView<'_>) -> Shuffled {
        let first = between.start;
        let passes = between.map(|index| {
            let field = from.field(index);
            (self.pass(field.schema), self.passed(&field))
        });
        let passes = passes.collect();
        let steps = taken.into_iter().map(|(source, field)| match source {
            Taken::Field { index, value } => Shuffle::Take { index: index - first, value, field },
            Taken::Default(datum) => Shuffle::Put(datum.into()),
        });
        let shuffled = Shuffled { passes, takes: steps.collect() };
        self.budget.spend_on_shuffled(&shuffled);
        shuffled
    }

    /// A field of the writer that is passed over.
    fn passed(&mut self, field: &FieldView<'_>) -> Field {
        self.budget.spend(field.name.len());
        Field::of_writer(field)
    }
}

/// Where a record of the writer stands.
fn start(writer: View<'_>) -> usize {
    writer.offset().unwrap_or(usize::MAX)
}

/// How many bytes steps add at most.
pub(super) fn weight_of_steps(compiler: &Compiler, steps: &[Step]) -> usize {
    let of_take = |take: &Shuffle| match take {
        Shuffle::Take { value, .. } => compiler.weight(*value),
        Shuffle::Put(datum) => datum.len(),
    };
    let weights = steps.iter().map(|step| match &step.action {
        Action::Take(value) => compiler.weight(*value),
        Action::Drop(_) => 0,
        Action::Put(datum) => datum.len(),
        Action::Shuffle(shuffled) => shuffled.takes.iter().map(of_take).fold(0, usize::saturating_add),
    });
    weights.fold(0, usize::saturating_add)
}
