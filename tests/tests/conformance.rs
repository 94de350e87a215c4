//! The conformance suite on memory, `SQLite` and the simulator.

use std::sync::OnceLock;

use events_runtime::testing::sim::{Faults, Sim};
use events_runtime::transport::{ConnectOptions, Transport, connect};
use events_tests::conformance;
use events_tests::conformance::Fixture;

/// A memory store for one test. It lives as long as the test holds a handle.
struct Memory {
    url: String,
}

impl Memory {
    fn new() -> Self {
        Self::with("")
    }

    fn with(query: &str) -> Self {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self { url: format!("memory:conformance-{number}{query}") }
    }
}

impl Fixture for Memory {
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        connect(&self.url, options).expect("a memory store opens")
    }
}

conformance!(memory, Memory::new());

/// The promises for a transport with partitions, of which the others need one order of all messages.
mod memory_partitions {
    events_runtime::testing::conformance::promises! {
        [events_tests::conformance] Memory::with("?partitions=3"),
        partitions: [
            positions_of_two_partitions_do_not_compare,
            the_messages_of_a_key_are_in_one_partition,
            a_group_starts_at_a_position_in_each_partition,
            a_position_of_no_partition_is_an_error,
            a_group_is_moved_in_each_partition,
            a_status_reports_each_partition,
            unsettled_messages_are_listed_by_partition,
            members_keep_the_order_of_each_key,
        ]
        keys: [
            the_order_of_each_key_is_kept,
            competing_members_keep_the_order_of_each_key,
            a_key_in_flight_elsewhere_waits_while_other_keys_go_on,
            a_key_waiting_for_a_retry_holds_its_later_messages,
            random_settling_keeps_the_order_and_loses_nothing,
        ]
        settling: [
            an_acknowledged_message_never_comes_again,
            a_dropped_delivery_comes_back_with_the_same_id_and_a_raised_attempt,
            a_rejected_message_goes_to_the_dead_letter_topic_with_reason_and_headers,
            a_late_acknowledgement_is_an_error_and_the_message_is_not_lost,
        ]
        start: [
            a_group_starts_at_a_time,
            a_group_at_latest_gets_only_what_comes_later,
            a_group_can_be_moved_back,
            a_group_can_be_moved_forward,
        ]
        schemas: [
            a_stored_schema_is_read_through_every_handle,
            schemas_of_different_identity_do_not_mix,
            storing_a_schema_creates_no_topic_and_no_group,
            schemas_outlive_trimmed_messages_and_removed_groups,
            a_schema_stored_before_a_message_is_there_when_the_message_is_received,
        ]
        replay: [a_replay_is_bounded_in_each_partition]
    }
}

/// A file for one test.
struct Sqlite {
    folder: tempfile::TempDir,
    query: &'static str,
}

impl Sqlite {
    fn new(query: &'static str) -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), query }
    }
}

impl Fixture for Sqlite {
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        let url = format!("sqlite://{}/events.db{}", self.folder.path().display(), self.query);
        connect(&url, options).expect("the file opens")
    }
}

conformance!(sqlite, Sqlite::new(""));
conformance!(sqlite_without_fsync, Sqlite::new("?synchronous=off"));

/// A simulated broker without faults.
#[derive(Default)]
struct Simulated(OnceLock<Sim>);

impl Fixture for Simulated {
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        self.0.get_or_init(|| Sim::with_options(0, Faults::none(), options)).transport()
    }
}

conformance!(sim, Simulated::default());

/// Promises about dead letters that these transports make beyond the suite.
macro_rules! letters {
    ($module:ident, $fixture:expr) => {
        mod $module {
            use super::*;
            use conformance::store;

            #[tokio::test]
            async fn dead_letters_are_not_trimmed_unless_their_own_retention_says_so() {
                store::dead_letters_are_not_trimmed_unless_their_own_retention_says_so(&$fixture).await;
            }

            #[tokio::test]
            async fn dead_letters_are_not_trimmed_whatever_their_topic_is_called() {
                store::dead_letters_are_not_trimmed_whatever_their_topic_is_called(&$fixture).await;
            }

            #[tokio::test]
            async fn dead_letters_that_their_own_retention_drops_unread_are_counted() {
                store::dead_letters_that_their_own_retention_drops_unread_are_counted(&$fixture).await;
            }
        }
    };
}

letters!(memory_letters, Memory::new());
letters!(sqlite_letters, Sqlite::new(""));
