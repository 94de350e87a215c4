//! Avro data, by their schemas: no module here knows payload types. Public as [`avro`](crate::avro).
//!
//! | Step | Module |
//! |---|---|
//! | write the parts of a datum | `writer` |
//! | read the parts of a datum | `reader` |
//! | the schema of a writer | `writer_schema` |
//! | a datum of a writer's schema ▶ a datum of the reader's | `resolve` |
//! | skip a part of a datum | `skip` |
//! | a payload with a variant that can't be written | `other` |
//! | datum ◀▶ JSON for people | `json` |
//! | values that Open edX's Python changes or refuses | `openedx` |

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

mod error;
pub mod json;
pub mod openedx;
pub(crate) mod other;
mod reader;
pub(crate) mod resolve;
pub(crate) mod skip;
mod varint;
mod writer;
mod writer_schema;

pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub(crate) use events_schema::Schema;
pub use reader::{MAX_DEPTH, MAX_EMPTY_ITEMS, Reader};
pub(crate) use reader::{decode_all, deeper, max_levels};
pub use writer::{INT_MAX_LEN, LONG_MAX_LEN, Writer, bytes_max_len};
pub use writer_schema::{SchemaError, WriterSchema, to_json_resolved};
