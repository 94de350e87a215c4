//! Types of every kind that an event can hold, each with values, for outside judges.
//!
//! A [`Specimen`] hides its type: the judges see a schema, datums, and a way to ask whether
//! bytes written elsewhere are read as the value they should be.

mod collections;
mod enums;
mod logical;
mod named;
mod recursive;
mod scalars;
pub mod terms;

use std::fmt;

use events_runtime::PublicSignal;
use events_runtime::avro::{self, DecodeErrorKind};

/// A type of the zoo with some of its values.
pub struct Specimen {
    /// The event type.
    pub name: &'static str,
    /// The schema as JSON text.
    pub schema_json: &'static str,
    /// Its Parsing Canonical Form.
    pub canonical: &'static str,
    /// CRC-64-AVRO of that.
    pub fingerprint: u64,
    /// The values, encoded.
    pub datums: Vec<Vec<u8>>,
    read: Box<Read>,
}

type Read = dyn Fn(Option<usize>, &[u8]) -> Result<Reading, String> + Send + Sync;

/// What became of bytes written elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// They were read as the value that they should be.
    Read,
    /// They are a datum of the schema that the Rust type is too narrow for, such as 300 in a `u8`.
    Refused,
}

impl Specimen {
    fn of<E: PublicSignal + PartialEq + fmt::Debug + Clone>(values: &[E]) -> Self {
        let values = values.to_vec();
        let encode =
            |value: &E| avro::to_vec(value).unwrap_or_else(|error| panic!("{}: {error}", E::EVENT_TYPE));
        Self {
            name: E::EVENT_TYPE,
            schema_json: E::SCHEMA_JSON,
            canonical: E::CANONICAL,
            fingerprint: E::FINGERPRINT,
            datums: values.iter().map(encode).collect(),
            read: Box::new(move |index, datum| read(index.map(|index| &values[index]), datum)),
        }
    }

    /// Reads bytes written elsewhere: as the value of this index, or as one made up there.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub fn read(&self, index: Option<usize>, datum: &[u8]) -> Result<Reading, String> {
        (self.read)(index, datum)
    }
}

impl fmt::Debug for Specimen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Specimen").field("name", &self.name).finish_non_exhaustive()
    }
}

fn read<E: PublicSignal + PartialEq + fmt::Debug>(
    expected: Option<&E>,
    datum: &[u8],
) -> Result<Reading, String> {
    let value: E = match (avro::from_slice(datum), expected) {
        (Ok(value), _) => value,
        (Err(error), None) if is_refusal(error.kind()) => return Ok(Reading::Refused),
        (Err(error), _) => return Err(error.to_string()),
    };
    match expected {
        Some(expected) if *expected == value => Ok(Reading::Read),
        Some(expected) => Err(format!("read as {value:?}, should be {expected:?}")),
        None => {
            // The bytes may differ (maps have no order, sets no duplicates), the value may not.
            let again = avro::to_vec(&value).map_err(|error| error.to_string())?;
            let twice: E = avro::from_slice(&again).map_err(|error| error.to_string())?;
            if twice == value {
                Ok(Reading::Read)
            } else {
                Err(format!("read as {value:?}, and after writing that as {twice:?}"))
            }
        }
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
        logical::specimens(),
        named::specimens(),
        recursive::specimens(),
    ];
    groups.into_iter().flatten().collect()
}
