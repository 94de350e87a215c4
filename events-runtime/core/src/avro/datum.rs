//! Payloads to datums, and back.

use crate::codec::{
    DecodeError, EncodeError, EncodeErrorKind, Reader, Writer, WriterSchema, decode_all, resolve,
};
use crate::payload::EventData;

/// The datum of a value, without any header.
///
/// # Errors
/// The schema can't hold the value, such as a `u64` beyond `i64::MAX`.
///
/// ```
/// assert_eq!(events_runtime::avro::to_vec(&"hey".to_owned()).unwrap(), b"\x06hey");
/// ```
#[doc(alias = "serialize")]
#[inline]
pub fn to_vec<T: EventData>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    append(value, &mut out)?;
    Ok(out)
}

/// Appends the datum of a value to a buffer, which can be reused to avoid allocations.
///
/// # Errors
/// Those of [`to_vec`]. The buffer is then unchanged.
#[inline]
pub fn append<T: EventData>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if T::FALLIBLE {
        value.check(0)?;
    }
    let start = out.len();
    let max_len = value.max_len();
    out.resize(start + max_len, 0);
    let Some(unused) = Writer::fill(out.get_mut(start..), |writer| value.encode(writer)) else {
        out.truncate(start);
        return Err(longer_than_measured::<T>(max_len));
    };
    out.truncate(out.len() - unused);
    Ok(())
}

/// Writes the datum of a value to the start of a slice and returns its length in bytes.
///
/// The slice must have at least [`EventData::max_len`] bytes, which can be more than the datum takes. The
/// bytes after the datum may be overwritten.
///
/// # Errors
/// Those of [`to_vec`], and [`EncodeErrorKind::SliceTooShort`].
#[inline]
pub fn to_slice<T: EventData>(value: &T, out: &mut [u8]) -> Result<usize, EncodeError> {
    if T::FALLIBLE {
        value.check(0)?;
    }
    let (needed, available) = (value.max_len(), out.len());
    if available < needed {
        return Err(EncodeError::new(EncodeErrorKind::SliceTooShort { needed, available }));
    }
    match Writer::fill(Some(out), |writer| value.encode(writer)) {
        Some(unused) => Ok(available - unused),
        None => Err(longer_than_measured::<T>(needed)),
    }
}

#[cold]
fn longer_than_measured<T>(max_len: usize) -> EncodeError {
    EncodeError::new(EncodeErrorKind::LongerThanMeasured { rust_type: std::any::type_name::<T>(), max_len })
}

/// Decodes a datum that takes all of the bytes.
///
/// # Errors
/// The bytes are not a datum of this type. The error names the field, the reason and the offset. Hostile
/// bytes are an error, never a panic. Memory stays below the length of the bytes times the size of the type's
/// largest array item or map entry, which can take a single byte in the datum; items without bytes
/// may take 4 MiB in all.
///
/// ```
/// assert_eq!(events_runtime::avro::from_slice::<String>(b"\x06hey").unwrap(), "hey");
/// ```
#[doc(alias = "deserialize")]
#[inline]
pub fn from_slice<T: EventData>(bytes: &[u8]) -> Result<T, DecodeError> {
    decode_all(Reader::new(bytes), T::decode)
}

/// Decodes a datum that was written with another schema and takes all of the bytes.
///
/// Fields are found by name, then by alias. A field that the writer lacks has its default. Numbers are
/// widened, and units of times are converted if nothing is lost.
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
/// [`DecodeErrorKind::Unresolvable`](super::DecodeErrorKind::Unresolvable) if the schemas are incompatible, else those of
/// [`from_slice`]. Paths are those of the reader's schema, offsets those of `bytes`.
pub fn from_slice_resolved<T: EventData>(writer: &WriterSchema, bytes: &[u8]) -> Result<T, DecodeError> {
    resolve::decode(writer.plan(T::SCHEMA), bytes, T::decode)
}
