//! The macros in scopes that would break a careless expansion. Most of the test is that this compiles.

#![allow(
    unreachable_pub,
    clippy::ignored_unit_patterns,
    clippy::needless_pass_by_value,
    clippy::struct_field_names,
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    reason = "definitions are tried in the forms that users give them"
)]
#![deny(unused_qualifications)]

mod cfg;
mod deprecated;
mod generated;
mod inside_functions;
mod no_prelude;
mod raw;
mod renamed;
mod shadowed;
mod variables;
mod visibility;

use std::fmt::Debug;

use events_runtime::{PublicSignal, avro};

/// An encoded value decodes to the same value, and the schema is valid.
fn travels<E: PublicSignal + PartialEq + Debug>(event: &E) {
    let datum = avro::to_vec(event).unwrap();
    assert_eq!(&avro::from_slice::<E>(&datum).unwrap(), event);
    apache_avro::Schema::parse_str(E::SCHEMA_JSON).unwrap();
}
