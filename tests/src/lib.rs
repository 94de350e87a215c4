//! Test support: the suites that any transport can run, sample types, and small helpers.

pub mod conformance;
pub mod faults;
pub mod gate;
pub mod inbox;
pub mod log;
pub mod openedx;
pub mod over;
pub mod pairs;
pub mod sample_types;
pub mod sandbox;
pub mod spans;
pub mod values;

use std::error::Error;
use std::time::Duration;

/// An error and the errors behind it, joined by colons.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Waits until a condition holds.
///
/// # Panics
/// When it does not hold within a minute: longer than a lease lasts before servers that are disturbed.
pub async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(60), holds).await.is_ok(),
        "it does not hold in a minute"
    );
}
