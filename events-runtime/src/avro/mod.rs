//! The Avro side of a definition: its schema as a constant, and the codec.
//!
//! | Stop | File |
//! |---|---|
//! | the schema as a tree of constants | `schema` |
//! | its JSON text and its Parsing Canonical Form | `text` |
//! | names and references that fit | `check` |
//! | defaults that fit | `defaults` |
//! | what is published stays readable | `compat` |
//! | a published or a writer's schema, packed | `packed`, seen through `view` |
//! | the files of published versions | `versions` |
//! | what a reader's schema takes of a writer's | `resolution` |
//! | CRC-64-AVRO | `fingerprint` |
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

mod canonical;
mod check;
mod compat;
mod decode;
mod defaults;
mod definitions;
mod digest;
mod encode;
mod error;
mod fingerprint;
mod history;
pub mod json;
pub mod openedx;
#[allow(unused_imports, reason = "events-macros needs more of it")]
mod packed;
mod resolution;
mod resolve;
pub mod schema;
mod single_object;
mod skip;
mod text;
mod varint;
#[cfg(feature = "bus")]
#[allow(unreachable_pub, reason = "events-macros has it too")]
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "the bus reads names of files alone"))]
pub(crate) mod versions;
mod view;
mod writer_schema;

pub use check::{Fault, check, check_openedx};
pub use compat::Compatibility;
#[doc(hidden)]
pub use compat::{
    Contract, Side, assert_minor_version, can_read, canonical_form, faults, is_published, is_text,
    is_text_by_digest, minor_version, uphold,
};
pub use decode::{MAX_DEPTH, MAX_EMPTY_ITEMS, Reader, from_slice};
pub(crate) use decode::{deeper, max_levels};
pub use defaults::check_integer;
#[doc(hidden)]
pub use digest::generic_name;
pub use encode::{INT_MAX_LEN, LONG_MAX_LEN, Writer, append, bytes_max_len, to_slice, to_vec};
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub use fingerprint::fingerprint;
pub use history::Published;
#[doc(hidden)]
pub use packed::SchemaFault;
pub use resolve::from_slice_resolved;
pub use schema::Schema;
pub use single_object::{from_single_object, to_single_object};
pub use text::{Form, length, write};
pub use writer_schema::{SchemaError, WriterSchema};

#[cfg(feature = "bus")]
pub(crate) use definitions::{Definitions, Place};
#[cfg(feature = "cli")]
pub(crate) use resolve::rewritten;
#[cfg(feature = "bus")]
pub(crate) use skip::skip;
#[cfg(feature = "cli")]
pub(crate) use {
    compat::{breaks, reads},
    packed::{Schema as Packed, json::without_bom, pack},
    resolution::{field_of, names_match},
    view::{EnumView, FieldView, NameView, RecordView, Shape, Texts, UnionView, View},
};
