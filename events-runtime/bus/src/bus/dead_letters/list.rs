//! Lists dead letters without leasing them.

use std::collections::HashSet;
use std::time::Duration;

use super::leased_batch::{PATIENCE, SOME, release};
use super::{DeadLetter, DeadLetters};
use events_transport::{ConsumerGroup, ErrorKind, Position, StoredMessage, Subscription, TransportError};

/// The number of dead letters per read.
const PORTION: usize = 256;

impl DeadLetters<'_> {
    /// Calls `see` for each dead letter, in the order of positions. Only one portion is in memory at a
    /// time.
    #[doc(hidden)]
    pub async fn for_each<E: From<TransportError>>(
        &self,
        mut see: impl FnMut(DeadLetter) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = None;
        loop {
            let portion = match self.portion(after).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    return self.for_each_leased(see).await;
                }
                portion => portion?,
            };
            let Some(last) = portion.last() else { return Ok(()) };
            after = Some(last.position);
            for stored in portion {
                if self.is_ours(&stored.message) {
                    see(stored.into())?;
                }
            }
        }
    }

    /// The number of these positions that still hold dead letters.
    pub(super) async fn count_remaining(&self, positions: &HashSet<Position>) -> Result<u64, TransportError> {
        let (mut after, mut count) = (None, 0);
        loop {
            let portion = match self.portion(after).await {
                // Unknown: assume that all are still there.
                Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(positions.len() as u64),
                portion => portion?,
            };
            let Some(last) = portion.last() else { return Ok(count) };
            after = Some(last.position);
            count += portion.iter().filter(|stored| positions.contains(&stored.position)).count() as u64;
        }
    }

    async fn portion(&self, after: Option<Position>) -> Result<Vec<StoredMessage>, TransportError> {
        match self.transport.unsettled(&self.topic, &self.group()?, after, PORTION).await {
            // Without a dead-letter topic there are no dead letters. The topic is not created.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            portion => portion,
        }
    }

    /// The number of dead letters that were neither retried nor dropped, leased ones included. Reads no
    /// message and changes nothing. In a dead-letter topic that [several groups](Self::kept_in) share, counts
    /// those of all of them.
    ///
    /// # Errors
    /// A [`TransportError`] if the store can't be read.
    pub async fn waiting(&self) -> Result<u64, TransportError> {
        let group = self.group()?;
        let status = match self.transport.group(&self.topic, &group).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            status => status?,
        };
        if let Some(status) = status {
            return Ok(status.lag);
        }
        // None was processed yet.
        let topics = self.transport.topics().await?;
        Ok(topics.iter().find(|status| status.topic == self.topic).map_or(0, |status| status.messages))
    }

    /// The number of dead letters leased by any program.
    pub(super) async fn in_flight(&self) -> Result<u64, TransportError> {
        let group = self.group()?;
        match self.transport.group(&self.topic, &group).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            status => Ok(status?.map_or(0, |status| status.in_flight)),
        }
    }

    /// For transports without `unsettled`: leases everything available, and releases it.
    async fn for_each_leased<E: From<TransportError>>(
        &self,
        mut see: impl FnMut(DeadLetter) -> Result<(), E>,
    ) -> Result<(), E> {
        let group = self.group()?;
        match self.transport.group(&self.topic, &group).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            status => drop(status?),
        }
        let subscription =
            Subscription::new(self.topic.clone(), group.clone()).lease(self.lease).retries_in_place();
        let mut consumer = self.transport.consumer(subscription).await?;
        let status = self.transport.group(&self.topic, &group).await?;
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let all = status.as_ref().map_or(SOME, |status| count(status.lag));
        let free = status.map_or(SOME, |status| count(status.lag.saturating_sub(status.in_flight)));
        let mut taken = Vec::new();
        while taken.len() < all {
            // Fetches everything in one call if possible: a key's released dead letters are delivered
            // together or not at all.
            let wait = if taken.len() < free { PATIENCE } else { Duration::ZERO };
            let more = consumer.receive(all - taken.len(), wait).await?;
            if more.is_empty() {
                break;
            }
            taken.extend(more);
        }
        let mut dead_letters: Vec<_> =
            taken.iter().filter(|delivery| self.is_ours(delivery.message())).map(DeadLetter::from).collect();
        dead_letters.sort_by_key(|dead_letter| dead_letter.position().sort_key());
        release(taken).await;
        consumer.close().await?;
        dead_letters.into_iter().try_for_each(&mut see)
    }

    /// The group that records which dead letters were processed.
    pub(super) fn group(&self) -> Result<ConsumerGroup, TransportError> {
        ConsumerGroup::new(Self::GROUP).map_err(|source| {
            let message = "the group has no name";
            TransportError::new(ErrorKind::Invalid, "look into", &self.topic, message).with_source(source)
        })
    }
}
