//! The conformance suite: the promises that every transport keeps, with a bus on it.

pub mod dead_letters;
pub mod evolution;
pub mod inbound;
pub mod replay;

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
                evolution: [
                    version_1_bytes_arrive_in_a_version_2_type,
                    version_2_bytes_arrive_in_a_version_1_type,
                    an_unknown_schema_is_a_dead_letter_with_its_fingerprint,
                ]
                inbound: [
                    parallel_work_that_fails_at_random_keeps_each_key_in_order_and_loses_nothing,
                    consumers_that_stop_and_start_lose_nothing,
                    an_interrupted_event_returns_with_its_attempt_counted,
                    a_parked_key_does_not_block_other_keys,
                ]
            }
        }
    };
}

#[doc(hidden)]
pub use events_transport::{promises, transport_promises};
