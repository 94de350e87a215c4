//! Whether a definition breaks what has been published of its event; asked while it compiles.
//!
//! ```text
//! faults: which top-level fields break something ▶ uphold: a compile error at each of them
//!   same    what is as it was published is passed at once
//!   reads   Avro's schema resolution over two schemas
//!   report  what changed, for whom that is a break, and the ways out
//!     words, text  the parts of that message
//! ```
//!
//! A definition is checked against every published version, so compatibility is always transitive.
//! Finding out that nothing is wrong makes no text; the text of a fault is made for each field alone.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "evaluated while compiling: `get` is not const, and a panic is a compile error"
)]

mod describe;
mod reads;
mod report;
mod same;

use reads::{Direction, Walk};
use report::Report;
use same::Same;

use crate::const_str::ConstStr;
use crate::packed::Published;
use crate::parse::{SchemaFault, pack};
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
    /// Nothing is promised.
    None,
    /// Forward, and new data stands at the top level of the event alone: what Open edX agreed on
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
    /// The event type of the next major version, the last way out.
    pub next: &'static str,
    /// What must not break.
    pub compatibility: Compatibility,
    /// The definition's schema.
    pub schema: &'static Schema,
    /// The published versions, oldest first.
    pub published: &'static [Published],
    /// The form that they are published in.
    pub form: Form,
}

/// Which top-level fields of a definition break what is published; `N` is their number and one
/// more, for what no field of the definition leads to.
#[must_use]
pub const fn faults<const N: usize>(contract: &Contract) -> [bool; N] {
    let mut faults = [false; N];
    check_all(contract, View::tree(contract.schema), &mut faults, &mut None);
    faults
}

/// Panics, at compile time, where a top-level field breaks what is published.
///
/// # Panics
/// With all that the field breaks, and the ways out.
#[track_caller]
pub const fn uphold<const N: usize>(contract: &Contract, mut faults: [bool; N], field: usize) {
    let mut report = Some(Report::of(field));
    check_all(contract, View::tree(contract.schema), &mut faults, &mut report);
    if let Some(report) = report {
        panic!("{}", report.text(contract).as_str());
    }
}

/// What a schema breaks of what is published, in the words of the compile error: a text for each
/// top-level field. The schema takes the place of the definition's.
pub fn breaks(contract: &Contract, schema: View<'_>) -> Vec<String> {
    let Shape::Record(record) = schema.shape() else { return Vec::new() };
    let mut faults = vec![false; record.len() + 1];
    check_all(contract, schema, &mut faults, &mut None);
    let broken = (0..faults.len()).filter(|field| faults[*field]).collect::<Vec<_>>();
    let text = |field| {
        let mut report = Some(Report::of(field));
        check_all(contract, schema, &mut faults, &mut report);
        report.map(|report| report.text(contract).as_str().to_owned())
    };
    broken.into_iter().filter_map(text).collect()
}

/// Compares a schema with every published version, the newest first.
const fn check_all(contract: &Contract, schema: View<'_>, faults: &mut [bool], report: &mut Option<Report>) {
    let mut version = contract.published.len();
    while version > 0 {
        version -= 1;
        check(contract, schema, version, faults, report);
    }
}

/// Compares a schema with one published version.
const fn check(
    contract: &Contract,
    schema: View<'_>,
    version: usize,
    faults: &mut [bool],
    report: &mut Option<Report>,
) {
    let published = &contract.published[version];
    if is_same_digest(schema, published) {
        return;
    }
    let (new, old) = (schema, View::packed(published.packed));
    let (Shape::Record(new), Shape::Record(old)) = (new.shape(), old.shape()) else { return };
    let mut walk = Walk::new(contract.compatibility, faults, report, version);
    // Most fields stand where they stood and are what they were.
    let unchanged = new.same_prefix(old);
    if contract.compatibility.backward() {
        walk.turn(Direction::Backward);
        walk.names(&new, &old);
        compare(&mut walk, new, old, unchanged);
    }
    if contract.compatibility.forward() {
        walk.turn(Direction::Forward);
        walk.names(&old, &new);
        compare(&mut walk, old, new, unchanged);
    }
}

/// Checks the fields of a reader's event, from one on, against a writer's.
const fn compare<'v>(walk: &mut Walk<'_, 'v>, reader: RecordView<'v>, writer: RecordView<'v>, first: usize) {
    let mut unchanged = Same::new(Form::Json);
    let mut index = first;
    while index < reader.len() {
        let field = reader.field(index);
        let written = field_of(writer, &field);
        match written {
            Some(written) if unchanged.field_at(reader, index, writer, written) => {}
            _ => walk.field(reader, writer, index, written),
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

/// The minor version of a definition: the one that it is published as, or the next.
#[must_use]
pub const fn minor_version(schema: &'static Schema, published: &'static [Published], form: Form) -> u32 {
    match published.last() {
        None => 0,
        Some(last) if is_published(schema, last, form) => last.minor_version,
        Some(last) => last.minor_version.saturating_add(1),
    }
}

/// Whether a definition is what was published: its structure, names, defaults and logical types.
#[must_use]
pub const fn is_published(schema: &'static Schema, published: &Published, form: Form) -> bool {
    let new = View::tree(schema);
    is_same_digest(new, published) || Same::new(form).schema(new, View::packed(published.packed))
}

/// Whether a definition is what a schema's text says: the check of [`is_published`], at run time.
///
/// # Errors
/// The text is no Avro schema.
pub fn is_text(schema: &'static Schema, text: &str) -> Result<bool, SchemaFault> {
    let published = pack(text)?.bytes;
    Ok(Same::new(Form::Json).schema(View::tree(schema), View::packed(&published)))
}

/// The same by digests alone, which may miss that nothing has changed, and must never miss a change.
///
/// # Errors
/// The text is no Avro schema.
pub fn is_text_by_digest(schema: &'static Schema, text: &str) -> Result<bool, SchemaFault> {
    let published = pack(text)?.bytes;
    Ok(View::tree(schema).digest() == View::packed(&published).digest())
}

/// The Parsing Canonical Form of a schema's text, whose fingerprint a published version has.
///
/// # Errors
/// The text is no Avro schema.
pub fn canonical_form(text: &str) -> Result<String, SchemaFault> {
    pack(text).map(|schema| schema.canonical)
}

/// Panics, at compile time, where a definition's own number is taken by another schema.
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
        text.push("`, or leave the option out, which counts by itself");
        panic!("{}", message.as_str());
    }
}

/// A schema on one side of [`can_read`].
#[derive(Debug, Clone, Copy)]
pub enum Side<'a> {
    /// A definition's.
    Tree(&'static Schema),
    /// Any other, as JSON text.
    Text(&'a str),
}

/// Whether all data of a writer's schema is read by a reader's: the check of published versions, for
/// judges that ask it about schemas at run time.
///
/// # Errors
/// A text is no Avro schema.
pub fn can_read(reader: Side<'_>, writer: Side<'_>) -> Result<bool, SchemaFault> {
    let (reader_bytes, writer_bytes) = (reader.packed()?, writer.packed()?);
    Ok(reads(reader.view(&reader_bytes), writer.view(&writer_bytes)))
}

impl Side<'_> {
    /// The bytes that a text is packed into.
    fn packed(self) -> Result<Vec<u8>, SchemaFault> {
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

/// Whether all data of a writer's schema is read by a reader's.
pub const fn reads(reader: View<'_>, writer: View<'_>) -> bool {
    let (faults, report) = (&mut [false; 1], &mut None);
    let mut walk = Walk::new(Compatibility::None, faults, report, 0);
    walk.reads(reader, writer, &Path::ROOT);
    !faults[0]
}
