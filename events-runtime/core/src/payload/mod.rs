//! The traits that a type in an event implements, mostly by derive.
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
/// `#[derive(EventData)]` writes this. By hand it takes the five items without a default, and
/// what is written must be a datum of [`SCHEMA`](Self::SCHEMA):
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
    note = "for a type of another crate: turn on its feature of events-runtime where there is one (`uuid`, `jiff`, `chrono`, `time`, `rust_decimal`); else convert it with `#[event(with = module)]`, or with `#[event(with = events_runtime::with::text)]` where it has `Display` and `FromStr`",
    note = "for a type of the standard library: instead of `usize`, `isize`: `u64`, `i64`; of `u128`, `i128`, `IpAddr`, `SocketAddr`: `#[event(with = events_runtime::with::text)]`; of `PathBuf`, `OsString`: `String`; of `Rc`, `RefCell`, `Mutex`: `Arc`, or the value in it; of `Result`: an enum; of `HashMap` with keys other than strings: a `Vec` of structs",
    note = "instead of a time with an offset or zone (`DateTime<FixedOffset>`, `Zoned`, `OffsetDateTime`), a `SystemTime` or an `Instant`: an instant in UTC (`jiff::Timestamp`, `chrono::DateTime<Utc>`, `time::UtcDateTime`), and the zone in a `String` beside it where it matters; instead of a `Duration`: a number whose name says the unit, such as `timeout_ms: u64`"
)]
pub trait EventData: Sized {
    /// The Avro schema of this type.
    const SCHEMA: &'static Schema;

    /// The schema of a sequence of this type: an array, or `bytes` for `u8`.
    #[doc(hidden)]
    const SEQUENCE: &'static Schema = &Schema::Array(Self::SCHEMA); // E0391? `#[event(back_ref = Type)]` on a field cuts the cycle.

    /// The whole numbers that this type holds, where it is one of those that hold some.
    #[doc(hidden)]
    const INTEGER: Option<Integer> = None;

    /// The smallest number of bytes that a datum of this type has.
    const MIN_LEN: usize;

    /// Whether Python could take some value for false: `""`, `0`, `False`, an empty list. An `Option` says
    /// it of what it holds. No schema tells, and the profile `openedx`
    /// [warns](crate::avro::openedx::hazards) where it is so.
    const MAY_BE_FALSY: bool = true;

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
    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w>;

    /// Reads a datum.
    ///
    /// # Errors
    /// A [`DecodeError`] that names the field and the fault.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Writes the branch of a union, its index shifted; an enum with data has more than one.
    #[doc(hidden)]
    #[inline]
    fn encode_branch<'w>(&self, shift: i64, writer: Writer<'w>) -> Writer<'w> {
        self.encode(writer.long(shift))
    }

    /// Reads the value of a branch of a union whose indexes are shifted.
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

/// The text of a constant that [`write`](crate::avro::write) made.
const fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => unreachable!(),
    }
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
    const SCHEMA_JSON: &'static str = text(Self::SCHEMA_TEXT);
    /// The schema's Parsing Canonical Form.
    const CANONICAL: &'static str = text(Self::CANONICAL_TEXT);
    /// The CRC-64-AVRO fingerprint of the schema's Parsing Canonical Form.
    const FINGERPRINT: u64 = fingerprint(Self::CANONICAL);

    /// The bytes of [`SCHEMA_JSON`](Self::SCHEMA_JSON). The constants above are computed from
    /// these here and not in the expansion: what a trait provides is evaluated only where it is
    /// used, and evaluating it for every event doubled the time of `cargo check`.
    #[doc(hidden)]
    const SCHEMA_TEXT: &'static [u8];
    /// The bytes of [`CANONICAL`](Self::CANONICAL).
    #[doc(hidden)]
    const CANONICAL_TEXT: &'static [u8];

    /// What has been published of this event, oldest first.
    #[doc(hidden)]
    const PUBLISHED: &'static [Published] = &[];

    /// What the registry knows of this definition.
    #[doc(hidden)]
    const DESCRIPTOR: &'static SignalDescriptor;

    /// Appends the key's text form; `false` where the definition has no key.
    fn append_key(&self, out: &mut Vec<u8>) -> bool {
        let _ = out;
        false
    }
}
