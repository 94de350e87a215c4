//! Recursive types: a type refers to itself by name, so its schema is a finite constant.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::EventData;
use crate::codec::{DecodeError, Reader, Schema, Writer};
use events_schema::tree::{Name, Origin, Reference};

/// The name of a derived type, known without its fields.
#[diagnostic::on_unimplemented(
    message = "nothing can refer back to `{Self}`",
    label = "not a record or an enum with a name in the schema",
    note = "`back_ref` names the struct or enum with `#[derive(EventData)]` that holds this one; for other types, remove it"
)]
pub trait AvroNamed {
    /// Its Avro name.
    const NAME: Name;
    /// The Rust type behind it.
    const ORIGIN: Origin;
}

/// A reference to an enclosing type in a schema. It has no values.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref<T>(Infallible, PhantomData<T>);

impl<T: AvroNamed> EventData for Ref<T> {
    const SCHEMA: &'static Schema = &Schema::Ref(&Reference { name: T::NAME, origin: T::ORIGIN });
    const MIN_LEN: usize = 0;
    const MAY_BE_FALSY: bool = false;

    fn max_len(&self) -> usize {
        match self.0 {}
    }

    fn encode<'w>(&self, _: Writer<'w>) -> Writer<'w> {
        match self.0 {}
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Err(reader.invalid("a reference to a type has no values"))
    }
}
