//! `kafka:` transport: topics of a Kafka cluster, shared by many machines.
//!
//! A topic is the Kafka topic of the same name. An event is a record: the message's key, headers and data are
//! those of the record. A consumer group is a consumer group of Kafka.

mod admin;
mod client;
mod config;
mod control;
mod health;
mod namespace;
mod partition;
mod progress;
mod seek;
mod writer_schemas;

use std::sync::Arc;

pub use self::client::{Token, register_token_provider};
use self::config::Config;
use self::writer_schemas::StoredSchemas;
use events_transport::{
    Acknowledgement, BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, ErrorKind, GroupStatus,
    Health, Position, Producer, Retention, SchemaId, Scheme, StartPosition, StoredMessage, Subscription,
    Target, Topic, TopicStatus, Transport, TransportError, Trimmed, UrlForm,
};

const fn scheme(name: &'static str) -> Scheme {
    Scheme::new(name, UrlForm::Server, KafkaTransport::open)
        .settings(&config::SETTINGS)
        .retention(Retention::unlimited())
}

events_transport::register_scheme! { scheme("kafka") }
#[cfg(feature = "ssl")]
events_transport::register_scheme! { scheme("kafkas") }

/// The `kafka:` transport.
struct KafkaTransport {
    config: Arc<Config>,
    schemas: StoredSchemas,
}

impl KafkaTransport {
    fn open(target: &Target<'_>, options: &ConnectOptions) -> Result<Box<dyn Transport>, TransportError> {
        let config = Arc::new(Config::read(target, options)?);
        Ok(Box::new(Self { config, schemas: StoredSchemas::default() }))
    }

    fn later<T: Send + 'static>(
        &self,
        operation: &'static str,
    ) -> BoxFuture<'static, Result<T, TransportError>> {
        let message = "this build of the transport can't do it yet";
        let error = TransportError::new(ErrorKind::Unsupported, operation, &self.config.url, message);
        Box::pin(std::future::ready(Err(error)))
    }
}

impl Transport for KafkaTransport {
    fn capability(&self) -> Capability {
        let mut capability = Capability::new(Acknowledgement::Cumulative);
        capability.durable = true;
        capability.shared = true;
        capability.takeover = true;
        capability.counts_attempts = true;
        capability.keeps_delay = true;
        capability.start_at_time = true;
        capability.start_at_position = true;
        capability.seek = true;
        capability.partitions = true;
        capability.schemas = true;
        capability
    }

    fn url(&self) -> &str {
        &self.config.url
    }

    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        self.later("send to")
    }

    fn consumer(&self, _: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        self.later("consume from")
    }

    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        Box::pin(health::check(&self.config))
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        Box::pin(admin::topics(&self.config))
    }

    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        Box::pin(admin::groups(&self.config, topic))
    }

    fn unsettled<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredMessage>, TransportError>> {
        Box::pin(admin::unsettled(&self.config, topic, group, after, max))
    }

    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(seek::seek(&self.config, topic, group, start))
    }

    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(seek::remove_group(&self.config, topic, group))
    }

    fn store_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(self.schemas.store(&self.config, topic, schema, text))
    }

    fn schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
    ) -> BoxFuture<'a, Result<Option<String>, TransportError>> {
        Box::pin(self.schemas.read(&self.config, topic, schema))
    }

    fn schemas<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<SchemaId>, TransportError>> {
        Box::pin(self.schemas.list(&self.config, topic))
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        let message =
            "the brokers remove messages themselves, by `retention.ms` and `retention.bytes` of each topic";
        let error = TransportError::new(ErrorKind::Unsupported, "trim", &self.config.url, message);
        Box::pin(std::future::ready(Err(error)))
    }
}
