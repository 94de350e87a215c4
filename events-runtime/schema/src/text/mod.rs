//! A schema as text, in a constant: measured by one walk, written by a second.

mod json;
mod names;
mod openedx;

use crate::tree::Schema;

pub(crate) use names::{MAX_NAMES, Names, Sink, effective, same_text};

/// Which text of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The whole schema as JSON, with docs, defaults, aliases and logical types.
    Json,
    /// The [Parsing Canonical Form](https://avro.apache.org/docs/1.12.0/specification/#parsing-canonical-form-for-schemas).
    Canonical,
    /// To the byte what the Python package `openedx-events` registers of the same definition:
    /// `json.dumps(schema, sort_keys=True)`.
    ///
    /// It is defined for what [`check_openedx`](super::check_openedx) lets pass.
    OpenEdx,
}

/// The length in bytes of a schema's text.
#[must_use]
pub const fn length(schema: &'static Schema, form: Form) -> usize {
    walked(schema, form, Sink { out: None, len: 0 })
}

/// A schema's text, in an array of its [`length`].
#[must_use]
pub const fn write<const N: usize>(schema: &'static Schema, form: Form) -> [u8; N] {
    let mut text = [0; N];
    walked(schema, form, Sink { out: Some(&mut text), len: 0 });
    text
}

/// Pushes the text; the number of bytes that it has.
const fn walked(schema: &'static Schema, form: Form, sink: Sink<'_>) -> usize {
    match form {
        Form::OpenEdx => openedx::push(schema, sink),
        Form::Json => json::push(schema, false, sink),
        Form::Canonical => json::push(schema, true, sink),
    }
}
