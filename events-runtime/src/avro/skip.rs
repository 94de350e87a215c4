//! Passing over a datum, or a part of one, with the schema alone.

use super::definitions::{Definitions, Place};
use super::error::{DecodeError, DecodeErrorKind};
use super::schema::{Record, Schema};
use super::{MAX_EMPTY_ITEMS, Reader};

/// Reads past the datum of a schema.
///
/// # Errors
/// The bytes are no datum of it.
pub(crate) fn skip(
    definitions: &Definitions,
    place: Place,
    reader: &mut Reader<'_>,
) -> Result<(), DecodeError> {
    let place = definitions.resolve(place);
    match place.schema {
        Schema::Null | Schema::Ref(_) => Ok(()),
        Schema::Boolean => reader.boolean().map(drop),
        Schema::Int | Schema::Long | Schema::Enum(_) => reader.long().map(drop),
        Schema::Float => reader.float().map(drop),
        Schema::Double => reader.double().map(drop),
        Schema::Bytes | Schema::String => reader.bytes().map(drop),
        Schema::Logical(logical) => skip(definitions, place.inner(&logical.base), reader),
        Schema::Array(item) => blocks(reader, |reader| skip(definitions, place.inner(item), reader)),
        Schema::Map(value) => blocks(reader, |reader| {
            reader.bytes()?;
            skip(definitions, place.inner(value), reader)
        }),
        Schema::Nullable(inner) => {
            let branch = reader.long()?;
            match definitions.union(inner, place.namespace) {
                _ if branch == 0 => Ok(()),
                Some(union) => {
                    let branches = union.branches.len() + 1;
                    record(
                        definitions,
                        place,
                        branch_of(union.branches, branch - 1),
                        branch,
                        branches,
                        reader,
                    )
                }
                None if branch == 1 => skip(definitions, place.inner(inner), reader),
                None => Err(unknown(reader, branch, 2)),
            }
        }
        Schema::Union(union) => {
            let branch = reader.long()?;
            let branches = union.branches.len();
            record(definitions, place, branch_of(union.branches, branch), branch, branches, reader)
        }
        Schema::Record(fields) => record(definitions, place, Some(fields), 0, 0, reader),
    }
}

/// The branch of an index that came from outside.
pub(crate) fn branch_of(branches: &'static [&'static Record], index: i64) -> Option<&'static Record> {
    usize::try_from(index).ok().and_then(|index| branches.get(index)).copied()
}

#[cold]
pub(crate) fn unknown(reader: &Reader<'_>, index: i64, branches: usize) -> DecodeError {
    reader.error(DecodeErrorKind::UnknownBranch { index, branches })
}

fn record(
    definitions: &Definitions,
    place: Place,
    record: Option<&'static Record>,
    branch: i64,
    branches: usize,
    reader: &mut Reader<'_>,
) -> Result<(), DecodeError> {
    let Some(record) = record else {
        return Err(unknown(reader, branch, branches));
    };
    reader.enter()?;
    let inner = place.within(record);
    for field in record.fields {
        skip(definitions, inner.inner(field.schema), reader).map_err(|fault| fault.in_field(field.name))?;
    }
    reader.leave();
    Ok(())
}

/// Calls `item` for each item of an array or entry of a map.
///
/// # Errors
/// Those of `item`, and a count of more items without bytes than are accepted.
pub(crate) fn blocks(
    reader: &mut Reader<'_>,
    mut item: impl FnMut(&mut Reader<'_>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut without_bytes = 0;
    loop {
        let mut count = reader.long()?;
        if count == 0 {
            return Ok(());
        }
        if count < 0 {
            reader.length()?;
            count =
                count.checked_neg().ok_or_else(|| reader.error(DecodeErrorKind::NegativeLength(count)))?;
        }
        for _ in 0..count {
            let before = reader.remaining();
            item(reader)?;
            if reader.remaining() == before {
                without_bytes += 1;
                if without_bytes > MAX_EMPTY_ITEMS {
                    return Err(reader.error(DecodeErrorKind::TooManyEmptyItems { limit: MAX_EMPTY_ITEMS }));
                }
            }
        }
    }
}
