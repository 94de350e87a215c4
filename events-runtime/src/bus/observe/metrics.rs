//! The names of the bus's metrics, with what they mean and their units.

use metrics::Unit;

pub(in crate::bus) const EMITTED: &str = "events_emitted_total";
pub(in crate::bus) const SENT: &str = "events_sent_total";
pub(in crate::bus) const SEND_FAILED: &str = "events_send_failed_total";
pub(in crate::bus) const SEND_RETRIED: &str = "events_send_retried_total";
pub(in crate::bus) const STORE_REFUSES: &str = "events_store_refuses_total";
pub(in crate::bus) const QUEUE_DEPTH: &str = "events_queue_depth";
pub(in crate::bus) const CIRCUIT_OPEN: &str = "events_circuit_open";
pub(in crate::bus) const CONSUMED: &str = "events_consumed_total";
pub(in crate::bus) const RETRIED: &str = "events_retried_total";
pub(in crate::bus) const DEAD_LETTERED: &str = "events_dead_lettered_total";
pub(in crate::bus) const RECEIVE_RETRIED: &str = "events_receive_retried_total";
pub(in crate::bus) const SKIPPED: &str = "events_skipped_total";
pub(in crate::bus) const PARKED: &str = "events_parked_total";
pub(in crate::bus) const SETTLE_FAILED: &str = "events_settle_failed_total";
pub(in crate::bus) const UNKNOWN: &str = "events_unknown_total";
pub(in crate::bus) const DEDUPLICATED: &str = "events_deduplicated_total";
pub(in crate::bus) const DEDUP_FAILED: &str = "events_dedup_failed_total";
pub(in crate::bus) const UNRECEIVED: &str = "events_unreceived_total";
pub(in crate::bus) const TRACE_IGNORED: &str = "events_trace_ignored_total";
pub(in crate::bus) const CONSUMER_LAG: &str = "events_consumer_lag";
pub(in crate::bus) const HANDLER_SECONDS: &str = "events_handler_seconds";
pub(in crate::bus) const ERROR_LOG_LOST: &str = "events_error_log_lost_total";
/// Counted by the hub, with or without a bus.
const RECEIVER_FAILURES: &str = "events_receiver_failures_total";

const COUNTERS: [(&str, &str); 19] = [
    (EMITTED, "events that were given to a bus and have a route"),
    (SENT, "messages that a topic acknowledged"),
    (SEND_FAILED, "messages that were refused for good, or that the queue had no place for"),
    (SEND_RETRIED, "failed attempts to send that are followed by another"),
    (STORE_REFUSES, "failed calls to a store that refuses all until somebody sets it right"),
    (CONSUMED, "messages that were acknowledged to the topic"),
    (RETRIED, "messages that were handed back after a failure"),
    (DEAD_LETTERED, "messages that went to the dead letters"),
    (RECEIVE_RETRIED, "failed calls for messages that are followed by another"),
    (SKIPPED, "messages that receivers passed over"),
    (PARKED, "messages whose attempts are used up and that stay in place"),
    (SETTLE_FAILED, "outcomes that the transport did not store; their messages come again"),
    (UNKNOWN, "events of types that are not linked"),
    (DEDUPLICATED, "events that were handled before and went to no receiver"),
    (DEDUP_FAILED, "handled events that could not be remembered"),
    (UNRECEIVED, "events that came and had no receiver"),
    (TRACE_IGNORED, "headers of a trace context that came twice or are no text"),
    (ERROR_LOG_LOST, "events that could not be written to the error log"),
    (RECEIVER_FAILURES, "receivers that failed"),
];

const GAUGES: [(&str, &str); 3] = [
    (QUEUE_DEPTH, "messages that are not acknowledged yet"),
    (CIRCUIT_OPEN, "1 while the last attempt to send failed, else 0"),
    (CONSUMER_LAG, "messages that the group has not settled"),
];

const HISTOGRAMS: [(&str, &str); 1] = [(HANDLER_SECONDS, "the time that all receivers of an event took")];

/// Tells the recorder of the process what the names mean.
pub(in crate::bus) fn describe() {
    for (name, meaning) in COUNTERS {
        metrics::describe_counter!(name, Unit::Count, meaning);
    }
    for (name, meaning) in GAUGES {
        metrics::describe_gauge!(name, Unit::Count, meaning);
    }
    for (name, meaning) in HISTOGRAMS {
        metrics::describe_histogram!(name, Unit::Seconds, meaning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_stands_in_the_table_of_the_documentation() {
        let documented = include_str!("../mod.rs");
        for (kind, entries) in [("counter", &COUNTERS[..]), ("gauge", &GAUGES), ("histogram", &HISTOGRAMS)] {
            for (name, _) in entries {
                assert!(documented.contains(&format!("//! | `{name}` | {kind} |")), "{name}");
            }
        }
        let rows = documented.lines().filter(|line| line.starts_with("//! | `events_")).count();
        assert_eq!(rows, COUNTERS.len() + GAUGES.len() + HISTOGRAMS.len());
    }
}
