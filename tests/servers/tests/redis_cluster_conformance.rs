//! The conformance suite on `redis+cluster:`, with a real cluster per test: without faults, and while nodes are
//! killed or failed over and slots migrate.

use std::time::Duration;

use events_server_tests::{RedisCluster, TestServers};
use events_tests::conformance;

type Cluster = TestServers<RedisCluster>;

/// The patience if nodes are unavailable for two seconds or more, and otherwise.
const LONG: u32 = 30;
const SHORT: u32 = 15;

fn alone(cluster: RedisCluster) -> Cluster {
    TestServers::new(cluster.url(), cluster)
}

/// A restarted master accepts no writes for two seconds.
fn killed() -> Cluster {
    alone(RedisCluster::start()).with_faults("killed", Duration::from_millis(2_500), LONG, |cluster| {
        let node = cluster.node(fastrand::usize(0..3));
        node.kill();
        node.start_again();
    })
}

/// A replica becomes the master.
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

/// The slot of a random key migrates to another node.
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
