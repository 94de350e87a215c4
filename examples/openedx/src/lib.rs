#![doc = include_str!("../README.md")]

pub mod analytics;
pub mod content_authoring;
pub mod enterprise;
pub mod keys;
pub mod learning;

/// The version of the Python package that these are the events of.
pub const PACKAGE_VERSION: &str = "10.5.0";

/// How many events there are: each that the Python package can write to a bus.
pub const EVENTS: usize = 63;
