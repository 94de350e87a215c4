//! Leased dead letters: fetched in batches, renewed during the work, released at the end.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::time::{Duration, Instant};

use super::DeadLetters;
use events_transport::{Consumer, Delivery, Position, Subscription, TransportError, ack_all};

/// The number of dead letters fetched, sent or removed in one call.
pub(super) const CHUNK: usize = 256;
/// How long a transport may take to return the next dead letters, joining the group included.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The number to fetch if the transport can't report how many there are.
pub(super) const SOME: usize = 10_000;

/// The dead letters leased by one call.
pub(super) struct LeasedBatch {
    consumer: Box<dyn Consumer>,
    /// Those not selected. If they were released at once, they would be fetched again at once.
    pub(super) deliveries: Vec<Delivery>,
    /// The number received so far.
    received: u64,
    /// The number not leased by others at the start.
    available: u64,
    /// The number to fetch in one call.
    limit: usize,
    /// The total number, or [`SOME`] if the transport can't report it.
    most: usize,
    lease: Duration,
    /// The time of the last renewal.
    leased: Instant,
}

impl LeasedBatch {
    /// Joins the group that processes dead letters. Their topic must exist.
    pub(super) async fn join(dead_letters: &DeadLetters<'_>) -> Result<Self, TransportError> {
        let DeadLetters { transport, topic, lease, .. } = dead_letters;
        let group = dead_letters.group()?;
        let subscription = Subscription::new(topic.clone(), group.clone()).lease(*lease).retries_in_place();
        let consumer = transport.consumer(subscription).await?;
        let status = transport.group(topic, &group).await?;
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

    /// Fetches everything in one batch, if the transport allows it.
    pub(super) const fn all_at_once(&mut self) {
        self.limit = self.most;
    }

    /// The next batch of selected dead letters, in order; empty if there are no more. The previous batch
    /// must be settled. Cancel safe.
    pub(super) async fn next(&mut self, chosen: &HashSet<Position>) -> Result<Vec<Delivery>, TransportError> {
        loop {
            self.keep(&[]).await;
            // Dead letters leased by others are requested too, without waiting, since those leases may have
            // ended.
            let waits = self.deliveries.is_empty() && self.received < self.available;
            let wait = if waits { PATIENCE } else { Duration::ZERO };
            let more = self.consumer.receive(self.limit, wait).await?;
            if more.is_empty() && (self.deliveries.is_empty() || self.limit >= self.most) {
                return Ok(more);
            }
            if more.is_empty() {
                // A key's released dead letters are delivered together, or after the earlier ones are
                // settled. So the unselected ones are released and fetched again, with more behind them.
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
                picked.sort_by_key(|delivery| delivery.position().sort_key());
                return Ok(picked);
            }
        }
    }

    /// Renews the leases of the batch and of `more` if due. Returns a result for each of `more`.
    async fn keep(&mut self, more: &[Delivery]) -> Vec<Result<(), TransportError>> {
        if self.leased.elapsed() < self.lease / 3 {
            return more.iter().map(|_| Ok(())).collect();
        }
        self.leased = Instant::now();
        // All are submitted before the first is awaited.
        let renewals: Vec<_> = more.iter().chain(&self.deliveries).map(Delivery::renew).collect();
        let mut results = Vec::with_capacity(renewals.len());
        for renewal in renewals {
            // A lost lease of an unselected dead letter has no effect here.
            results.push(renewal.await);
        }
        results.truncate(more.len());
        results
    }

    /// The part of a batch whose leases are still valid: a dead letter with a lost lease must not be sent.
    pub(super) async fn held(&mut self, batch: Vec<Delivery>) -> Vec<Delivery> {
        let renewed = self.keep(&batch).await;
        batch
            .into_iter()
            .zip(renewed)
            .filter_map(|(delivery, renewed)| renewed.ok().map(|()| delivery))
            .collect()
    }

    /// Runs work while renewing the leases of `batch` and of the unselected dead letters.
    pub(super) async fn keeping<T>(&mut self, batch: &[Delivery], work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let pause = (self.lease / 3).max(Duration::from_millis(1));
        loop {
            match tokio::time::timeout(pause, work.as_mut()).await {
                Ok(done) => return done,
                // A lost lease is reported when the dead letter is removed.
                Err(_) => drop(self.keep(batch).await),
            }
        }
    }

    /// Moves the unselected dead letters before a chosen one of their partition to the end of the topic.
    ///
    /// For transports with cumulative acknowledgement: removing a dead letter removes all earlier ones.
    pub(super) async fn move_behind(
        &mut self,
        dead_letters: &DeadLetters<'_>,
        chosen: &HashSet<Position>,
    ) -> Result<(), TransportError> {
        // Positions of two partitions do not compare.
        let mut last: HashMap<Option<u32>, Position> = HashMap::new();
        for position in chosen {
            let last = last.entry(position.partition()).or_insert(*position);
            if *last < *position {
                *last = *position;
            }
        }
        let is_before = |delivery: &Delivery| {
            let position = delivery.position();
            last.get(&position.partition()).is_some_and(|last| position < *last)
        };
        let (before, behind): (Vec<_>, Vec<_>) = self.deliveries.drain(..).partition(is_before);
        self.deliveries = behind;
        let messages: Vec<_> = before.iter().map(|delivery| delivery.message().clone()).collect();
        let producer = dead_letters.transport.producer().await?;
        let moved = producer.send(&dead_letters.topic, &messages).await;
        let mut stored = Vec::with_capacity(before.len());
        for (delivery, moved) in before.into_iter().zip(moved) {
            moved?;
            stored.push(delivery);
        }
        ack_all(stored).await.into_iter().collect()
    }

    /// Releases the rest and leaves the group.
    pub(super) async fn close(self) -> Result<(), TransportError> {
        release(self.deliveries).await;
        self.consumer.close().await
    }
}

/// Releases dead letters, as if they had never been fetched.
pub(super) async fn release(deliveries: impl IntoIterator<Item = Delivery>) {
    // All are submitted before the first is awaited.
    let releases: Vec<_> = deliveries.into_iter().map(Delivery::release).collect();
    for release in releases {
        // If a release is not stored, the dead letter is redelivered when its lease ends.
        drop(release.await);
    }
}
