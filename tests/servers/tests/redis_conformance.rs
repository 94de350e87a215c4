//! The conformance suite on `redis:`, with a real server per test: without faults, and while the server is
//! restarted, killed or paused, or its connections are closed.

use std::time::Duration;

use events_server_tests::{Proxy, RedisServer, TestServers};
use events_tests::conformance;

type Redis = TestServers<RedisServer>;

/// The first pause between two faults.
const REST: Duration = Duration::from_millis(60);
/// A restart takes 10 to 100 ms, and longer on a busy machine.
const PATIENCE: u32 = 15;

fn alone() -> Redis {
    let server = RedisServer::start();
    TestServers::new(server.url(), server)
}

fn restarted() -> Redis {
    alone().with_faults("restarted", REST, PATIENCE, |server| {
        server.stop();
        server.start_again();
    })
}

fn killed() -> Redis {
    alone().with_faults("killed", REST, PATIENCE, |server| {
        server.kill();
        server.start_again();
    })
}

/// Half of the pauses exceed the timeout.
fn paused() -> Redis {
    let redis = alone().with_faults("paused", REST, PATIENCE, |server| {
        server.signal("STOP");
        std::thread::sleep(Duration::from_millis(fastrand::u64(10..200)));
        server.signal("CONT");
    });
    redis.set("timeout=100ms")
}

fn cut() -> TestServers<(RedisServer, Proxy)> {
    let server = RedisServer::start();
    let proxy = Proxy::before(server.port());
    let url = format!("redis://127.0.0.1:{}/0", proxy.port());
    TestServers::new(url, (server, proxy)).with_faults("cut", REST, PATIENCE, |(_, proxy)| {
        proxy.cut();
    })
}

conformance!(redis, alone());
conformance!(redis_restarted, restarted());
conformance!(redis_killed, killed());
conformance!(redis_paused, paused());
conformance!(redis_cut, cut());

/// Guarantees about dead letters that exceed the suite.
mod redis_letters {
    use super::*;
    use conformance::store;

    #[tokio::test]
    async fn dead_letters_are_not_trimmed_unless_their_own_retention_says_so() {
        store::dead_letters_are_not_trimmed_unless_their_own_retention_says_so(&alone()).await;
    }

    #[tokio::test]
    async fn dead_letters_are_not_trimmed_whatever_their_topic_is_called() {
        store::dead_letters_are_not_trimmed_whatever_their_topic_is_called(&alone()).await;
    }

    #[tokio::test]
    async fn dead_letters_that_their_own_retention_drops_unread_are_counted() {
        store::dead_letters_that_their_own_retention_drops_unread_are_counted(&alone()).await;
    }
}
