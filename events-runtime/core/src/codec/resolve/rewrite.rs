//! Rewrites a writer's datum as a datum of the reader, in one pass.
//!
//! Unchanged values are not copied one by one. The rewriter remembers where the unchanged input begins, and
//! copies all of it when something else must be written.

#![allow(
    clippy::inline_always,
    reason = "an unchanged field costs less than a call; measured in tests/benches"
)]

use super::output::{Buffers, Output};
use super::plan::{Action, Branch, BranchIndex, Limit, Op, OpId, Plan, Reordered, ReorderedField, Step};
use crate::codec::error::{DecodeError, DecodeErrorKind};
use crate::codec::reader::Reader;

/// How deep the steps of a plan may nest: more than the codec's levels need for any definition, and less than
/// a thread's stack.
const MAX_STEPS_DEEP: usize = 1024;

/// Writes the reader's datum, up to the limit.
///
/// # Errors
/// The bytes are not a datum of the writer, or can't be read as one of the reader.
pub(super) fn rewrite(
    plan: &Plan,
    input: &[u8],
    buffers: &mut Buffers,
    limit: Limit,
) -> Result<(), DecodeError> {
    buffers.datum.clear();
    buffers.starts.clear();
    let output = Output::new(input, Reader::new(input), buffers, limit);
    let mut rewriter = Rewriter { plan, output, deep: 0 };
    rewriter.run(plan.root)?;
    rewriter.output.flush()?;
    rewriter.output.reader.finish()
}

/// Skips the fields that the reader lacks.
///
/// # Errors
/// The bytes are not a datum of the writer.
pub(super) fn skip_rest<'a>(
    plan: &Plan,
    from: usize,
    input: &'a [u8],
    reader: Reader<'a>,
) -> Result<(), DecodeError> {
    let Op::Record(steps) = plan.op(plan.root) else { return reader.finish() };
    let buffers = &mut Buffers::default();
    let mut rewriter = Rewriter { plan, output: Output::nothing(input, reader, buffers), deep: 0 };
    for step in steps.get(from..).unwrap_or_default() {
        if let Action::Skip(value) = step.action {
            rewriter.run(value).map_err(|error| step.path.wrap(error))?;
        }
    }
    rewriter.output.reader.finish()
}

struct Rewriter<'a, 'p> {
    plan: &'p Plan,
    output: Output<'a, 'p>,
    deep: usize,
}

impl Rewriter<'_, '_> {
    #[inline(always)]
    fn run(&mut self, op: OpId) -> Result<(), DecodeError> {
        let plan = self.plan;
        match plan.op(op) {
            Op::Fixed(len) => self.output.reader.raw(*len).map(drop),
            Op::Long => self.output.reader.long().map(drop),
            Op::Bytes => self.output.reader.bytes().map(drop),
            op => self.composite(op),
        }
    }

    fn composite(&mut self, op: &Op) -> Result<(), DecodeError> {
        self.deep += 1;
        if self.deep > MAX_STEPS_DEEP {
            return Err(self.output.reader.error(DecodeErrorKind::TooDeep { limit: MAX_STEPS_DEEP }));
        }
        self.within(op)?;
        self.deep -= 1;
        Ok(())
    }

    #[inline(always)]
    fn within(&mut self, op: &Op) -> Result<(), DecodeError> {
        match op {
            Op::Record(steps) => self.steps(steps),
            Op::Blocks { keyed, item } => self.blocks(*keyed, *item),
            Op::Branches(branches) => self.branch(branches),
            Op::IntoBranch { branch, value } => {
                self.output.flush()?;
                self.output.put_long(*branch)?;
                self.run(*value)
            }
            Op::Nested(value) => {
                self.output.reader.enter()?;
                self.run(*value)?;
                self.output.reader.leave();
                Ok(())
            }
            Op::Convert(convert) => self.output.convert(*convert),
            Op::Symbols(symbols) => self.output.symbol(symbols),
            Op::Unresolvable(error) => Err(error.error(self.output.here())),
            // Handled by `run`.
            Op::Fixed(_) | Op::Long | Op::Bytes => Ok(()),
        }
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), DecodeError> {
        for step in steps {
            let result = match &step.action {
                Action::Read(value) => self.run(*value),
                Action::Skip(value) => self.output.flush().and_then(|()| {
                    self.run(*value)?;
                    self.output.leave_out();
                    Ok(())
                }),
                Action::Default(datum) => self.output.flush().and_then(|()| self.output.put(datum)),
                Action::Reorder(reordered) => self.reordered(reordered),
            };
            if let Err(error) = result {
                return Err(step.path.wrap(error));
            }
        }
        Ok(())
    }

    /// Two passes: the first finds where each field begins, the second reads the fields in the reader's order.
    fn reordered(&mut self, reordered: &Reordered) -> Result<(), DecodeError> {
        self.output.flush()?;
        let first = self.output.buffers.starts.len();
        let (ahead, limit) = (self.output.reader.clone(), self.output.limit);
        for (skip, field) in &reordered.skips {
            let here = self.output.here();
            self.output.buffers.starts.push(here);
            if let Err(error) = self.run(*skip) {
                return Err(field.wrap(error));
            }
        }
        let end = self.output.here();
        self.output.buffers.starts.push(end);
        // Also resets the number of items without bytes, which are read again.
        (self.output.reader, self.output.limit) = (ahead, limit);
        for field in &reordered.fields {
            match field {
                ReorderedField::Read { index, value, field } => {
                    let start = self.output.start(first + index);
                    // Adjacent fields that stay adjacent are copied together.
                    if start != self.output.here() {
                        self.output.flush()?;
                        self.output.go_to(start);
                    }
                    if self.plan.is_verbatim(*value) {
                        let next = self.output.start(first + index + 1);
                        self.output.skip_to(next);
                    } else {
                        self.run(*value).map_err(|error| field.wrap(error))?;
                    }
                }
                ReorderedField::Default(datum) => {
                    self.output.flush()?;
                    self.output.put(datum)?;
                }
            }
        }
        self.output.flush()?;
        self.output.go_to(end);
        self.output.buffers.starts.truncate(first);
        Ok(())
    }

    fn branch(&mut self, branches: &[Branch]) -> Result<(), DecodeError> {
        let before = self.output.here();
        let index = self.output.reader.long()?;
        let Some(branch) = usize::try_from(index).ok().and_then(|index| branches.get(index)) else {
            return Err(self
                .output
                .reader
                .error(DecodeErrorKind::UnknownBranch { index, branches: branches.len() }));
        };
        if branch.index != BranchIndex::Keep {
            self.output.flush_to(before)?;
            self.output.leave_out();
            if let BranchIndex::Replace(index) | BranchIndex::Other(index) = branch.index {
                self.output.put_long(index)?;
            }
        }
        self.run(branch.value)?;
        if matches!(branch.index, BranchIndex::Other(_)) {
            self.output.leave_out();
        }
        Ok(())
    }

    fn blocks(&mut self, keyed: bool, item: OpId) -> Result<(), DecodeError> {
        let mut index = 0;
        loop {
            let before = self.output.here();
            let mut count = self.output.reader.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                self.output.reader.length()?;
                count = count
                    .checked_neg()
                    .ok_or_else(|| self.output.reader.error(DecodeErrorKind::NegativeLength(count)))?;
                // The length in bytes would be that of the writer's items.
                if !self.plan.is_verbatim(item) {
                    self.output.flush_to(before)?;
                    self.output.leave_out();
                    self.output.put_long(count)?;
                }
            }
            for _ in 0..count {
                self.item(keyed, item, index)?;
                index += 1;
            }
        }
    }

    #[inline]
    fn item(&mut self, keyed: bool, item: OpId, index: usize) -> Result<(), DecodeError> {
        let before = self.output.reader.remaining();
        let key = if keyed { Some(self.output.reader.bytes()?) } else { None };
        if let Err(error) = self.run(item) {
            return Err(match key {
                Some(key) => error.in_entry(&String::from_utf8_lossy(key)),
                None => error.in_item(index),
            });
        }
        if self.output.reader.remaining() == before {
            self.output.reader.empty_items(1)?;
            self.output.limit.add_empty_item();
        }
        Ok(())
    }
}
