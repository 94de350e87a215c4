#![cfg_attr(feature = "bus", doc = include_str!("../README.md"))]
//!
//! # The crate
//!
//! Its modules stand below in the order of the line: an event can be followed through them without
//! turning back.

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

// Out, and back in.
#[cfg(feature = "bus")]
pub mod bus;
mod clock;

pub mod avro;

#[cfg(feature = "bus")]
pub mod envelope;
#[cfg(feature = "bus")]
pub mod transport;

pub mod registry;

// Around it.
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "bus")]
pub mod config;
#[cfg(feature = "bus")]
pub mod inbox;
pub mod testing;

mod error_chain;

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
