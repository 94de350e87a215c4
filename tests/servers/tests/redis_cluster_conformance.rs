//! The conformance suite on `redis+cluster:`, with a real cluster for each test: undisturbed, and while its
//! nodes are killed, change roles and move topics.

use std::time::Duration;

use events_server_tests::{RedisCluster, Troubled};
use events_tests::conformance;

type Cluster = Troubled<RedisCluster>;

/// The patience for clusters with outages of two seconds and more, and for others.
const LONG: u32 = 30;
const SHORT: u32 = 15;

fn alone(cluster: RedisCluster) -> Cluster {
    Troubled::new(cluster.url(), cluster)
}

/// A restarted master accepts no writes for two seconds.
fn killed() -> Cluster {
    alone(RedisCluster::start()).by("killed", Duration::from_millis(2_500), LONG, |cluster| {
        let node = cluster.node(fastrand::usize(0..3));
        node.kill();
        node.start_again();
    })
}

/// A replica and its master swap roles.
fn failed_over() -> Cluster {
    let mut shard = 0;
    alone(RedisCluster::with_replicas()).by("failed over", Duration::from_secs(1), LONG, move |cluster| {
        shard = (shard + 1) % 3;
        cluster.fail_over(shard);
    })
}

/// The slot of some key moves to another node, key by key.
fn moved() -> Cluster {
    alone(RedisCluster::start()).by("moved", Duration::from_millis(60), SHORT, |cluster| {
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
