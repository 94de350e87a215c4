//! The conformance suite on `redis+cluster:`, before a real cluster of each test's own: as it is, and
//! while its masters and replicas change their roles, and its topics their nodes.

use events_runtime::transport::{ConnectOptions, Transport, connect};
use events_server_tests::RedisCluster;
use events_tests::conformance;
use events_tests::conformance::Fixture;

struct Cluster {
    url: String,
    _cluster: RedisCluster,
}

impl Cluster {
    fn new() -> Self {
        let cluster = RedisCluster::start();
        Self { url: cluster.url(), _cluster: cluster }
    }
}

impl Fixture for Cluster {
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        connect(&self.url, options).expect("the URL is understood")
    }
}

conformance!(redis_cluster, Cluster::new());
