//! Passing over a datum, or a part of one, with the schema alone.

use super::Reader;
use super::error::{DecodeError, DecodeErrorKind};
use events_schema::definitions::{Definitions, Place};
use events_schema::tree::{Record, Schema};

/// Reads past the datum of a schema.
///
/// # Errors
/// The bytes are no datum of it.
pub fn skip(definitions: &Definitions, place: Place, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    deeper(place.schema, reader, |reader| resolved(definitions, definitions.resolve(place), reader))
}

/// Counts a level where a reference leads back into a type, as the codec does: what that writes, a
/// walk by the schema reads.
pub(crate) fn deeper<T>(
    schema: Schema,
    reader: &mut Reader<'_>,
    walk: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let Schema::Ref(_) = schema else { return walk(reader) };
    reader.enter()?;
    let value = walk(reader)?;
    reader.leave();
    Ok(value)
}

fn resolved(definitions: &Definitions, place: Place, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
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
                    // `branch` is any number that a varint holds.
                    let found = branch_of(union.branches, branch.wrapping_sub(1));
                    deeper(*inner, reader, |reader| {
                        record(definitions, place, found, branch, branches, reader)
                    })
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
    let inner = place.within(record);
    for field in record.fields {
        skip(definitions, inner.inner(field.schema), reader).map_err(|fault| fault.in_field(field.name))?;
    }
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
                reader.empty_items(1)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::EventData;
    use crate::avro::{MAX_DEPTH, to_vec};

    static NULLS: Schema = Schema::Array(&Schema::Null);

    fn skipped<T: EventData>(bytes: &[u8]) -> Result<usize, DecodeErrorKind> {
        let mut reader = Reader::new(bytes);
        let definitions = Definitions::of(T::SCHEMA);
        skip(&definitions, Place::root(T::SCHEMA), &mut reader).map_err(|fault| fault.kind().clone())?;
        Ok(bytes.len() - reader.remaining())
    }

    #[test]
    fn exactly_the_datum_is_passed() {
        assert_eq!(skipped::<String>(b"\x06hey!"), Ok(4));
        assert_eq!(skipped::<Option<i64>>(&[0, 9]), Ok(1));
        assert_eq!(skipped::<Option<i64>>(&[2, 9, 9]), Ok(2));
        assert_eq!(skipped::<BTreeMap<String, bool>>(b"\x02\x02k\x01\x00\x07"), Ok(5));
    }

    #[test]
    fn blocks_with_a_length_are_passed_as_those_without() {
        // Two items of one byte: `-2`, the length 2, the items, the end.
        assert_eq!(skipped::<Vec<i32>>(&[3, 4, 1, 1, 0, 9]), Ok(5));
        assert_eq!(skipped::<Vec<i32>>(&[2, 1, 2, 1, 0]), Ok(5));
    }

    #[test]
    fn hostile_counts_end_early() {
        let huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(matches!(skipped::<Vec<i32>>(&huge), Err(DecodeErrorKind::UnexpectedEnd { .. })));
        let mut reader = Reader::new(&huge);
        let fault = skip(&Definitions::of(&NULLS), Place::root(&NULLS), &mut reader).unwrap_err();
        assert!(matches!(fault.kind(), DecodeErrorKind::TooManyEmptyItems { .. }), "{fault}");
        let lowest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00];
        assert!(matches!(skipped::<Vec<i32>>(&lowest), Err(DecodeErrorKind::NegativeLength(i64::MIN))));
    }

    #[test]
    fn a_branch_that_does_not_exist_is_named() {
        let unknown = |index| Err(DecodeErrorKind::UnknownBranch { index, branches: 2 });
        assert_eq!(skipped::<Option<i64>>(&[4, 0]), unknown(2));
        assert_eq!(skipped::<Option<i64>>(&[1, 0]), unknown(-1));
    }

    #[derive(Debug, EventData)]
    struct Person {
        employer: Option<Box<Company>>,
    }

    #[derive(Debug, EventData)]
    struct Company {
        #[event(back_ref = Person)]
        staff: Vec<Person>,
    }

    #[derive(Debug, EventData)]
    enum Expression {
        One,
        Not(Option<Box<Expression>>),
    }

    #[test]
    fn values_as_deep_as_the_codec_writes_are_passed() {
        let person = (0..MAX_DEPTH).fold(Person { employer: None }, |person, _| Person {
            employer: Some(Box::new(Company { staff: vec![person] })),
        });
        let datum = to_vec(&person).unwrap();
        assert_eq!(skipped::<Person>(&datum), Ok(datum.len()));
        let expression =
            (1..MAX_DEPTH).fold(Expression::One, |inner, _| Expression::Not(Some(Box::new(inner))));
        let datum = to_vec(&expression).unwrap();
        assert_eq!(skipped::<Expression>(&datum), Ok(datum.len()));
    }

    #[test]
    fn deeper_bytes_are_refused() {
        let too_deep = Err(DecodeErrorKind::TooDeep { limit: MAX_DEPTH });
        // A company in each person, a person in each company.
        assert_eq!(skipped::<Person>(&[2; 10_000]), too_deep);
        assert_eq!(skipped::<Expression>(&[&[2][..], &[4; 10_000]].concat()), too_deep);
    }
}
