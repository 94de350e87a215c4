//! An event: a payload, its metadata and its origin.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::ops::Deref;

use serde_json::Value;

use crate::avro::json::{self, PersonalData};
use crate::codec::other;
use crate::registry::signal_descriptor::SignalDescriptor;
use crate::{EventData, EventMetadata, PublicSignal, avro};
use events_support::error_chain::{caught, text};

/// The origin of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This process emitted it.
    Local,
    /// A bus delivered it. Such an event is never sent to a bus again.
    Bus,
}

/// A payload with its metadata and origin. Derefs to the payload.
#[derive(Clone)]
pub struct Event<E> {
    payload: E,
    metadata: EventMetadata,
    origin: Origin,
}

impl<E> Event<E> {
    /// An event of local origin, to call a receiver directly, as in a test.
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

    /// Id, time, source and the other attributes.
    pub fn metadata(&self) -> &EventMetadata {
        &self.metadata
    }

    /// The origin of the event.
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

/// Includes the payload as JSON, made from its schema. Fields marked `#[event(pii)]` are `"***"` at any
/// depth, so that an event can be logged. `E` need not be `Debug`.
impl<E: EventData> fmt::Debug for Event<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("metadata", &self.metadata)
            .field("origin", &self.origin)
            .field("payload", &Masked(&self.payload))
            .finish()
    }
}

/// Formats a payload with its personal data masked.
struct Masked<'a, E>(&'a E);

impl<E: EventData> fmt::Debug for Masked<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A user's implementation of `EventData` may panic.
        match caught(|| shown(self.0, PersonalData::Masked)) {
            Ok(Ok(value)) => fmt::Display::fmt(&value, f),
            Ok(Err(reason)) => write!(f, "<not shown: {}>", text(&reason)),
            Err(message) => write!(f, "<not shown: encoding it panicked: {message}>"),
        }
    }
}

/// The JSON form of a payload, which may hold variants `#[event(other)]`.
///
/// # Errors
/// The payload can't be encoded.
pub fn shown<E: EventData>(payload: &E, personal_data: PersonalData) -> Result<Value, Box<dyn Error>> {
    let datum = other::showing(|| avro::to_vec(payload))?;
    Ok(json::rewritten_to_json(E::SCHEMA, &datum, datum.len(), personal_data)?)
}

/// An event of any type.
pub trait AnyEvent: Any + Send + Sync {
    /// The event's definition.
    fn descriptor(&self) -> &'static SignalDescriptor;
    /// The event's metadata.
    fn metadata(&self) -> &EventMetadata;
    /// Appends the payload's Avro datum.
    ///
    /// # Errors
    /// If the payload can't be encoded.
    fn append_datum(&self, out: &mut Vec<u8>) -> Result<(), avro::EncodeError>;
    /// Appends the key in its text form. Returns `false` if the definition has no key.
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
