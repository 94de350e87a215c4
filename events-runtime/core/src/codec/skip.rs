//! Skips a datum, or a part of one, by its schema.

use super::Reader;
use super::error::{DecodeError, DecodeErrorKind};
use events_schema::view::{Shape, UnionView, View, text};

/// Reads past the datum of a schema.
///
/// # Errors
/// The bytes are not a datum of it.
pub fn skip(schema: View<'static>, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    nested(schema, reader, |reader| match schema.shape() {
        Shape::Null => Ok(()),
        Shape::Boolean => reader.boolean().map(drop),
        Shape::Int | Shape::Long | Shape::Enum(_) => reader.long().map(drop),
        Shape::Float => reader.float().map(drop),
        Shape::Double => reader.double().map(drop),
        Shape::Bytes | Shape::String => reader.bytes().map(drop),
        Shape::Fixed(_, size) => reader.raw(size).map(drop),
        Shape::Array(item) => blocks(reader, |reader| skip(item, reader)),
        Shape::Map(value) => blocks(reader, |reader| {
            reader.bytes()?;
            skip(value, reader)
        }),
        Shape::Union(union) => branch(schema, union, reader, skip),
        Shape::Record(record) => (0..record.len()).try_for_each(|index| {
            let field = record.field(index);
            skip(field.schema, reader).map_err(|error| error.in_field(text(field.name)))
        }),
    })
}

/// Calls `walk`, one level deeper if the schema is a reference to an enclosing type. The encoder counts the
/// same levels, so a walk by the schema reads whatever the encoder writes.
pub(crate) fn nested<T>(
    schema: View<'_>,
    reader: &mut Reader<'_>,
    walk: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    if schema.is_reference() { one_level_deeper(reader, walk) } else { walk(reader) }
}

fn one_level_deeper<T>(
    reader: &mut Reader<'_>,
    walk: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    reader.enter()?;
    let value = walk(reader)?;
    reader.leave();
    Ok(value)
}

/// Reads the index of a union's branch, and calls `walk` for the value of that branch.
///
/// # Errors
/// Those of `walk`, and an index that the union does not have.
pub(crate) fn branch<'s, T>(
    schema: View<'s>,
    union: UnionView<'s>,
    reader: &mut Reader<'_>,
    walk: impl FnOnce(View<'s>, &mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let index = reader.long()?;
    let branches = union.len();
    match usize::try_from(index) {
        Ok(index) if index < branches => {
            let branch = union.branch(index);
            if index > 0 && schema.is_optional_reference() {
                one_level_deeper(reader, |reader| walk(branch, reader))
            } else {
                walk(branch, reader)
            }
        }
        _ => Err(reader.error(DecodeErrorKind::UnknownBranch { index, branches })),
    }
}

/// Calls `item` for each item of an array or entry of a map.
///
/// # Errors
/// Those of `item`, and more items without bytes than are accepted.
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
    use crate::avro::{MAX_DEPTH, Schema, to_vec};

    static NULLS: Schema = Schema::Array(&Schema::Null);

    fn skipped<T: EventData>(bytes: &[u8]) -> Result<usize, DecodeErrorKind> {
        let mut reader = Reader::new(bytes);
        skip(View::tree(T::SCHEMA), &mut reader).map_err(|error| error.kind().clone())?;
        Ok(bytes.len() - reader.remaining())
    }

    #[test]
    fn exactly_the_datum_is_skipped() {
        assert_eq!(skipped::<String>(b"\x06hey!"), Ok(4));
        assert_eq!(skipped::<Option<i64>>(&[0, 9]), Ok(1));
        assert_eq!(skipped::<Option<i64>>(&[2, 9, 9]), Ok(2));
        assert_eq!(skipped::<BTreeMap<String, bool>>(b"\x02\x02k\x01\x00\x07"), Ok(5));
    }

    #[test]
    fn blocks_with_a_length_are_skipped_as_those_without() {
        // Two items of one byte: `-2`, the length 2, the items, the end.
        assert_eq!(skipped::<Vec<i32>>(&[3, 4, 1, 1, 0, 9]), Ok(5));
        assert_eq!(skipped::<Vec<i32>>(&[2, 1, 2, 1, 0]), Ok(5));
    }

    #[test]
    fn hostile_counts_end_early() {
        let huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(matches!(skipped::<Vec<i32>>(&huge), Err(DecodeErrorKind::UnexpectedEnd { .. })));
        let mut reader = Reader::new(&huge);
        let error = skip(View::tree(&NULLS), &mut reader).unwrap_err();
        assert!(matches!(error.kind(), DecodeErrorKind::TooManyEmptyItems { .. }), "{error}");
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
    fn values_as_deep_as_the_encoder_writes_are_skipped() {
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
    fn deeper_bytes_are_rejected() {
        let too_deep = Err(DecodeErrorKind::TooDeep { limit: MAX_DEPTH });
        // A company in each person, a person in each company.
        assert_eq!(skipped::<Person>(&[2; 10_000]), too_deep);
        assert_eq!(skipped::<Expression>(&[&[2][..], &[4; 10_000]].concat()), too_deep);
    }
}
