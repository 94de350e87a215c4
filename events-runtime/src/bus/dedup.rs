//! Asking before an event goes to its receivers, and telling after they have succeeded.

use std::sync::Arc;

use uuid::Uuid;

use super::guarded::Guarded;
use super::observe::{Consuming, DEDUP_FAILED, DEDUPLICATED};
use super::retry::Pause;
use super::verdict::{InboundError, Verdict};
use crate::BoxError;
use crate::envelope::Envelope;
use crate::error_chain::{caught, drop_quietly, links};
use crate::inbox::SeenEvents;
use crate::transport::{BoxFuture, Message};

/// What a consumer asks, on behalf of its group.
pub(super) struct Dedup {
    pub(super) seen: Arc<dyn SeenEvents>,
    pub(super) consuming: Arc<Consuming>,
}

impl Dedup {
    /// The work on a message, unless the group has done it. A message without an id is worked on: that
    /// says what is wrong with it.
    pub(super) async fn around(&self, message: &Message, work: impl Future<Output = Verdict>) -> Verdict {
        let Some(id) = Envelope::id_of(message).and_then(|id| id.parse::<Uuid>().ok()) else {
            return work.await;
        };
        let group = &self.consuming.group;
        match answer(|| self.seen.contains(group, id)).await {
            Ok(false) => {}
            Ok(true) => {
                self.consuming.count(DEDUPLICATED, 1);
                tracing::debug!(%group, %id, "an event was handled before and goes to no receiver");
                return Verdict::Done;
            }
            Err(errors) => return Verdict::Failed(InboundError::Dedup { errors }, Pause::OWN),
        }
        let verdict = work.await;
        if matches!(verdict, Verdict::Done)
            && let Err(errors) = answer(|| self.seen.insert(group, id)).await
        {
            // The receivers have succeeded: trying again would make the duplicate that is only to be feared.
            self.consuming.count(DEDUP_FAILED, 1);
            tracing::warn!(%group, %id, error = errors.join(": "), "a handled event was not remembered; should it come again, it is handled again");
        }
        verdict
    }
}

/// What the store answers; its panic is an error as any other.
async fn answer<'a, T>(ask: impl FnOnce() -> BoxFuture<'a, Result<T, BoxError>>) -> Result<T, Vec<String>> {
    let panicked = |panic| vec![format!("the store panicked: {panic}")];
    let asked = caught(ask).map_err(panicked)?;
    Guarded::new(asked).await.map_err(panicked)?.map_err(|error| {
        let errors = links(&*error);
        drop_quietly(error);
        errors
    })
}
