//! The schema that data were written with, where that is not the one of a definition here.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::resolve::Plan;
use events_schema::Published;
use events_schema::fingerprint;
use events_schema::parse::{self, SchemaFault};
use events_schema::tree::Schema;

/// The longest text of a schema.
const MAX_LEN: usize = 1 << 20;

/// The schema of a writer: what [`from_slice_resolved`](super::from_slice_resolved) reads its data
/// by. Clones share one, and the plans that were made of it.
///
/// ```
/// use events_runtime::avro::WriterSchema;
///
/// let writer = WriterSchema::parse(r#"{"type": "int"}"#)?;
/// assert_eq!(writer.canonical_form(), "\"int\"");
/// assert_eq!(writer.fingerprint(), 0x7275_d51a_3f39_5c8f);
///
/// let error = WriterSchema::parse(r#"{"type": "array", "items": "strnig"}"#).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "not an Avro schema: at `items`: `strnig` is no type and not defined before this place"
/// );
/// # Ok::<(), events_runtime::avro::SchemaError>(())
/// ```
#[derive(Clone)]
pub struct WriterSchema(Arc<Inner>);

struct Inner {
    packed: Packed,
    fingerprint: u64,
    canonical: OnceLock<String>,
    plans: Plans,
}

enum Packed {
    Parsed(Vec<u8>),
    Compiled(&'static [u8]),
}

/// A text that is no Avro schema: what is wrong, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an Avro schema: {0}")]
pub struct SchemaError(SchemaFault);

impl WriterSchema {
    /// Reads a schema from its JSON text, as in an `.avsc` file.
    ///
    /// # Errors
    /// A [`SchemaError`] where the text is no JSON, no Avro schema, or longer than a mebibyte.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        if text.len() > MAX_LEN {
            let fault = format!("{} bytes of text, and at most {MAX_LEN} are read", text.len());
            return Err(SchemaError(SchemaFault::new(fault)));
        }
        let parse::Schema { bytes, canonical } = parse::pack(text).map_err(SchemaError)?;
        let fingerprint = fingerprint(&canonical);
        Ok(Self::new(Packed::Parsed(bytes), fingerprint, OnceLock::from(canonical)))
    }

    /// The schema of a published version, which was read while its definition compiled. All that are
    /// made of one share its plans.
    #[must_use]
    pub fn of(published: &'static Published) -> Self {
        /// By the address of the packed schema.
        static KNOWN: RwLock<Option<HashMap<usize, WriterSchema>>> = RwLock::new(None);
        let address = published.packed.as_ptr().addr();
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = known.as_ref().and_then(|known| known.get(&address)) {
            return schema.clone();
        }
        drop(known);
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        let make = || Self::new(Packed::Compiled(published.packed), published.fingerprint, OnceLock::new());
        known.get_or_insert_default().entry(address).or_insert_with(make).clone()
    }

    fn new(packed: Packed, fingerprint: u64, canonical: OnceLock<String>) -> Self {
        Self(Arc::new(Inner { packed, fingerprint, canonical, plans: Plans::default() }))
    }

    /// CRC-64-AVRO of the [canonical form](Self::canonical_form).
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.0.fingerprint
    }

    /// The schema's Parsing Canonical Form.
    #[must_use]
    pub fn canonical_form(&self) -> &str {
        self.0.canonical.get_or_init(|| events_schema::canonical_form_of_packed(self.packed()))
    }

    fn packed(&self) -> &[u8] {
        match &self.0.packed {
            Packed::Parsed(bytes) => bytes,
            Packed::Compiled(bytes) => bytes,
        }
    }

    /// How data of this writer become those of a reader; made once.
    pub(crate) fn plan(&self, reader: &'static Schema) -> &Plan {
        self.0.plans.get(reader, || Plan::new(reader, self.packed()))
    }

    /// Whether its data are those of a reader as they are.
    #[doc(hidden)]
    pub fn is_read_as(&self, reader: &'static Schema) -> bool {
        self.plan(reader).is_same()
    }

    /// Whether a reader takes its data as it takes those of another writer.
    #[doc(hidden)]
    pub fn is_read_like(&self, other: &Self, reader: &'static Schema) -> bool {
        self.plan(reader) == other.plan(reader)
    }
}

impl PartialEq for WriterSchema {
    fn eq(&self, other: &Self) -> bool {
        // The packed form has the aliases and defaults too, which a fingerprint leaves out.
        self.fingerprint() == other.fingerprint() && self.packed() == other.packed()
    }
}

impl Eq for WriterSchema {}

impl fmt::Debug for WriterSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint = self.fingerprint();
        f.debug_struct("WriterSchema")
            .field("fingerprint", &format_args!("{fingerprint:016x}"))
            .finish_non_exhaustive()
    }
}

/// The plans of a writer, one for each reader: a list that only grows, so that nobody waits to read
/// it. A writer has one reader, or a few.
#[derive(Default)]
struct Plans(OnceLock<Box<Planned>>);

struct Planned {
    /// One of the reader's addresses: a constant may have several.
    reader: &'static Schema,
    plan: Plan,
    others: Plans,
}

impl Plans {
    fn get(&self, reader: &'static Schema, make: impl Fn() -> Plan) -> &Plan {
        let mut list = self;
        loop {
            let planned =
                list.0.get_or_init(|| Box::new(Planned { reader, plan: make(), others: Self::default() }));
            if std::ptr::eq(planned.reader, reader) {
                return &planned.plan;
            }
            list = &planned.others;
        }
    }
}
