//! Typed events from one annotated struct.
//!
//! ```text
//! emit ▶ hub ▶ receivers ▶ bus::outbound ▶ avro::encode ▶ envelope ▶ transport
//! transport ▶ envelope ▶ bus::inbound ▶ registry ▶ avro::resolve+decode ▶ hub ▶ receivers
//! ```
//!
//! The modules below stand in the order of that line.

extern crate self as events_runtime;

pub mod event_type;
pub mod payload;
pub mod with;

pub mod metadata;

pub mod signal;

pub mod hub;
pub mod receiver;

pub mod registry;

pub mod avro;

#[cfg(feature = "bus")]
pub mod bus;
#[cfg(feature = "bus")]
pub mod envelope;
#[cfg(feature = "bus")]
pub mod transport;

#[cfg(feature = "bus")]
pub mod config;

pub mod testing;

#[doc(hidden)]
pub mod private;

#[cfg(feature = "bus")]
pub use bus::EventBus;
#[cfg(feature = "bus")]
pub use config::Config;
pub use event_type::EventType;
pub use events_macros::*;
pub use hub::Hub;
pub use metadata::EventMetadata;
pub use payload::{EventData, EventKey, MapKey, PublicSignal};
pub use receiver::Connection;
pub use registry::{Registry, RegistryError};
pub use signal::{
    BoxError, Delivered, DeliveryError, Emission, EmitOptions, Event, Origin, ReceiverError, Response,
    Signal, StrictError,
};
