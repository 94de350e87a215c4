//! Typed events within one process; depend on `events-runtime`, which exports this.
//!
//! The modules stand in the order of the line: an event can be followed through them without turning back.
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate self as events_runtime;

// The definition.
pub mod event_type;
pub mod payload;
pub mod with;

// In the process.
pub mod signal;

pub mod metadata;

pub mod hub;
pub mod receiver;

// Its bytes.
pub mod avro;
mod codec;

pub mod registry;

pub mod testing;

#[doc(hidden)]
pub mod internal;
#[doc(hidden)]
pub mod private;

pub use event_type::EventType;
pub use events_macros::{EventData, PublicSignal, receiver};
pub use hub::Hub;
pub use metadata::EventMetadata;
pub use payload::{EventData, EventKey, MapKey, PublicSignal};
pub use receiver::Connection;
pub use registry::{Registry, RegistryError};
pub use signal::{
    BoxError, Delivered, DeliveryError, Emission, EmitOptions, Event, Origin, ReceiverError, Response,
    Signal, StrictError,
};
