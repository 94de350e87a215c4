//! The traits of types in an event, most of them derived.
//!
//! Uses `codec`, and is used by `avro` and `with`.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "bytes from outside pass here"
)]

#[cfg(any(feature = "jiff", feature = "chrono", feature = "time"))]
mod calendar;
#[cfg(feature = "chrono")]
mod chrono;
#[cfg(feature = "rust_decimal")]
mod decimal;
#[cfg(feature = "jiff")]
mod jiff;
pub(crate) mod key;
mod map;
pub(crate) mod moment;
mod option;
mod pointer;
mod primitive;
pub(crate) mod recursion;
mod sequence;
#[cfg(test)]
mod tests;
mod text;
#[cfg(feature = "time")]
mod time;
#[cfg(feature = "uuid")]
mod uuid;

use crate::codec::{DecodeError, DecodeErrorKind, EncodeError, Reader, Schema, Writer};
use crate::registry::signal_descriptor::SignalDescriptor;
use events_schema::{Published, fingerprint};

/// A type that an event can hold: it has an Avro schema and travels as an Avro datum.
///
/// `#[derive(EventData)]` implements it. An implementation by hand has the five items without a default, and
/// must write a datum of [`SCHEMA`](Self::SCHEMA):
///
/// ```
/// use events_runtime::EventData;
/// use events_runtime::avro::{DecodeError, Reader, Schema, Writer};
///
/// /// Whole cents.
/// struct Money(i64);
///
/// impl EventData for Money {
///     const SCHEMA: &'static Schema = &Schema::Long;
///     const MIN_LEN: usize = 1;
///
///     fn max_len(&self) -> usize {
///         events_runtime::avro::LONG_MAX_LEN
///     }
///
///     fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
///         writer.long(self.0)
///     }
///
///     fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
///         reader.long().map(Money)
///     }
/// }
///
/// assert_eq!(events_runtime::avro::to_vec(&Money(-1)).unwrap(), [1]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be part of an event",
    label = "not a type that an event can hold",
    note = "for a struct or enum of your own: add `#[derive(EventData)]` to its definition",
    note = "for a type of another crate: enable its feature of events-runtime if there is one (`uuid`, `jiff`, `chrono`, `time`, `rust_decimal`); else convert it with `#[event(with = module)]`, or with `#[event(with = events_runtime::with::text)]` if it has `Display` and `FromStr`",
    note = "for a type of the standard library: use `u64` or `i64` for `usize` and `isize`; `#[event(with = events_runtime::with::text)]` for `u128`, `i128`, `IpAddr`, `SocketAddr`; `String` for `PathBuf` and `OsString`; `Arc` or the inner value for `Rc`, `RefCell`, `Mutex`; an enum for `Result`; a `Vec` of structs for a `HashMap` with keys other than strings",
    note = "for a time with an offset or zone (`DateTime<FixedOffset>`, `Zoned`, `OffsetDateTime`), a `SystemTime` or an `Instant`: use an instant in UTC (`jiff::Timestamp`, `chrono::DateTime<Utc>`, `time::UtcDateTime`), with the zone in a `String` beside it if it matters; for a `Duration`: use a number with the unit in its name, such as `timeout_ms: u64`"
)]
pub trait EventData: Sized {
    /// The Avro schema of this type.
    const SCHEMA: &'static Schema;

    /// The schema of a sequence of this type: an array, or `bytes` for `u8`.
    #[doc(hidden)]
    const SEQUENCE: &'static Schema = &Schema::Array(Self::SCHEMA); // E0391? `#[event(back_ref = Type)]` on a field cuts the cycle.

    /// The range of an integer type.
    #[doc(hidden)]
    const INTEGER: Option<Integer> = None;

    /// The length of the shortest datum of this type, in bytes.
    const MIN_LEN: usize;

    /// Whether some value is false in Python: `""`, `0`, `False`, an empty list. For an `Option`, this is
    /// about the inner type. The schema does not contain it; the profile `openedx`
    /// [warns](crate::avro::openedx::hazards) about such fields.
    const MAY_BE_FALSY: bool = true;

    /// Whether [`check`](Self::check) can fail. If `false`, the encoder does not call it.
    const FALLIBLE: bool = false;

    /// An upper bound for the length of the datum, in bytes.
    fn max_len(&self) -> usize;

    /// Checks that the schema can hold this value without loss.
    ///
    /// # Errors
    /// An [`EncodeError`] with the field and the reason.
    fn check(&self, depth: usize) -> Result<(), EncodeError> {
        let _ = depth;
        Ok(())
    }

    /// Writes the datum. [`check`](Self::check) succeeded before.
    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w>;

    /// Reads a datum.
    ///
    /// # Errors
    /// A [`DecodeError`] with the field and the reason.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Writes a branch of a union. `shift` is added to its index: 1 after `null`. An enum with data has more
    /// than one branch.
    #[doc(hidden)]
    #[inline]
    fn encode_branch<'w>(&self, shift: i64, writer: Writer<'w>) -> Writer<'w> {
        self.encode(writer.long(shift))
    }

    /// Reads the value of a branch of a union whose indexes are shifted by `shift`.
    #[doc(hidden)]
    #[inline]
    fn decode_branch(branch: i64, shift: i64, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if branch == shift {
            Self::decode(reader)
        } else {
            let branches = if shift == 0 { 1 } else { 2 };
            Err(reader.error(DecodeErrorKind::UnknownBranch { index: branch, branches }))
        }
    }

    /// Writes the branch of `["null", T]` that holds this value.
    #[doc(hidden)]
    #[inline]
    fn encode_nullable<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        self.encode_branch(1, writer)
    }

    /// Reads the value of a branch other than the first of `["null", T]`.
    #[doc(hidden)]
    #[inline]
    fn decode_nullable(branch: i64, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::decode_branch(branch, 1, reader)
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
    fn encode_sequence<'w>(items: &[Self], writer: Writer<'w>) -> Writer<'w> {
        sequence::encode(items.iter(), writer)
    }

    #[doc(hidden)]
    #[inline]
    fn decode_sequence(reader: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        sequence::decode(reader)
    }
}

#[doc(hidden)]
pub use events_schema::Integer;

/// A type that can be the key of a map: a string in Avro.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the key of a map in an event",
    label = "Avro's maps have strings as keys",
    note = "use `String`, a newtype of `String` with `#[derive(EventData)]`, or a `Vec` of key-value structs"
)]
pub trait MapKey: Sized {
    /// The key as text.
    fn as_str(&self) -> &str;
    /// The key with this text.
    fn from_text(text: &str) -> Self;
}

/// A type whose values can be an event's key. Events with the same key keep their order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the key of an event",
    label = "not a key type",
    note = "a key is a string, an integer, a `Uuid`, or a newtype of one of these with `#[derive(EventData)]`"
)]
pub trait EventKey {
    /// Appends the key as UTF-8 text.
    fn append_key(&self, out: &mut Vec<u8>);
}

/// The text of a constant that [`write`](crate::avro::write) made.
const fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => unreachable!(),
    }
}

/// An event definition, implemented by `#[derive(PublicSignal)]`.
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
    const SCHEMA_JSON: &'static str = text(Self::SCHEMA_TEXT);
    /// The schema's Parsing Canonical Form.
    const CANONICAL: &'static str = text(Self::CANONICAL_TEXT);
    /// The CRC-64-AVRO fingerprint of the schema's Parsing Canonical Form.
    const FINGERPRINT: u64 = fingerprint(Self::CANONICAL);

    /// The bytes of [`SCHEMA_JSON`](Self::SCHEMA_JSON). The trait computes the constants above from these
    /// bytes, not the expansion: a provided constant is evaluated only if it is used. Evaluating them for
    /// every event doubled the time of `cargo check`.
    #[doc(hidden)]
    const SCHEMA_TEXT: &'static [u8];
    /// The bytes of [`CANONICAL`](Self::CANONICAL).
    #[doc(hidden)]
    const CANONICAL_TEXT: &'static [u8];

    /// The published versions of this event, oldest first.
    #[doc(hidden)]
    const PUBLISHED: &'static [Published] = &[];

    /// The registry's entry for this definition.
    #[doc(hidden)]
    const DESCRIPTOR: &'static SignalDescriptor;

    /// Appends the key as text; returns `false` if the definition has no key.
    fn append_key(&self, out: &mut Vec<u8>) -> bool {
        let _ = out;
        false
    }
}
