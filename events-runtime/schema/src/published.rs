//! What has been published of an event: a schema for each minor version, compiled in.

/// A published version of an event's schema, from `schemas/<event_type>/<minor>.avsc`.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    /// The minor version.
    pub minor_version: u32,
    /// CRC-64-AVRO of the schema's Parsing Canonical Form.
    pub fingerprint: u64,
    /// The schema in the form of `avro::packed`.
    pub packed: &'static [u8],
}
