//! Test support: the suites that any transport can run.

pub mod conformance;
