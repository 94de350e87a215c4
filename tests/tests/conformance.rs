//! The conformance suite on memory, `SQLite` and the simulator.

use std::sync::OnceLock;

use events_runtime::testing::sim::{Faults, Sim};
use events_runtime::transport::{ConnectOptions, Transport, connect};
use events_tests::conformance;
use events_tests::conformance::Fixture;

/// A memory store for one test. It lives as long as the test holds a handle.
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

/// A file for one test.
struct Sqlite {
    folder: tempfile::TempDir,
    query: &'static str,
}

impl Sqlite {
    fn new(query: &'static str) -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), query }
    }
}

impl Fixture for Sqlite {
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        let url = format!("sqlite://{}/events.db{}", self.folder.path().display(), self.query);
        connect(&url, options).expect("the file opens")
    }
}

conformance!(sqlite, Sqlite::new(""));
conformance!(sqlite_without_fsync, Sqlite::new("?synchronous=off"));

/// A simulated broker without faults.
#[derive(Default)]
struct Simulated(OnceLock<Sim>);

impl Fixture for Simulated {
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        self.0.get_or_init(|| Sim::with_options(0, Faults::none(), options)).transport()
    }
}

conformance!(sim, Simulated::default());

/// Promises about dead letters that these transports make beyond the suite.
macro_rules! letters {
    ($module:ident, $fixture:expr) => {
        mod $module {
            use super::*;
            use conformance::store;

            #[tokio::test]
            async fn dead_letters_are_not_trimmed_unless_their_own_retention_says_so() {
                store::dead_letters_are_not_trimmed_unless_their_own_retention_says_so(&$fixture).await;
            }

            #[tokio::test]
            async fn dead_letters_are_not_trimmed_whatever_their_topic_is_called() {
                store::dead_letters_are_not_trimmed_whatever_their_topic_is_called(&$fixture).await;
            }

            #[tokio::test]
            async fn dead_letters_that_their_own_retention_drops_unread_are_counted() {
                store::dead_letters_that_their_own_retention_drops_unread_are_counted(&$fixture).await;
            }
        }
    };
}

letters!(memory_letters, Memory::new());
letters!(sqlite_letters, Sqlite::new(""));
