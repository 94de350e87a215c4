//! Tools for testing programs that emit and receive events.
//!
//! ```
//! use events_runtime::testing;
//! # use events_runtime::Hub;
//!
//! testing::scope(|recorder| {
//!     // What runs here emits into a hub of its own, which `recorder` watches.
//!     assert!(recorder.event_types().is_empty());
//! });
//! ```

mod asserts;
mod event;
mod fake_bus;
mod freeze;
mod outside;
mod recorder;
#[cfg(test)]
pub(crate) mod sample;

#[doc(hidden)]
pub use asserts::functions;
pub use event::{event, event_from_bus, event_with};
pub use fake_bus::{FakeBus, SentEvent};
pub use freeze::{Freeze, freeze};
pub use recorder::Recorder;

use crate::{Hub, Registry};

/// Runs a test in an empty hub of its own, with a recorder of its events.
///
/// Parallel tests don't see each other's events, and nothing has to be reset.
pub fn scope<R>(test: impl FnOnce(&Recorder) -> R) -> R {
    let recorder = Recorder::attach(&Hub::new());
    recorder.hub().scope(|| test(&recorder))
}

/// [`scope`] for async tests.
pub async fn scope_async<R>(test: impl AsyncFnOnce(&Recorder) -> R) -> R {
    let recorder = Recorder::attach(&Hub::new());
    recorder.hub().scope_async(test(&recorder)).await
}

/// Asserts that all these event types are linked into the test's program.
///
/// # Panics
/// If one is missing. The message has the missing event types and the most similar linked ones.
#[track_caller]
pub fn assert_linked(event_types: impl IntoIterator<Item = impl AsRef<str>>) {
    if let Err(error) = Registry::linked().and_then(|registry| registry.expect(event_types)) {
        panic!("{error}");
    }
}
