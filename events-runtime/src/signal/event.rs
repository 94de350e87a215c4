//! An event on its way: the payload and what travels beside it.

use std::fmt;
use std::ops::Deref;

use crate::EventMetadata;

/// Where an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This process emitted it.
    Local,
    /// A bus delivered it. Such an event is never forwarded to a bus again.
    Bus,
}

/// An event on its way to the receivers; derefs to its payload.
#[derive(Clone)]
pub struct Event<E> {
    payload: E,
    metadata: EventMetadata,
    origin: Origin,
}

impl<E> Event<E> {
    /// An event of local origin, for calling a receiver by hand.
    pub fn new(payload: E, metadata: EventMetadata) -> Self {
        Self::of(Origin::Local, payload, metadata)
    }

    #[inline]
    pub(crate) fn of(origin: Origin, payload: E, metadata: EventMetadata) -> Self {
        Self { payload, metadata, origin }
    }

    /// The payload; the same as `&**event`.
    pub fn payload(&self) -> &E {
        &self.payload
    }

    /// What travels beside the payload: id, time, source.
    pub fn metadata(&self) -> &EventMetadata {
        &self.metadata
    }

    /// Where the event came from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The payload alone.
    pub fn into_payload(self) -> E {
        self.payload
    }
}

impl<E> Deref for Event<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.payload
    }
}

/// Shows the metadata; the payload may hold personal data, which has no place in logs.
impl<E> fmt::Debug for Event<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("metadata", &self.metadata)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
