//! The conformance suite on `redis+cluster:`, before a real cluster of each test's own: as it is, and
//! while its nodes are killed, change their roles, and hand over the topics.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, Transport, connect};
use events_server_tests::{RedisCluster, Trouble};
use events_tests::conformance;
use events_tests::conformance::Fixture;

/// A cluster of one test, and what is done to it meanwhile.
struct Cluster {
    url: String,
    /// Ends before the cluster.
    trouble: Option<Trouble>,
    nodes: Arc<Mutex<RedisCluster>>,
}

impl Cluster {
    fn of(cluster: RedisCluster) -> Self {
        Self { url: cluster.url(), trouble: None, nodes: Arc::new(Mutex::new(cluster)) }
    }

    fn new() -> Self {
        Self::of(RedisCluster::start())
    }

    fn troubled(
        self,
        name: &'static str,
        rest: Duration,
        mut once: impl FnMut(&mut RedisCluster) + Send + 'static,
    ) -> Self {
        let cluster = self.nodes.clone();
        let trouble = Trouble::begin(name, rest, move || {
            once(&mut cluster.lock().unwrap_or_else(PoisonError::into_inner));
        });
        // What takes long is tried until a rest is long enough for it.
        Self { url: format!("{}?retry_for=5m", self.url), trouble: Some(trouble), ..self }
    }

    /// A master that comes back takes no writes for two seconds.
    fn killed() -> Self {
        Self::new().troubled("killed", Duration::from_millis(2_500), |cluster| {
            let node = cluster.node(fastrand::usize(0..3));
            node.kill();
            node.start_again();
        })
    }

    /// A replica and its master change places.
    fn failed_over() -> Self {
        let mut shard = 0;
        Self::of(RedisCluster::with_replicas()).troubled(
            "failed over",
            Duration::from_secs(1),
            move |cluster| {
                shard = (shard + 1) % 3;
                cluster.fail_over(shard);
            },
        )
    }

    /// The slot of some key goes to another node, key by key.
    fn moved() -> Self {
        Self::new().troubled("moved", Duration::from_millis(60), |cluster| {
            if let Some(key) = cluster.random_key() {
                cluster.move_slot(&key, fastrand::usize(0..3), || {
                    std::thread::sleep(Duration::from_millis(fastrand::u64(0..4)));
                });
            }
        })
    }
}

impl Fixture for Cluster {
    fn patience(&self) -> u32 {
        if self.trouble.is_some() { 10 } else { 1 }
    }

    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        connect(&self.url, options).expect("the URL is understood")
    }
}

conformance!(redis_cluster, Cluster::new());
conformance!(redis_cluster_killed, Cluster::killed());
conformance!(redis_cluster_failed_over, Cluster::failed_over());
conformance!(redis_cluster_moved, Cluster::moved());
