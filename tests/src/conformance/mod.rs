//! What every transport keeps, promise by promise.
//!
//! A transport of your own runs the suite by a [`Fixture`] and one line:
//!
//! ```text
//! events_tests::conformance!(my_transport, MyFixture::new());
//! ```
//!
//! Each promise is a test in that module. A promise that the transport's
//! [`Capability`] says it can't keep is skipped with a
//! printed line, never silently.

pub mod dead_letters;
pub mod evolution;
pub mod inbound;
pub mod keys;
pub mod losses;
pub mod messages;
pub mod progress;
pub mod replay;
pub mod settling;
pub mod start;
pub mod store;
pub mod unsettled;

use std::time::Duration;

use events_runtime::transport::{
    Capability, ConnectOptions, Consumer, ConsumerGroup, Delivery, Message, Position, Producer, Subscription,
    Topic, Transport,
};

/// Longer than anything here takes; a test that waits so long has failed.
pub const LONG: Duration = Duration::from_secs(60);

/// A store made for one test.
pub trait Fixture: Send + Sync {
    /// A new handle to the test's store, which is empty at first. All handles see the same
    /// messages.
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport>;

    /// How many times longer than usual a lease or a retry's pause must be in which something is done, because the store is
    /// disturbed on purpose.
    fn patience(&self) -> u32 {
        1
    }
}

/// The topic that the tests use.
pub fn topic() -> Topic {
    named("orders")
}

/// A topic of this name.
pub fn named(name: &str) -> Topic {
    Topic::new(name).expect("a valid topic")
}

/// A group of this name.
pub fn group(name: &str) -> ConsumerGroup {
    ConsumerGroup::new(name).expect("a valid group")
}

/// A handle with the default options.
pub fn connect(fixture: &dyn Fixture) -> Box<dyn Transport> {
    fixture.connect(&ConnectOptions::new())
}

/// A subscription of this group to the usual topic.
pub fn subscription(name: &str) -> Subscription {
    Subscription::new(topic(), group(name))
}

/// A member of this group on the usual topic.
pub async fn member(transport: &dyn Transport, name: &str) -> Box<dyn Consumer> {
    subscribe(transport, subscription(name)).await
}

/// A consumer.
pub async fn subscribe(transport: &dyn Transport, subscription: Subscription) -> Box<dyn Consumer> {
    transport.consumer(subscription).await.expect("the consumer subscribes")
}

/// A message of this key with a header and data that name it.
pub fn message(key: &str, id: usize) -> Message {
    Message::new(format!("{key}#{id}"))
        .with_key(key.to_owned())
        .with_header("ce_id", format!("id-{key}-{id}"))
}

/// Sends messages to the usual topic and gives their positions.
pub async fn send(transport: &dyn Transport, batch: &[Message]) -> Vec<Position> {
    send_to(transport, &topic(), batch).await
}

/// Sends messages and gives their positions.
pub async fn send_to(transport: &dyn Transport, topic: &Topic, batch: &[Message]) -> Vec<Position> {
    let producer = transport.producer().await.expect("a producer");
    stored(&*producer, topic, batch).await
}

/// Sends messages by a producer and gives their positions.
pub async fn stored(producer: &dyn Producer, topic: &Topic, batch: &[Message]) -> Vec<Position> {
    producer.send(topic, batch).await.into_iter().map(|sent| sent.expect("the message is stored")).collect()
}

/// Receives exactly so many deliveries.
pub async fn receive(consumer: &mut dyn Consumer, count: usize) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    while deliveries.len() < count {
        let more = consumer.receive(count - deliveries.len(), LONG).await.expect("messages are received");
        assert!(!more.is_empty(), "only {} of {count} messages came", deliveries.len());
        deliveries.extend(more);
    }
    deliveries
}

/// Receives one delivery.
pub async fn receive_one(consumer: &mut dyn Consumer) -> Delivery {
    receive(consumer, 1).await.remove(0)
}

/// Asserts that there is nothing to receive now.
pub async fn nothing(consumer: &mut dyn Consumer) {
    let more = consumer.receive(10, Duration::ZERO).await.expect("the call succeeds");
    assert!(more.is_empty(), "nothing was to come: {more:?}");
}

/// The data of deliveries as text.
pub fn texts(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| String::from_utf8_lossy(&delivery.message().data).into_owned()).collect()
}

/// The key and the data of a delivery as text.
pub fn key_and_text(delivery: &Delivery) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let message = delivery.message();
    (message.key.as_deref().map(text).unwrap_or_default(), text(&message.data))
}

/// Acknowledges all, and asserts that each was stored.
pub async fn ack(deliveries: Vec<Delivery>) {
    for acked in events_runtime::transport::ack_all(deliveries).await {
        acked.expect("the acknowledgement is stored");
    }
}

/// Whether the promise `name` can be tested; says so where it can't.
pub fn can(transport: &dyn Transport, name: &str, asked: fn(&Capability) -> bool) -> bool {
    let able = asked(&transport.capability());
    if !able {
        println!("skipped on {}: {name}", transport.url());
    }
    able
}

/// The whole suite as tests of one module: a name, and an expression that makes a [`Fixture`].
#[macro_export]
macro_rules! conformance {
    ($module:ident, $fixture:expr) => {
        $crate::conformance_promises! { $module, $fixture,
            messages: [
                a_message_comes_back_byte_for_byte,
                empty_data_and_an_empty_key_are_not_absent,
                headers_keep_order_and_repeats,
                a_large_message_passes,
                a_batch_comes_back_in_order,
                each_message_of_a_batch_has_its_own_rising_position,
                sends_started_in_order_are_stored_in_order,
                topics_do_not_mix,
            ]
            progress: [
                two_groups_each_get_every_message,
                competing_members_share_without_duplicates,
                a_waiting_consumer_is_woken_by_a_send,
                a_waiting_consumer_is_woken_through_another_handle,
                an_empty_topic_gives_nothing_when_the_wait_ends,
                a_subscription_may_come_before_the_topic,
                a_cancelled_receive_loses_nothing,
                cancelled_receives_keep_the_order_of_each_key,
                the_lag_is_what_the_group_has_not_settled,
                reopening_keeps_messages_and_progress,
            ]
            settling: [
                an_acknowledged_message_never_comes_again,
                messages_are_acknowledged_in_any_order,
                a_dropped_delivery_comes_back_with_the_same_id_and_a_raised_attempt,
                a_retry_comes_back_not_before_its_time,
                a_released_delivery_comes_back_with_the_same_attempt,
                a_rejected_message_goes_to_the_dead_letter_topic_with_reason_and_headers,
                a_dead_letter_rejected_again_tells_its_last_end,
                an_expired_lease_is_taken_over,
                a_late_acknowledgement_is_an_error_and_the_message_is_not_lost,
                a_renewed_lease_is_not_taken_over,
            ]
            losses: [
                a_message_that_ends_its_members_is_found_and_costs_the_others_no_attempt,
                losing_a_member_with_several_claims_costs_no_attempt,
                a_key_whose_first_message_is_suspected_goes_on,
                a_suspect_at_work_leaves_room_for_others_in_the_end,
            ]
            dead_letters: [
                a_dead_letter_tells_its_end_and_its_event,
                listing_dead_letters_takes_nothing,
                a_group_without_dead_letters_has_none,
                a_dead_letter_can_be_sent_again_with_its_id,
                only_selected_dead_letters_are_sent_again,
                a_dropped_dead_letter_is_gone,
                a_dead_letter_that_fails_again_is_a_dead_letter_again,
                dead_letters_of_other_groups_are_passed_over,
                dropped_dead_letters_can_be_restored_from_their_lines,
                a_retry_that_dies_between_send_and_removal_loses_nothing,
                dead_letters_in_other_hands_are_counted,
                dead_letters_in_other_hands_are_listed_and_left,
                one_dead_letter_among_many_of_its_key_is_found,
                a_retry_that_is_told_to_stop_leaves_the_rest,
                dead_letters_are_kept_while_a_send_takes_its_time,
                a_retry_that_fails_tells_how_many_are_left,
                dead_letters_that_stay_survive_a_cumulative_removal,
                a_dead_letter_without_a_reason_is_one_all_the_same,
            ]
            keys: [
                the_order_of_each_key_is_kept,
                competing_members_keep_the_order_of_each_key,
                a_key_in_flight_elsewhere_waits_while_other_keys_go_on,
                a_key_waiting_for_a_retry_holds_its_later_messages,
                messages_without_a_key_wait_for_nobody,
                a_taken_over_key_keeps_its_order,
                random_settling_keeps_the_order_and_loses_nothing,
            ]
            start: [
                a_group_starts_at_the_earliest_message_by_default,
                a_group_at_latest_gets_only_what_comes_later,
                a_group_starts_at_a_time,
                a_group_starts_at_a_position,
                the_start_position_counts_only_once,
                a_group_can_be_moved_back,
                a_group_can_be_moved_forward,
                a_status_names_the_earliest_unsettled_message,
                a_removed_group_comes_back_as_new,
                a_removed_group_holds_back_no_retention,
                members_of_a_removed_group_lose_what_they_hold,
                a_group_that_is_not_there_can_not_be_removed,
            ]
            replay: [
                a_replay_emits_a_range_again_with_its_ids_and_other_groups_see_nothing,
                a_replay_begins_and_ends_at_events_by_their_ids,
                an_interrupted_replay_goes_on_where_it_stopped,
                a_failing_event_of_a_replay_becomes_a_dead_letter,
                a_replay_in_place_ends_where_the_group_stood,
                a_replay_in_place_never_moves_a_group_forward,
                a_replay_in_place_that_is_cut_off_anywhere_loses_nothing,
                running_members_take_part_in_a_replay_in_place_and_nothing_is_lost,
                a_reset_says_what_it_does,
            ]
            store: [
                retention_never_drops_what_a_group_has_not_settled,
                retention_drops_unsettled_messages_only_when_told_and_counts_them,
                positions_are_never_used_twice,
                a_topic_that_is_not_there_is_not_found,
                a_sound_store_passes_its_check,
                topics_are_listed_with_their_messages,
            ]
            unsettled: [
                unsettled_messages_are_read_in_order_whoever_has_them,
                reading_what_is_unsettled_changes_nothing,
                a_topic_that_is_not_there_has_nothing_unsettled,
            ]
            evolution: [
                version_1_bytes_arrive_in_a_version_2_type,
                version_2_bytes_arrive_in_a_version_1_type,
                an_unknown_schema_is_a_dead_letter_with_its_fingerprint,
            ]
            inbound: [
                parallel_work_that_fails_at_random_keeps_each_key_in_order_and_loses_nothing,
                consumers_that_stop_and_start_lose_nothing,
                an_event_cut_short_comes_again_with_its_attempt_counted,
                a_parked_key_holds_up_no_other,
            ]
        }
    };
}

/// What [`conformance!`] expands by.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_promises {
    ($module:ident, $fixture:expr, $($chapter:ident: [$($promise:ident),* $(,)?])*) => {
        mod $module {
            $(mod $chapter {
                #[allow(unused_imports)]
                use super::super::*;
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $promise() {
                        let fixture = $fixture;
                        $crate::conformance::$chapter::$promise(&fixture).await;
                    }
                )*
            })*
        }
    };
}
