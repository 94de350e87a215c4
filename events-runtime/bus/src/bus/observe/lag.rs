//! Polls the groups of a consumer's topic: their lag and their dead letters.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Key, Label};

use super::Consuming;
use super::metrics::{CONSUMER_LAG, DEAD_LETTERS_WAITING};
use crate::bus::dead_letters::DeadLetters;
use crate::bus::offsets::is_lookup;
use events_support::error_chain::chain;
use events_transport::{ConsumerGroup, GroupStatus, Topic, Transport, TransportError};

/// The partition label for topics without partitions.
const ONLY: &str = "0";

/// A topic whose groups are polled.
pub(in crate::bus) struct Watched<'t> {
    pub(in crate::bus) transport: &'t dyn Transport,
    pub(in crate::bus) consuming: Arc<Consuming>,
    /// The dead-letter topic of the consumer's own group.
    pub(in crate::bus) dead_letters: Topic,
}

impl Watched<'_> {
    /// Sets the gauges of the topic's groups at each interval, for as long as it is polled. A transport that
    /// does not answer blocks nothing else.
    pub(in crate::bus) async fn poll(&self, interval: Option<Duration>) -> Infallible {
        let Some(interval) = interval else { return std::future::pending().await };
        let mut set = BTreeSet::new();
        loop {
            set = self.measure(set).await;
            tokio::time::sleep(interval).await;
        }
    }

    /// Sets the gauges. Those that were set before and have no value any more, since their group was removed,
    /// become 0. Returns the gauges that have a value.
    async fn measure(&self, before: BTreeSet<Key>) -> BTreeSet<Key> {
        let Consuming { topic, group, .. } = &*self.consuming;
        let groups = match self.transport.groups(topic).await {
            Ok(groups) => groups,
            Err(error) => {
                tracing::debug!(%topic, %group, error = chain(&error), "failed to read the lag of the groups");
                return before;
            }
        };
        let mut set = BTreeSet::new();
        for status in groups.iter().filter(|status| !is_lookup(status.group.as_str())) {
            self.set_lag(status, &mut set);
            match self.dead_letters_waiting(&status.group).await {
                Ok(waiting) => {
                    let labels = self.consuming.labels_of(&status.group);
                    set.insert(gauge(DEAD_LETTERS_WAITING, labels, waiting));
                }
                Err(error) => {
                    let group = &status.group;
                    tracing::debug!(%topic, %group, error = chain(&error), "failed to count the dead letters of a group");
                }
            }
        }
        for gone in before.difference(&set) {
            let labels: Vec<_> = gone.labels().cloned().collect();
            metrics::gauge!(gone.name().to_owned(), labels).set(0.0);
        }
        set
    }

    fn set_lag(&self, status: &GroupStatus, set: &mut BTreeSet<Key>) {
        let mut set_lag = |partition: String, lag: u64| {
            let mut labels = self.consuming.labels_of(&status.group);
            labels.push(Label::new("partition", partition));
            set.insert(gauge(CONSUMER_LAG, labels, lag));
        };
        if status.partitions.is_empty() {
            set_lag(ONLY.to_owned(), status.lag);
        }
        for partition in &status.partitions {
            set_lag(partition.partition.to_string(), partition.lag);
        }
    }

    /// The number of a group's dead letters that were neither retried nor dropped.
    async fn dead_letters_waiting(&self, group: &ConsumerGroup) -> Result<u64, TransportError> {
        let Consuming { topic, group: own, .. } = &*self.consuming;
        let (topic, of_group) = (topic.clone(), group.clone());
        let dead_letters = if group == own {
            DeadLetters::kept_in(self.transport, topic, of_group, self.dead_letters.clone())
        } else {
            DeadLetters::of(self.transport, topic, of_group)?
        };
        dead_letters.waiting().await
    }
}

/// Sets a gauge, and returns its key.
fn gauge(name: &'static str, labels: Vec<Label>, value: u64) -> Key {
    // Exact up to 2^53 messages.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    let value = value as f64;
    metrics::gauge!(name, labels.clone()).set(value);
    Key::from_parts(name, labels)
}
