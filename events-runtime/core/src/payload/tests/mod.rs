//! What each payload type promises: the bytes, the way back, the range, and hostile bytes.

mod std_types;

#[cfg(feature = "rust_decimal")]
mod decimal;
#[cfg(all(feature = "jiff", feature = "chrono", feature = "time"))]
mod isoformat;
#[cfg(all(feature = "jiff", feature = "chrono", feature = "time"))]
mod times;

use std::fmt::Debug;

use super::EventData;
use crate::avro::{DecodeErrorKind, EncodeErrorKind, from_slice, to_vec};

/// The value's bytes are these, and come back as the value.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "the value is written at the call")]
fn round_trip<T: EventData + PartialEq + Debug>(value: T, bytes: impl AsRef<[u8]>) {
    assert_eq!(to_vec(&value).unwrap(), bytes.as_ref(), "{value:?}");
    assert_eq!(from_slice::<T>(bytes.as_ref()).unwrap(), value);
    assert!(value.max_len() >= bytes.as_ref().len());
    assert!(T::MIN_LEN <= bytes.as_ref().len());
}

/// The value is refused when written.
#[track_caller]
fn unwritable<T: EventData + Debug>(value: &T) -> EncodeErrorKind {
    to_vec(value).unwrap_err().kind().clone()
}

/// The bytes are refused when read.
#[track_caller]
fn unreadable<T: EventData + Debug>(bytes: impl AsRef<[u8]>) -> DecodeErrorKind {
    from_slice::<T>(bytes.as_ref()).unwrap_err().kind().clone()
}

/// The bytes of a `long`.
fn long(value: i64) -> Vec<u8> {
    to_vec(&value).unwrap()
}
