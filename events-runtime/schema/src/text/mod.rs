//! A schema as text in a constant: one walk measures it, a second one writes it.

mod canonical;
mod json;
mod openedx;

use crate::const_str::{ConstStr, StrWriter};
use crate::tree::Schema;
use crate::view::View;

pub use canonical::canonical_form_of_packed;

/// A text form of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The whole schema as JSON, with docs, defaults, aliases and logical types.
    Json,
    /// The [Parsing Canonical Form](https://avro.apache.org/docs/1.12.0/specification/#parsing-canonical-form-for-schemas).
    Canonical,
    /// Byte for byte what the Python package `openedx-events` registers for the same definition:
    /// `json.dumps(schema, sort_keys=True)`.
    ///
    /// Only for schemas that pass [`check_openedx`](super::check_openedx).
    OpenEdx,
}

/// The length in bytes of a schema's text.
#[must_use]
pub const fn length(schema: &'static Schema, form: Form) -> usize {
    let mut len = 0;
    write_to(schema, form, StrWriter::new(&mut [], &mut len));
    len
}

/// A schema's text, in an array of its [`length`].
#[must_use]
pub const fn write<const N: usize>(schema: &'static Schema, form: Form) -> [u8; N] {
    let mut text = ConstStr::EMPTY;
    write_to(schema, form, text.writer());
    text.bytes
}

/// A schema's text at run time.
pub(crate) fn text(schema: &'static Schema, form: Form) -> String {
    let mut text = vec![0; length(schema, form)];
    write_to(schema, form, StrWriter::new(&mut text, &mut 0));
    String::from_utf8(text).unwrap_or_default()
}

const fn write_to(schema: &'static Schema, form: Form, text: StrWriter<'_>) {
    match form {
        Form::OpenEdx => openedx::write(schema, text),
        Form::Json => json::write(schema, text),
        Form::Canonical => canonical::write(View::tree(schema), text),
    }
}
