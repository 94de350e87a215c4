//! What the macros' expansions call; no part of the public contract.

use std::fmt::Display;

pub use ::core;
pub use events_schema::compat::{Contract, assert_minor_version, faults, minor_version, uphold};
pub use events_schema::tree::{Enum, Field, Json, JsonKind, Name, Origin, Record, Schema, Union};
pub use events_schema::{check_integer, generic_name};
pub use inventory;
pub use std::sync::Arc;
pub use std::vec::Vec;

pub use crate::avro::{
    Compatibility, DecodeError, EncodeError, Form, LONG_MAX_LEN, Published, Reader, Violation, Writer, check,
    check_openedx, length, write,
};
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

/// Adds the field's name to what is wrong in it.
///
/// # Errors
/// The one that came in.
#[inline]
pub fn decoded<T>(value: Result<T, DecodeError>, field: &'static str) -> Result<T, DecodeError> {
    match value {
        Ok(value) => Ok(value),
        Err(fault) => Err(fault.in_field(field)),
    }
}

/// Some fields of a type with many, which are read by a function of their own.
///
/// # Errors
/// The one that came in.
#[inline]
pub fn portion<'a, T>(
    reader: &mut Reader<'a>,
    decode: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    decode(reader)
}

/// Adds the field's name to what is wrong in it.
///
/// # Errors
/// The one that came in.
#[inline]
pub fn checked(check: Result<(), EncodeError>, field: &'static str) -> Result<(), EncodeError> {
    match check {
        Ok(()) => Ok(()),
        Err(fault) => Err(fault.in_field(field)),
    }
}

/// The same as [`decoded`] of a field that holds personal data, which is not told.
///
/// # Errors
/// The one that came in, without what it says of the value.
#[inline]
pub fn decoded_pii<T>(value: Result<T, DecodeError>, field: &'static str) -> Result<T, DecodeError> {
    match value {
        Ok(value) => Ok(value),
        Err(fault) => Err(fault.in_pii_field(field)),
    }
}

/// The same as [`checked`] of a field that holds personal data, which is not told.
///
/// # Errors
/// The one that came in, without what it says of the value.
#[inline]
pub fn checked_pii(check: Result<(), EncodeError>, field: &'static str) -> Result<(), EncodeError> {
    match check {
        Ok(()) => Ok(()),
        Err(fault) => Err(fault.in_pii_field(field)),
    }
}

/// What the functions of a `with` module return.
#[diagnostic::on_unimplemented(
    message = "a conversion returns a `Result`, not `{Self}`",
    label = "in this module",
    note = "write `pub fn to_repr(value: &T) -> Result<Repr, E>` and `pub fn from_repr(repr: Repr) -> Result<T, E>`, where `E` implements `Display`"
)]
pub trait Conversion {
    /// What a conversion makes.
    type Value;
    /// Why it can't.
    type Error: Display;
    /// The result.
    ///
    /// # Errors
    /// The conversion's own.
    fn result(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E: Display> Conversion for Result<T, E> {
    type Value = T;
    type Error = E;

    fn result(self) -> Self {
        self
    }
}

/// What a `with` module made of a field.
///
/// # Errors
/// Where the conversion failed.
#[inline]
pub fn represented<C: Conversion>(value: C) -> Result<C::Value, C::Error> {
    value.result()
}

/// What a `with` module refused, as an error at the reader's place.
///
/// # Errors
/// Where the conversion failed.
#[inline]
pub fn converted<R, C: Conversion>(
    convert: impl FnOnce(R) -> C,
    repr: R,
    reader: &Reader<'_>,
) -> Result<C::Value, DecodeError> {
    convert(repr).result().map_err(|reason| reader.invalid(reason))
}

/// The smallest number of bytes of a record whose fields have these. Each level of nested types may double it.
pub const fn min_len(fields: &[usize]) -> usize {
    let (mut sum, mut index) = (0_usize, 0);
    while index < fields.len() {
        sum = sum.saturating_add(fields[index]);
        index += 1;
    }
    sum
}

/// One level deeper into a recursive value that is to be written, of a type of this size.
///
/// # Errors
/// It is deeper than a reader follows.
pub fn deeper(depth: usize, size: usize) -> Result<usize, EncodeError> {
    codec::deeper(depth, size)
        .ok_or_else(|| EncodeError::new(EncodeErrorKind::TooDeep { limit: codec::max_levels(size) }))
}

/// A symbol that an enumeration does not have.
#[cold]
pub fn unknown_symbol(index: i64, symbols: usize) -> DecodeErrorKind {
    DecodeErrorKind::UnknownSymbol { index, symbols }
}

/// A branch that a union does not have.
#[cold]
pub fn unknown_branch(index: i64, branches: usize) -> DecodeErrorKind {
    DecodeErrorKind::UnknownBranch { index, branches }
}
