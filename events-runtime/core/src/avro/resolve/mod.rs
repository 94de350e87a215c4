//! Data of another schema, read into the types of this one
//! ([specification](https://avro.apache.org/docs/1.12.0/specification/#schema-resolution)).
//!
//! | Stop | File |
//! |---|---|
//! | two schemas ▶ a plan | `compile`, its records `records`, the reader's defaults `defaults`, what it may take `budget` |
//! | the plan | `plan`, what its errors say of their place `place` |
//! | the writer's datum ▶ the reader's | `rewrite`, its numbers and symbols `values`, its `output`, its memory `buffers` |
//!
//! A plan does not build values. It turns the writer's datum into a datum of the reader's schema,
//! and the type's own decoder reads that: so hand-written implementations and `with` modules need
//! to know nothing of it, and the bytes pass one check alone. Each plan is made once for a writer
//! and a reader, and kept beside the writer's schema.
//!
//! What can never be read is an error at once, whatever the bytes; what can't be read of a branch
//! of a union, of a symbol or of an array's items is one where they occur.

mod budget;
mod buffers;
mod compile;
mod defaults;
mod output;
mod place;
mod plan;
mod records;
mod rewrite;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use plan::Plan;

use std::borrow::Cow;

use super::decode::{Reader, from_slice, read_all};
use super::error::DecodeError;
use super::writer_schema::WriterSchema;
use crate::payload::EventData;
use buffers::Buffers;
use events_schema::tree::Schema;
use plan::{Limit, Way};
use rewrite::{pass_over, rewrite};

/// The value of a datum that was written with another schema, and takes all of the bytes.
///
/// Fields are found by name and then by alias; what the writer does not have is the field's
/// default; numbers are widened, and the units of times converted where nothing is lost.
///
/// ```
/// use events_runtime::EventData;
/// use events_runtime::avro::{WriterSchema, from_slice_resolved};
///
/// #[derive(Debug, PartialEq, EventData)]
/// struct Point {
///     x: f64,
///     label: Option<String>,
/// }
///
/// let writer = WriterSchema::parse(
///     r#"{"type": "record", "name": "Point", "fields": [
///         {"name": "colour", "type": "string"},
///         {"name": "x", "type": "int"}
///     ]}"#,
/// )?;
/// let point: Point = from_slice_resolved(&writer, b"\x06red\x04")?;
/// assert_eq!(point, Point { x: 2.0, label: None });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`DecodeErrorKind::Unresolvable`](super::DecodeErrorKind::Unresolvable) where the schemas do not go together, else as for
/// [`from_slice`]. Paths are those of the reader, and offsets those of these bytes.
pub fn from_slice_resolved<T: EventData>(writer: &WriterSchema, bytes: &[u8]) -> Result<T, DecodeError> {
    let plan = writer.plan(T::SCHEMA);
    match plan.way {
        Way::Same => from_slice(bytes),
        Way::Prefix(from) => {
            let mut reader = Reader::new(bytes);
            let value = T::decode(&mut reader)?;
            pass_over(plan, from, bytes, reader)?;
            Ok(value)
        }
        Way::Rewrite => {
            let mut buffers = Buffers::take();
            let decoded = rewrite(plan, bytes, &mut buffers, plan.limit(bytes.len())).and_then(|()| {
                read_all(Reader::rewritten(&buffers.datum, bytes.len()))
                    .map_err(|fault| in_input(plan, bytes, fault))
            });
            buffers.give_back();
            decoded
        }
    }
}

/// A datum as one of the reader's schema.
///
/// # Errors
/// As for [`from_slice_resolved`]; what the reader's type alone refuses is not found.
pub fn rewritten<'a>(
    reader: &'static Schema,
    writer: &WriterSchema,
    bytes: &'a [u8],
) -> Result<Cow<'a, [u8]>, DecodeError> {
    let plan = writer.plan(reader);
    if plan.way == Way::Same {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut buffers = Buffers::default();
    rewrite(plan, bytes, &mut buffers, plan.limit(bytes.len()))?;
    Ok(Cow::Owned(buffers.datum))
}

/// An error of the rewritten datum, behind the byte of the input that was read last: found by
/// writing once more what comes before it.
#[cold]
fn in_input(plan: &Plan, input: &[u8], fault: DecodeError) -> DecodeError {
    let Some(before) = fault.offset().checked_sub(1) else { return fault };
    let full = rewrite(plan, input, &mut Buffers::default(), Limit::exactly(before)).err();
    let offset = full.map_or(input.len(), |full| input.len().min(full.offset() + 1));
    fault.at(offset)
}
