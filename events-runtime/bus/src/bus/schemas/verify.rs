//! Verifies the text of a fetched schema. Any program with access to the store may have written it.

use events_core::avro::WriterSchema;
use events_core::internal::SignalDescriptor;
use events_support::error_chain::chain;
use events_transport::SchemaId;

/// The schema of a text, if it is the one that was asked for. The parser bounds length and depth.
pub(in crate::bus) fn verified(
    text: &str,
    fingerprint: u64,
    descriptor: &SignalDescriptor,
) -> Result<WriterSchema, String> {
    let schema = WriterSchema::parse(text).map_err(|error| chain(&error))?;
    let found = schema.fingerprint();
    // The transport knows the schema by an id of its own, and nobody knew the fingerprint before.
    let is_stand_in = SchemaId::stands_for(fingerprint).is_some();
    if found != fingerprint && !is_stand_in {
        return Err(format!("its fingerprint is {found:016x}"));
    }
    if !schema.is_named_as(descriptor.schema) {
        return Err(format!("it is not a record with the name of `{}`", descriptor.rust_type));
    }
    Ok(schema)
}
