//! Guides: one task each, from the definition of an event to its operation.
//!
//! | guide | answers |
//! |---|---|
//! | [`evolution`] | How do I change an event that is already in use? |
//! | [`failures`] | What happens when a receiver, a consumer or the broker fails? |
//! | [`web`] | What does a web handler wait for, and what does it answer? |
//! | [`testing`] | How do I test code that emits and receives events? |
//! | [`operations`] | How do I configure, observe and repair a running bus? |
//! | [`transports`] | Which transport fits, and how do I write one? |
//! | [`openedx`] | How do I exchange events with Open edX? |

#[doc = include_str!("evolution.md")]
pub mod evolution {}

#[cfg(feature = "bus")]
#[doc = include_str!("failures.md")]
pub mod failures {}

#[cfg(feature = "bus")]
#[doc = include_str!("web.md")]
pub mod web {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[cfg(feature = "bus")]
#[doc = include_str!("operations.md")]
pub mod operations {}

#[cfg(feature = "bus")]
#[doc = include_str!("transports.md")]
pub mod transports {}

#[doc = include_str!("openedx.md")]
pub mod openedx {}
