//! Looks up an event before it goes to its receivers, and stores its id after they have succeeded.

use std::sync::Arc;

use uuid::Uuid;

use super::guarded::Guarded;
use super::observe::{Consuming, DEDUP_FAILED, DEDUPLICATED};
use super::retry::Pause;
use super::verdict::{InboundError, Verdict};
use crate::envelope::Envelope;
use crate::inbox::SeenEvents;
use events_core::BoxError;
use events_support::error_chain::{caught, drop_quietly, links};
use events_transport::{BoxFuture, Message};

/// The store of handled events, for one group.
pub(super) struct Dedup {
    pub(super) seen: Arc<dyn SeenEvents>,
    pub(super) consuming: Arc<Consuming>,
}

impl Dedup {
    /// Runs the work on a message unless the group has done it before. A message without an id is
    /// processed, which reports what is wrong with it.
    pub(super) async fn run(&self, message: &Message, work: impl Future<Output = Verdict>) -> Verdict {
        let Some(id) = Envelope::id_of(message).and_then(|id| id.parse::<Uuid>().ok()) else {
            return work.await;
        };
        let group = &self.consuming.group;
        match call(|| self.seen.contains(group, id)).await {
            Ok(false) => {}
            Ok(true) => {
                self.consuming.count(DEDUPLICATED, 1);
                tracing::debug!(%group, %id, "skipped an event that was handled before");
                return Verdict::Done;
            }
            Err(errors) => return Verdict::Retry(InboundError::Dedup { errors }, Pause::BACKOFF),
        }
        let verdict = work.await;
        if matches!(verdict, Verdict::Done)
            && let Err(errors) = call(|| self.seen.insert(group, id)).await
        {
            // The receivers have succeeded: a retry would cause the duplicate that this prevents.
            self.consuming.count(DEDUP_FAILED, 1);
            tracing::warn!(%group, %id, error = errors.join(": "), "failed to store the id of a handled event; a redelivery would be handled again");
        }
        verdict
    }
}

/// The store's answer. A panic counts as an error.
async fn call<'a, T>(
    store_call: impl FnOnce() -> BoxFuture<'a, Result<T, BoxError>>,
) -> Result<T, Vec<String>> {
    let panicked = |panic| vec![format!("the store panicked: {panic}")];
    let called = caught(store_call).map_err(panicked)?;
    Guarded::new(called).await.map_err(panicked)?.map_err(|error| {
        let errors = links(&*error);
        drop_quietly(error);
        errors
    })
}
