//! An event on its way: the payload and what travels beside it.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::ops::Deref;

use serde_json::Value;

use crate::avro::json::{self, PersonalData};
use crate::registry::signal_descriptor::SignalDescriptor;
use crate::{EventData, EventMetadata, PublicSignal, avro};
use events_support::error_chain::{caught, text};

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

/// Shows the payload too, as JSON made from its schema: fields marked `#[event(pii)]` are `"***"`,
/// at any depth, so that an event may go into a log. `E` itself need not be `Debug`.
impl<E: EventData> fmt::Debug for Event<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("metadata", &self.metadata)
            .field("origin", &self.origin)
            .field("payload", &Masked(&self.payload))
            .finish()
    }
}

/// A payload without its personal data.
struct Masked<'a, E>(&'a E);

impl<E: EventData> Masked<'_, E> {
    fn json(&self) -> Result<Value, Box<dyn Error>> {
        let datum = avro::to_vec(self.0)?;
        Ok(json::to_json(E::SCHEMA, &datum, PersonalData::Masked)?)
    }
}

impl<E: EventData> fmt::Debug for Masked<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The payload's own code encodes it.
        match caught(|| self.json()) {
            Ok(Ok(value)) => fmt::Display::fmt(&value, f),
            Ok(Err(reason)) => write!(f, "<not shown: {}>", text(&reason)),
            Err(message) => write!(f, "<not shown: encoding it panicked: {message}>"),
        }
    }
}

/// An event of any type.
pub trait AnyEvent: Any + Send + Sync {
    /// The event's definition.
    fn descriptor(&self) -> &'static SignalDescriptor;
    /// What travels beside the payload.
    fn metadata(&self) -> &EventMetadata;
    /// Appends the payload's Avro datum.
    ///
    /// # Errors
    /// The payload has none.
    fn append_datum(&self, out: &mut Vec<u8>) -> Result<(), avro::EncodeError>;
    /// Appends the key in its text form; `false` where the definition has none.
    fn append_key(&self, out: &mut Vec<u8>) -> bool;
}

impl<E: PublicSignal> AnyEvent for Event<E> {
    fn descriptor(&self) -> &'static SignalDescriptor {
        E::DESCRIPTOR
    }

    fn metadata(&self) -> &EventMetadata {
        Event::metadata(self)
    }

    fn append_datum(&self, out: &mut Vec<u8>) -> Result<(), avro::EncodeError> {
        avro::append(self.payload(), out)
    }

    fn append_key(&self, out: &mut Vec<u8>) -> bool {
        self.payload().append_key(out)
    }
}
