//! The conformance suite: the promises that every transport keeps, as tests.
//!
//! A transport runs the suite with one line in `Cargo.toml`, a [`Fixture`], and one macro:
//!
//! ```toml
//! [dev-dependencies]
//! events-runtime = { version = "0.1", features = ["testkit"] }
//! ```
//!
//! ```
//! use events_runtime::testing::conformance::Fixture;
//! use events_runtime::transport::{ConnectOptions, Transport, connect};
//!
//! struct MyStore(String);
//!
//! impl Fixture for MyStore {
//!     fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
//!         connect(&self.0, options).expect("the store opens")
//!     }
//! }
//!
//! events_runtime::conformance!(my_transport, MyStore("memory:my-store".to_owned()));
//! # fn main() {}
//! ```
//!
//! The macro writes a module with a test for each promise, such as
//! `my_transport::keys::the_order_of_each_key_is_kept`. The expression is evaluated once for each test.
//!
//! # The fixture
//! A fixture is an empty store for one test. [`connect`](Fixture::connect) opens a new handle to it; the handles of
//! one fixture share the messages, also after all of them were dropped, if the transport is
//! [durable](events_transport::Capability::durable). A fixture whose store is disturbed on purpose, for example a
//! server that is restarted again and again, returns a [`patience`](Fixture::patience) of more than 1, by which
//! leases and delays are multiplied. The transport must retry its calls in that time.
//!
//! # Capabilities
//! A promise that the transport's [`Capability`](events_transport::Capability) excludes is skipped, with a printed
//! line (`cargo test -- --show-output`). All other promises must be kept.
//!
//! # The promises
//!
//! | chapter | promises about | skipped without |
//! |---|---|---|
//! | [`messages`] | key, headers and data, order, positions | |
//! | [`progress`] | groups and members, waiting, cancelled receives, lag, reopening | `durable` |
//! | [`settling`] | `ack`, `retry`, `release`, `postpone`, `reject`, leases | `takeover`, `counts_attempts`, `keeps_delay` |
//! | [`outputs`] | messages that are stored with an acknowledgement | `transactions` |
//! | [`losses`] | members that are lost, and messages that cause it | `isolates` |
//! | [`keys`] | the order of each key | `takeover`, `retries_hold_key` |
//! | [`start`] | start positions, seek, status, removal of groups | `start_at_time`, `start_at_position`, `seek`, `trim` |
//! | [`topics`] | one consumer of several topics | `retries_hold_key` |
//! | [`store`] | retention, topics, checks | `trim` |
//! | [`schemas`] | writers' schemas beside topics | `schemas`, `durable` |
//! | [`unsettled`] | reading without receiving | support of `Transport::unsettled` |
//! | [`model`] | generated histories, compared with executable models | `isolates` |
//! | [`dead_letters`] | listing, retry, removal, restoring | `takeover` |
//! | [`dead_letter_model`] | generated histories with crashes, compared with a model | |
//! | [`peek`] | reading a topic without a group | support of `Transport::unsettled` |
//! | [`replay`] | replay in a new group and in place, resets | |
//! | [`evolution`] | two versions of a definition on one topic, rolling upgrades | `schemas` |
//! | [`unknown_schemas`] | events whose schema is not known yet, forged schemas | `schemas` |
//! | [`transactions`] | events that receivers emit, stored with the acknowledgement | `transactions` |
//! | [`inbound`] | consumers of a bus: concurrency, failures, unhandled and paused events, shutdown | `counts_attempts`, `retries_hold_key` |
//!
//! # Settings
//! `CONFORMANCE_HISTORIES` sets the number of generated histories of each promise, `CONFORMANCE_SEED` the seed of
//! the first, and `CONFORMANCE_SEEDS` the number of random orders of `keys`. A failing history is shortened and
//! printed with its seed.
//!
//! # Around the suite
//! The functions that the promises use are public, for a transport's own tests: [`send`], [`receive`], [`ack`],
//! [`nothing`], and [`Over`](over::Over), which replaces parts of a transport.

pub mod dead_letter_model;
pub mod dead_letters;
pub mod evolution;
pub mod inbound;
pub mod peek;
pub mod replay;
pub mod transactions;
pub mod unknown_schemas;
mod versions;

pub use events_transport::testkit::*;

/// The whole suite as the tests of one module: the module's name, and an expression that creates a
/// [`Fixture`](crate::testkit::Fixture).
#[macro_export]
macro_rules! conformance {
    ($module:ident, $fixture:expr) => {
        mod $module {
            $crate::testkit::transport_promises! { $fixture }
            $crate::testkit::promises! { [$crate::testkit] $fixture,
                dead_letters: [
                    a_dead_letter_names_its_failure_and_its_event,
                    listing_dead_letters_changes_nothing,
                    a_group_without_dead_letters_has_none,
                    a_dead_letter_can_be_sent_again_with_its_id,
                    only_selected_dead_letters_are_sent_again,
                    a_dropped_dead_letter_is_gone,
                    a_dead_letter_that_fails_again_is_a_dead_letter_again,
                    dead_letters_of_other_groups_are_passed_over,
                    dropped_dead_letters_can_be_restored_from_their_lines,
                    a_retry_killed_between_send_and_removal_loses_nothing,
                    dead_letters_leased_by_others_are_counted,
                    dead_letters_leased_by_others_are_listed_and_left,
                    one_dead_letter_among_many_of_its_key_is_found,
                    a_stopped_retry_leaves_the_rest,
                    dead_letters_are_kept_while_a_send_takes_its_time,
                    a_failed_retry_reports_how_many_are_left,
                    dead_letters_that_stay_survive_a_cumulative_removal,
                    a_dead_letter_without_a_reason_is_listed,
                ]
                dead_letter_model: [
                    dead_letters_match_the_model,
                ]
                peek: [
                    peeking_reads_every_message_and_changes_nothing,
                    peeking_at_a_missing_topic_creates_nothing,
                    peeking_starts_at_a_position_a_time_or_an_event,
                    the_last_messages_are_read,
                    a_peek_continues_with_later_messages,
                    a_dead_letter_topic_is_read_as_any_other,
                ]
                replay: [
                    a_replay_emits_a_range_again_with_its_ids_and_other_groups_see_nothing,
                    a_replay_is_bounded_in_each_partition,
                    a_replay_begins_and_ends_at_events_by_their_ids,
                    an_interrupted_replay_goes_on_where_it_stopped,
                    a_failing_event_of_a_replay_becomes_a_dead_letter,
                    a_replay_in_place_ends_where_the_group_stood,
                    a_replay_in_place_never_moves_a_group_forward,
                    a_replay_in_place_cancelled_anywhere_loses_nothing,
                    running_members_take_part_in_a_replay_in_place_and_nothing_is_lost,
                    a_reset_says_what_it_does,
                ]
                transactions: [
                    events_of_a_receiver_are_stored_with_the_acknowledgement,
                    a_failed_attempt_emits_nothing,
                    events_of_async_receivers_belong_to_the_event,
                    events_emitted_later_are_sent_as_usual,
                ]
                evolution: [
                    version_1_bytes_arrive_in_a_version_2_type,
                    version_2_bytes_arrive_in_a_version_1_type,
                    a_new_consumer_reads_an_old_producer_without_a_schema_file,
                    an_old_consumer_reads_a_new_producer_without_a_schema_file,
                    a_full_change_is_rolled_out_in_any_order,
                    a_backward_change_is_rolled_out_from_the_consumers,
                    a_forward_change_is_rolled_out_from_the_producers,
                    an_incompatible_event_is_a_dead_letter_that_names_the_field,
                ]
                unknown_schemas: [
                    an_unknown_schema_is_a_dead_letter_with_its_fingerprint_after_the_wait,
                    an_event_waits_for_its_schema_without_an_attempt_and_other_keys_go_on,
                    a_forged_schema_is_not_used_and_the_right_one_is_when_it_is_there,
                ]
                inbound: [
                    parallel_work_that_fails_at_random_keeps_each_key_in_order_and_loses_nothing,
                    consumers_of_several_topics_keep_each_key_in_order_and_lose_nothing,
                    consumers_that_stop_and_start_lose_nothing,
                    an_interrupted_event_returns_with_its_attempt_counted,
                    a_parked_key_does_not_block_other_keys,
                    an_event_that_no_receiver_takes_stops_its_consumer_and_stays,
                    events_of_a_disabled_signal_stay_until_it_is_enabled_and_keep_their_order,
                ]
            }
        }
    };
}

#[doc(hidden)]
pub use events_transport::{promises, transport_promises};
