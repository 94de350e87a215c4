//! Schema resolution: reads data of another schema
//! ([specification](https://avro.apache.org/docs/1.12.0/specification/#schema-resolution)).
//!
//! | Step | Module |
//! |---|---|
//! | two schemas ▶ a plan | `compile` ▶ `records`, `defaults` ▶ `compiler` ▶ `budget` |
//! | the plan | `plan` ▶ `path` |
//! | the writer's datum ▶ the reader's | `rewrite` ▶ `output` |
//!
//! Each module uses only those to its right, `plan` and `path`.
//!
//! A plan does not build values. It rewrites the writer's datum as a datum of the reader's schema, which the
//! type's own decoder reads. So hand-written implementations and `with` modules need no code for resolution,
//! and only the decoder checks the bytes. Each plan is made once for a writer and a reader, and kept beside
//! the writer's schema.
//!
//! Schemas that can never be resolved are an error for all data. A branch of a union, a symbol or an item of
//! an array that can't be resolved is an error only in data that has it.

mod budget;
mod compile;
mod compiler;
mod defaults;
mod output;
mod path;
mod plan;
mod records;
mod rewrite;
#[cfg(test)]
mod tests;

pub(crate) use compile::plan;
pub(crate) use plan::Plan;

use super::error::DecodeError;
use super::reader::{Reader, decode_all};
use output::Buffers;
use plan::{Limit, Strategy};
use rewrite::{rewrite, skip_rest};

/// Decodes a datum of the plan's writer schema. `decode` reads a datum of its reader schema.
pub(crate) fn decode<T>(
    plan: &Plan,
    bytes: &[u8],
    decode: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    match plan.strategy {
        Strategy::Same => decode_all(Reader::new(bytes), decode),
        Strategy::Prefix(from) => {
            let mut reader = Reader::new(bytes);
            let value = decode(&mut reader)?;
            skip_rest(plan, from, bytes, reader)?;
            Ok(value)
        }
        Strategy::Rewrite => {
            let mut buffers = Buffers::take();
            let decoded = rewrite(plan, bytes, &mut buffers, plan.limit(bytes.len())).and_then(|()| {
                decode_all(Reader::rewritten(&buffers.datum, bytes.len()), decode)
                    .map_err(|error| at_input_offset(plan, bytes, error))
            });
            buffers.give_back();
            decoded
        }
    }
}

/// Rewrites a datum of the plan's writer schema as one of its reader schema, to be read with
/// [`Reader::rewritten`].
pub(crate) fn rewritten(plan: &Plan, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut buffers = Buffers::default();
    rewrite(plan, bytes, &mut buffers, plan.limit(bytes.len()))?;
    Ok(buffers.datum)
}

/// Moves an error of the rewritten datum to the offset in the input. Rewrites the part before the error again
/// to find that offset.
#[cold]
fn at_input_offset(plan: &Plan, input: &[u8], error: DecodeError) -> DecodeError {
    let Some(before) = error.offset().checked_sub(1) else { return error };
    let full = rewrite(plan, input, &mut Buffers::default(), Limit::exactly(before)).err();
    let offset = full.map_or(input.len(), |full| input.len().min(full.offset() + 1));
    error.at(offset)
}
