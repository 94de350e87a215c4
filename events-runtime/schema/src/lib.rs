//! Schemas as constants, shared by `events-macros` and `events-runtime`. Users depend on `events-runtime`, which
//! exports what is public.
//!
//! JSON text, canonical form, fingerprint and compatibility of a schema are computed by `const fn`s while a
//! definition compiles.
//!
//! | Task | Module |
//! |---|---|
//! | check an event type | [`event_type`] |
//! | a definition's schema as a tree of constants | [`tree`] |
//! | parse Avro JSON into the packed form | [`parse`] |
//! | read the packed form | `packed` |
//! | one view of both forms | [`view`] |
//! | check names, references and defaults | `check` |
//! | write JSON text and the Parsing Canonical Form | `text` |
//! | CRC-64-AVRO fingerprints, digests | `fingerprint`, [`digest`] |
//! | schema resolution: which writer a reader accepts | [`resolution`] |
//! | compatibility with published versions | [`compat`] |
//! | the files of published versions | [`versions`] |
//! | build text in a constant | `const_str` |

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

mod check;
pub mod compat;
mod const_str;
pub mod digest;
pub mod event_type;
mod fingerprint;
mod packed;
pub mod parse;
mod path;
pub mod resolution;
mod text;
pub mod tree;
pub mod versions;
pub mod view;

pub use check::{Integer, Violation, check, check_integer, check_openedx};
pub use compat::Compatibility;
pub use const_str::ConstStr;
pub use fingerprint::fingerprint;
pub use packed::Published;
pub use parse::ParseError;
pub use text::{Form, canonical_form_of_packed, length, write};
pub use tree::{Schema, generic_name};
