//! Versions of one definition, each for a program of its own.

use events_core::avro::{self, Compatibility, WriterSchema};
use events_core::private::{AvroNamed, Form, Profile, Schemas, SignalDescriptor};
use events_core::{EventData, Hub, PublicSignal, Registry};
use events_transport::ConnectOptions;

use crate::bus::EventBus;
use crate::config::Config;

use super::Fixture;

/// The event type of all versions.
pub(super) const EVENT_TYPE: &str = "org.conformance.order.placed.v1";

/// The first version.
pub(super) mod first {
    use events_core::EventData;

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(crate = events_core)]
    pub(in crate::testkit) struct OrderPlaced {
        pub(in crate::testkit) number: i64,
        pub(in crate::testkit) customer: String,
        pub(in crate::testkit) coupon: Option<String>,
        pub(in crate::testkit) lines: Vec<Line>,
    }

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(crate = events_core)]
    pub(in crate::testkit) struct Line {
        pub(in crate::testkit) sku: String,
        #[event(default = 1)]
        pub(in crate::testkit) quantity: i32,
    }
}

/// The second version: fields reordered, added and removed, at the top level and in nested types.
pub(super) mod second {
    use events_core::EventData;

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(crate = events_core)]
    pub(in crate::testkit) struct OrderPlaced {
        pub(in crate::testkit) customer: String,
        pub(in crate::testkit) number: i64,
        #[event(default = "web")]
        pub(in crate::testkit) channel: String,
        pub(in crate::testkit) lines: Vec<Line>,
    }

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(crate = events_core)]
    pub(in crate::testkit) struct Line {
        pub(in crate::testkit) price: Option<i64>,
        pub(in crate::testkit) sku: String,
    }
}

/// A backward change of the first version: without a field that the first one needs.
pub(super) mod narrowed {
    use super::first::Line;
    use events_core::EventData;

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(crate = events_core)]
    pub(in crate::testkit) struct OrderPlaced {
        pub(in crate::testkit) customer: String,
        pub(in crate::testkit) coupon: Option<String>,
        pub(in crate::testkit) lines: Vec<Line>,
    }
}

/// A forward change of the first version: with another field, which has no default.
pub(super) mod widened {
    use super::first::Line;
    use events_core::EventData;

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(crate = events_core)]
    pub(in crate::testkit) struct OrderPlaced {
        pub(in crate::testkit) number: i64,
        pub(in crate::testkit) customer: String,
        pub(in crate::testkit) coupon: Option<String>,
        pub(in crate::testkit) lines: Vec<Line>,
        pub(in crate::testkit) channel: String,
    }
}

/// Written by hand: derived definitions would be linked into every program that contains this suite, and
/// a registry rejects two definitions of one event type.
macro_rules! version {
    ($version:ident, $minor:literal) => {
        impl PublicSignal for $version::OrderPlaced {
            const EVENT_TYPE: &'static str = EVENT_TYPE;
            const MINOR_VERSION: u32 = $minor;
            const SCHEMA_TEXT: &'static [u8] =
                &avro::write::<{ avro::length(Self::SCHEMA, Form::Json) }>(Self::SCHEMA, Form::Json);
            const CANONICAL_TEXT: &'static [u8] = &avro::write::<
                { avro::length(Self::SCHEMA, Form::Canonical) },
            >(Self::SCHEMA, Form::Canonical);
            const DESCRIPTOR: &'static SignalDescriptor = &SignalDescriptor::of::<Self>(
                Self::ORIGIN,
                file!(),
                line!(),
                Profile::Native,
                &[],
                Schemas {
                    folder: "schemas",
                    next: "org.conformance.order.placed.v2",
                    form: Form::Json,
                    is_counted: false,
                    compatibility: Compatibility::Full,
                },
            );
        }
    };
}

version!(first, 0);
version!(second, 1);
version!(narrowed, 2);
version!(widened, 3);

/// A version, with an order for each customer.
pub(super) trait Version: PublicSignal + Clone {
    fn order(customer: &str) -> Self;
    fn customer(&self) -> &str;
}

macro_rules! orders {
    ($version:ident { $($field:ident: $value:expr),* }) => {
        impl Version for $version::OrderPlaced {
            fn order(customer: &str) -> Self {
                Self { customer: customer.to_owned(), $($field: $value),* }
            }

            fn customer(&self) -> &str {
                &self.customer
            }
        }
    };
}

orders!(first { number: 7, coupon: None, lines: Vec::new() });
orders!(second { number: 7, channel: "phone".to_owned(), lines: Vec::new() });
orders!(narrowed { coupon: None, lines: Vec::new() });
orders!(widened { number: 7, coupon: None, lines: Vec::new(), channel: "phone".to_owned() });

/// A program that links one version and has the schema files of others.
pub(super) async fn program<E: PublicSignal>(fixture: &dyn Fixture, others: &[WriterSchema]) -> EventBus {
    let config = Config::from_toml(&format!(
        "[bus]\nurl = 'memory:'\n[routes.'{EVENT_TYPE}']\norders = {{ key = 'customer' }}"
    ));
    let registry = Registry::builder().register::<E>().build().expect("one definition");
    let builder = EventBus::builder()
        .config(config.expect("a right configuration"))
        .transport(fixture.connect(&ConnectOptions::new()))
        .registry(Box::leak(Box::new(registry)))
        .hub(Hub::new());
    let builder =
        others.iter().fold(builder, |builder, schema| builder.writer_schema(E::EVENT_TYPE, schema.clone()));
    builder.start().await.expect("the bus starts")
}
