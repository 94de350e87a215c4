//! What can go wrong between a value and its datum.

/// A value that its schema can't hold.
#[derive(Debug)]
pub struct EncodeError {}
/// Bytes that are no datum of the schema.
#[derive(Debug)]
pub struct DecodeError {}
