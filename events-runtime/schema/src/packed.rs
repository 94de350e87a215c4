//! The packed form: a published schema or a writer's schema as one byte string.
//!
//! Parsing JSON in a constant would take longer than all the checks of the parsed schema. So the macros parse
//! published schemas and write them in this form, which [`view`](crate::view) reads. The schema of a writer is
//! packed by the same code at run time.
//!
//! ```text
//! node    := tag …                      numbers are u32, little-endian; every offset is absolute
//! 0..=7      null boolean int long float double bytes string
//! FIXED      name size
//! ENUM       name default-index-or-NONE texts
//! ARRAY      offset of the items
//! MAP        offset of the values
//! UNION      other count offset*
//! RECORD     digest name count field-offset*
//! LOGICAL    text precision scale node
//! name    := text(namespace) text(base) texts(aliases, in full)
//! field   := digest text offset default texts(aliases)
//! other   := NONE | offset of a text, the name of the variant that takes unknown branches
//! default := NONE | text of the JSON, normalized
//! texts   := count offset-of-text*
//! text    := length bytes
//! digest  := u64, see `digest`
//! ```

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

/// The value of an absent index or offset.
pub(crate) const NONE: u32 = u32::MAX;

/// A published version of an event's schema, from `schemas/<event_type>/<minor>.avsc`.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    /// The minor version.
    pub minor_version: u32,
    /// CRC-64-AVRO of the schema's Parsing Canonical Form.
    pub fingerprint: u64,
    /// The schema in packed form.
    pub packed: &'static [u8],
}
