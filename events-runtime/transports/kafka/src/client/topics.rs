//! Looks up topics, and creates them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events_transport::{ErrorKind, Topic, TransportError};
use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, ResourceSpecifier};
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::Metadata;

use super::admin_client::{self, options};
use super::connect::persist;
use super::context::Context;
use super::error;
use crate::config::{Config, Creation};

/// How often the metadata of a new topic is asked for.
const ASK: Duration = Duration::from_millis(50);

/// Asks for the leaders of topics. A search for offsets takes them from librdkafka's cache, which keeps for minutes that
/// a partition has none, as a broker says that has just started.
pub(super) fn refresh<'t, C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: impl IntoIterator<Item = &'t str>,
    wait: Duration,
) {
    let mut topics = topics.into_iter();
    let first = topics.next();
    let is_one = topics.all(|topic| Some(topic) == first);
    // The next search says what is wrong.
    let _ = consumer.fetch_metadata(first.filter(|_| is_one), wait);
}

/// What a producer needs to know of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TopicInfo {
    /// The number of partitions.
    pub(crate) partitions: usize,
    /// The limit of a batch in bytes, `max.message.bytes`; `None` if this user may not read it.
    pub(crate) max_bytes: Option<usize>,
}

/// Looks up and creates topics. The client of its requests is created with the first of them.
pub(crate) struct Topics {
    config: Arc<Config>,
    admin: Mutex<Option<Arc<AdminClient<Context>>>>,
}

impl Topics {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self { config, admin: Mutex::default() }
    }

    /// Looks up a topic, and creates it if it is missing and `create_topics` is set. Blocks.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if the topic is missing.
    pub(crate) fn ensure<C: ClientContext>(
        &self,
        client: &Client<C>,
        topic: &Topic,
        operation: &'static str,
    ) -> Result<TopicInfo, TransportError> {
        let partitions = match (self.partitions(client, topic, operation)?, self.config.creation) {
            (Some(partitions), _) => partitions,
            (None, None) => return Err(self.missing(topic, operation)),
            (None, Some(creation)) => self.create_kept(client, topic, creation, operation)?,
        };
        Ok(TopicInfo { partitions, max_bytes: self.max_bytes(topic) })
    }

    /// Looks up a topic that belongs to another one, and creates it with as many partitions if it is missing and
    /// `create_topics` is set. Returns the number of its partitions; `None` if it is missing. Blocks.
    ///
    /// # Errors
    /// A [`TransportError`] if the cluster can't be reached, or refuses the topic.
    pub(crate) fn ensure_beside<C: ClientContext>(
        &self,
        client: &Client<C>,
        topic: &Topic,
        partitions: u32,
        operation: &'static str,
    ) -> Result<Option<usize>, TransportError> {
        let found = self.partitions(client, topic, operation)?;
        let (None, Some(creation)) = (found, self.config.creation) else { return Ok(found) };
        let creation = Creation { partitions: u16::try_from(partitions).ok(), ..creation };
        self.create_kept(client, topic, creation, operation).map(Some)
    }

    /// Creates a topic with its retention, and waits for its leaders. Returns the number of its partitions.
    fn create_kept<C: ClientContext>(
        &self,
        client: &Client<C>,
        topic: &Topic,
        creation: Creation,
        operation: &'static str,
    ) -> Result<usize, TransportError> {
        let settings: Vec<_> =
            self.config.retention_ms(topic).map(|age| ("retention.ms", age)).into_iter().collect();
        self.create(topic, creation, &settings, operation)?;
        self.leaders(client, topic, operation)
    }

    /// Creates a topic with these settings unless it exists; does not wait for its leaders. Blocks.
    ///
    /// # Errors
    /// A [`TransportError`] if the cluster refuses it.
    pub(crate) fn create(
        &self,
        topic: &Topic,
        creation: Creation,
        settings: &[(&str, String)],
        operation: &'static str,
    ) -> Result<(), TransportError> {
        let name = self.config.namespace.checked_topic(topic, operation)?;
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let admin = self.admin(operation, topic)?;
        let created = persist(self.config.client.timeout(), |wait| {
            admin_client::create_topic(&admin, &name, creation, &settings, wait)
                .map_err(|error| error::convert(error, "create", topic))
        })?;
        if created {
            tracing::info!(%topic, ?creation, "created the topic");
        }
        Ok(())
    }

    /// The number of partitions; `None` if there is no such topic.
    fn partitions<C: ClientContext>(
        &self,
        client: &Client<C>,
        topic: &Topic,
        operation: &'static str,
    ) -> Result<Option<usize>, TransportError> {
        let name = self.config.namespace.checked_topic(topic, operation)?;
        let metadata = self.metadata(client, &name, topic, operation)?;
        let Some(found) = metadata.topics().first() else { return Ok(None) };
        match found.error().map(RDKafkaErrorCode::from) {
            // The partitions without a leader are counted: the producer waits for it.
            None | Some(RDKafkaErrorCode::LeaderNotAvailable) if !found.partitions().is_empty() => {
                Ok(Some(found.partitions().len()))
            }
            None | Some(RDKafkaErrorCode::LeaderNotAvailable | RDKafkaErrorCode::UnknownTopicOrPartition) => {
                Ok(None)
            }
            Some(code) => Err(error::from_code(code, operation, topic)),
        }
    }

    /// Asks for a topic, again while a broker restarts.
    fn metadata<C: ClientContext>(
        &self,
        client: &Client<C>,
        name: &str,
        topic: &Topic,
        operation: &'static str,
    ) -> Result<Metadata, TransportError> {
        persist(self.config.client.timeout(), |wait| {
            let found = client.fetch_metadata(Some(name), wait);
            found.map_err(|error| error::convert(error, operation, topic))
        })
    }

    /// Waits until every partition of a new topic has a leader.
    fn leaders<C: ClientContext>(
        &self,
        client: &Client<C>,
        topic: &Topic,
        operation: &'static str,
    ) -> Result<usize, TransportError> {
        let deadline = Instant::now() + self.config.client.timeout();
        let name = self.config.namespace.checked_topic(topic, operation)?;
        loop {
            let metadata = self.metadata(client, &name, topic, operation)?;
            if let Some(found) = metadata.topics().first() {
                let partitions = found.partitions();
                if !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0) {
                    return Ok(partitions.len());
                }
            }
            if Instant::now() >= deadline {
                return Err(error::from_code(RDKafkaErrorCode::LeaderNotAvailable, operation, topic));
            }
            std::thread::sleep(ASK);
        }
    }

    /// The topic's `max.message.bytes`. Users without the permission to read it send without a check.
    fn max_bytes(&self, topic: &Topic) -> Option<usize> {
        let admin = self.admin("describe", topic).ok()?;
        let name = self.config.namespace.kafka_topic(topic);
        let specifier = ResourceSpecifier::Topic(&name);
        let described = persist(self.config.client.timeout(), |wait| {
            futures_executor::block_on(admin.describe_configs([&specifier], &options(wait)))
                .map_err(|error| error::convert(error, "describe", topic))
        });
        let resource = described.ok()?.into_iter().next()?.ok()?;
        resource.get("max.message.bytes")?.value.as_ref()?.parse().ok()
    }

    fn missing(&self, topic: &Topic, operation: &'static str) -> TransportError {
        let name = self.config.namespace.kafka_topic(topic);
        let message = format!(
            "no such topic: create it with `kafka-topics.sh --create --topic {name}`, or set `create_topics=true` in \
             the URL"
        );
        TransportError::new(ErrorKind::NotFound, operation, topic, message)
    }

    fn admin(
        &self,
        operation: &'static str,
        topic: &Topic,
    ) -> Result<Arc<AdminClient<Context>>, TransportError> {
        let mut admin = self.admin.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(admin) = &*admin {
            return Ok(admin.clone());
        }
        let created = admin_client::create(&self.config.client, operation, topic.as_str())?;
        Ok(admin.insert(Arc::new(created)).clone())
    }
}
