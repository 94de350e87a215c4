//! The names, units and descriptions of the bus's metrics.

use metrics::Unit;

pub(in crate::bus) const SCHEMAS_STORED: &str = "events_schemas_stored_total";
pub(in crate::bus) const SCHEMAS_FETCHED: &str = "events_schemas_fetched_total";
pub(in crate::bus) const SCHEMA_WAITS: &str = "events_schema_waits_total";
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
pub(in crate::bus) const PAUSED: &str = "events_paused_total";
pub(in crate::bus) const PARKED: &str = "events_parked_total";
pub(in crate::bus) const SETTLE_FAILED: &str = "events_settle_failed_total";
pub(in crate::bus) const UNKNOWN: &str = "events_unknown_total";
pub(in crate::bus) const DEDUPLICATED: &str = "events_deduplicated_total";
pub(in crate::bus) const DEDUP_FAILED: &str = "events_dedup_failed_total";
pub(in crate::bus) const UNRECEIVED: &str = "events_unreceived_total";
pub(in crate::bus) const TRACE_IGNORED: &str = "events_trace_ignored_total";
pub(in crate::bus) const CONSUMER_LAG: &str = "events_consumer_lag";
pub(in crate::bus) const DEAD_LETTERS_WAITING: &str = "events_dead_letters_waiting";
pub(in crate::bus) const HANDLER_SECONDS: &str = "events_handler_seconds";
pub(in crate::bus) const ERROR_LOG_LOST: &str = "events_error_log_lost_total";
/// Recorded by the hub, with or without a bus.
const RECEIVER_FAILURES: &str = "events_receiver_failures_total";

const COUNTERS: [(&str, &str); 23] = [
    (EMITTED, "events offered to a bus that have a route"),
    (SENT, "messages acknowledged by the topic"),
    (SEND_FAILED, "messages refused permanently, or rejected because the queue was full"),
    (SEND_RETRIED, "failed attempts to send that are retried"),
    (STORE_REFUSES, "calls refused by a store until an operator fixes it"),
    (SCHEMAS_STORED, "schemas stored beside the topic before their first message"),
    (SCHEMAS_FETCHED, "schemas of other versions fetched from the topic"),
    (SCHEMA_WAITS, "messages postponed until their schema is found"),
    (CONSUMED, "messages acknowledged to the topic"),
    (RETRIED, "messages returned for another attempt after a failure"),
    (DEAD_LETTERED, "messages moved to the dead letters"),
    (RECEIVE_RETRIED, "failed receive calls that are retried"),
    (SKIPPED, "messages skipped by their receivers"),
    (PAUSED, "messages returned because the signal of their event is disabled"),
    (PARKED, "messages that exhausted their attempts and stay in the topic"),
    (SETTLE_FAILED, "outcomes that the transport did not store; the messages are redelivered"),
    (UNKNOWN, "events of types that are not linked into the program"),
    (DEDUPLICATED, "duplicates that were acknowledged without calling a receiver"),
    (DEDUP_FAILED, "handled events whose ids could not be stored"),
    (UNRECEIVED, "events that no receiver takes"),
    (TRACE_IGNORED, "trace context headers that are duplicated or not text"),
    (ERROR_LOG_LOST, "events that could not be written to the error log"),
    (RECEIVER_FAILURES, "failed receiver calls"),
];

const GAUGES: [(&str, &str); 4] = [
    (QUEUE_DEPTH, "messages not yet acknowledged"),
    (CIRCUIT_OPEN, "1 while the last attempt to send failed, else 0"),
    (CONSUMER_LAG, "messages not settled by the group"),
    (DEAD_LETTERS_WAITING, "dead letters of the group that were neither retried nor dropped"),
];

const HISTOGRAMS: [(&str, &str); 1] =
    [(HANDLER_SECONDS, "the time to decode an event and run all its receivers")];

/// Describes the metrics to the process's recorder.
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
    fn every_metric_is_documented() {
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
