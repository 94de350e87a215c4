//! The conformance suite on `kafka:` over three brokers, which the tests of a module share: without faults, and
//! while brokers are killed, or hand their partitions and groups to the others.

use std::time::Duration;

use events_server_tests::{KafkaCluster, SharedServers, TestServers};
use events_tests::conformance;

/// The first pause between two faults: the copies of the broker that comes back must be in sync.
const REST: Duration = Duration::from_secs(12);
/// Another broker leads within 3 s, and longer on a busy machine.
const PATIENCE: u32 = 40;
/// The time for which a start waits for the cluster.
const AWAY: &str = "timeout=60s";
/// The session is longer than the absence of a leader or a coordinator, so that members keep their places. It is shorter
/// than `REST`, because a group waits a session for a member that could not say that it leaves, and a new coordinator
/// begins to count anew.
const SESSION: &str = "session.timeout.ms=10000&heartbeat.interval.ms=500";

type Cluster = TestServers<KafkaCluster>;

fn alone() -> Cluster {
    let cluster = KafkaCluster::start();
    TestServers::new(cluster.url(), cluster).set("create_topics=true").set("partitions=1")
}

/// The leaders of a third of the partitions and the coordinators of a third of the groups are killed.
fn killed() -> Cluster {
    alone().set(AWAY).set(SESSION).with_faults("killed", REST, PATIENCE, |cluster| {
        let broker = fastrand::usize(0..KafkaCluster::BROKERS);
        cluster.kill(broker);
        std::thread::sleep(Duration::from_millis(fastrand::u64(0..4_000)));
        cluster.start_again(broker);
        cluster.until_in_sync();
    })
}

/// A broker that stops hands the partitions that it leads and the groups that it coordinates to the others, and
/// gets them back after it has started.
fn moved() -> Cluster {
    let mut broker = 0;
    alone().set(AWAY).with_faults("moved", REST, PATIENCE, move |cluster| {
        broker = (broker + 1) % KafkaCluster::BROKERS;
        cluster.stop(broker);
        cluster.start_again(broker);
        cluster.until_in_sync();
    })
}

conformance!(kafka_cluster, SharedServers::of("alone", alone));
conformance!(kafka_cluster_killed, SharedServers::of("killed", killed));
conformance!(kafka_cluster_moved, SharedServers::of("moved", moved).set(SESSION));
// Its session is a setting of the brokers.
conformance!(
    kafka_cluster_moved_consumer_protocol,
    SharedServers::of("moved", moved).set("group_protocol=consumer")
);
