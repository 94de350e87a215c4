//! Temporary groups that find a position and count the messages after it.

use std::convert::Infallible;
use std::task::{Context, Waker};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use uuid::Uuid;

use crate::envelope::Envelope;
use events_support::error_chain::chain;
use events_transport::{
    Consumer, ConsumerGroup, Delivery, ErrorKind, GroupStatus, Position, StartPosition, Subscription, Topic,
    Transport, TransportError, ack_all,
};

/// The prefix of their names; a version 7 UUID follows.
const PREFIX: &str = "lookup.";
/// Older ones were left by a dead program.
const STALE: Duration = Duration::from_secs(60 * 60);
/// The number of messages per read.
const BATCH: usize = 256;
/// How long a transport may take to return the next messages.
const PATIENCE: Duration = Duration::from_secs(5);

/// A temporary group that starts at a position.
pub(super) struct Lookup<'t> {
    consumer: Box<dyn Consumer>,
    made: Made<'t>,
}

/// Removes the group on drop.
struct Made<'t> {
    transport: &'t dyn Transport,
    topic: &'t Topic,
    group: ConsumerGroup,
    is_removed: bool,
}

impl<'t> Lookup<'t> {
    /// Creates the group; [`close`](Self::close) removes it.
    pub(super) async fn open(
        transport: &'t dyn Transport,
        topic: &'t Topic,
        start: StartPosition,
    ) -> Result<Self, TransportError> {
        sweep(transport, topic).await?;
        let group = ConsumerGroup::new(format!("{PREFIX}{}", Uuid::now_v7())).map_err(|source| {
            TransportError::new(ErrorKind::Invalid, "look into", topic, "the group has no name")
                .with_source(source)
        })?;
        let subscription = Subscription::new(topic.clone(), group.clone()).start(start).retries_in_place();
        let made = Made { transport, topic, group, is_removed: false };
        let consumer = transport.consumer(subscription).await?;
        Ok(Self { consumer, made })
    }

    /// This group's status.
    pub(super) fn status(&self) -> impl Future<Output = Result<GroupStatus, TransportError>> {
        // The future does not hold the consumer, which threads can't share.
        let Made { transport, topic, group, .. } = &self.made;
        async move {
            let status = transport.group(topic, group).await?;
            status.ok_or_else(|| TransportError::no_group("look into", topic, group))
        }
    }

    /// This group's status among those of all groups.
    pub(super) fn of<'s>(&self, groups: &'s [GroupStatus]) -> Result<&'s GroupStatus, TransportError> {
        let Made { topic, group, .. } = &self.made;
        let status = groups.iter().find(|status| status.group == *group);
        status.ok_or_else(|| TransportError::no_group("look into", topic, group))
    }

    /// Finds the first event with this id, up to the current end of the topic.
    pub(super) async fn find(&mut self, id: Uuid) -> Result<Option<Position>, TransportError> {
        let mut left = self.status().await?.lag;
        while left > 0 {
            let deliveries = self.consumer.receive(BATCH, PATIENCE).await?;
            if deliveries.is_empty() {
                // Retention removed the rest.
                break;
            }
            left = left.saturating_sub(deliveries.len() as u64);
            let is_it = |text: &str| Uuid::try_parse(text).is_ok_and(|found| found == id);
            let found = deliveries
                .iter()
                .filter(|delivery| Envelope::id_of(delivery.message()).is_some_and(is_it))
                .map(Delivery::position)
                .min_by_key(|position| position.sort_key());
            if found.is_some() {
                return Ok(found);
            }
            ack_all(deliveries).await.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(None)
    }

    /// Removes the group.
    pub(super) async fn close(self) -> Result<(), TransportError> {
        let Self { consumer, mut made } = self;
        let closed = consumer.close().await;
        made.transport.remove_group(made.topic, &made.group).await?;
        made.is_removed = true;
        closed
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if self.is_removed {
            return;
        }
        // Nothing waits for the removal: an in-process store acts on the call, a remote one on the first
        // poll. `tidy` removes groups that remain.
        let mut removal = self.transport.remove_group(self.topic, &self.group);
        if Handle::try_current().is_ok() {
            let _ = removal.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}

/// Removes the temporary groups that dead programs left in a topic, now and every hour, for as long as it
/// is polled. A transport that does not answer blocks nothing else.
pub(in crate::bus) async fn tidy(transport: &dyn Transport, topic: &Topic) -> Infallible {
    loop {
        if let Err(error) = sweep(transport, topic).await {
            tracing::debug!(%topic, error = chain(&error), "failed to remove abandoned lookup groups");
        }
        tokio::time::sleep(STALE).await;
    }
}

/// Removes the groups of dead programs, which would hold back retention forever.
async fn sweep(transport: &dyn Transport, topic: &Topic) -> Result<(), TransportError> {
    for GroupStatus { group, .. } in transport.groups(topic).await? {
        if is_stale(group.as_str(), SystemTime::now()) {
            match transport.remove_group(topic, &group).await {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                // Another program removed it first.
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whether a group is a temporary one.
pub(in crate::bus) fn is_lookup(group: &str) -> bool {
    group.starts_with(PREFIX)
}

fn is_stale(group: &str, now: SystemTime) -> bool {
    let id = group.strip_prefix(PREFIX).and_then(|id| Uuid::try_parse(id).ok());
    let made = id.and_then(|id| id.get_timestamp()).map(|time| {
        let (seconds, nanos) = time.to_unix();
        Duration::new(seconds, nanos)
    });
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    made.is_some_and(|made| now.saturating_sub(made) > STALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_abandoned_lookups_are_stale() {
        let now = SystemTime::now();
        let group = format!("{PREFIX}{}", Uuid::now_v7());
        assert!(!is_stale(&group, now));
        assert!(is_stale(&group, now + STALE + Duration::from_secs(2)));
        for other in ["billing", "lookup.", "lookup.billing"] {
            assert!(!is_stale(other, now + 2 * STALE), "{other}");
        }
    }
}
