//! The conformance suite on `redis:`, before a real server of each test's own, with its log on disk.

use events_runtime::transport::{ConnectOptions, Transport, connect};
use events_server_tests::RedisServer;
use events_tests::conformance;
use events_tests::conformance::Fixture;

/// A server of one test.
struct Redis(RedisServer);

impl Fixture for Redis {
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        connect(&self.0.url(), options).expect("the URL is understood")
    }
}

conformance!(redis, Redis(RedisServer::start()));
