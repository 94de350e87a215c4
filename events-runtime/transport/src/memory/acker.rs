//! Stores the outcomes of one member's deliveries and renews their leases.

use std::sync::Arc;
use std::time::Duration;

use super::ready;
use super::store::{Member, Store};
use crate::{BoxFuture, Receipt, Settle, Settlement, Topic, TransportError};

pub(super) struct Acker {
    pub(super) store: Arc<Store>,
    pub(super) member: Member,
    pub(super) dead_letter_topic: Topic,
}

impl Settle for Acker {
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        ready(self.store.settle(&self.member, &self.dead_letter_topic, settlements))
    }

    fn abandon(&self, receipt: Receipt) {
        // If the lease was lost, the message has been requeued already.
        drop(self.store.settle(
            &self.member,
            &self.dead_letter_topic,
            vec![Settlement::retry(receipt, Duration::ZERO)],
        ));
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        ready(self.store.renew(&self.member, &receipts))
    }
}
