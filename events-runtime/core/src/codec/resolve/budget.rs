//! Bounds the memory of a plan in proportion to the schemas.
//!
//! A named type is planned for each type of the other schema that it is paired with. Without a bound, a plan
//! for a schema from outside could take the square of the schema's length.

use super::plan::{Op, Reordered, Step, Symbol};
use events_schema::tree::Schema;
use events_schema::{Form, length};

/// Bytes of a plan for each byte of the schemas. A field takes about 30 bytes of a schema and 200 bytes of a
/// plan.
const PLAN_BYTES_PER_SCHEMA_BYTE: usize = 64;

/// The bytes that any plan may take.
const MIN_PLAN_BYTES: usize = 1 << 20;

/// What an op takes in addition to its size, during and after compilation.
const OP_OVERHEAD: usize = 64;

/// What a step takes in addition to its size: its path.
const STEP_OVERHEAD: usize = 96;

/// How many steps of inner records may be copied into enclosing records.
const MAX_COPIED: usize = 4096;

/// The memory that remains for a plan.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    left: Option<usize>,
    copies: usize,
}

impl Budget {
    pub(super) fn of(reader: &'static Schema, writer: &[u8]) -> Self {
        let schemas = length(reader, Form::Json).saturating_add(writer.len());
        let bytes = schemas.saturating_mul(PLAN_BYTES_PER_SCHEMA_BYTE).saturating_add(MIN_PLAN_BYTES);
        Self { bytes, left: Some(bytes), copies: MAX_COPIED }
    }

    /// Spends bytes. If fewer remain, the budget is spent.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.left = self.left.and_then(|left| left.checked_sub(bytes));
    }

    /// Spends the size of an op, without names and defaults.
    pub(super) fn spend_on(&mut self, op: &Op) {
        let within = match op {
            Op::Symbols(symbols) => symbols.iter().map(of_symbol).fold(0, usize::saturating_add),
            Op::Branches(branches) => size_of_val::<[_]>(branches),
            Op::Record(steps) => steps.len().saturating_mul(size_of::<Step>() + STEP_OVERHEAD),
            Op::Unresolvable(error) => error.len(),
            _ => 0,
        };
        self.spend(within.saturating_add(size_of::<Op>() + OP_OVERHEAD));
    }

    /// Spends the size of reordered fields.
    pub(super) fn spend_on_reordered(&mut self, reordered: &Reordered) {
        let (skips, fields) = (size_of_val::<[_]>(&reordered.skips), size_of_val::<[_]>(&reordered.fields));
        self.spend(skips.saturating_add(fields));
    }

    /// Whether this many steps may be copied; if so, spends them.
    pub(super) fn copy(&mut self, steps: usize) -> bool {
        let left = self.copies.checked_sub(steps);
        self.copies = left.unwrap_or(self.copies);
        left.is_some()
    }

    /// Why there is no plan, if the budget is spent.
    pub(super) fn exceeded(&self) -> Option<String> {
        let reason = || {
            format!(
                "the resolution plan takes more than {} bytes, which is out of proportion to the schemas",
                self.bytes
            )
        };
        self.left.is_none().then(reason)
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left.is_none()
    }
}

fn of_symbol(symbol: &Symbol) -> usize {
    let text = match symbol {
        Symbol::Index(_) => 0,
        Symbol::Unknown(symbol) => symbol.len(),
    };
    text.saturating_add(size_of::<Symbol>())
}
