//! What librdkafka reports to a member of a group.

use std::sync::{Mutex, PoisonError};

use events_support::error_chain::chain;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use super::Place;
use crate::client::context::Context;

/// What happened to the group. The answer to an assignment or a revocation is a call to
/// [`assign`](GroupClient::assign) or [`unassign`](GroupClient::unassign), which may come much later.
#[derive(Debug)]
pub(crate) enum GroupEvent {
    Assigned(Vec<Place>),
    Revoked {
        places: Vec<Place>,
        /// Another member may have the partitions already.
        is_lost: bool,
    },
}

pub(super) struct GroupContext {
    pub(super) inner: Context,
    pub(super) topics: Vec<String>,
    pub(super) events: Mutex<Vec<GroupEvent>>,
    /// Whether the member is closing. Events are then answered here, because the worker reads no more of them.
    pub(super) closing: std::sync::atomic::AtomicBool,
}

impl GroupContext {
    fn add(&self, event: GroupEvent) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    pub(super) fn place(&self, topic: &str, partition: i32) -> Option<Place> {
        let index = self.topics.iter().position(|own| own == topic)?;
        Some(Place { topic: index, partition: u32::try_from(partition).ok()? })
    }

    fn places(&self, list: &TopicPartitionList) -> Vec<Place> {
        list.elements().iter().filter_map(|one| self.place(one.topic(), one.partition())).collect()
    }
}

impl AsRef<Context> for GroupContext {
    fn as_ref(&self) -> &Context {
        &self.inner
    }
}

impl ClientContext for GroupContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Context::ENABLE_REFRESH_OAUTH_TOKEN;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.inner.log(level, facility, message);
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, statistics: &[u8]) {
        self.inner.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.inner.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.inner.generate_oauth_token(config)
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let is_assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(std::sync::atomic::Ordering::Acquire) {
            let answered = match consumer.rebalance_protocol() {
                RebalanceProtocol::Cooperative if is_assigned => consumer.incremental_assign(partitions),
                RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
                _ => consumer.unassign(),
            };
            if let Err(error) = answered {
                tracing::debug!(error = chain(&error), "the last rebalance of a consumer failed");
            }
            return;
        }
        let places = self.places(partitions);
        self.add(if is_assigned {
            GroupEvent::Assigned(places)
        } else {
            GroupEvent::Revoked { places, is_lost: consumer.assignment_lost() }
        });
    }
}
