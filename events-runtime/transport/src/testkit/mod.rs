//! The conformance suite for transports: the promises that every transport keeps.
//!
//! A transport runs the suite with a [`Fixture`] and one line; see `events_runtime::testing::conformance`, which
//! adds the promises that need a bus. This crate's [`conformance!`](crate::conformance) is the part below it.

pub mod keys;
pub mod losses;
pub mod messages;
pub mod model;
pub mod outputs;
pub mod over;
pub mod partitions;
pub mod progress;
pub mod schemas;
pub mod settling;
pub mod start;
pub mod store;
pub mod topics;
pub mod unsettled;
pub mod values;

use std::time::Duration;

use crate::{
    Capability, ConnectOptions, Consumer, ConsumerGroup, Delivery, Message, Position, Producer, Subscription,
    Topic, Transport,
};

/// A time-out that no passing test reaches.
pub const LONG: Duration = Duration::from_secs(60);

/// A store for one test.
pub trait Fixture: Send + Sync {
    /// Opens a new handle to the test's store, which is empty at first. All handles share the messages.
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport>;

    /// Whether handles accept a [`Retention`](crate::Retention) by count. A store that trims itself may refuse it.
    fn trims(&self) -> bool {
        true
    }

    /// The factor by which leases and retry delays are extended: more than 1 for a store that is disturbed
    /// on purpose.
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

/// Another member that gets messages while the first one holds some; `None` if the partition belongs to the first
/// member alone, which then gets them itself.
pub async fn other_member(transport: &dyn Transport, name: &str) -> Option<Box<dyn Consumer>> {
    if transport.capability().assigns { None } else { Some(member(transport, name).await) }
}

/// The other member, or the first one.
pub fn other_or<'c>(
    other: &'c mut Option<Box<dyn Consumer>>,
    first: &'c mut Box<dyn Consumer>,
) -> &'c mut dyn Consumer {
    &mut **other.as_mut().unwrap_or(first)
}

/// A consumer.
pub async fn subscribe(transport: &dyn Transport, subscription: Subscription) -> Box<dyn Consumer> {
    transport.consumer(subscription).await.expect("the consumer subscribes")
}

/// A message of this key, with a header and data that contain key and number.
pub fn message(key: &str, id: usize) -> Message {
    Message::new(format!("{key}#{id}"))
        .with_key(key.to_owned())
        .with_header("ce_id", format!("id-{key}-{id}"))
}

/// Sends messages to the usual topic and returns their positions.
pub async fn send(transport: &dyn Transport, batch: &[Message]) -> Vec<Position> {
    send_to(transport, &topic(), batch).await
}

/// Sends messages and returns their positions.
pub async fn send_to(transport: &dyn Transport, topic: &Topic, batch: &[Message]) -> Vec<Position> {
    let producer = transport.producer().await.expect("a producer");
    stored(&*producer, topic, batch).await
}

/// Sends messages by a producer and returns their positions.
pub async fn stored(producer: &dyn Producer, topic: &Topic, batch: &[Message]) -> Vec<Position> {
    producer.send(topic, batch).await.into_iter().map(|sent| sent.expect("the message is stored")).collect()
}

/// Receives exactly this number of deliveries.
pub async fn receive(consumer: &mut dyn Consumer, count: usize) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    while deliveries.len() < count {
        let more = consumer.receive(count - deliveries.len(), LONG).await.expect("messages are received");
        assert!(!more.is_empty(), "only {} of {count} messages were received", deliveries.len());
        deliveries.extend(more);
    }
    deliveries
}

/// Receives one delivery.
pub async fn receive_one(consumer: &mut dyn Consumer) -> Delivery {
    receive(consumer, 1).await.remove(0)
}

/// A delay that is not over before the next sends and receipts, on a busy machine either.
pub(crate) fn long_delay(fixture: &dyn Fixture) -> Duration {
    (Duration::from_millis(300) * fixture.patience()).max(Duration::from_secs(2))
}

/// Asserts that there is no message to receive now.
pub async fn nothing(consumer: &mut dyn Consumer) {
    let more = consumer.receive(10, Duration::ZERO).await.expect("the call succeeds");
    assert!(more.is_empty(), "unexpected messages: {more:?}");
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

/// Acknowledges all and asserts that each acknowledgement was stored.
pub async fn ack(deliveries: Vec<Delivery>) {
    for acked in crate::ack_all(deliveries).await {
        acked.expect("the acknowledgement is stored");
    }
}

/// Whether the promise `name` can be tested; prints a line if not.
pub fn can(transport: &dyn Transport, name: &str, asked: fn(&Capability) -> bool) -> bool {
    let able = asked(&transport.capability());
    if !able {
        println!("skipped on {}: {name}", transport.url());
    }
    able
}

/// A handle with these options, or with the default ones if the store applies its retention itself.
pub fn with_retention(fixture: &dyn Fixture, options: &ConnectOptions) -> Box<dyn Transport> {
    if fixture.trims() { fixture.connect(options) } else { connect(fixture) }
}

/// Waits until a condition holds.
///
/// # Panics
/// When it does not hold within a minute: longer than a lease lasts before servers that are disturbed.
pub async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, holds).await.is_ok(), "it does not hold in a minute");
}

/// Runs a promise on a runtime of its own, so that the crate that tests needs no tokio.
#[doc(hidden)]
pub fn run(promise: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts")
        .block_on(promise);
}

/// The promises of transports as the tests of one module: the module's name, and an expression that creates a
/// [`Fixture`](crate::testkit::Fixture).
#[macro_export]
macro_rules! conformance {
    ($module:ident, $fixture:expr) => {
        mod $module {
            $crate::transport_promises! { $fixture }
        }
    };
}

/// The list of the promises of transports.
#[doc(hidden)]
#[macro_export]
macro_rules! transport_promises {
    ($fixture:expr) => {
        $crate::promises! { [$crate::testkit] $fixture,
            messages: [
                a_message_comes_back_byte_for_byte,
                empty_data_and_an_empty_key_are_not_absent,
                headers_keep_order_and_repeats,
                a_large_message_passes,
                a_batch_comes_back_in_order,
                each_message_of_a_batch_has_its_own_rising_position,
                sends_started_in_order_are_stored_in_order,
                sends_under_way_at_once_keep_each_key_in_order_over_failures,
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
                a_postponed_delivery_comes_back_not_before_its_time_with_the_same_attempt,
                a_rejected_message_goes_to_the_dead_letter_topic_with_reason_and_headers,
                a_dead_letter_rejected_again_has_its_last_failure,
                an_expired_lease_is_taken_over,
                a_late_acknowledgement_is_an_error_and_the_message_is_not_lost,
                a_renewed_lease_is_not_taken_over,
            ]
            outputs: [
                outputs_are_stored_with_their_acknowledgement,
                outputs_of_another_outcome_are_dropped,
                outputs_of_a_lost_delivery_are_not_stored,
                outputs_of_a_batch_are_stored_once_and_in_order,
                outputs_may_go_to_the_topic_of_their_message,
            ]
            losses: [
                a_message_that_kills_its_members_is_identified_and_costs_the_others_no_attempt,
                losing_a_member_with_several_claims_costs_no_attempt,
                a_key_with_a_poison_candidate_makes_progress,
                a_slow_poison_candidate_does_not_block_other_messages,
            ]
            keys: [
                the_order_of_each_key_is_kept,
                competing_members_keep_the_order_of_each_key,
                a_key_in_flight_elsewhere_waits_while_other_keys_go_on,
                a_key_waiting_for_a_retry_holds_its_later_messages,
                a_postponed_key_holds_its_later_messages_while_other_keys_go_on,
                messages_without_a_key_are_not_held_back,
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
                an_absent_group_cannot_be_removed,
            ]
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
            topics: [
                one_consumer_receives_from_several_topics,
                a_consumer_of_several_topics_is_woken_by_each,
                a_full_topic_does_not_starve_another,
                each_topic_keeps_the_order_of_its_keys,
                a_key_of_one_topic_does_not_hold_it_back_in_another,
                a_cancelled_receive_of_several_topics_loses_nothing,
                closing_a_consumer_leaves_the_groups_of_all_topics,
                an_error_of_one_topic_names_it_and_the_others_continue,
                subscriptions_that_do_not_fit_together_are_an_error,
            ]
            store: [
                retention_never_drops_what_a_group_has_not_settled,
                retention_drops_unsettled_messages_only_if_configured_and_counts_them,
                positions_are_never_used_twice,
                an_absent_topic_is_not_found,
                a_sound_store_passes_its_check,
                topics_are_listed_with_their_messages,
            ]
            schemas: [
                a_stored_schema_is_read_through_every_handle,
                reopening_keeps_schemas,
                an_absent_schema_is_none,
                schemas_of_different_identity_do_not_mix,
                a_schema_stored_again_replaces_its_text,
                storing_a_schema_creates_no_topic_and_no_group,
                schemas_outlive_trimmed_messages_and_removed_groups,
                a_schema_that_is_too_long_is_refused_and_changes_nothing,
                the_text_of_a_schema_comes_back_byte_for_byte,
                concurrent_stores_of_a_schema_all_succeed,
                a_schema_stored_before_a_message_is_there_when_the_message_is_received,
            ]
            unsettled: [
                unsettled_messages_are_listed_in_order,
                reading_what_is_unsettled_changes_nothing,
                an_absent_topic_has_no_unsettled_messages,
            ]
            model: [
                generated_histories_match_the_model,
                poison_candidates_match_the_model,
            ]
        }
    };
}

/// One test for each promise, in a module for each chapter. The path of the chapters is in brackets.
#[doc(hidden)]
#[macro_export]
macro_rules! promises {
    ($path:tt $fixture:expr, $($chapter:ident: $promises:tt)*) => {
        $($crate::promises! { @chapter $path $fixture, $chapter $promises })*
    };
    (@chapter $path:tt $fixture:expr, $chapter:ident [$($promise:ident),* $(,)?]) => {
        mod $chapter {
            #[allow(unused_imports)]
            use super::super::*;
            $($crate::promises! { @promise $path $fixture, $chapter $promise })*
        }
    };
    (@promise [$($path:tt)*] $fixture:expr, $chapter:ident $promise:ident) => {
        #[test]
        fn $promise() {
            let fixture = $fixture;
            $crate::testkit::run($($path)*::$chapter::$promise(&fixture));
        }
    };
}
