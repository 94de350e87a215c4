//! Polls the lag of a consumer's group.

use std::convert::Infallible;
use std::time::Duration;

use metrics::Label;

use super::Consuming;
use super::metrics::CONSUMER_LAG;
use events_support::error_chain::chain;
use events_transport::Transport;

/// The partition label for topics without partitions.
const ONLY: &str = "0";

/// Sets the lag gauge of the consumer's group at each interval, for as long as it is polled. A transport
/// that does not answer blocks nothing else.
pub(in crate::bus) async fn watch(
    transport: &dyn Transport,
    consuming: &Consuming,
    interval: Option<Duration>,
) -> Infallible {
    let Some(interval) = interval else { return std::future::pending().await };
    loop {
        ask(transport, consuming).await;
        tokio::time::sleep(interval).await;
    }
}

async fn ask(transport: &dyn Transport, consuming: &Consuming) {
    let Consuming { topic, group, .. } = consuming;
    let groups = match transport.groups(topic).await {
        Ok(groups) => groups,
        Err(error) => {
            tracing::debug!(%topic, %group, error = chain(&error), "failed to read the lag of the group");
            return;
        }
    };
    let Some(status) = groups.iter().find(|status| status.group == *group) else { return };
    let set = |partition: String, lag: u64| {
        // Exact up to 2^53 messages.
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        let lag = lag as f64;
        let mut labels = consuming.labels();
        labels.push(Label::new("partition", partition));
        metrics::gauge!(CONSUMER_LAG, labels).set(lag);
    };
    if status.partitions.is_empty() {
        set(ONLY.to_owned(), status.lag);
    }
    for partition in &status.partitions {
        set(partition.partition.to_string(), partition.lag);
    }
}
