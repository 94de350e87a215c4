//! The schema that data was written with, if it is not that of a definition in this program.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use serde_json::Value;

use super::error::DecodeError;
use super::json::{PersonalData, rewritten_to_json, to_json};
use super::resolve::{self, Plan};
use events_schema::Published;
use events_schema::fingerprint;
use events_schema::parse::{self, ParseError};
use events_schema::resolution::names_match;
use events_schema::tree::Schema;
use events_schema::view::{Shape, View};

/// The longest text of a schema.
const MAX_LEN: usize = 1 << 20;

/// The schema of a writer, with which [`from_slice_resolved`](crate::avro::from_slice_resolved) reads its data.
/// Clones share the schema and its resolution plans.
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
///     "not an Avro schema: at `items`: `strnig` is neither a primitive type nor defined earlier in the schema"
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

/// A text that is not an Avro schema, with the reason and the path to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an Avro schema: {0}")]
pub struct SchemaError(ParseError);

impl WriterSchema {
    /// Reads a schema from its JSON text, as in an `.avsc` file.
    ///
    /// # Errors
    /// The text is not JSON, not an Avro schema, or longer than a mebibyte.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        if text.len() > MAX_LEN {
            let reason = format!("{} bytes of text, at most {MAX_LEN} are allowed", text.len());
            return Err(SchemaError(ParseError::new(reason)));
        }
        let parse::PackedSchema { bytes, canonical } = parse::pack(text).map_err(SchemaError)?;
        let fingerprint = fingerprint(&canonical);
        Ok(Self::new(Packed::Parsed(bytes), fingerprint, OnceLock::from(canonical)))
    }

    /// The schema of a published version, which was parsed while its definition compiled. All results for
    /// one version share its plans.
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

    /// The plan for a reader's schema; made once.
    pub(crate) fn plan(&self, reader: &'static Schema) -> &Plan {
        self.0.plans.get(reader, || resolve::plan(reader, self.packed()))
    }

    /// Whether it is a record that a reader's record stands for, by its name.
    #[doc(hidden)]
    pub fn is_named_as(&self, reader: &'static Schema) -> bool {
        match (View::tree(reader).shape(), View::packed(self.packed()).shape()) {
            (Shape::Record(reader), Shape::Record(writer)) => names_match(&reader.name, &writer.name),
            _ => false,
        }
    }

    /// Why a reader can read none of its data, with the path of the field and both types.
    #[doc(hidden)]
    pub fn mismatch(&self, reader: &'static Schema) -> Option<String> {
        self.plan(reader).mismatch()
    }

    /// Whether its data is the reader's without a change.
    #[doc(hidden)]
    pub fn is_read_as(&self, reader: &'static Schema) -> bool {
        self.plan(reader).is_same()
    }

    /// Whether a reader's plan for its data equals that for another writer's.
    #[doc(hidden)]
    pub fn is_read_like(&self, other: &Self, reader: &'static Schema) -> bool {
        self.plan(reader) == other.plan(reader)
    }
}

/// The JSON form of a datum that was written with another schema.
///
/// # Errors
/// Those of [`from_slice_resolved`](crate::avro::from_slice_resolved), except for values that only the
/// reader's type rejects.
pub fn to_json_resolved(
    reader: &'static Schema,
    writer: &WriterSchema,
    bytes: &[u8],
    personal_data: PersonalData,
) -> Result<Value, DecodeError> {
    let plan = writer.plan(reader);
    if plan.is_same() {
        return to_json(reader, bytes, personal_data);
    }
    rewritten_to_json(reader, &resolve::rewritten(plan, bytes)?, bytes.len(), personal_data)
}

impl PartialEq for WriterSchema {
    fn eq(&self, other: &Self) -> bool {
        // The packed form has aliases and defaults, which the fingerprint ignores.
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

/// The plans of a writer, one for each reader: a list that only grows, so reading it takes no lock. A writer
/// has one reader, or a few.
#[derive(Default)]
struct Plans(OnceLock<Box<Planned>>);

struct Planned {
    /// One of the addresses of the reader's schema: a constant may have several.
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
