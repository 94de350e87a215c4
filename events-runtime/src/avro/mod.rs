//! The Avro side of a definition: its schema as a constant, and the codec.

mod decode;
mod encode;
mod error;
pub mod schema;

pub use decode::Reader;
pub use encode::Writer;
pub use error::{DecodeError, EncodeError};
pub use schema::Schema;
