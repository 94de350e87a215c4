//! Letters in hand: taken together, kept while work goes on, handed back.

use std::time::{Duration, Instant};

use super::{DeadLetter, DeadLetters, is_not_there};
use crate::transport::{
    Consumer, ConsumerGroup, Delivery, ErrorKind, GroupStatus, Position, Subscription, TransportError,
    ack_all,
};

/// So many letters are sent or removed between two looks at the leases.
pub(super) const CHUNK: usize = 256;
/// So many are asked for where the transport can't say how many there are.
const SOME: usize = 10_000;
/// How long a transport may take to come up with the next letters, joining a group included.
const PATIENCE: Duration = Duration::from_secs(5);

/// The letters that one call works on.
pub(super) struct Hand {
    consumer: Box<dyn Consumer>,
    /// In the order of their positions.
    pub(super) deliveries: Vec<Delivery>,
    /// Letters in other hands.
    pub(super) elsewhere: u64,
    lease: Duration,
    /// When the leases began.
    leased: Instant,
}

impl Hand {
    /// Takes all letters that are there; `None` where there is no topic of them, which is left so.
    pub(super) async fn take(letters: &DeadLetters<'_>) -> Result<Option<Self>, TransportError> {
        let DeadLetters { transport, topic, lease, .. } = letters;
        match transport.groups(topic).await {
            Err(error) if is_not_there(&error) => return Ok(None),
            listed => listed?,
        };
        let tool = ConsumerGroup::new(DeadLetters::TOOL).map_err(|source| {
            TransportError::new(ErrorKind::Invalid, "subscribe to", topic, "the tool's group has no name")
                .with_source(source)
        })?;
        let subscription = Subscription::new(topic.clone(), tool.clone()).lease(*lease);
        let consumer = transport.consumer(subscription).await?;
        let groups = transport.groups(topic).await?;
        let status = groups.into_iter().find(|status| status.group == tool);
        let mut hand =
            Self { consumer, deliveries: Vec::new(), elsewhere: 0, lease: *lease, leased: Instant::now() };
        hand.fill(status.as_ref()).await?;
        // Those of other groups go back at once.
        let (ours, others): (Vec<_>, Vec<_>) =
            hand.deliveries.drain(..).partition(|delivery| letters.is_ours(delivery.message()));
        hand.deliveries = ours;
        hand.deliveries.sort_by_key(Delivery::position);
        release(others).await;
        Ok(Some(hand))
    }

    /// Fetches what was there at the beginning: what comes meanwhile is the next call's.
    async fn fill(&mut self, status: Option<&GroupStatus>) -> Result<(), TransportError> {
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        // Those in flight are asked for too, without waiting: their lease may have ended.
        let all = status.map_or(SOME, |status| count(status.lag));
        let free = status.map_or(SOME, |status| count(status.lag.saturating_sub(status.in_flight)));
        while self.deliveries.len() < all {
            // All in one go where that is possible: a key's letters that were handed back before
            // come together or not at all.
            let missing = all - self.deliveries.len();
            let wait = if self.deliveries.len() < free { PATIENCE } else { Duration::ZERO };
            let more = self.consumer.receive(missing, wait).await?;
            if more.is_empty() {
                break;
            }
            self.deliveries.extend(more);
            self.keep(&[]).await;
        }
        let lag = status.map_or(0, |status| status.lag);
        self.elsewhere = lag.saturating_sub(self.deliveries.len() as u64);
        Ok(())
    }

    /// Takes those out of the hand that are selected.
    pub(super) fn pick(&mut self, select: &mut impl FnMut(&DeadLetter) -> bool) -> Vec<Delivery> {
        let (chosen, kept) =
            self.deliveries.drain(..).partition(|delivery| select(&DeadLetter::from(delivery)));
        self.deliveries = kept;
        chosen
    }

    /// Starts the leases of what is in hand, and of `more`, anew where that is due.
    pub(super) async fn keep(&mut self, more: &[Delivery]) {
        if self.leased.elapsed() < self.lease / 3 {
            return;
        }
        // All are submitted before the first is awaited.
        let renewals: Vec<_> = self.deliveries.iter().chain(more).map(Delivery::renew).collect();
        for renewal in renewals {
            // A lease that was lost shows when the letter is removed.
            drop(renewal.await);
        }
        self.leased = Instant::now();
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
    pub(super) async fn give_back(self) -> Result<(), TransportError> {
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
