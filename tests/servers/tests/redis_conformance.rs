//! The conformance suite on `redis:`, before a real server of each test's own, with its log on disk:
//! as it is, and while it is restarted, killed, paused and cut off.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, Transport, connect};
use events_server_tests::{Proxy, RedisServer, Trouble};
use events_tests::conformance;
use events_tests::conformance::Fixture;

/// A server of one test, and what is done to it meanwhile.
struct Redis {
    url: String,
    server: Arc<Mutex<RedisServer>>,
    /// Ends with the fixture.
    trouble: Option<Trouble>,
}

/// Between two troubles at first.
const REST: Duration = Duration::from_millis(60);

impl Redis {
    fn new() -> Self {
        let server = RedisServer::start();
        Self { url: server.url(), server: Arc::new(Mutex::new(server)), trouble: None }
    }

    fn troubled(name: &'static str, mut once: impl FnMut(&Mutex<RedisServer>) + Send + 'static) -> Self {
        let redis = Self::new();
        let server = redis.server.clone();
        let trouble = Trouble::begin(name, REST, move || once(&server));
        // What takes long is tried until a rest is long enough for it.
        let url = format!("{}?retry_for=5m", redis.url);
        Self { url, trouble: Some(trouble), ..redis }
    }

    fn restarted() -> Self {
        Self::troubled("restarted", |server| {
            let mut server = server.lock().unwrap_or_else(PoisonError::into_inner);
            server.stop();
            server.start_again();
        })
    }

    fn killed() -> Self {
        Self::troubled("killed", |server| {
            let mut server = server.lock().unwrap_or_else(PoisonError::into_inner);
            server.kill();
            server.start_again();
        })
    }

    /// Half of the pauses are longer than an answer may take.
    fn paused() -> Self {
        let redis = Self::troubled("paused", |server| {
            let server = server.lock().unwrap_or_else(PoisonError::into_inner);
            server.signal("STOP");
            std::thread::sleep(Duration::from_millis(fastrand::u64(10..200)));
            server.signal("CONT");
        });
        Self { url: format!("{}&timeout=100ms", redis.url), ..redis }
    }

    fn cut() -> Self {
        let port = Arc::new(Mutex::new(None));
        let proxy = port.clone();
        let redis = Self::troubled("cut", move |server| {
            let mut proxy = proxy.lock().unwrap_or_else(PoisonError::into_inner);
            let server = server.lock().unwrap_or_else(PoisonError::into_inner).port();
            proxy.get_or_insert_with(|| Proxy::before(server)).cut();
        });
        let server = redis.server.lock().unwrap_or_else(PoisonError::into_inner).port();
        let front = port
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| Proxy::before(server))
            .port();
        Self { url: format!("redis://127.0.0.1:{front}/0?retry_for=5m"), ..redis }
    }
}

impl Fixture for Redis {
    fn patience(&self) -> u32 {
        if self.trouble.is_some() { 10 } else { 1 }
    }

    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        connect(&self.url, options).expect("the URL is understood")
    }
}

conformance!(redis, Redis::new());
conformance!(redis_restarted, Redis::restarted());
conformance!(redis_killed, Redis::killed());
conformance!(redis_paused, Redis::paused());
conformance!(redis_cut, Redis::cut());
