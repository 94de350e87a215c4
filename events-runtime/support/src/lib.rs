//! Small tools that several crates of `events-runtime` use.
//!
//! | Module | |
//! |---|---|
//! | [`clock`] | the longest duration to add to an `Instant` |
//! | [`error_chain`] | errors of foreign code as bounded text, with panics caught |
//! | [`nearest`] | the names most similar to a misspelt one |
//! | [`rfc3339`] | RFC 3339 times up to the end of the year 9999 |

pub mod clock;
pub mod error_chain;
pub mod nearest;
pub mod rfc3339;
