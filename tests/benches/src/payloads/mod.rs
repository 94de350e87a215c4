//! The three payloads, each with one fixed value whose Avro datum has a known size.

mod list;
mod small;
mod wide;

pub use list::{Basket, Line};
pub use small::{Course, Enrolled, Person, User};
pub use wide::Telemetry;

use serde::{Serialize, de::DeserializeOwned};

/// The requirements of all contestants on a payload.
pub trait Payload:
    Serialize
    + DeserializeOwned
    + prost::Message
    + bincode::Encode
    + bincode::Decode<()>
    + events_runtime::PublicSignal
    + Default
    + Clone
    + PartialEq
    + 'static
{
    /// The name in the tables.
    const NAME: &'static str;
    /// The length of the sample's Avro datum in bytes.
    const AVRO_LEN: usize;

    /// A field with a default that an earlier version lacked.
    const ADDED: &'static str;
    /// A `long` that was an `int` in an earlier version.
    const WIDENED: &'static str;

    /// The value that is encoded and decoded.
    fn sample() -> Self;
}
