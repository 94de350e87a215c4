//! Reads the control requests of a group.

use std::time::Duration;

use events_support::error_chain::caught;
use events_transport::TransportError;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::context::Context;
use super::error::convert;
use super::settings::ClientSettings;

/// A client that reads what is committed in one group, which it never joins.
pub(crate) struct ControlClient {
    consumer: BaseConsumer<Context>,
    group: String,
}

impl ControlClient {
    /// Creates a client for a group by its name in Kafka.
    ///
    /// # Errors
    /// A [`TransportError`] if a setting is wrong.
    pub(crate) fn new(settings: &ClientSettings, group: String) -> Result<Self, TransportError> {
        let consumer = settings
            .consumer(&group)
            .create_with_context(settings.context())
            .map_err(|error| convert(error, "look for requests in", &group))?;
        Ok(Self { consumer, group })
    }

    /// The metadata that is committed for partition 0 of each topic; empty where there is none.
    ///
    /// # Errors
    /// A [`TransportError`] if the cluster is not reached within `wait`.
    pub(crate) fn read(
        &self,
        topics: &[String],
        wait: Duration,
    ) -> Result<Vec<(String, String)>, TransportError> {
        // Serves the log and the errors of the client.
        drop(self.consumer.poll(Duration::ZERO));
        let mut list = TopicPartitionList::with_capacity(topics.len());
        for topic in topics {
            list.add_partition(topic, 0);
        }
        let found = self
            .consumer
            .committed_offsets(list, wait)
            .map_err(|error| convert(error, "look for requests in", &self.group))?;
        let metadata = |one: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            // rdkafka panics at metadata that is not UTF-8.
            (one.topic().to_owned(), caught(|| one.metadata().to_owned()).unwrap_or_default())
        };
        Ok(found.elements().iter().map(metadata).collect())
    }
}
