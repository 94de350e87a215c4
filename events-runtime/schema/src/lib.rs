//! What `events-macros` and `events-runtime` both know of schemas; depend on `events-runtime`, which
//! exports what is public.
//!
//! A schema is a constant. What is said of it (JSON text, canonical form, fingerprint, whether it breaks
//! what is published) is a `const fn`, so that it is said while a definition compiles.
//!
//! | Step | Module |
//! |---|---|
//! | the rule for event types | [`event_type`] |
//! | a schema as a tree of constants | [`tree`] |
//! | a published or a writer's schema in packed form | [`packed`] |
//! | one view over both | [`view`] |
//! | names, references and defaults are valid | `check`, `defaults` |
//! | JSON text and Parsing Canonical Form | `text`, `canonical` |
//! | CRC-64-AVRO, digests | `fingerprint`, `digest` |
//! | schema resolution: what a reader accepts of a writer | [`resolution`] |
//! | compatibility with published versions | [`compat`] |
//! | the files of published versions | [`versions`] |

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
pub use parse::SchemaFault;
pub use text::{Form, canonical_form_of_packed, length, write};
pub use tree::{Schema, generic_name};
