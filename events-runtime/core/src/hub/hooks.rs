//! What can be attached to a hub: a bus, and whatever watches the events go by.

use std::any::Any;
use std::sync::Arc;

use crate::avro::EncodeError;
use crate::private::SignalDescriptor;
use crate::signal::{Event, PendingTopic};
use crate::{EventMetadata, PublicSignal, avro};

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
    fn append_datum(&self, out: &mut Vec<u8>) -> Result<(), EncodeError>;
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

    fn append_datum(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        avro::append(self.payload(), out)
    }

    fn append_key(&self, out: &mut Vec<u8>) -> bool {
        self.payload().append_key(out)
    }
}

/// The road out of the process: a bus.
pub trait Outbound: Send + Sync {
    /// Takes an event for every topic that it is routed to. Called once for each event of local
    /// origin, after the sync receivers ran; never blocks. A failure is a topic that is settled
    /// with it.
    fn offer(&self, event: &dyn AnyEvent) -> Vec<PendingTopic>;
}

/// Somebody who watches the events go by: each once, before its receivers run.
pub(crate) trait Observer: Send + Sync {
    /// An event was emitted.
    fn observe(&self, event: Arc<dyn AnyEvent>);
}
