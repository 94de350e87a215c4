//! Datums as JSON for people: the form of the command line and of logs.
//!
//! This is plain JSON, not Avro's JSON encoding, which wraps every value of a union:
//!
//! | Avro | JSON |
//! |---|---|
//! | `null` | `null`; a field may be left out if it may be null or has a default |
//! | `boolean`, `int`, `long` | `true`, `5` |
//! | `float`, `double` | `1.5`; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `bytes` | base64 (RFC 4648, padded) in a string |
//! | `string`, `enum` | a string |
//! | `array`, `map`, `record` | an array, an object, an object |
//! | `["null", T]` | `null` or the form of `T` |
//! | a union of records | an object of one entry, the branch's name: `{"PaymentCard": {"last4": "1111"}}`; a branch without fields may also be its name |
//! | `uuid` | `"0190a6e0-…"` |
//! | `date`, `time-*` | `"2026-02-28"`, `"13:05:00.25"` |
//! | `timestamp-*` | RFC 3339 in UTC: `"2026-02-28T13:05:00.25Z"`; any offset is read |
//! | `local-timestamp-*` | the same without the offset |
//! | `decimal`, `big-decimal` | `"12.30"` |
//!
//! A value that the JSON form of its logical type can't hold (a year beyond 9999) has the form of the
//! underlying type.

mod from_datum;
mod logical;
mod to_datum;

pub(crate) use from_datum::rewritten_to_json;
#[doc(hidden)]
pub use from_datum::to_json_as;
pub use from_datum::{PersonalData, to_json};
pub use to_datum::{JsonError, JsonMismatch, from_json};

/// A whole number. Includes `-0`, which JSON parsers return as a float.
#[doc(hidden)]
pub fn whole(number: &serde_json::Number) -> Option<i64> {
    let is_zero = || number.as_f64() == Some(0.0);
    number.as_i64().or_else(|| is_zero().then_some(0))
}

#[cfg(all(test, feature = "uuid"))]
mod tests;
