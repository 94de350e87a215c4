//! What every crate of `events-runtime` needs and none of them is about.
//!
//! | Module | |
//! |---|---|
//! | [`error_chain`] | errors of foreign code as bounded text, with its panics caught |
//! | [`nearest`] | the name that a misspelt one was probably meant to be |
//! | [`rfc3339`] | times to the end of the year 9999 |

pub mod error_chain;
pub mod nearest;
pub mod rfc3339;
