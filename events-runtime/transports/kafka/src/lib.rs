//! `kafka:` transport: topics of a Kafka cluster, shared by many machines.
//!
//! A topic is the Kafka topic of the same name. An event is a record: the message's key, headers and data are
//! those of the record. A consumer group is a consumer group of Kafka.

mod client;
mod config;
mod control;
mod namespace;
mod partition;
mod progress;

use std::sync::Arc;

pub use self::client::{Token, register_token_provider};
use self::config::Config;
use events_transport::{
    Acknowledgement, BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, ErrorKind, GroupStatus,
    Health, Producer, Retention, Scheme, StartPosition, Subscription, Target, Topic, TopicStatus, Transport,
    TransportError, Trimmed, UrlForm,
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
}

impl KafkaTransport {
    fn open(target: &Target<'_>, options: &ConnectOptions) -> Result<Box<dyn Transport>, TransportError> {
        let config = Arc::new(Config::read(target, options)?);
        Ok(Box::new(Self { config }))
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
        self.later("check")
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        self.later("list the topics of")
    }

    fn groups<'a>(&'a self, _: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        self.later("list the groups of")
    }

    fn seek<'a>(
        &'a self,
        _: &'a Topic,
        _: &'a ConsumerGroup,
        _: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        self.later("move a group of")
    }

    fn remove_group<'a>(
        &'a self,
        _: &'a Topic,
        _: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        self.later("remove a group of")
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        self.later("trim")
    }
}
