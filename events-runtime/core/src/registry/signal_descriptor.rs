//! The constant that the derive macro `PublicSignal` registers for a definition.

use events_schema::tree::{Origin, Schema};

use crate::avro::{self, Compatibility, DecodeError, Form, Published, WriterSchema};
use crate::hub::TypeIndex;
use crate::signal::AnyEmission;
use crate::{EmitOptions, EventMetadata, Hub, PublicSignal};

/// Describes an event definition. Texts are behind functions, so that they are evaluated only where they are
/// used.
#[derive(Debug, Clone, Copy)]
pub struct SignalDescriptor {
    /// The event type.
    pub event_type: &'static str,
    /// The minor version within the event type.
    pub minor_version: fn() -> u32,
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
    /// The key's path in the definition, such as `["customer", "id"]`; empty if there is no key.
    pub key: &'static [&'static str],
    /// Where its published schemas are, and the compatibility that it promises.
    pub schemas: Schemas,
    /// The published versions of the event, oldest first.
    pub published: &'static [Published],
    /// Decodes a datum and emits the event in a hub.
    pub emit_datum: EmitDatum,
    /// Decodes a datum and emits it as a new event.
    pub emit_new: EmitNew,
    /// Whether the hub handles an event that a bus delivers.
    pub is_handled: fn(&Hub) -> bool,
}

/// Decodes a datum and emits the event in a hub, with the received metadata.
///
/// The schema is the writer's, if it differs from the definition's.
type EmitDatum = fn(&Hub, EventMetadata, Option<&WriterSchema>, &[u8]) -> Result<AnyEmission, DecodeError>;

fn emit_datum<E: PublicSignal>(
    hub: &Hub,
    metadata: EventMetadata,
    writer: Option<&WriterSchema>,
    datum: &[u8],
) -> Result<AnyEmission, DecodeError> {
    let payload = match writer {
        None => avro::from_slice::<E>(datum)?,
        Some(writer) => avro::from_slice_resolved::<E>(writer, datum)?,
    };
    Ok(hub.emit_received(payload, metadata))
}

/// Decodes a datum and emits it in a hub as a new event.
type EmitNew = fn(&Hub, EmitOptions, &[u8]) -> Result<AnyEmission, DecodeError>;

fn emit_new<E: PublicSignal>(
    hub: &Hub,
    options: EmitOptions,
    datum: &[u8],
) -> Result<AnyEmission, DecodeError> {
    let payload = avro::from_slice::<E>(datum)?;
    Ok(hub.emit_with(payload, options).into_any())
}

impl SignalDescriptor {
    /// The descriptor of a definition.
    #[must_use]
    pub const fn of<E: PublicSignal>(
        origin: Origin,
        file: &'static str,
        line: u32,
        profile: Profile,
        key: &'static [&'static str],
        schemas: Schemas,
    ) -> Self {
        Self {
            event_type: E::EVENT_TYPE,
            minor_version: || E::MINOR_VERSION,
            rust_type: origin.rust_type,
            file,
            line,
            profile,
            schema: E::SCHEMA,
            schema_json: || E::SCHEMA_JSON,
            canonical: || E::CANONICAL,
            fingerprint: || E::FINGERPRINT,
            key,
            schemas,
            published: E::PUBLISHED,
            emit_datum: emit_datum::<E>,
            emit_new: emit_new::<E>,
            is_handled: |hub| hub.receivers::<E>(TypeIndex::of::<E>()).handles_bus_events(),
        }
    }
}

inventory::collect!(SignalDescriptor);

/// The descriptors that are linked into the program, duplicates included.
pub fn linked() -> impl Iterator<Item = &'static SignalDescriptor> {
    inventory::iter::<SignalDescriptor>.into_iter()
}

/// Where the published schemas of a definition are, and the compatibility that it promises.
#[derive(Debug, Clone, Copy)]
pub struct Schemas {
    /// The folder, relative to the crate, or to the source file if it begins with `./` or `../`.
    pub folder: &'static str,
    /// The promised compatibility.
    pub compatibility: Compatibility,
    /// The event type of the next major version, to be proposed for an incompatible change.
    pub next: &'static str,
    /// The form of the schemas' text.
    pub form: Form,
    /// Whether the minor version is counted from the files, whose numbers then have no gaps.
    pub is_counted: bool,
}

/// The wire format of a definition's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// CloudEvents in binary mode, with version 7 ids.
    Native,
    /// The format of Open edX's Python packages.
    OpenEdx,
}
