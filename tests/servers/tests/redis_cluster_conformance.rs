//! The conformance suite on `redis+cluster:`, before a real cluster of each test's own: as it is, and
//! while its nodes are killed, change their roles, and hand over the topics.

use std::time::Duration;

use events_server_tests::{RedisCluster, TestServers};
use events_tests::conformance;

type Cluster = TestServers<RedisCluster>;

/// The patience with clusters of which something is away for two seconds and more, and with others.
const LONG: u32 = 30;
const SHORT: u32 = 15;

fn alone(cluster: RedisCluster) -> Cluster {
    TestServers::new(cluster.url(), cluster)
}

/// A master that comes back takes no writes for two seconds.
fn killed() -> Cluster {
    alone(RedisCluster::start()).with_faults("killed", Duration::from_millis(2_500), LONG, |cluster| {
        let node = cluster.node(fastrand::usize(0..3));
        node.kill();
        node.start_again();
    })
}

/// A replica and its master change places.
fn failed_over() -> Cluster {
    let mut shard = 0;
    alone(RedisCluster::with_replicas()).with_faults(
        "failed over",
        Duration::from_secs(1),
        LONG,
        move |cluster| {
            shard = (shard + 1) % 3;
            cluster.fail_over(shard);
        },
    )
}

/// The slot of some key goes to another node, key by key.
fn moved() -> Cluster {
    alone(RedisCluster::start()).with_faults("moved", Duration::from_millis(60), SHORT, |cluster| {
        if let Some(key) = cluster.random_key() {
            cluster.move_slot(&key, fastrand::usize(0..3), || {
                std::thread::sleep(Duration::from_millis(fastrand::u64(0..4)));
            });
        }
    })
}

conformance!(redis_cluster, alone(RedisCluster::start()));
conformance!(redis_cluster_killed, killed());
conformance!(redis_cluster_failed_over, failed_over());
conformance!(redis_cluster_moved, moved());
