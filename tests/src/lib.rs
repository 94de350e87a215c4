//! Test support: the suites that any transport can run.
