//! Items that the expansions of macros name. Not part of the public API.

use std::fmt::Display;

pub use ::core;
pub use events_schema::compat::{
    Contract, assert_compatible, assert_minor_version, broken_fields, minor_version,
};
pub use events_schema::tree::{Enum, Field, Json, JsonKind, Name, Origin, Record, Schema, Union};
pub use events_schema::{check_integer, generic_name};
pub use inventory;
pub use std::sync::Arc;
pub use std::vec::Vec;

pub use crate::avro::{
    Compatibility, DecodeError, EncodeError, Form, LONG_MAX_LEN, Published, Reader, Violation, Writer, check,
    check_openedx, length, write,
};
pub use crate::event::Origin as EventOrigin;
pub use crate::hub::Hub;
pub use crate::hub::linked::LinkedReceiver;
pub use crate::payload::key::{KeyPath, key_leaf, key_step};
pub use crate::payload::recursion::{AvroNamed, Ref};
pub use crate::payload::{EventData, EventKey, Integer, MapKey, PublicSignal};
pub use crate::registry::signal_descriptor::{Profile, Schemas, SignalDescriptor};
pub use crate::signal::linked::Link;
pub use crate::testing::functions as asserts;

use crate::avro::{DecodeErrorKind, EncodeErrorKind};
use crate::codec;

/// Adds the field's name to an error.
///
/// # Errors
/// The given error.
#[inline]
pub fn decoded<T>(value: Result<T, DecodeError>, field: &'static str) -> Result<T, DecodeError> {
    match value {
        Ok(value) => Ok(value),
        Err(fault) => Err(fault.in_field(field)),
    }
}

/// Reads some fields of a type with many fields, in a function of their own.
///
/// # Errors
/// The given error.
#[inline]
pub fn portion<'a, T>(
    reader: &mut Reader<'a>,
    decode: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    decode(reader)
}

/// Adds the field's name to an error.
///
/// # Errors
/// The given error.
#[inline]
pub fn checked(check: Result<(), EncodeError>, field: &'static str) -> Result<(), EncodeError> {
    match check {
        Ok(()) => Ok(()),
        Err(fault) => Err(fault.in_field(field)),
    }
}

/// [`decoded`] for a field with personal data, which the error must not show.
///
/// # Errors
/// The given error, without the value.
#[inline]
pub fn decoded_pii<T>(value: Result<T, DecodeError>, field: &'static str) -> Result<T, DecodeError> {
    match value {
        Ok(value) => Ok(value),
        Err(fault) => Err(fault.in_pii_field(field)),
    }
}

/// [`checked`] for a field with personal data, which the error must not show.
///
/// # Errors
/// The given error, without the value.
#[inline]
pub fn checked_pii(check: Result<(), EncodeError>, field: &'static str) -> Result<(), EncodeError> {
    match check {
        Ok(()) => Ok(()),
        Err(fault) => Err(fault.in_pii_field(field)),
    }
}

/// The return type of a function of a `with` module.
#[diagnostic::on_unimplemented(
    message = "a conversion returns a `Result`, not `{Self}`",
    label = "in this module",
    note = "write `pub fn to_repr(value: &T) -> Result<Repr, E>` and `pub fn from_repr(repr: Repr) -> Result<T, E>`, where `E` implements `Display`"
)]
pub trait Conversion {
    /// The converted value.
    type Value;
    /// The conversion's error.
    type Error: Display;
    /// The result.
    ///
    /// # Errors
    /// The conversion's error.
    fn result(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E: Display> Conversion for Result<T, E> {
    type Value = T;
    type Error = E;

    fn result(self) -> Self {
        self
    }
}

/// The representation of a field by a `with` module.
///
/// # Errors
/// If the conversion failed.
#[inline]
pub fn represented<C: Conversion>(value: C) -> Result<C::Value, C::Error> {
    value.result()
}

/// Converts a representation by a `with` module. An error gets the reader's position.
///
/// # Errors
/// If the conversion failed.
#[inline]
pub fn converted<R, C: Conversion>(
    convert: impl FnOnce(R) -> C,
    repr: R,
    reader: &Reader<'_>,
) -> Result<C::Value, DecodeError> {
    convert(repr).result().map_err(|reason| reader.invalid(reason))
}

/// Refuses to write the variant `#[event(other)]` of this path.
///
/// # Errors
/// It stands for data that this program does not know.
#[cold]
pub fn check_other(variant: &'static str) -> Result<(), EncodeError> {
    codec::other::check(variant)
}

/// The minimum length of a record, from those of its fields. Saturates, because each level of nested types
/// may double it.
pub const fn min_len(fields: &[usize]) -> usize {
    let (mut sum, mut index) = (0_usize, 0);
    while index < fields.len() {
        sum = sum.saturating_add(fields[index]);
        index += 1;
    }
    sum
}

/// Increments the depth in a recursive value, of a type of this size, that is being encoded.
///
/// # Errors
/// If the value is deeper than a reader accepts.
pub fn deeper(depth: usize, size: usize) -> Result<usize, EncodeError> {
    codec::deeper(depth, size)
        .ok_or_else(|| EncodeError::new(EncodeErrorKind::TooDeep { limit: codec::max_levels(size) }))
}

/// The error of a symbol that the enumeration does not have.
#[cold]
pub fn unknown_symbol(index: i64, symbols: usize) -> DecodeErrorKind {
    DecodeErrorKind::UnknownSymbol { index, symbols }
}

/// The error of a branch that the union does not have.
#[cold]
pub fn unknown_branch(index: i64, branches: usize) -> DecodeErrorKind {
    DecodeErrorKind::UnknownBranch { index, branches }
}
