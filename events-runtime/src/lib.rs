#![cfg_attr(feature = "bus", doc = include_str!("../README.md"))]
//!
//! # The crate
//!
//! Its modules stand below in the order of the line: an event can be followed through them without
//! turning back.

extern crate self as events_runtime;

// The definition.
pub use events_core::{event_type, payload, with};

// In the process.
pub use events_core::{hub, metadata, receiver, signal};

// Out, and back in.
#[cfg(feature = "bus")]
pub mod bus;
mod clock;

pub use events_core::avro;

#[cfg(feature = "bus")]
pub mod envelope;
#[cfg(feature = "bus")]
pub mod transport;

pub use events_core::registry;

// Around it.
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "bus")]
pub mod config;
#[cfg(feature = "bus")]
pub mod inbox;
pub mod testing;

#[doc(hidden)]
pub use events_core::private;

#[cfg(feature = "bus")]
pub use bus::EventBus;
#[cfg(feature = "bus")]
pub use config::Config;
pub use events_core::{
    BoxError, Connection, Delivered, DeliveryError, Emission, EmitOptions, Event, EventData, EventKey,
    EventMetadata, EventType, Hub, MapKey, Origin, PublicSignal, ReceiverError, Registry, RegistryError,
    Response, Signal, StrictError, link,
};
