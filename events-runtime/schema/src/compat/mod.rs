//! Whether a definition breaks what has been published of its event. Evaluated while the definition compiles.
//!
//! ```text
//! broken_fields: which top-level fields break something ▶ assert_compatible: a compile error at each of them
//!   unchanged  recognizes at once what is as published
//!   reads      Avro's schema resolution over two schemas
//!   report     what changed, for which readers it is a break, and how to resolve it
//!     describe the parts of that message
//! ```
//!
//! A definition is checked against every published version, so compatibility is always transitive.
//! No text is built unless there is a violation, and then for each field separately.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "evaluated while compiling: `get` is not const, and a panic is a compile error"
)]

mod describe;
mod reads;
mod report;
mod unchanged;

use reads::{Comparison, Direction};
use report::Report;
use unchanged::UnchangedCheck;

use crate::const_str::ConstStr;
use crate::packed::Published;
use crate::parse::{ParseError, pack};
use crate::path::Path;
use crate::resolution::field_of;
use crate::text::Form;
use crate::tree::Schema;
use crate::view::{RecordView, Shape, View};

/// What a change of an event must not break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    /// New readers read what old writers wrote.
    Backward,
    /// Old readers read what new writers write.
    Forward,
    /// Both.
    Full,
    /// No check.
    None,
    /// Forward, and new fields only at the top level of the event, as Open edX decided
    /// ([ADR 6](https://docs.openedx.org/projects/openedx-events/en/latest/decisions/0006-event-schema-serialization-and-evolution.html)).
    OpenEdx,
}

impl Compatibility {
    const fn backward(self) -> bool {
        matches!(self, Self::Backward | Self::Full)
    }

    const fn forward(self) -> bool {
        matches!(self, Self::Forward | Self::Full | Self::OpenEdx)
    }
}

/// A definition and what has been published of it.
#[derive(Debug, Clone, Copy)]
pub struct Contract {
    /// The event type.
    pub event_type: &'static str,
    /// The event type of the next major version, the last resort.
    pub next: &'static str,
    /// What must not break.
    pub compatibility: Compatibility,
    /// The definition's schema.
    pub schema: &'static Schema,
    /// The published versions, oldest first.
    pub published: &'static [Published],
    /// The form of the published texts.
    pub form: Form,
}

/// Which top-level fields of a definition break what is published. `N` is their number plus one; the last entry is
/// for violations that belong to no field of the definition.
#[must_use]
pub const fn broken_fields<const N: usize>(contract: &Contract) -> [bool; N] {
    let mut broken = [false; N];
    check_all(contract, View::tree(contract.schema), &mut broken, &mut None);
    broken
}

/// Panics at compile time if a top-level field breaks what is published.
///
/// # Panics
/// With everything that the field breaks, and how to resolve it.
#[track_caller]
pub const fn assert_compatible<const N: usize>(contract: &Contract, mut broken: [bool; N], field: usize) {
    let mut report = Some(Report::of(field));
    check_all(contract, View::tree(contract.schema), &mut broken, &mut report);
    if let Some(report) = report {
        panic!("{}", report.text(contract).as_str());
    }
}

/// What a schema breaks of what is published, as the texts of the compile errors: one for each top-level field. The
/// schema is compared instead of the definition's.
pub fn violations(contract: &Contract, schema: View<'_>) -> Vec<String> {
    let Shape::Record(record) = schema.shape() else { return Vec::new() };
    let mut broken = vec![false; record.len() + 1];
    check_all(contract, schema, &mut broken, &mut None);
    let fields = (0..broken.len()).filter(|field| broken[*field]).collect::<Vec<_>>();
    let text = |field| {
        let mut report = Some(Report::of(field));
        check_all(contract, schema, &mut broken, &mut report);
        report.map(|report| report.text(contract).as_str().to_owned())
    };
    fields.into_iter().filter_map(text).collect()
}

/// Compares a schema with every published version, the newest first.
const fn check_all(contract: &Contract, schema: View<'_>, broken: &mut [bool], report: &mut Option<Report>) {
    let mut version = contract.published.len();
    while version > 0 {
        version -= 1;
        check(contract, schema, version, broken, report);
    }
}

/// Compares a schema with one published version.
const fn check(
    contract: &Contract,
    schema: View<'_>,
    version: usize,
    broken: &mut [bool],
    report: &mut Option<Report>,
) {
    let published = &contract.published[version];
    if is_same_digest(schema, published) {
        return;
    }
    let (new, old) = (schema, View::packed(published.packed));
    let (Shape::Record(new), Shape::Record(old)) = (new.shape(), old.shape()) else { return };
    let mut comparison = Comparison::new(contract.compatibility, broken, report, version);
    // Most fields have kept their position and are unchanged.
    let unchanged = new.same_prefix(old);
    if contract.compatibility.backward() {
        comparison.turn(Direction::Backward);
        comparison.names(&new, &old);
        compare(&mut comparison, new, old, unchanged);
    }
    if contract.compatibility.forward() {
        comparison.turn(Direction::Forward);
        comparison.names(&old, &new);
        compare(&mut comparison, old, new, unchanged);
    }
}

/// Checks the fields of a reader's event, starting at an index, against a writer's.
const fn compare<'v>(
    comparison: &mut Comparison<'_, 'v>,
    reader: RecordView<'v>,
    writer: RecordView<'v>,
    first: usize,
) {
    let mut unchanged = UnchangedCheck::new(Form::Json);
    let mut index = first;
    while index < reader.len() {
        let field = reader.field(index);
        let written = field_of(writer, &field);
        match written {
            Some(written) if unchanged.field_at(reader, index, writer, written) => {}
            _ => comparison.field(reader, writer, index, written),
        }
        index += 1;
    }
}

const fn is_same_digest(schema: View<'_>, published: &Published) -> bool {
    match (schema.digest(), View::packed(published.packed).digest()) {
        (Some(own), Some(digest)) => own == digest,
        _ => false,
    }
}

/// The minor version of a definition: that of the last published version if unchanged, otherwise the next.
#[must_use]
pub const fn minor_version(schema: &'static Schema, published: &'static [Published], form: Form) -> u32 {
    match published.last() {
        None => 0,
        Some(last) if is_published(schema, last, form) => last.minor_version,
        Some(last) => last.minor_version.saturating_add(1),
    }
}

/// Whether a definition equals a published version in structure, names, defaults and logical types.
#[must_use]
pub const fn is_published(schema: &'static Schema, published: &Published, form: Form) -> bool {
    let new = View::tree(schema);
    is_same_digest(new, published) || UnchangedCheck::new(form).schema(new, View::packed(published.packed))
}

/// Whether a definition equals the schema of a text: [`is_published`] at run time.
///
/// # Errors
/// The text is not an Avro schema.
pub fn matches_text(schema: &'static Schema, text: &str) -> Result<bool, ParseError> {
    let published = pack(text)?.bytes;
    Ok(UnchangedCheck::new(Form::Json).schema(View::tree(schema), View::packed(&published)))
}

/// [`matches_text`] by digests alone. It may report a change where there is none, but never misses one.
///
/// # Errors
/// The text is not an Avro schema.
pub fn matches_text_by_digest(schema: &'static Schema, text: &str) -> Result<bool, ParseError> {
    let published = pack(text)?.bytes;
    Ok(View::tree(schema).digest() == View::packed(&published).digest())
}

/// The Parsing Canonical Form of a schema's text. Its fingerprint is that of the published version.
///
/// # Errors
/// The text is not an Avro schema.
pub fn canonical_form(text: &str) -> Result<String, ParseError> {
    pack(text).map(|schema| schema.canonical)
}

/// Panics at compile time if another schema is published under the definition's minor version.
///
/// # Panics
/// With the number to write.
#[track_caller]
pub const fn assert_minor_version(contract: &Contract, minor_version: u32) {
    let Some(last) = contract.published.last() else { return };
    let next = self::minor_version(contract.schema, contract.published, contract.form);
    if minor_version < next {
        let mut message = ConstStr::<512>::EMPTY;
        let mut text = message.writer();
        if next == last.minor_version {
            text.push("this schema is published as minor version ");
            text.push_number(next as usize);
        } else {
            text.push("minor version ");
            text.push_number(last.minor_version as usize);
            text.push(" is published with another schema");
        }
        text.push(": write `minor_version = ");
        text.push_number(next as usize);
        text.push("`, or omit it to have it counted");
        panic!("{}", message.as_str());
    }
}

/// A schema on one side of [`can_read`].
#[derive(Debug, Clone, Copy)]
pub enum Side<'a> {
    /// The schema of a definition.
    Tree(&'static Schema),
    /// Any schema, as JSON text.
    Text(&'a str),
}

/// Whether a reader's schema reads all data of a writer's schema: the check of published versions, for tests that
/// compare it with other implementations at run time.
///
/// # Errors
/// A text is not an Avro schema.
pub fn can_read(reader: Side<'_>, writer: Side<'_>) -> Result<bool, ParseError> {
    let (reader_bytes, writer_bytes) = (reader.packed()?, writer.packed()?);
    Ok(reads(reader.view(&reader_bytes), writer.view(&writer_bytes)))
}

impl Side<'_> {
    /// The packed form of a text.
    fn packed(self) -> Result<Vec<u8>, ParseError> {
        match self {
            Self::Tree(_) => Ok(Vec::new()),
            Self::Text(text) => pack(text).map(|schema| schema.bytes),
        }
    }

    fn view(self, packed: &[u8]) -> View<'_> {
        match self {
            Self::Tree(schema) => View::tree(schema),
            Self::Text(_) => View::packed(packed),
        }
    }
}

/// Whether a reader's schema reads all data of a writer's schema.
pub const fn reads(reader: View<'_>, writer: View<'_>) -> bool {
    let (broken, report) = (&mut [false; 1], &mut None);
    let mut comparison = Comparison::new(Compatibility::None, broken, report, 0);
    comparison.reads(reader, writer, &Path::ROOT);
    !broken[0]
}
