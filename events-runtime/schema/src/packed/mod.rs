//! A schema from outside, packed into bytes that constants and the running program can read.
//!
//! A published schema is JSON text, and a `const fn` that parsed JSON would cost more than all it
//! is parsed for. So the macro parses the text and writes the schema as one byte string; the same
//! code packs a writer's schema that arrives at run time. [`view`](crate::view) reads both.
//!
//! ```text
//! node    := tag …                      numbers are u32, little-endian; every offset is absolute
//! 0..=7      null boolean int long float double bytes string
//! FIXED      name size
//! ENUM       name default-index-or-NONE texts
//! ARRAY      offset of the items
//! MAP        offset of the values
//! UNION      count offset*
//! RECORD     digest name count field-offset*
//! LOGICAL    text precision scale node
//! name    := text(namespace) text(base) texts(aliases, in full)
//! field   := digest text offset default texts(aliases)
//! default := NONE | text of the JSON, normalized
//! texts   := count offset-of-text*
//! text    := length bytes
//! digest  := u64, see `digest`
//! ```

pub mod digest;
mod fault;
pub mod json;
mod logical;
mod name;
mod output;
mod pack;
mod zero;

pub use fault::SchemaFault;
pub use json::quoted;
pub use pack::{Schema, pack};

pub(crate) const NULL: u8 = 0;
pub(crate) const BOOLEAN: u8 = 1;
pub(crate) const INT: u8 = 2;
pub(crate) const LONG: u8 = 3;
pub(crate) const FLOAT: u8 = 4;
pub(crate) const DOUBLE: u8 = 5;
pub(crate) const BYTES: u8 = 6;
pub(crate) const STRING: u8 = 7;
pub(crate) const FIXED: u8 = 8;
pub(crate) const ENUM: u8 = 9;
pub(crate) const ARRAY: u8 = 10;
pub(crate) const MAP: u8 = 11;
pub(crate) const UNION: u8 = 12;
pub(crate) const RECORD: u8 = 13;
pub(crate) const LOGICAL: u8 = 14;

/// Stands for an index or an offset that is not there.
pub(crate) const NONE: u32 = u32::MAX;
