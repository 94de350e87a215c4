//! A consumer: one member of a group.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::acker::Acker;
use super::ready;
use super::store::Store;
use crate::{BoxFuture, Consumer, Delivery, Recipient, Subscription, TransportError};

pub(super) struct MemoryConsumer {
    acker: Arc<Acker>,
    recipient: Arc<Recipient>,
    changes: watch::Receiver<u64>,
}

impl MemoryConsumer {
    pub(super) fn subscribe(store: &Arc<Store>, subscription: &Subscription) -> Result<Self, TransportError> {
        let Subscription { topic, group, .. } = subscription;
        let acker = Arc::new(Acker {
            store: store.clone(),
            member: store.join(subscription)?,
            dead_letter_topic: subscription.dead_letter_topic()?,
        });
        Ok(Self {
            recipient: Arc::new(Recipient::new(topic.clone(), group.clone(), acker.clone())),
            changes: store.changes(topic),
            acker,
        })
    }
}

impl Consumer for MemoryConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            // No deadline if it exceeds the range of the clock.
            let deadline = Instant::now().checked_add(wait);
            loop {
                // Mark as seen before the claim, so that changes during the claim are not missed.
                self.changes.borrow_and_update();
                let (claimed, due) = self.acker.store.claim(&self.acker.member, max, &self.recipient)?;
                if !claimed.is_empty() || max == 0 {
                    return Ok(claimed);
                }
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok(Vec::new());
                }
                let wake = [due, deadline].into_iter().flatten().min();
                let timer = async {
                    match wake {
                        Some(at) => sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    // Never closed: the store, which owns the sender, outlives this consumer.
                    _ = self.changes.changed() => {}
                    () = timer => {}
                }
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        ready(Ok(()))
    }
}
