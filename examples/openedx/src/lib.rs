#![doc = include_str!("../README.md")]

pub mod analytics;
pub mod authz;
pub mod content_authoring;
pub mod enterprise;
pub mod keys;
pub mod learning;

/// The version of the Python package that defines these events.
pub const PACKAGE_VERSION: &str = "11.2.0";

/// The number of events: all that the Python package can write to a bus.
pub const EVENTS: usize = 72;
