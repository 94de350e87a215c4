//! The Avro peers, called as their documentation recommends for speed: schemas parsed and resolved beforehand,
//! the caller's buffer reused. Peers of other formats need no set-up.

use std::cell::RefCell;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use serde_avro_fast::ser::SerializerConfig;

use crate::payloads::Payload;

/// The error of a benchmark.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// bincode 2 with varints.
pub const BINCODE: bincode::config::Configuration = bincode::config::standard();

/// apache-avro's schema-aware serde, without its `Value`, and `serde_avro_fast`.
#[allow(missing_debug_implementations, reason = "the peers' types have no Debug")]
pub struct Peers<'s> {
    apache_writer: GenericDatumWriter<'s>,
    apache_reader: GenericDatumReader<'s>,
    fast_schema: &'static serde_avro_fast::Schema,
    fast_config: RefCell<SerializerConfig<'static>>,
}

impl<'s> Peers<'s> {
    /// Prepares both for one schema.
    ///
    /// # Errors
    /// If one of them rejects the schema.
    pub fn new(schema_json: &str, schema: &'s apache_avro::Schema) -> Result<Self, Error> {
        // Leaked: three per benchmark, and the configuration borrows it.
        let fast_schema: &'static serde_avro_fast::Schema = Box::leak(Box::new(schema_json.parse()?));
        Ok(Self {
            apache_writer: GenericDatumWriter::builder(schema).human_readable(false).build()?,
            apache_reader: GenericDatumReader::builder(schema).human_readable(false).build()?,
            fast_schema,
            fast_config: RefCell::new(SerializerConfig::new(fast_schema)),
        })
    }

    /// Appends the datum as apache-avro writes it.
    ///
    /// # Errors
    /// When the value does not fit the schema.
    #[inline]
    pub fn apache_encode<T: Payload>(&self, value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        self.apache_writer.write_ser(out, value)?;
        Ok(())
    }

    /// Reads a datum as apache-avro does.
    ///
    /// # Errors
    /// When the bytes are no datum of the schema.
    #[inline]
    pub fn apache_decode<T: Payload>(&self, mut datum: &[u8]) -> Result<T, Error> {
        Ok(self.apache_reader.read_deser(&mut datum)?)
    }

    /// Appends the datum as `serde_avro_fast` writes it.
    ///
    /// # Errors
    /// When the value does not fit the schema.
    #[inline]
    pub fn serde_avro_fast_encode<T: Payload>(&self, value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        serde_avro_fast::to_datum(value, out, &mut self.fast_config.borrow_mut())?;
        Ok(())
    }

    /// Reads a datum as `serde_avro_fast` does.
    ///
    /// # Errors
    /// When the bytes are no datum of the schema.
    #[inline]
    pub fn serde_avro_fast_decode<T: Payload>(&self, datum: &[u8]) -> Result<T, Error> {
        Ok(serde_avro_fast::from_datum_slice(datum, self.fast_schema)?)
    }
}
