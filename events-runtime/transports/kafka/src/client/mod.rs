//! The client: librdkafka, which only this module names.

mod connect;
mod context;
mod error;
mod properties;
mod settings;
mod tokens;

pub(crate) use self::connect::{off_thread, reach};
pub(crate) use self::context::Context;
pub(crate) use self::error::{convert, from_code};
pub(crate) use self::properties::{PROPERTIES, Property};
pub(crate) use self::settings::ClientSettings;
pub use self::tokens::{Token, register_token_provider};
pub(crate) use self::tokens::{TokenProvider, provider};
