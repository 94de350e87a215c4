//! The traits that a type in an event implements, mostly by derive.

mod map;
mod option;
mod pointer;
mod primitive;
mod sequence;
mod text;
#[cfg(feature = "uuid")]
mod uuid;

use crate::avro::{DecodeError, DecodeErrorKind, EncodeError, Reader, Schema, Writer};
use crate::private::SignalDescriptor;

/// The Avro schema of a type: the half of [`EventData`] that needs no value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no Avro schema",
    label = "not a type that an event can hold",
    note = "for a struct or enum of your own: add `#[derive(EventData)]` to `{Self}`",
    note = "for a type of another crate: convert it with `#[event(with = module)]`"
)]
pub trait AvroSchema {
    /// The schema of this type.
    const SCHEMA: &'static Schema;

    /// The schema of a sequence of this type: an array, or `bytes` for `u8`.
    #[doc(hidden)]
    const SEQUENCE: &'static Schema = &Schema::Array(Self::SCHEMA);
}

/// A type that an event can hold: it has an Avro schema and travels as an Avro datum.
///
/// `#[derive(EventData)]` writes this. By hand it takes the four items without a default, which
/// must agree with [`AvroSchema::SCHEMA`]; the bytes are checked against no schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be part of an event",
    label = "not a type that an event can hold",
    note = "for a struct or enum of your own: add `#[derive(EventData)]` to `{Self}`",
    note = "for a type of another crate: convert it with `#[event(with = module)]`"
)]
pub trait EventData: AvroSchema + Sized {
    /// The smallest number of bytes that a datum of this type has.
    const MIN_LEN: usize;

    /// Whether [`check`](Self::check) can fail; `false` spares the encoder that pass.
    const FALLIBLE: bool = false;

    /// No fewer bytes than the datum of this value takes.
    fn max_len(&self) -> usize;

    /// Whether this value can be held by the schema without loss.
    ///
    /// # Errors
    /// An [`EncodeError`] that names the field and says why.
    fn check(&self, depth: usize) -> Result<(), EncodeError> {
        let _ = depth;
        Ok(())
    }

    /// Writes the datum. [`check`](Self::check) has passed before.
    fn encode(&self, writer: &mut Writer<'_>);

    /// Reads a datum.
    ///
    /// # Errors
    /// A [`DecodeError`] that names the field and the fault.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Writes the branch of `["null", T]` that holds this value.
    #[doc(hidden)]
    #[inline]
    fn encode_nullable(&self, writer: &mut Writer<'_>) {
        writer.byte(2);
        self.encode(writer);
    }

    /// Reads the value of a branch other than the first of `["null", T]`.
    #[doc(hidden)]
    #[inline]
    fn decode_nullable(branch: i64, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if branch == 1 { Self::decode(reader) } else { Err(reader.error(unknown_branch(branch, 2))) }
    }

    #[doc(hidden)]
    #[inline]
    fn sequence_max_len(items: &[Self]) -> usize {
        sequence::max_len(items.iter())
    }

    #[doc(hidden)]
    #[inline]
    fn check_sequence(items: &[Self], depth: usize) -> Result<(), EncodeError> {
        sequence::check(items.iter(), depth)
    }

    #[doc(hidden)]
    #[inline]
    fn encode_sequence(items: &[Self], writer: &mut Writer<'_>) {
        sequence::encode(items.iter(), writer);
    }

    #[doc(hidden)]
    #[inline]
    fn decode_sequence(reader: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        sequence::decode(reader)
    }
}

/// A branch that `["null", T]` or an enum does not have.
#[cold]
pub(crate) fn unknown_branch(index: i64, branches: usize) -> DecodeErrorKind {
    DecodeErrorKind::UnknownBranch { index, branches }
}

/// A type that can be the key of a map: a string in Avro.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the key of a map in an event",
    label = "Avro's maps have strings as keys",
    note = "use `String`, a newtype of `String` with `#[derive(EventData)]`, or a `Vec` of key-value structs"
)]
pub trait MapKey: Sized {
    /// The key as text.
    fn as_str(&self) -> &str;
    /// The key that this text stands for.
    fn from_text(text: &str) -> Self;
}

/// A type whose value can be an event's key: events of one key keep their order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the key of an event",
    label = "not a key type",
    note = "a key is a string, an integer, a `Uuid`, or a newtype of one of these with `#[derive(EventData)]`"
)]
pub trait EventKey {
    /// Appends the key in its text form, UTF-8.
    fn append_key(&self, out: &mut Vec<u8>);
}

/// An event definition; `#[derive(PublicSignal)]` writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "add `#[derive(PublicSignal)]` and `#[public_signal(event_type = \"…\")]` to `{Self}`"
)]
pub trait PublicSignal: EventData + Send + Sync + 'static {
    /// The event type, such as `org.acme.orders.order.placed.v1`.
    const EVENT_TYPE: &'static str;
    /// The minor version of the definition within its event type.
    const MINOR_VERSION: u32;
    /// The Avro schema as JSON text.
    const SCHEMA_JSON: &'static str;
    /// The CRC-64-AVRO fingerprint of the schema's Parsing Canonical Form.
    const FINGERPRINT: u64;

    /// What the registry knows of this definition.
    #[doc(hidden)]
    const DESCRIPTOR: &'static SignalDescriptor;

    /// Appends the key's text form; `false` where the definition has no key.
    fn append_key(&self, out: &mut Vec<u8>) -> bool {
        let _ = out;
        false
    }
}
