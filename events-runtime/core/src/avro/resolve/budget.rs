//! How much memory a plan may take: in proportion to the schemas, whatever they make of each other.
//!
//! A type that is named in many places is planned for each type of the other schema that it meets,
//! so that a text from outside could ask for the square of its length.

use super::plan::{Op, Shuffled, Step, Symbol};
use events_schema::tree::Schema;
use events_schema::{Form, length};

/// Bytes of a plan for each byte of the schemas. A field takes some thirty bytes of a schema, and
/// some two hundred of a plan.
const FOR_EACH_BYTE: usize = 64;

/// Bytes that any plan may take.
const FOR_ALL: usize = 1 << 20;

/// What an op takes beside itself: what is known of it while a plan is made, and after.
const BESIDE_OP: usize = 64;

/// What a step takes beside itself: its place.
const BESIDE_STEP: usize = 96;

/// How many steps of records are copied into those of the records around them.
const MAX_COPIED: usize = 4096;

/// What is left for a plan.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    left: Option<usize>,
    copies: usize,
}

impl Budget {
    pub(super) fn of(reader: &'static Schema, writer: &[u8]) -> Self {
        let schemas = length(reader, Form::Json).saturating_add(writer.len());
        let bytes = schemas.saturating_mul(FOR_EACH_BYTE).saturating_add(FOR_ALL);
        Self { bytes, left: Some(bytes), copies: MAX_COPIED }
    }

    /// Takes so many bytes, or all that is left.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.left = self.left.and_then(|left| left.checked_sub(bytes));
    }

    /// Takes what an op takes, beside names and defaults.
    pub(super) fn spend_on(&mut self, op: &Op) {
        let within = match op {
            Op::Symbols(symbols) => symbols.iter().map(of_symbol).fold(0, usize::saturating_add),
            Op::Branches(branches) => size_of_val::<[_]>(branches),
            Op::Record(steps) => steps.len().saturating_mul(size_of::<Step>() + BESIDE_STEP),
            Op::Fault(fault) => fault.len(),
            _ => 0,
        };
        self.spend(within.saturating_add(size_of::<Op>() + BESIDE_OP));
    }

    /// Takes what fields take that change places.
    pub(super) fn spend_on_shuffled(&mut self, shuffled: &Shuffled) {
        let (passes, takes) = (size_of_val::<[_]>(&shuffled.passes), size_of_val::<[_]>(&shuffled.takes));
        self.spend(passes.saturating_add(takes));
    }

    /// Whether so many steps may be copied; if so, they are taken.
    pub(super) fn copy(&mut self, steps: usize) -> bool {
        let left = self.copies.checked_sub(steps);
        self.copies = left.unwrap_or(self.copies);
        left.is_some()
    }

    /// Why there is no plan, where more was asked for than there was.
    pub(super) fn fault(&self) -> Option<String> {
        let reason = || {
            format!(
                "the plan for reading it takes more than {} bytes, which is out of proportion with the schemas",
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
