//! The macros of `events-runtime`.
