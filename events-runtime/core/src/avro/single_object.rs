//! [Single-object encoding](https://avro.apache.org/docs/1.12.0/specification/#single-object-encoding):
//! `C3 01`, the schema's CRC-64-AVRO fingerprint in little-endian order, the datum.

use super::datum::{append, from_slice, from_slice_resolved};
use crate::codec::{DecodeError, DecodeErrorKind, EncodeError, WriterSchema};
use crate::payload::PublicSignal;

const MARKER: [u8; 2] = [0xC3, 0x01];
const HEADER_LEN: usize = 10;

/// An event as a single object: marker, fingerprint, datum.
///
/// # Errors
/// Those of [`to_vec`](super::to_vec).
pub fn to_single_object<E: PublicSignal>(event: &E) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(HEADER_LEN + event.max_len());
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&E::FINGERPRINT.to_le_bytes());
    append(event, &mut out)?;
    Ok(out)
}

/// The event in a single object of this definition, or of a published version of it.
///
/// # Errors
/// [`DecodeErrorKind::NotSingleObject`] without the marker, [`DecodeErrorKind::OtherSchema`] for an
/// unknown schema, and those of [`from_slice`].
pub fn from_single_object<E: PublicSignal>(bytes: &[u8]) -> Result<E, DecodeError> {
    let not_single_object = || DecodeError::new(DecodeErrorKind::NotSingleObject, 0);
    let (found, datum) = split(bytes).ok_or_else(not_single_object)?;
    if found == E::FINGERPRINT {
        return from_slice(datum);
    }
    match E::PUBLISHED.iter().find(|version| version.fingerprint == found) {
        Some(version) => from_slice_resolved(&WriterSchema::of(version), datum),
        None => Err(DecodeError::new(
            DecodeErrorKind::OtherSchema { expected: E::FINGERPRINT, found },
            MARKER.len(),
        )),
    }
}

fn split(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (marker, rest) = bytes.split_first_chunk()?;
    let (fingerprint, datum) = rest.split_first_chunk()?;
    (*marker == MARKER).then(|| (u64::from_le_bytes(*fingerprint), datum))
}
