//! Settings, topics and groups: what needs the admin client.

use rdkafka::admin::{AdminClient, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Change, Session, Settings};
use crate::client::admin_client::{self, options};
use crate::client::context::Context;
use crate::config::Creation;
use events_transport::TransportError;

impl Session {
    /// The settings of topics, in their order; `None` for one that this user may not read.
    pub(crate) fn topic_settings(&self, topics: &[&str]) -> Result<Vec<Option<Settings>>, TransportError> {
        let topics: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
        self.describe(&topics)
    }

    /// The settings of a broker; `None` if this user may not read them.
    pub(crate) fn broker_settings(&self, broker: i32) -> Result<Option<Settings>, TransportError> {
        Ok(self.describe(&[ResourceSpecifier::Broker(broker)])?.pop().flatten())
    }

    /// The settings of these topics or this broker, in their order. The client does not tell an absent
    /// permission from an absent topic.
    fn describe(&self, resources: &[ResourceSpecifier<'_>]) -> Result<Vec<Option<Settings>>, TransportError> {
        if resources.is_empty() {
            // librdkafka would never answer.
            return Ok(Vec::new());
        }
        // The client must live until the answer is there.
        let admin = self.admin()?;
        let described = self
            .repeat(|wait| futures_executor::block_on(admin.describe_configs(resources, &options(wait))))?;
        let mut found: Vec<(OwnedResourceSpecifier, Settings)> = Vec::with_capacity(described.len());
        for resource in described.into_iter().flatten() {
            let entries = resource.entries.into_iter();
            let entries = entries.filter_map(|entry| Some((entry.name, entry.value?)));
            found.push((resource.specifier, entries.collect()));
        }
        let of = |resource: &ResourceSpecifier<'_>| {
            let is_it = |found: &OwnedResourceSpecifier| match (resource, found) {
                (ResourceSpecifier::Topic(one), OwnedResourceSpecifier::Topic(other)) => one == other,
                (ResourceSpecifier::Broker(one), OwnedResourceSpecifier::Broker(other)) => one == other,
                _ => false,
            };
            let settings = found.iter().find(|(specifier, _)| is_it(specifier));
            settings.map(|(_, settings)| settings.clone()).filter(|settings| !settings.is_empty())
        };
        Ok(resources.iter().map(of).collect())
    }

    /// Deletes a group with its offsets in all topics, unless it has members.
    pub(crate) fn delete_group(&self, group: &str) -> Result<Change, TransportError> {
        let admin = self.admin()?;
        self.repeat(|wait| {
            let deleted = futures_executor::block_on(admin.delete_groups(&[group], &options(wait)))?;
            match deleted.into_iter().next() {
                Some(Err((_, RDKafkaErrorCode::NonEmptyGroup))) => Ok(Change::HasMembers),
                // Another program deleted it first, or the reply to the first attempt was lost.
                Some(Ok(_) | Err((_, RDKafkaErrorCode::GroupIdNotFound))) | None => Ok(Change::Stored),
                Some(Err((_, code))) => Err(KafkaError::AdminOp(code)),
            }
        })
    }

    fn admin(&self) -> Result<AdminClient<Context>, TransportError> {
        admin_client::create(&self.config.client, self.call.operation, &self.call.subject)
    }

    /// Creates a topic, unless it exists.
    pub(crate) fn create_topic(
        &self,
        topic: &str,
        creation: Creation,
        settings: &[(&str, &str)],
    ) -> Result<(), TransportError> {
        let admin = self.admin()?;
        self.repeat(|wait| admin_client::create_topic(&admin, topic, creation, settings, wait)).map(drop)
    }

    /// Whether this user may create a topic of this name. Nothing is created.
    pub(crate) fn may_create(&self, topic: &str) -> Result<bool, TransportError> {
        let new = NewTopic::new(topic, -1, TopicReplication::Fixed(-1));
        let admin = self.admin()?;
        let created = self.repeat(|wait| {
            futures_executor::block_on(admin.create_topics([&new], &options(wait).validate_only(true)))
        })?;
        Ok(match created.into_iter().next() {
            Some(Err((_, code))) => !matches!(
                code,
                RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed
            ),
            _ => true,
        })
    }
}
