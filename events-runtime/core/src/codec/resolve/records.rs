//! The steps of a record, in the reader's order of fields.

use std::ops::Range;

use super::compiler::Compiler;
use super::path::{FieldPath, PathField};
use super::plan::{Action, Op, OpId, Reordered, ReorderedField, Step};
use events_schema::view::RecordView;

/// The source of a field's value.
pub(super) enum FieldSource {
    /// The writer's field of this index.
    Field {
        index: usize,
        value: OpId,
    },
    Default(Vec<u8>),
}

impl FieldSource {
    fn index(&self) -> Option<usize> {
        match self {
            Self::Field { index, .. } => Some(*index),
            Self::Default(_) => None,
        }
    }
}

/// A source, and the reader's field.
pub(super) type NamedSource = (FieldSource, PathField);

/// The most steps that a record may have with those of inner records.
const MAX_INLINED: usize = 256;

impl Compiler {
    /// Steps for the writer's fields in their order; fields in another order share a step.
    pub(super) fn steps(&mut self, sources: Vec<NamedSource>, from: RecordView<'_>) -> Box<[Step]> {
        let mut steps = Vec::with_capacity(from.len());
        // For each field, the first field of the writer that is read from there on.
        let mut later: Vec<_> =
            sources.iter().map(|(source, _)| source.index().unwrap_or(usize::MAX)).collect();
        later.push(usize::MAX);
        let mut first = usize::MAX;
        for index in later.iter_mut().rev() {
            first = first.min(*index);
            *index = first;
        }
        let mut next = 0;
        let mut group = Vec::new();
        for ((source, field), later) in sources.into_iter().zip(later.into_iter().skip(1)) {
            match source {
                FieldSource::Default(datum) if group.is_empty() => {
                    steps.push(Step { action: Action::Default(datum.into()), path: field.into() });
                    continue;
                }
                FieldSource::Field { index, value } if group.is_empty() && index < later => {
                    self.skip_fields(next..index, from, &mut steps);
                    next = index + 1;
                    self.read(value, field, &mut steps);
                    continue;
                }
                source => group.push((source, field)),
            }
            let indexes = || group.iter().filter_map(|(source, _)| source.index());
            if let (Some(first), Some(last)) = (indexes().min(), indexes().max())
                && last < later
            {
                self.skip_fields(next..first, from, &mut steps);
                next = last + 1;
                let reordered = self.reordered(std::mem::take(&mut group), first..next, from);
                steps.push(Step { action: Action::Reorder(reordered.into()), path: FieldPath::default() });
            }
        }
        self.skip_fields(next..from.len(), from, &mut steps);
        steps.into()
    }

    /// Reads a field. The steps of an inner record are inlined: fewer calls, but more steps.
    fn read(&mut self, value: OpId, field: PathField, steps: &mut Vec<Step>) {
        // `op` would borrow the budget too.
        match self.ops.get(value.0) {
            Some(Op::Record(inner))
                if inner.len() + steps.len() <= MAX_INLINED && self.budget.copy(inner.len()) =>
            {
                steps.extend(inner.iter().map(|step| Step {
                    action: step.action.clone(),
                    path: step.path.clone().within(field.clone()),
                }));
            }
            _ => steps.push(Step { action: Action::Read(value), path: field.into() }),
        }
    }

    fn skip_fields(&mut self, indexes: Range<usize>, from: RecordView<'_>, steps: &mut Vec<Step>) {
        for index in indexes {
            let field = from.field(index);
            let value = self.skip(field.schema);
            if !matches!(self.op(value), Some(Op::Fixed(0))) {
                let path = self.skipped_field(&field).into();
                steps.push(Step { action: Action::Skip(value), path });
            }
        }
    }

    fn reordered(
        &mut self,
        sources: Vec<NamedSource>,
        between: Range<usize>,
        from: RecordView<'_>,
    ) -> Reordered {
        let first = between.start;
        let skips = between.map(|index| {
            let field = from.field(index);
            (self.skip(field.schema), self.skipped_field(&field))
        });
        let skips = skips.collect();
        let fields = sources.into_iter().map(|(source, field)| match source {
            FieldSource::Field { index, value } => {
                ReorderedField::Read { index: index - first, value, field }
            }
            FieldSource::Default(datum) => ReorderedField::Default(datum.into()),
        });
        let reordered = Reordered { skips, fields: fields.collect() };
        self.budget.spend_on_reordered(&reordered);
        reordered
    }
}
