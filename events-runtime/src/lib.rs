// The README links to the guides as files; here the same links lead to the modules. The first definition of
// a link counts, so these stand before it.
//! [evolution]: guide::evolution
//! [failures]: guide::failures
//! [web]: guide::web
//! [testing]: guide::testing
//! [operations]: guide::operations
//! [transports]: guide::transports
//! [openedx]: guide::openedx
//!
// Cargo knows where the README is, in the repository and in the package alike: see docs/decisions/0071.
#![cfg_attr(
    feature = "bus",
    doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", env!("CARGO_PKG_README")))
)]
//!
//! # Feature flags
//!
//! `default = ["sqlite", "uuid"]`. In-process signals need none of them.
//!
//! | feature | adds |
//! |---|---|
//! | `bus` | [`EventBus`], [`Config`] and the transport `memory:`; brings tokio |
//! | `sqlite` | the transport `sqlite:`, with SQLite compiled in; enables `bus`. `embedded` is its old name |
//! | `redis` | the transports `redis:`, `rediss:`, `redis+sentinel:` and `redis+cluster:`; enables `bus` |
//! | `kafka` | the transport `kafka:`, experimental: builds librdkafka; enables `bus` |
//! | `kafka-ssl`, `kafka-ssl-vendored` | the same with `kafkas:`, by the system's OpenSSL or by one that is built with it |
//! | `inbox-sqlite`, `inbox-postgres` | an [`inbox`] in SQLite or in Postgres, for receivers that handle each event once; enable `bus` |
//! | `cli` | the command line, [`cli::run`]; enables `bus` |
//! | `sim` | the simulated broker, [`testing::sim`]; for dev-dependencies, since it brings tokio's paused clock; enables `bus` |
//! | `testkit` | the conformance suite for transports, [`testing::conformance`]; for dev-dependencies; enables `bus` |
//! | `uuid` | `uuid::Uuid` as a payload type |
//! | `jiff`, `chrono`, `time` | times and dates of these crates as payload types |
//! | `rust_decimal` | `rust_decimal::Decimal` as a payload type |
//!
//! # Modules
//!
//! The modules below follow an event: its definition, the hub in this process, the bus out of it and
//! back in, the codec and the envelope, the transports, the registry.
#![cfg_attr(docsrs, feature(doc_cfg))]
// The links of this page and of the guides lead to items of all features.
#![cfg_attr(
    not(all(
        feature = "cli",
        feature = "redis",
        feature = "sim",
        feature = "testkit",
        feature = "inbox-sqlite"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]

// The definition.
pub use events_core::{event_type, payload, with};

// In the process.
pub use events_core::{event, hub, metadata, receiver, signal};

// Out, and back in.
#[cfg(feature = "bus")]
pub use events_bus::bus;

pub use events_core::avro;

#[cfg(feature = "bus")]
pub use events_bus::envelope;
#[cfg(feature = "bus")]
pub mod transport {
    //! Transports: where messages are stored between the service that sends and those that receive.

    pub use events_transport::*;
    #[cfg(feature = "kafka")]
    pub use events_transport_kafka as kafka;
    #[cfg(feature = "redis")]
    pub use events_transport_redis as redis;
    #[cfg(feature = "sqlite")]
    pub use events_transport_sqlite as sqlite;
}

pub use events_core::registry;

// Around it.
#[cfg(feature = "bus")]
pub use events_bus::{config, inbox};
#[cfg(feature = "cli")]
pub use events_cli as cli;
pub mod testing {
    //! Tools for testing programs that emit and receive events.

    #[cfg(feature = "sim")]
    pub use events_bus::sim;
    #[cfg(feature = "bus")]
    pub use events_bus::testing::memory_buses;
    #[cfg(feature = "testkit")]
    pub use events_bus::testkit as conformance;
    pub use events_core::testing::*;
}

pub mod guide;

#[doc(hidden)]
pub use events_core::private;

#[cfg(feature = "bus")]
pub use events_bus::bus::EventBus;
#[cfg(feature = "bus")]
pub use events_bus::config::Config;
#[cfg(feature = "testkit")]
pub use events_bus::conformance;
pub use events_core::{
    Acknowledged, AcknowledgementError, BoxError, Connection, Delivered, DeliveryError, Emission,
    EmitOptions, Event, EventData, EventKey, EventMetadata, EventType, Hub, MapKey, Origin, PublicSignal,
    Received, ReceiverError, ReceptionError, Registry, RegistryError, Response, Signal, StrictError,
    assert_emitted, assert_not_emitted, link,
};
