//! Payloads as Avro: datums, single objects, and the schemas of definitions.
//!
//! The functions here take payloads. What they need below is in the module `codec`, which knows schemas and
//! bytes but no payload type: `avro` uses `payload`, and `payload` uses `codec`.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "bytes from outside pass here"
)]

mod datum;
mod single_object;

pub use crate::codec::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, INT_MAX_LEN, LONG_MAX_LEN, MAX_DEPTH,
    MAX_EMPTY_ITEMS, Reader, SchemaError, Writer, WriterSchema, bytes_max_len, json, openedx,
};
pub use datum::{append, from_slice, from_slice_resolved, to_slice, to_vec};
pub use events_schema::tree as schema;
pub use events_schema::{Compatibility, Form, Published, Schema, fingerprint, length, write};
#[doc(hidden)]
pub use events_schema::{SchemaFault, Violation, check, check_openedx};
pub use single_object::{from_single_object, to_single_object};
