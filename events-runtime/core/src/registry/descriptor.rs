//! A definition as the registry shows it.

use std::fmt;

use super::signal_descriptor::{Profile, SignalDescriptor};
use crate::avro::{Compatibility, DecodeError, Published, Schema, WriterSchema, openedx};
use crate::signal::AnyEmission;
use crate::{EventMetadata, Hub, PublicSignal};

/// Describes an event definition: its names, schema, promises and functions. All of it is constant.
#[derive(Clone, Copy)]
pub struct Descriptor(&'static SignalDescriptor);

impl Descriptor {
    #[doc(hidden)]
    pub fn new(descriptor: &'static SignalDescriptor) -> Self {
        Self(descriptor)
    }

    /// The descriptor of `E`.
    pub fn of<E: PublicSignal>() -> Self {
        Self(E::DESCRIPTOR)
    }

    /// The event type.
    pub fn event_type(&self) -> &'static str {
        self.0.event_type
    }

    /// The minor version within the event type.
    pub fn minor_version(&self) -> u32 {
        (self.0.minor_version)()
    }

    /// The Rust type, with its module.
    pub fn rust_type(&self) -> &'static str {
        self.0.rust_type
    }

    /// The file of the definition.
    pub fn file(&self) -> &'static str {
        self.0.file
    }

    /// The line of the definition.
    pub fn line(&self) -> u32 {
        self.0.line
    }

    /// The Avro schema as a tree of constants.
    pub fn schema(&self) -> &'static Schema {
        self.0.schema
    }

    /// The Avro schema as JSON text.
    pub fn schema_json(&self) -> &'static str {
        (self.0.schema_json)()
    }

    /// The schema's Parsing Canonical Form.
    pub fn canonical_form(&self) -> &'static str {
        (self.0.canonical)()
    }

    /// CRC-64-AVRO of the canonical form.
    pub fn fingerprint(&self) -> u64 {
        (self.0.fingerprint)()
    }

    /// The fields that lead to the key, such as `["customer", "id"]`; empty if there is no key.
    pub fn key(&self) -> &'static [&'static str] {
        self.0.key
    }

    /// Warnings about the definition. For an event of the profile `openedx`: the values that Open edX's
    /// Python would change or refuse ([`hazards`](crate::avro::openedx::hazards)). The bus logs them when it
    /// starts, and `doctor` prints them.
    pub fn warnings(&self) -> Vec<String> {
        match self.0.profile {
            Profile::OpenEdx => openedx::hazards(self.schema()),
            Profile::Native => Vec::new(),
        }
    }

    /// The published versions of the event, oldest first: the files that were found when its crate was
    /// compiled.
    pub fn published(&self) -> &'static [Published] {
        self.0.published
    }

    /// The compatibility that the event promises.
    pub fn compatibility(&self) -> Compatibility {
        self.0.schemas.compatibility
    }

    /// Decodes a datum and emits the event in a hub as a bus does: with the received metadata and with
    /// [`Origin::Bus`](crate::Origin::Bus).
    ///
    /// # Errors
    /// If the bytes are not a datum of this definition. No receiver runs then.
    pub fn emit_datum(
        &self,
        hub: &Hub,
        metadata: EventMetadata,
        datum: &[u8],
    ) -> Result<AnyEmission, DecodeError> {
        (self.0.emit_datum)(hub, metadata, None, datum)
    }

    /// [`emit_datum`](Self::emit_datum) for a datum that was written with another schema.
    ///
    /// # Errors
    /// As for [`from_slice_resolved`](crate::avro::from_slice_resolved). No receiver runs then.
    pub fn emit_datum_resolved(
        &self,
        hub: &Hub,
        metadata: EventMetadata,
        writer: &WriterSchema,
        datum: &[u8],
    ) -> Result<AnyEmission, DecodeError> {
        (self.0.emit_datum)(hub, metadata, Some(writer), datum)
    }

    /// Whether a receiver of the hub takes events of this type that a bus delivers. A
    /// [`Recorder`](crate::testing::Recorder) counts as one.
    pub fn is_handled_in(&self, hub: &Hub) -> bool {
        (self.0.is_handled)(hub)
    }

    /// The crate of the definition.
    pub fn crate_name(&self) -> &'static str {
        self.0.rust_type.split("::").next().unwrap_or(self.0.rust_type)
    }

    #[doc(hidden)]
    pub fn get(self) -> &'static SignalDescriptor {
        self.0
    }

    /// Identifies a definition. Its address does not: a constant may have several.
    pub(super) fn sort_key(self) -> (&'static str, &'static str, &'static str, u32) {
        (self.0.event_type, self.0.rust_type, self.0.file, self.0.line)
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descriptor")
            .field("event_type", &self.event_type())
            .field("minor_version", &self.minor_version())
            .field("rust_type", &self.rust_type())
            .field("file", &format_args!("{}:{}", self.file(), self.line()))
            .finish_non_exhaustive()
    }
}
