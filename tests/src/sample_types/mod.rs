//! Specimens of every type that an event can contain, each with values, for other implementations to check.
//!
//! A [`Specimen`] hides its type. It has a schema, values generated from a seed with their Avro form, and a
//! check whether bytes from another implementation decode to the expected value.

mod collections;
mod enums;
mod foreign;
mod generate;
mod named;
mod recursive;
mod scalars;
mod source;
pub mod terms;
mod wide;

use std::fmt;

use events_runtime::PublicSignal;
use events_runtime::avro::{self, DecodeError, DecodeErrorKind, Schema, WriterSchema};
use proptest::strategy::{BoxedStrategy, Strategy};

use generate::Generate;
use source::Source;

/// The number of values generated for each type, beside those written by hand.
const GENERATED: u64 = 40;

/// An event with specimens.
pub(crate) trait SampleEvent: PublicSignal + Generate + PartialEq + fmt::Debug {
    /// The namespace of the root record.
    const NAMESPACE: &str = Self::EVENT_TYPE;
    /// Whether Python's types for its logical types can't hold some values.
    const BEYOND_PYTHON: bool = false;
    /// Whether a value generated from the schema alone can be a value of this type.
    const BY_CHANCE: bool = true;

    /// Values written by hand: those that a generator is unlikely to produce.
    fn by_hand() -> Vec<Self> {
        Vec::new()
    }
}

/// A type with its schema and values.
pub struct Specimen {
    /// The event type.
    pub name: &'static str,
    /// The schema as JSON text.
    pub schema_json: &'static str,
    /// The same as a tree of constants.
    pub schema: &'static Schema,
    /// Its Parsing Canonical Form.
    pub canonical: &'static str,
    /// CRC-64-AVRO of the canonical form.
    pub fingerprint: u64,
    /// Whether Python's types for its logical types can't hold some values.
    pub beyond_python: bool,
    /// Whether a value generated from the schema alone can be a value of this type.
    pub by_chance: bool,
    by_hand: fn() -> Vec<Sample>,
    generate: fn(&mut Source) -> Sample,
    decode: fn(&[u8]) -> Result<(), DecodeError>,
    again: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
    resolved: fn(&WriterSchema, &[u8]) -> Result<Vec<u8>, DecodeError>,
    read: fn(&[u8]) -> Result<Reading, String>,
    single_object: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
    from_single_object: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
}

/// A value of a [`Specimen`].
pub struct Sample {
    /// The value, encoded.
    pub datum: Vec<u8>,
    /// The value in the JSON form of `tests/interop/judge.py`, produced without the codec.
    pub terms: serde_json::Value,
    debug: String,
    same: Box<Same>,
}

type Same = dyn Fn(&[u8]) -> Result<(), String> + Send + Sync;

/// The result of decoding bytes from another implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// They decoded to the expected value.
    Read,
    /// They are a valid datum, but out of range for the Rust type, such as 300 in a `u8`.
    Refused,
}

impl Specimen {
    fn of<E: SampleEvent>() -> Self {
        Self {
            name: E::EVENT_TYPE,
            schema_json: E::SCHEMA_JSON,
            schema: E::SCHEMA,
            canonical: E::CANONICAL,
            fingerprint: E::FINGERPRINT,
            beyond_python: E::BEYOND_PYTHON,
            by_chance: E::BY_CHANCE,
            by_hand: || E::by_hand().into_iter().map(Sample::of).collect(),
            generate: |source| Sample::of(E::generate(source)),
            decode: |datum| avro::from_slice::<E>(datum).map(drop),
            again: |datum| Ok(encoded(&avro::from_slice::<E>(datum)?)),
            resolved: |writer, datum| Ok(encoded(&avro::from_slice_resolved::<E>(writer, datum)?)),
            read: read::<E>,
            single_object: |datum| {
                let value = avro::from_slice::<E>(datum)?;
                Ok(avro::to_single_object(&value)
                    .unwrap_or_else(|error| panic!("{}: {error}", E::EVENT_TYPE)))
            },
            from_single_object: |bytes| Ok(encoded(&avro::from_single_object::<E>(bytes)?)),
        }
    }

    /// Values: those written by hand, then generated ones; the same in every run.
    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = (self.by_hand)();
        samples.extend((0..GENERATED).map(|seed| (self.generate)(&mut Source::seeded(self.name, seed))));
        samples
    }

    /// A generated value for a property test; a smaller `size` gives shorter collections.
    pub fn any(&self) -> BoxedStrategy<Sample> {
        let generate = self.generate;
        (0..12_usize).prop_perturb(move |size, rng| generate(&mut Source::new(rng, size))).boxed()
    }

    /// Decodes a datum and drops its value.
    ///
    /// # Errors
    /// If the bytes are not a datum of this type.
    pub fn decode(&self, datum: &[u8]) -> Result<(), DecodeError> {
        (self.decode)(datum)
    }

    /// Decodes a datum and encodes the value again.
    ///
    /// # Errors
    /// If the bytes are not a datum of this type.
    pub fn again(&self, datum: &[u8]) -> Result<Vec<u8>, DecodeError> {
        (self.again)(datum)
    }

    /// Decodes another writer's datum and encodes the value.
    ///
    /// # Errors
    /// If the bytes are not a datum of that writer, or this type can't hold it.
    pub fn resolved(&self, writer: &WriterSchema, datum: &[u8]) -> Result<Vec<u8>, DecodeError> {
        (self.resolved)(writer, datum)
    }

    /// The value of a datum as a single object.
    ///
    /// # Errors
    /// If the bytes are not a datum of this type.
    pub fn to_single_object(&self, datum: &[u8]) -> Result<Vec<u8>, DecodeError> {
        (self.single_object)(datum)
    }

    /// The datum of a single object.
    ///
    /// # Errors
    /// If the bytes are not a single object of this type.
    pub fn from_single_object(&self, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        (self.from_single_object)(bytes)
    }

    /// Whether a value has several encodings: maps have no order.
    pub fn has_maps(&self) -> bool {
        self.canonical.contains("\"type\":\"map\"")
    }

    /// Decodes bytes generated by another implementation.
    ///
    /// # Errors
    /// The reason, as text.
    pub fn read(&self, datum: &[u8]) -> Result<Reading, String> {
        (self.read)(datum)
    }
}

fn read<E: SampleEvent>(datum: &[u8]) -> Result<Reading, String> {
    let value: E = match avro::from_slice(datum) {
        Ok(value) => value,
        Err(error) if is_refusal(error.kind()) => return Ok(Reading::Refused),
        Err(error) => return Err(error.to_string()),
    };
    // The bytes may differ (maps have no order, sets no duplicates); the value must be equal.
    let twice: E = avro::from_slice(&encoded(&value)).map_err(|error| error.to_string())?;
    if twice == value {
        Ok(Reading::Read)
    } else {
        Err(format!("read as {value:?}, and after writing that as {twice:?}"))
    }
}

impl Sample {
    fn of<E: SampleEvent>(value: E) -> Self {
        let datum = encoded(&value);
        let terms = value.terms(E::NAMESPACE);
        let debug = format!("{value:?}");
        let same = Box::new(move |datum: &[u8]| match avro::from_slice::<E>(datum) {
            Ok(found) if found == value => Ok(()),
            Ok(found) => Err(format!("read as {found:?}, should be {value:?}")),
            Err(error) => Err(error.to_string()),
        });
        Self { datum, terms, debug, same }
    }

    /// Checks that bytes from another implementation decode to this value.
    ///
    /// # Errors
    /// The decoded value, as text.
    pub fn is(&self, datum: &[u8]) -> Result<(), String> {
        (self.same)(datum)
    }
}

fn encoded<E: PublicSignal>(value: &E) -> Vec<u8> {
    avro::to_vec(value).unwrap_or_else(|error| panic!("{}: {error}", E::EVENT_TYPE))
}

impl fmt::Debug for Specimen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Specimen").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.debug)
    }
}

fn is_refusal(kind: &DecodeErrorKind) -> bool {
    matches!(
        kind,
        DecodeErrorKind::OutOfRange { .. }
            | DecodeErrorKind::WrongLength { .. }
            | DecodeErrorKind::Invalid(_)
    )
}

/// Every specimen, in a stable order.
pub fn specimens() -> Vec<Specimen> {
    let groups = [
        scalars::specimens(),
        collections::specimens(),
        enums::specimens(),
        named::specimens(),
        recursive::specimens(),
        foreign::specimens(),
        wide::specimens(),
    ];
    groups.into_iter().flatten().collect()
}
