//! What the macros' expansions call; no part of the public contract.

pub use inventory;

pub use crate::receiver::linked::LinkedReceiver;
pub use crate::signal::AnyEmission;

use crate::avro::{self, DecodeError, Schema};
use crate::{EventMetadata, Hub, PublicSignal};

/// What the registry knows of an event definition. All `const`, no text until asked.
#[derive(Debug, Clone, Copy)]
pub struct SignalDescriptor {
    /// The event type.
    pub event_type: &'static str,
    /// The minor version within the event type.
    pub minor_version: u32,
    /// The Rust type, with its module.
    pub rust_type: &'static str,
    /// The file of the definition.
    pub file: &'static str,
    /// The line of the definition.
    pub line: u32,
    /// The wire profile.
    pub profile: Profile,
    /// The schema tree.
    pub schema: &'static Schema,
    /// The schema as JSON text.
    pub schema_json: fn() -> &'static str,
    /// The schema's Parsing Canonical Form.
    pub canonical: fn() -> &'static str,
    /// CRC-64-AVRO of the canonical form.
    pub fingerprint: fn() -> u64,
    /// The key's path in the definition, such as `["customer", "id"]`; empty where there is none.
    pub key: &'static [&'static str],
    /// Decodes a datum and emits the event in a hub: [`emit_datum`] of the definition.
    pub emit_datum: EmitDatum,
}

/// Decodes a datum and emits the event in a hub, with the metadata that it came with.
pub type EmitDatum = fn(&Hub, EventMetadata, &[u8]) -> Result<AnyEmission, DecodeError>;

/// The [`EmitDatum`] of `E`.
///
/// # Errors
/// When the datum is none of `E`; then no receiver runs.
pub fn emit_datum<E: PublicSignal>(
    hub: &Hub,
    metadata: EventMetadata,
    datum: &[u8],
) -> Result<AnyEmission, DecodeError> {
    let payload = avro::from_slice::<E>(datum)?;
    Ok(hub.emit_received(payload, metadata))
}

inventory::collect!(SignalDescriptor);

/// How a definition's messages look on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// This project's own: CloudEvents binary mode, version 7 ids.
    Native,
    /// What Open edX's Python packages read and write.
    OpenEdx,
}
