//! What the derive macro `PublicSignal` registers for a definition.

use events_schema::tree::{Origin, Schema};

use crate::avro::{self, Compatibility, DecodeError, Form, Published, WriterSchema};
use crate::signal::AnyEmission;
use crate::{EmitOptions, EventMetadata, Hub, PublicSignal};

/// What the registry knows of an event definition. All `const`, no text until asked.
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
    /// The key's path in the definition, such as `["customer", "id"]`; empty where there is none.
    pub key: &'static [&'static str],
    /// Where published schemas are kept, and what must not break.
    pub schemas: Schemas,
    /// What has been published of the event, oldest first.
    pub published: &'static [Published],
    /// Decodes a datum and emits the event in a hub.
    pub emit_datum: EmitDatum,
    /// Decodes a datum and emits it as a new event.
    pub emit_new: EmitNew,
}

/// Decodes a datum and emits the event in a hub, with the metadata that it came with.
///
/// The schema is the writer's, where that is not the definition's own.
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
        }
    }
}

inventory::collect!(SignalDescriptor);

/// The descriptors that are linked into the program, duplicates included.
pub fn linked() -> impl Iterator<Item = &'static SignalDescriptor> {
    inventory::iter::<SignalDescriptor>.into_iter()
}

/// Where the published schemas of a definition are kept, and what must not break.
#[derive(Debug, Clone, Copy)]
pub struct Schemas {
    /// The folder, relative to the crate, or to the source file where it begins with `./` or `../`.
    pub folder: &'static str,
    /// What a change must not break.
    pub compatibility: Compatibility,
    /// The event type of the next major version, the last way out of a break.
    pub next: &'static str,
    /// The form of their text.
    pub form: Form,
    /// Whether the minor version follows from the files: then they have every number.
    pub is_counted: bool,
}

/// How a definition's messages look on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// This project's own: CloudEvents binary mode, version 7 ids.
    Native,
    /// What Open edX's Python packages read and write.
    OpenEdx,
}
