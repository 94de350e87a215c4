//! What a consumer asks before an event goes to its receivers.

use std::sync::Arc;

use uuid::Uuid;

use crate::BoxError;
use crate::transport::{BoxFuture, ConsumerGroup};

/// The events that consumer groups have handled, for [`Consume::dedup`](crate::bus::Consume::dedup).
///
/// Implement it for a store of your own. It is no lock: two members that hold one event at the same
/// time may both be told that it is new.
pub trait SeenEvents: Send + Sync {
    /// Whether the group has handled the event.
    ///
    /// # Errors
    /// What the store says; the event goes to no receiver and comes again.
    fn contains<'a>(&'a self, group: &'a ConsumerGroup, id: Uuid) -> BoxFuture<'a, Result<bool, BoxError>>;

    /// Remembers that the group has handled the event; one that is there already is no error.
    ///
    /// # Errors
    /// What the store says; the event is acknowledged all the same.
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
