//! The envelope: what travels around an event's datum, and the only place that knows header names.

mod dead_letter;

pub(crate) use dead_letter::dead_letter;
