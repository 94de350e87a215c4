//! Stores the outcomes of one member's deliveries and renews their leases.

use std::sync::Arc;
use std::time::Duration;

use super::connection::Database;
use super::settle::Member;
use events_transport::{BoxFuture, Receipt, Settle, Settlement, TransportError};

pub(super) struct Acker {
    pub(super) database: Arc<Database>,
    pub(super) member: Member,
    /// The generation of the file that the member's claims belong to.
    pub(super) generation: u64,
}

impl Settle for Acker {
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        let count = settlements.len();
        let member = self.member.clone();
        let settled = self.database.submit(
            "settle in",
            Some(self.generation),
            true,
            |_| Ok(None),
            move |txn| txn.settle(&member, &settlements),
            |settled| settled,
        );
        Box::pin(async move { spread(settled.await, count) })
    }

    fn abandon(&self, receipt: Receipt) {
        // If the lease was lost, the message has been requeued already.
        drop(self.settle(vec![Settlement::retry(receipt, Duration::ZERO)]));
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        let count = receipts.len();
        let member = self.member.clone();
        let renewed = self.database.submit(
            "renew in",
            Some(self.generation),
            false,
            |_| Ok(None),
            move |txn| txn.renew(&member, &receipts),
            |renewed| renewed,
        );
        Box::pin(async move { spread(renewed.await, count) })
    }
}

/// The result of each item; an error of the whole call becomes the result of every item.
pub(super) fn spread<T>(
    results: Result<Vec<Result<T, TransportError>>, TransportError>,
    count: usize,
) -> Vec<Result<T, TransportError>> {
    results.unwrap_or_else(|error| (0..count).map(|_| Err(error.clone())).collect())
}
