//! The conformance suite on `kafka:`, on one broker that the tests of a module share, each in a namespace of its
//! own: without faults, and while the broker is restarted, killed or paused, or its connections are closed.

use std::time::Duration;

use events_server_tests::{KafkaServer, Proxy, SharedServers, TestServers, free_port};
use events_tests::conformance;

type Kafka = TestServers<KafkaServer>;

/// The first pause between two faults. A broker that comes back needs seconds, and so do its groups.
const REST: Duration = Duration::from_secs(20);
/// The first pause between two cuts. A group can't rebalance in less: it answers a member that joins when all members
/// have heard of it, at their next heartbeats, and have joined again.
const BRIEF: Duration = Duration::from_secs(2);
/// A restart takes 3 to 6 s, and longer on a busy machine.
const PATIENCE: u32 = 40;
/// A client reconnects within a second.
const SHORT: u32 = 15;
/// The time for which a start waits for the cluster, which the faults take away at any moment.
const AWAY: &str = "timeout=60s";
/// The session is longer than the absence of a broker, so that members keep their places. It is shorter than `REST`,
/// because a group waits a session for a member that could not say that it leaves, and a broker that starts begins to
/// count anew.
const SESSION: &str = "session.timeout.ms=15000&heartbeat.interval.ms=500";

/// One partition: most promises are about one order of all messages.
fn alone() -> Kafka {
    let server = KafkaServer::start();
    TestServers::new(server.url(), server).set("create_topics=true")
}

/// A namespace of the broker without faults.
fn kafka() -> SharedServers {
    SharedServers::of("kafka", alone)
}

fn restarted() -> SharedServers {
    SharedServers::of("restarted", || {
        alone().set(AWAY).set(SESSION).with_faults("restarted", REST, PATIENCE, |server| {
            server.stop();
            server.start_again();
        })
    })
}

fn killed() -> SharedServers {
    SharedServers::of("killed", || {
        alone().set(AWAY).set(SESSION).with_faults("killed", REST, PATIENCE, |server| {
            server.kill();
            server.start_again();
        })
    })
}

/// Half of the pauses exceed the timeout of requests.
fn paused() -> SharedServers {
    SharedServers::of("paused", || {
        let kafka = alone().with_faults("paused", REST / 20, PATIENCE, |server| {
            server.signal("STOP");
            std::thread::sleep(Duration::from_millis(fastrand::u64(100..2_000)));
            server.signal("CONT");
        });
        kafka.set(AWAY).set(SESSION).set("socket.timeout.ms=1000").set("request.timeout.ms=1000")
    })
}

/// All clients go through a proxy, whose port the broker tells them.
fn cut() -> SharedServers {
    SharedServers::of("cut", || {
        let port = free_port();
        let proxy = Proxy::before(port);
        let server = KafkaServer::behind(port, proxy.port());
        let kafka =
            TestServers::new(server.url(), (server, proxy)).set("create_topics=true").set(AWAY).set(SESSION);
        kafka.with_faults("cut", BRIEF, SHORT, |(_, proxy)| {
            proxy.cut();
        })
    })
}

conformance!(kafka, kafka().set("partitions=1"));
conformance!(kafka_consumer_protocol, kafka().set("partitions=1").set("group_protocol=consumer"));
conformance!(kafka_restarted, restarted().set("partitions=1"));
conformance!(kafka_killed, killed().set("partitions=1"));
conformance!(kafka_paused, paused().set("partitions=1"));
conformance!(kafka_cut, cut().set("partitions=1"));

/// The promises of a topic with partitions, of which the others need one order of all messages.
macro_rules! with_partitions {
    ($module:ident, $fixture:expr) => {
        mod $module {
            events_runtime::testing::conformance::promises! {
                [events_tests::conformance] $fixture.set("partitions=3"),
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
                inbound: [
                    parallel_work_that_fails_at_random_keeps_each_key_in_order_and_loses_nothing,
                    consumers_that_stop_and_start_lose_nothing,
                ]
                replay: [a_replay_is_bounded_in_each_partition]
            }
        }
    };
}

with_partitions!(kafka_partitions, kafka());
with_partitions!(kafka_partitions_consumer_protocol, kafka().set("group_protocol=consumer"));

/// The promises that retries and waiting messages have a part in, while each retry moves to a topic of its own.
mod kafka_retry_topics {
    events_runtime::testing::conformance::promises! {
        [events_tests::conformance] crate::kafka().set("partitions=1").set("retry_topics=1ms,100ms,1h"),
        progress: [
            two_groups_each_get_every_message,
            competing_members_share_without_duplicates,
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
            a_late_acknowledgement_is_an_error_and_the_message_is_not_lost,
        ]
        keys: [
            the_order_of_each_key_is_kept,
            a_key_waiting_for_a_retry_holds_its_later_messages,
            a_postponed_key_holds_its_later_messages_while_other_keys_go_on,
            random_settling_keeps_the_order_and_loses_nothing,
        ]
        start: [
            a_group_at_latest_gets_only_what_comes_later,
            a_group_can_be_moved_back,
            a_group_can_be_moved_forward,
            a_removed_group_comes_back_as_new,
            members_of_a_removed_group_lose_what_they_hold,
            an_absent_group_cannot_be_removed,
        ]
        topics: [
            one_consumer_receives_from_several_topics,
            a_key_of_one_topic_does_not_hold_it_back_in_another,
            closing_a_consumer_leaves_the_groups_of_all_topics,
        ]
        unsettled: [
            unsettled_messages_are_listed_in_order,
            reading_what_is_unsettled_changes_nothing,
        ]
        inbound: [
            parallel_work_that_fails_at_random_keeps_each_key_in_order_and_loses_nothing,
            an_interrupted_event_returns_with_its_attempt_counted,
        ]
        transactions: [
            events_of_a_receiver_are_stored_with_the_acknowledgement,
            a_failed_attempt_emits_nothing,
        ]
        replay: [a_replay_in_place_ends_where_the_group_stood]
    }
}
