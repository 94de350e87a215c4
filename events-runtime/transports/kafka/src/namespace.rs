//! The setting `namespace`: several environments on one cluster.
//!
//! With `namespace=staging`, topic `orders` is the Kafka topic `staging.orders`, and group `billing` is the Kafka
//! group `staging.billing`. Topics and groups of other namespaces are not listed. Every name that goes to Kafka or
//! comes from it passes through here.

use events_transport::{ConsumerGroup, ErrorKind, Topic, TransportError};

/// The longest name of a topic that Kafka accepts.
const TOPIC_MAX: usize = 249;

/// Maps the names of topics and groups to those of Kafka and back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Namespace {
    /// The prefix of every name, with its dot; empty without a namespace.
    prefix: String,
}

impl Namespace {
    /// A namespace of this name, which is a valid name of a topic.
    ///
    /// # Errors
    /// A text for people: what is wrong with the name.
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let topic = Topic::new(name).map_err(|error| error.to_string())?;
        Ok(Self { prefix: format!("{topic}.") })
    }

    /// The name of a topic in Kafka.
    pub(crate) fn kafka_topic(&self, topic: &Topic) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// The name of a topic in Kafka, if Kafka accepts it.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`Invalid`](ErrorKind::Invalid) if it is too long.
    pub(crate) fn checked_topic(
        &self,
        topic: &Topic,
        operation: &'static str,
    ) -> Result<String, TransportError> {
        let name = self.kafka_topic(topic);
        if name.len() > TOPIC_MAX {
            let message = format!(
                "the topic's name with the namespace has {} characters, and Kafka accepts {TOPIC_MAX}: shorten one of them",
                name.len()
            );
            return Err(TransportError::new(ErrorKind::Invalid, operation, topic, message));
        }
        Ok(name)
    }

    /// The topic of a name in Kafka; `None` for a topic of another namespace, or one that no topic of ours can be.
    pub(crate) fn topic(&self, kafka: &str) -> Option<Topic> {
        Topic::new(kafka.strip_prefix(&self.prefix)?).ok()
    }

    /// The name of a group in Kafka.
    pub(crate) fn kafka_group(&self, group: &ConsumerGroup) -> String {
        self.kafka_group_name(group.as_str())
    }

    /// The name in Kafka of a group of this name, which may be the control group of another.
    pub(crate) fn kafka_group_name(&self, group: &str) -> String {
        format!("{}{group}", self.prefix)
    }

    /// The group of a name in Kafka; `None` for a group of another namespace, or one that no group of ours can be.
    pub(crate) fn group(&self, kafka: &str) -> Option<ConsumerGroup> {
        ConsumerGroup::new(kafka.strip_prefix(&self.prefix)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_mapped_both_ways() {
        let (topic, group) = (Topic::new("orders").unwrap(), ConsumerGroup::new("billing").unwrap());
        for (namespace, prefix) in
            [(Namespace::default(), ""), (Namespace::new("staging").unwrap(), "staging.")]
        {
            assert_eq!(namespace.kafka_topic(&topic), format!("{prefix}orders"));
            assert_eq!(namespace.topic(&namespace.kafka_topic(&topic)), Some(topic.clone()));
            assert_eq!(namespace.kafka_group(&group), format!("{prefix}billing"));
            assert_eq!(namespace.group(&namespace.kafka_group(&group)), Some(group.clone()));
        }
    }

    #[test]
    fn names_of_another_namespace_are_not_ours() {
        let staging = Namespace::new("staging").unwrap();
        assert_eq!(staging.topic("orders"), None);
        assert_eq!(staging.topic("production.orders"), None);
        assert_eq!(staging.topic("staging."), None);
        assert_eq!(staging.group("billing"), None);
    }

    #[test]
    fn a_namespace_is_part_of_a_topic_name() {
        assert!(Namespace::new("").is_err());
        assert!(Namespace::new("a b").unwrap_err().contains("use letters"));
    }

    #[test]
    fn a_name_that_kafka_would_refuse_is_an_error() {
        let staging = Namespace::new("staging").unwrap();
        let long = Topic::new("x".repeat(249)).unwrap();
        let error = staging.checked_topic(&long, "subscribe to").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("257 characters"), "{error}");
    }
}
