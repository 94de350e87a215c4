//! The conformance suite on the transports of this crate.

use events_runtime::transport::{ConnectOptions, Transport, connect};
use events_tests::conformance;
use events_tests::conformance::Fixture;

/// A memory store of one test. It lives as long as the test holds a handle.
struct Memory {
    url: String,
}

impl Memory {
    fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self { url: format!("memory:conformance-{number}") }
    }
}

impl Fixture for Memory {
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        connect(&self.url, options).expect("a memory store opens")
    }
}

conformance!(memory, Memory::new());
