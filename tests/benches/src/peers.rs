//! The peers, each called the way its documentation recommends for speed: schemas parsed and
//! resolved beforehand, the buffer reused.

use apache_avro::{reader::datum::GenericDatumReader, writer::datum::GenericDatumWriter};

use crate::payloads::Payload;

/// What a peer's call fails with.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// bincode 2, varints, its own derives.
pub const BINCODE: bincode::config::Configuration = bincode::config::standard();

/// apache-avro's schema-aware serde, without its `Value`.
#[allow(missing_debug_implementations, reason = "apache-avro's writer has no Debug")]
pub struct ApacheAvro<'s> {
    writer: GenericDatumWriter<'s>,
    reader: GenericDatumReader<'s>,
}

impl<'s> ApacheAvro<'s> {
    /// Resolves the schema once.
    ///
    /// # Errors
    /// When the schema names a type that it doesn't define.
    pub fn new(schema: &'s apache_avro::Schema) -> Result<Self, Error> {
        Ok(Self {
            writer: GenericDatumWriter::builder(schema).human_readable(false).build()?,
            reader: GenericDatumReader::builder(schema).human_readable(false).build()?,
        })
    }

    /// Appends the datum.
    ///
    /// # Errors
    /// When the value does not fit the schema.
    pub fn encode<T: Payload>(&self, value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        self.writer.write_ser(out, value)?;
        Ok(())
    }

    /// Reads a datum.
    ///
    /// # Errors
    /// When the bytes are no datum of the schema.
    pub fn decode<T: Payload>(&self, mut bytes: &[u8]) -> Result<T, Error> {
        Ok(self.reader.read_deser(&mut bytes)?)
    }
}

/// Appends `value` as serde_avro_fast writes it.
///
/// # Errors
/// When the value does not fit the schema.
pub fn encode_serde_avro_fast<T: Payload>(
    config: &mut serde_avro_fast::ser::SerializerConfig<'_>,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    serde_avro_fast::to_datum(value, out, config)?;
    Ok(())
}
