//! A writer's datum ▶ a datum of the reader, in one pass.
//!
//! What stays as it is is not copied value by value: the rewriter remembers from where on it has
//! copied nothing, and copies all at once where something else has to be written.

#![allow(
    clippy::inline_always,
    reason = "a field that stays as it is costs less than a call; measured in tests/benches"
)]

use super::buffers::Buffers;
use super::plan::{Action, Branch, Limit, Op, OpId, Plan, Shuffle, Shuffled, Step, Tag};
use crate::avro::Reader;
use crate::avro::error::{DecodeError, DecodeErrorKind};

/// How deep the steps of a plan may run within each other: more than the codec's levels take of any
/// definition, and less than a thread's stack.
const MAX_STEPS_DEEP: usize = 1024;

/// Writes the reader's datum; no more of it than the limit says.
///
/// # Errors
/// The bytes are no datum of the writer, or one that the reader can't take.
pub(super) fn rewrite(
    plan: &Plan,
    input: &[u8],
    buffers: &mut Buffers,
    limit: Limit,
) -> Result<(), DecodeError> {
    buffers.datum.clear();
    buffers.starts.clear();
    let reader = Reader::new(input);
    let mut rewriter = Rewriter { plan, input, reader, buffers, copied: 0, limit, deep: 0 };
    rewriter.run(plan.root)?;
    rewriter.flush()?;
    rewriter.reader.finish()
}

/// Reads past the fields that the reader does not have.
///
/// # Errors
/// The bytes are no datum of the writer.
pub(super) fn pass_over<'a>(
    plan: &Plan,
    from: usize,
    input: &'a [u8],
    reader: Reader<'a>,
) -> Result<(), DecodeError> {
    let Op::Record(steps) = plan.op(plan.root) else { return reader.finish() };
    let copied = input.len();
    let buffers = &mut Buffers::default();
    let mut rewriter =
        Rewriter { plan, input, reader, buffers, copied, limit: Limit::exactly(usize::MAX), deep: 0 };
    for step in steps.get(from..).unwrap_or_default() {
        if let Action::Drop(value) = step.action {
            rewriter.run(value).map_err(|fault| step.place.around(fault))?;
        }
    }
    rewriter.reader.finish()
}

pub(super) struct Rewriter<'a, 'p> {
    plan: &'p Plan,
    pub(super) input: &'a [u8],
    pub(super) reader: Reader<'a>,
    pub(super) buffers: &'p mut Buffers,
    /// Up to here, the input is in the output or left out.
    pub(super) copied: usize,
    pub(super) limit: Limit,
    deep: usize,
}

impl Rewriter<'_, '_> {
    #[inline(always)]
    fn run(&mut self, op: OpId) -> Result<(), DecodeError> {
        let plan = self.plan;
        match plan.op(op) {
            Op::Raw(len) => self.reader.raw(*len).map(drop),
            Op::Long => self.reader.long().map(drop),
            Op::Bytes => self.reader.bytes().map(drop),
            op => self.composite(op),
        }
    }

    fn composite(&mut self, op: &Op) -> Result<(), DecodeError> {
        self.deep += 1;
        if self.deep > MAX_STEPS_DEEP {
            return Err(self.reader.error(DecodeErrorKind::TooDeep { limit: MAX_STEPS_DEEP }));
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
            Op::Tagged { branch, value } => {
                self.flush()?;
                self.put_long(*branch)?;
                self.run(*value)
            }
            Op::Deeper(value) => {
                self.reader.enter()?;
                self.run(*value)?;
                self.reader.leave();
                Ok(())
            }
            Op::Convert(convert) => self.convert(*convert),
            Op::Symbols(symbols) => self.symbol(symbols),
            Op::Fault(fault) => Err(fault.error(self.here())),
            // `run` has these.
            Op::Raw(_) | Op::Long | Op::Bytes => Ok(()),
        }
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), DecodeError> {
        for step in steps {
            let done = match &step.action {
                Action::Take(value) => self.run(*value),
                Action::Drop(value) => self.flush().and_then(|()| {
                    self.run(*value)?;
                    self.leave_out();
                    Ok(())
                }),
                Action::Put(datum) => self.flush().and_then(|()| self.put(datum)),
                Action::Shuffle(shuffled) => self.shuffled(shuffled),
            };
            if let Err(fault) = done {
                return Err(step.place.around(fault));
            }
        }
        Ok(())
    }

    /// Two passes: where each field begins, then the fields in the reader's order.
    fn shuffled(&mut self, shuffled: &Shuffled) -> Result<(), DecodeError> {
        self.flush()?;
        let first = self.buffers.starts.len();
        let (ahead, limit) = (self.reader.clone(), self.limit);
        for (pass, field) in &shuffled.passes {
            let here = self.here();
            self.buffers.starts.push(here);
            if let Err(fault) = self.run(*pass) {
                return Err(field.around(fault));
            }
        }
        let end = self.here();
        self.buffers.starts.push(end);
        // With the number of items that took no bytes: they are read once more.
        (self.reader, self.limit) = (ahead, limit);
        for take in &shuffled.takes {
            match take {
                Shuffle::Take { index, value, field } => {
                    let start = self.start(first + index);
                    // Neighbours that stay neighbours are copied together.
                    if start != self.here() {
                        self.flush()?;
                        self.go_to(start);
                    }
                    if self.plan.is_verbatim(*value) {
                        let next = self.start(first + index + 1);
                        self.reader.go_to(self.input, next);
                    } else {
                        self.run(*value).map_err(|fault| field.around(fault))?;
                    }
                }
                Shuffle::Put(datum) => {
                    self.flush()?;
                    self.put(datum)?;
                }
            }
        }
        self.flush()?;
        self.go_to(end);
        self.buffers.starts.truncate(first);
        Ok(())
    }

    fn start(&self, index: usize) -> usize {
        self.buffers.starts.get(index).copied().unwrap_or(self.input.len())
    }

    fn go_to(&mut self, offset: usize) {
        self.reader.go_to(self.input, offset);
        self.copied = offset;
    }

    fn branch(&mut self, branches: &[Branch]) -> Result<(), DecodeError> {
        let before = self.here();
        let index = self.reader.long()?;
        let Some(branch) = usize::try_from(index).ok().and_then(|index| branches.get(index)) else {
            return Err(self
                .reader
                .error(DecodeErrorKind::UnknownBranch { index, branches: branches.len() }));
        };
        if branch.tag != Tag::Stays {
            self.flush_to(before)?;
            self.leave_out();
            if let Tag::Becomes(tag) = branch.tag {
                self.put_long(tag)?;
            }
        }
        self.run(branch.value)
    }

    fn blocks(&mut self, keyed: bool, item: OpId) -> Result<(), DecodeError> {
        let mut index = 0;
        loop {
            let before = self.here();
            let mut count = self.reader.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                self.reader.length()?;
                count = count
                    .checked_neg()
                    .ok_or_else(|| self.reader.error(DecodeErrorKind::NegativeLength(count)))?;
                // The length in bytes is of the writer's items.
                if !self.plan.is_verbatim(item) {
                    self.flush_to(before)?;
                    self.leave_out();
                    self.put_long(count)?;
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
        let before = self.reader.remaining();
        let key = if keyed { Some(self.reader.bytes()?) } else { None };
        if let Err(fault) = self.run(item) {
            return Err(match key {
                Some(key) => fault.in_entry(&String::from_utf8_lossy(key)),
                None => fault.in_item(index),
            });
        }
        if self.reader.remaining() == before {
            self.reader.empty_items(1)?;
            self.limit.add_empty_item();
        }
        Ok(())
    }
}
