//! The client: librdkafka, which only this module names.

pub(crate) mod admin;
mod admin_client;
mod connect;
mod consumer;
mod context;
mod control;
mod error;
mod error_codes;
#[cfg(test)]
pub(crate) mod mock;
mod producer;
mod properties;
mod record;
mod settings;
mod tokens;
mod topics;
mod transaction;

pub(crate) use self::connect::{off_thread, persist};
pub(crate) use self::consumer::{
    At, ClientError, CommitFailure, CommittedOffset, Fetched, GroupClient, GroupEvent, Membership, Place,
};
pub(crate) use self::control::ControlClient;
pub(crate) use self::producer::{Batching, Failed, Native, Receipt, Refused, Stored, retire};
pub(crate) use self::properties::{PROPERTIES, Property};
pub(crate) use self::settings::ClientSettings;
#[cfg(test)]
pub(crate) use self::settings::knows;
pub use self::tokens::{Token, register_token_provider};
pub(crate) use self::tokens::{TokenProvider, provider};
pub(crate) use self::topics::{TopicInfo, Topics};
pub(crate) use self::transaction::{TransactionFailure, Transactional};
