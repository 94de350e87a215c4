//! The store behind a consumer's deduplication.

use std::sync::Arc;

use uuid::Uuid;

use events_core::BoxError;
use events_transport::{BoxFuture, ConsumerGroup};

/// The events that consumer groups have handled, for [`Consume::dedup`](crate::bus::Consume::dedup).
///
/// Implement it for a store of your own. It is not a lock: if two members hold the same event at the same
/// time, both may see it as new.
pub trait SeenEvents: Send + Sync {
    /// Whether the group has handled the event.
    ///
    /// # Errors
    /// The store's error. The event goes to no receiver and is redelivered.
    fn contains<'a>(&'a self, group: &'a ConsumerGroup, id: Uuid) -> BoxFuture<'a, Result<bool, BoxError>>;

    /// Stores that the group has handled the event. Storing it twice is not an error.
    ///
    /// # Errors
    /// The store's error. The event is acknowledged nevertheless.
    fn insert<'a>(&'a self, group: &'a ConsumerGroup, id: Uuid) -> BoxFuture<'a, Result<(), BoxError>>;
}

impl<S: SeenEvents + ?Sized> SeenEvents for Arc<S> {
    fn contains<'a>(&'a self, group: &'a ConsumerGroup, id: Uuid) -> BoxFuture<'a, Result<bool, BoxError>> {
        (**self).contains(group, id)
    }

    fn insert<'a>(&'a self, group: &'a ConsumerGroup, id: Uuid) -> BoxFuture<'a, Result<(), BoxError>> {
        (**self).insert(group, id)
    }
}
