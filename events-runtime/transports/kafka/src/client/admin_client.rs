//! The admin client of rdkafka, and the topics that it creates.

use std::time::Duration;

use events_transport::{ErrorKind, TransportError};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::context::Context;
use super::error;
use super::settings::ClientSettings;
use crate::config::Creation;

/// Creates the client.
///
/// # Errors
/// A [`TransportError`] of kind [`Unsupported`](ErrorKind::Unsupported) with OAUTHBEARER: rdkafka serves the queue with
/// the answers to this client, and has no function for the queue with its requests for tokens.
pub(super) fn create(
    settings: &ClientSettings,
    operation: &'static str,
    subject: &str,
) -> Result<AdminClient<Context>, TransportError> {
    if settings.own("sasl.mechanisms") == Some("OAUTHBEARER") {
        let message = "rdkafka's admin client can't use OAUTHBEARER: use Kafka's own tools, for example to create topics";
        return Err(TransportError::new(ErrorKind::Unsupported, operation, subject, message));
    }
    let created = settings.admin().create_with_context(settings.context());
    created.map_err(|error| error::convert(error, operation, subject))
}

/// The options of a request that waits for this long.
pub(super) fn options(wait: Duration) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(wait)).operation_timeout(Some(wait))
}

/// Creates a topic with these settings, unless it exists. Returns whether it is new. Blocks for at most this long.
///
/// # Errors
/// That of the brokers.
pub(super) fn create_topic(
    admin: &AdminClient<Context>,
    name: &str,
    creation: Creation,
    settings: &[(&str, &str)],
    wait: Duration,
) -> KafkaResult<bool> {
    // -1 is the default of the broker, from Kafka 2.4 on.
    let partitions = creation.partitions.map_or(-1, i32::from);
    let replication = TopicReplication::Fixed(creation.replication.map_or(-1, i32::from));
    let mut new = NewTopic::new(name, partitions, replication);
    for (name, value) in settings {
        new = new.set(name, value);
    }
    let created = futures_executor::block_on(admin.create_topics([&new], &options(wait)))?;
    match created.into_iter().next() {
        Some(Ok(_)) => Ok(true),
        // Another program was faster.
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(false),
        Some(Err((_, code))) => Err(KafkaError::AdminOp(code)),
        None => Err(KafkaError::Canceled),
    }
}
