//! `kafka:` transport: topics of a Kafka cluster, shared by many machines.
//!
//! A topic is the Kafka topic of the same name. An event is a record: the message's key, headers and data are
//! those of the record. A consumer group is a consumer group of Kafka.

mod admin;
mod client;
mod config;
mod control;
mod framing;
mod namespace;
mod partition;
mod producer;
mod progress;
mod registry;
mod seek;
mod writer_schemas;

use std::sync::{Arc, Mutex, PoisonError};

use self::client::Topics;
pub use self::client::{Token, register_token_provider};
use self::config::Config;
use self::producer::KafkaProducer;
pub use self::registry::{SubjectOf, register_subjects};
use self::writer_schemas::StoredSchemas;
use events_transport::{
    Acknowledgement, BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, ErrorKind, GroupStatus,
    Health, KeySchema, Position, Producer, Retention, SchemaId, SchemaSubjects, Scheme, StartPosition,
    StoredMessage, Subscription, Target, Topic, TopicStatus, Transport, TransportError, Trimmed, UrlForm,
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
    topics: Arc<Topics>,
    /// Shared, so that all sends of the transport have one order.
    producer: Mutex<Option<Arc<KafkaProducer>>>,
    schemas: StoredSchemas,
}

impl KafkaTransport {
    fn open(target: &Target<'_>, options: &ConnectOptions) -> Result<Box<dyn Transport>, TransportError> {
        let config = Arc::new(Config::read(target, options)?);
        let topics = Arc::new(Topics::new(config.clone()));
        Ok(Box::new(Self { config, topics, producer: Mutex::default(), schemas: StoredSchemas::default() }))
    }

    async fn registry_ready(&self) -> Result<(), TransportError> {
        match &self.config.registry {
            Some(registry) => registry.ready().await,
            None => Ok(()),
        }
    }

    /// The registry that has the schemas of an event type, if it is sent with frames.
    fn registry_of(&self, event_type: &str) -> Option<&registry::Registry> {
        self.config.registry.as_ref().filter(|registry| !registry.sends_bare(event_type))
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
        Box::pin(async move {
            let open = || self.producer.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(producer) = open().clone() {
                return Ok(producer as Arc<dyn Producer>);
            }
            self.registry_ready().await?;
            let connected = KafkaProducer::connect(self.config.clone(), self.topics.clone()).await?;
            // Another call may have been faster.
            let producer = open().get_or_insert_with(|| Arc::new(connected)).clone();
            Ok(producer as Arc<dyn Producer>)
        })
    }

    fn consumer(&self, _: Subscription) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        self.later("consume from")
    }

    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        self.later("check")
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
        Box::pin(async move {
            let stored = admin::unsettled(&self.config, topic, group, after, max).await?;
            match &self.config.registry {
                Some(registry) => Ok(registry.unframe_stored(topic, stored).await),
                None => Ok(stored),
            }
        })
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
        Box::pin(async move {
            match self.registry_of(schema.event_type()) {
                Some(registry) => registry.store_schema(topic, schema, text).await,
                None => self.schemas.store(&self.config, topic, schema, text).await,
            }
        })
    }

    fn store_key_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        key: &'a KeySchema,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            match self.registry_of(schema.event_type()) {
                Some(registry) => registry.store_key_schema(topic, schema, key).await,
                None => Ok(()),
            }
        })
    }

    fn schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
    ) -> BoxFuture<'a, Result<Option<String>, TransportError>> {
        Box::pin(async move {
            if let Some(registry) = self.registry_of(schema.event_type())
                && let Some(text) = registry.schema(topic, schema).await?
            {
                return Ok(Some(text));
            }
            if SchemaId::stands_for(schema.fingerprint()).is_some() {
                return Ok(None);
            }
            // With a registry: messages from before it was configured.
            self.schemas.read(&self.config, topic, schema).await
        })
    }

    fn schemas<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<SchemaId>, TransportError>> {
        Box::pin(async move {
            let mut schemas = self.schemas.list(&self.config, topic).await?;
            if let Some(registry) = &self.config.registry {
                schemas.extend(registry.schemas(topic).await?);
                schemas.sort();
                schemas.dedup();
                schemas.truncate(SchemaId::LISTED_MAX);
            }
            Ok(schemas)
        })
    }

    fn subjects(&self) -> Option<&dyn SchemaSubjects> {
        self.config.registry.as_ref().map(|registry| registry as &dyn SchemaSubjects)
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        let message =
            "the brokers remove messages themselves, by `retention.ms` and `retention.bytes` of each topic";
        let error = TransportError::new(ErrorKind::Unsupported, "trim", &self.config.url, message);
        Box::pin(std::future::ready(Err(error)))
    }
}
