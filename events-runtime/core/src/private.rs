//! What the macros' expansions call; no part of the public contract.

use std::fmt::Display;

pub use ::core;
pub use inventory;
pub use std::boxed::Box;
pub use std::sync::Arc;
pub use std::vec::Vec;

pub use crate::avro::{
    Compatibility, DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Fault, Form, LONG_MAX_LEN,
    Published, Reader, Writer, WriterSchema, check, check_openedx, fingerprint, length, write,
};
pub use crate::hub::Hub;
pub use crate::payload::key::{KeyPath, key_leaf, key_step};
pub use crate::payload::recursion::{AvroNamed, Ref};
pub use crate::payload::{EventData, EventKey, Integer, MapKey, PublicSignal};
pub use crate::receiver::linked::{Link, LinkedReceiver, Place};
pub use crate::signal::AnyEmission;
pub use crate::testing::functions as asserts;
pub use events_schema::compat::{
    Contract, Side, assert_minor_version, can_read, canonical_form, faults, is_text, is_text_by_digest,
    minor_version, uphold,
};
pub use events_schema::tree::{Enum, Field, Json, JsonKind, Name, Origin, Record, Reference, Schema, Union};
pub use events_schema::{check_integer, generic_name};

use crate::{EmitOptions, EventMetadata, avro, codec};

/// The text in a constant that [`write()`] made.
#[must_use]
pub const fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // Made of `str`s alone.
        Err(_) => unreachable!(),
    }
}

/// Adds the field's name to what is wrong in it.
///
/// # Errors
/// The one that came in.
#[inline]
pub fn decoded<T>(value: Result<T, DecodeError>, field: &'static str) -> Result<T, DecodeError> {
    match value {
        Ok(value) => Ok(value),
        Err(fault) => Err(fault.in_field(field)),
    }
}

/// Some fields of a type with many, which are read by a function of their own.
///
/// # Errors
/// The one that came in.
#[inline]
pub fn portion<'a, T>(
    reader: &mut Reader<'a>,
    decode: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    decode(reader)
}

/// Adds the field's name to what is wrong in it.
///
/// # Errors
/// The one that came in.
#[inline]
pub fn checked(check: Result<(), EncodeError>, field: &'static str) -> Result<(), EncodeError> {
    match check {
        Ok(()) => Ok(()),
        Err(fault) => Err(fault.in_field(field)),
    }
}

/// The same as [`decoded`] of a field that holds personal data, which is not told.
///
/// # Errors
/// The one that came in, without what it says of the value.
#[inline]
pub fn decoded_pii<T>(value: Result<T, DecodeError>, field: &'static str) -> Result<T, DecodeError> {
    match value {
        Ok(value) => Ok(value),
        Err(fault) => Err(fault.in_pii_field(field)),
    }
}

/// The same as [`checked`] of a field that holds personal data, which is not told.
///
/// # Errors
/// The one that came in, without what it says of the value.
#[inline]
pub fn checked_pii(check: Result<(), EncodeError>, field: &'static str) -> Result<(), EncodeError> {
    match check {
        Ok(()) => Ok(()),
        Err(fault) => Err(fault.in_pii_field(field)),
    }
}

/// What the functions of a `with` module return.
#[diagnostic::on_unimplemented(
    message = "a conversion returns a `Result`, not `{Self}`",
    label = "in this module",
    note = "write `pub fn to_repr(value: &T) -> Result<Repr, E>` and `pub fn from_repr(repr: Repr) -> Result<T, E>`, where `E` implements `Display`"
)]
pub trait Conversion {
    /// What a conversion makes.
    type Value;
    /// Why it can't.
    type Error: Display;
    /// The result.
    ///
    /// # Errors
    /// The conversion's own.
    fn result(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E: Display> Conversion for Result<T, E> {
    type Value = T;
    type Error = E;

    fn result(self) -> Self {
        self
    }
}

/// What a `with` module made of a field.
///
/// # Errors
/// Where the conversion failed.
#[inline]
pub fn represented<C: Conversion>(value: C) -> Result<C::Value, C::Error> {
    value.result()
}

/// What a `with` module refused, as an error at the reader's place.
///
/// # Errors
/// Where the conversion failed.
#[inline]
pub fn converted<R, C: Conversion>(
    convert: impl FnOnce(R) -> C,
    repr: R,
    reader: &Reader<'_>,
) -> Result<C::Value, DecodeError> {
    convert(repr).result().map_err(|reason| reader.invalid(reason))
}

/// The smallest number of bytes of a record whose fields have these. Each level of nested types may double it.
pub const fn min_len(fields: &[usize]) -> usize {
    let (mut sum, mut index) = (0_usize, 0);
    while index < fields.len() {
        sum = sum.saturating_add(fields[index]);
        index += 1;
    }
    sum
}

/// One level deeper into a recursive value that is to be written, of a type of this size.
///
/// # Errors
/// It is deeper than a reader follows.
pub fn deeper(depth: usize, size: usize) -> Result<usize, EncodeError> {
    codec::deeper(depth, size)
        .ok_or_else(|| EncodeError::new(EncodeErrorKind::TooDeep { limit: codec::max_levels(size) }))
}

/// A symbol that an enumeration does not have.
#[cold]
pub fn unknown_symbol(index: i64, symbols: usize) -> DecodeErrorKind {
    DecodeErrorKind::UnknownSymbol { index, symbols }
}

/// A branch that a union does not have.
#[cold]
pub fn unknown_branch(index: i64, branches: usize) -> DecodeErrorKind {
    DecodeErrorKind::UnknownBranch { index, branches }
}

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
    /// Decodes a datum and emits the event in a hub: [`emit_datum`] of the definition.
    pub emit_datum: EmitDatum,
    /// Decodes a datum and emits it as a new event: [`emit_new`] of the definition.
    pub emit_new: EmitNew,
}

/// Decodes a datum and emits the event in a hub, with the metadata that it came with.
///
/// The schema is the writer's, where that is not the definition's own.
pub type EmitDatum =
    fn(&Hub, EventMetadata, Option<&WriterSchema>, &[u8]) -> Result<AnyEmission, DecodeError>;

/// The [`EmitDatum`] of `E`.
///
/// # Errors
/// When the datum is none of `E`; then no receiver runs.
pub fn emit_datum<E: PublicSignal>(
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
pub type EmitNew = fn(&Hub, EmitOptions, &[u8]) -> Result<AnyEmission, DecodeError>;

/// The [`EmitNew`] of `E`.
///
/// # Errors
/// When the datum is none of `E`; then nothing is emitted.
pub fn emit_new<E: PublicSignal>(
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
