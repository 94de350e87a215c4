//! Letters in hand: taken in batches, kept while work goes on, handed back.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::{Duration, Instant};

use super::DeadLetters;
use crate::transport::{Consumer, Delivery, Position, Subscription, TransportError, ack_all};

/// So many letters are taken, sent or removed at once.
pub(super) const CHUNK: usize = 256;
/// How long a transport may take to come up with the next letters, joining a group included.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// So many are asked for where the transport can't say how many there are.
pub(super) const SOME: usize = 10_000;

/// The letters that one call has in hand.
pub(super) struct LeasedBatch {
    consumer: Box<dyn Consumer>,
    /// Those that were not chosen: handed back at once, they would come again at once.
    pub(super) deliveries: Vec<Delivery>,
    /// How many received so far.
    received: u64,
    /// How many nobody else had at the beginning.
    available: u64,
    /// How many are asked for at once.
    limit: usize,
    /// All that there are, or so many where the transport can't say.
    most: usize,
    lease: Duration,
    /// When the leases were renewed last.
    leased: Instant,
}

impl LeasedBatch {
    /// Joins the group of those who deal with letters. There is a topic of them.
    pub(super) async fn join(letters: &DeadLetters<'_>) -> Result<Self, TransportError> {
        let DeadLetters { transport, topic, lease, .. } = letters;
        let group = letters.group()?;
        let subscription = Subscription::new(topic.clone(), group.clone()).lease(*lease);
        let consumer = transport.consumer(subscription).await?;
        let groups = transport.groups(topic).await?;
        let status = groups.into_iter().find(|status| status.group == group);
        Ok(Self {
            consumer,
            deliveries: Vec::new(),
            received: 0,
            available: status.as_ref().map_or(u64::MAX, |status| status.lag.saturating_sub(status.in_flight)),
            limit: CHUNK,
            most: status.map_or(SOME, |status| usize::try_from(status.lag).unwrap_or(usize::MAX)),
            lease: *lease,
            leased: Instant::now(),
        })
    }

    /// Has all come in one batch, as far as the transport gives it.
    pub(super) const fn all_at_once(&mut self) {
        self.limit = self.most;
    }

    /// The next batch of what is chosen, in order; empty where there is no more to be had. Nothing of
    /// an earlier batch is in hand any more. Dropping the future loses nothing.
    pub(super) async fn next(
        &mut self,
        chosen: &BTreeSet<Position>,
    ) -> Result<Vec<Delivery>, TransportError> {
        loop {
            self.keep(&[]).await;
            // Those that another has are asked for too, without waiting: its lease may have ended.
            let waits = self.deliveries.is_empty() && self.received < self.available;
            let wait = if waits { PATIENCE } else { Duration::ZERO };
            let more = self.consumer.receive(self.limit, wait).await?;
            if more.is_empty() && (self.deliveries.is_empty() || self.limit >= self.most) {
                return Ok(more);
            }
            if more.is_empty() {
                // A key's letters that were handed back before come together, or when the earlier ones
                // are settled: those in hand that were not chosen are had again, with more behind them.
                self.received = self.received.saturating_sub(self.deliveries.len() as u64);
                self.limit = self.limit.saturating_mul(4).min(self.most);
                release(self.deliveries.drain(..)).await;
                continue;
            }
            self.received += more.len() as u64;
            let (mut picked, others): (Vec<_>, Vec<_>) =
                more.into_iter().partition(|delivery| chosen.contains(&delivery.position()));
            self.deliveries.extend(others);
            if !picked.is_empty() {
                picked.sort_by_key(Delivery::position);
                return Ok(picked);
            }
        }
    }

    /// Starts the leases of what is in hand, and of `more`, anew where that is due: a result for each
    /// of `more`.
    async fn keep(&mut self, more: &[Delivery]) -> Vec<Result<(), TransportError>> {
        if self.leased.elapsed() < self.lease / 3 {
            return more.iter().map(|_| Ok(())).collect();
        }
        self.leased = Instant::now();
        // All are submitted before the first is awaited.
        let renewals: Vec<_> = more.iter().chain(&self.deliveries).map(Delivery::renew).collect();
        let mut results = Vec::with_capacity(renewals.len());
        for renewal in renewals {
            // A letter that was not chosen and is lost is another's to give back.
            results.push(renewal.await);
        }
        results.truncate(more.len());
        results
    }

    /// Those of a batch that are still in hand: what was lost meanwhile is not to be sent.
    pub(super) async fn held(&mut self, batch: Vec<Delivery>) -> Vec<Delivery> {
        let renewed = self.keep(&batch).await;
        batch
            .into_iter()
            .zip(renewed)
            .filter_map(|(delivery, renewed)| renewed.ok().map(|()| delivery))
            .collect()
    }

    /// Waits for work, and keeps meanwhile what is in hand, and the batch that the work is about.
    pub(super) async fn keeping<T>(&mut self, batch: &[Delivery], work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let pause = (self.lease / 3).max(Duration::from_millis(1));
        loop {
            match tokio::time::timeout(pause, work.as_mut()).await {
                Ok(done) => return done,
                // A lease that was lost shows when the letter is removed.
                Err(_) => drop(self.keep(batch).await),
            }
        }
    }

    /// Puts the letters that stand before `last` and stay behind all others.
    ///
    /// For transports that remember an offset: removing one removes what stands before it.
    pub(super) async fn move_behind(
        &mut self,
        letters: &DeadLetters<'_>,
        last: Position,
    ) -> Result<(), TransportError> {
        let (before, behind): (Vec<_>, Vec<_>) =
            self.deliveries.drain(..).partition(|delivery| delivery.position() < last);
        self.deliveries = behind;
        let messages: Vec<_> = before.iter().map(|delivery| delivery.message().clone()).collect();
        let producer = letters.transport.producer().await?;
        let moved = producer.send(&letters.topic, &messages).await;
        let mut stored = Vec::with_capacity(before.len());
        for (delivery, moved) in before.into_iter().zip(moved) {
            moved?;
            stored.push(delivery);
        }
        ack_all(stored).await.into_iter().collect()
    }

    /// Hands back what is left, and leaves.
    pub(super) async fn close(self) -> Result<(), TransportError> {
        release(self.deliveries).await;
        self.consumer.close().await
    }
}

/// Hands letters back, as if they had never been taken.
pub(super) async fn release(deliveries: impl IntoIterator<Item = Delivery>) {
    // All are submitted before the first is awaited.
    let releases: Vec<_> = deliveries.into_iter().map(Delivery::release).collect();
    for release in releases {
        // One that could not be stored comes back when its lease ends.
        drop(release.await);
    }
}
