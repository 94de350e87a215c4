//! The Avro side of a definition: its schema as a constant, and the codec.
//!
//! | Stop | File |
//! |---|---|
//! | the schema as a tree of constants, its text, rules and fingerprint | the crate `events-schema` |
//! | value ▶ datum | `encode` |
//! | datum ▶ value | `decode` |
//! | another writer's schema, and its data ▶ value | `writer_schema`, `resolve` |
//! | past a part of a datum, by its schema | `skip` |
//! | datum ◀▶ JSON for people | `json` |
//! | what Open edX's Python does to values | `openedx` |

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

mod decode;
mod encode;
mod error;
pub mod json;
pub mod openedx;
pub(crate) mod resolve;
mod single_object;
pub(crate) mod skip;
mod varint;
mod writer_schema;

pub use decode::{MAX_DEPTH, MAX_EMPTY_ITEMS, Reader, from_slice};
pub(crate) use decode::{deeper, max_levels};
pub use encode::{INT_MAX_LEN, LONG_MAX_LEN, Writer, append, bytes_max_len, to_slice, to_vec};
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub use events_schema::tree as schema;
pub use events_schema::{Compatibility, Form, Published, Schema, fingerprint, length, write};
#[doc(hidden)]
pub use events_schema::{SchemaFault, Violation, check, check_openedx};
pub use resolve::from_slice_resolved;
pub use single_object::{from_single_object, to_single_object};
pub use writer_schema::{SchemaError, WriterSchema};
