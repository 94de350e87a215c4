//! Typed events in one process. Depend on `events-runtime`, which re-exports this crate.
//!
//! In the process, each module uses only those to its left:
//!
//! ```text
//! metadata ← event ← receiver ← hub ← signal ← registry ← testing
//! ```
//!
//! One arrow points back: a definition's constant `PublicSignal::DESCRIPTOR` has the type
//! `registry::signal_descriptor::SignalDescriptor`, whose function pointers take a hub.
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate self as events_runtime;

// The definition.
pub mod event_type;
pub mod payload;
pub mod with;

// Its bytes.
pub mod avro;
mod codec;

// In the process. Blank lines keep this order, which rustfmt would sort.
pub mod metadata;

pub mod event;

pub mod receiver;

pub mod hub;

pub mod signal;

pub mod registry;

pub mod testing;

#[doc(hidden)]
pub mod internal;
#[doc(hidden)]
pub mod private;

pub use event::{Event, Origin};
pub use event_type::EventType;
pub use events_macros::{EventData, PublicSignal, receiver};
pub use hub::Hub;
pub use metadata::EventMetadata;
pub use payload::{EventData, EventKey, MapKey, PublicSignal};
pub use receiver::{BoxError, Connection, ReceiverError, Response};
pub use registry::{Registry, RegistryError};
pub use signal::{
    Acknowledged, AcknowledgementError, Delivered, DeliveryError, Emission, EmitOptions, Received,
    ReceptionError, Signal, StrictError,
};
