//! Groups that live for a moment, to find out where a place is and how much stands behind it.

use std::convert::Infallible;
use std::task::{Context, Waker};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use uuid::Uuid;

use crate::envelope::Envelope;
use crate::error_chain::chain;
use crate::transport::{
    Consumer, ConsumerGroup, Delivery, ErrorKind, GroupStatus, Position, StartPosition, Subscription, Topic,
    Transport, TransportError, ack_all,
};

/// What the names of these groups begin with; a version 7 UUID follows.
const PREFIX: &str = "lookup.";
/// One that is older was left behind by a program that died.
const STALE: Duration = Duration::from_hours(1);
/// So many messages are read at once.
const BATCH: usize = 256;
/// How long a transport may take to come up with the next messages.
const PATIENCE: Duration = Duration::from_secs(5);

/// A group that starts at a place and settles nothing of its own accord.
pub(super) struct Lookup<'t> {
    consumer: Box<dyn Consumer>,
    made: Made<'t>,
}

/// A group that is removed with this, whatever becomes of the look.
struct Made<'t> {
    transport: &'t dyn Transport,
    topic: &'t Topic,
    group: ConsumerGroup,
    is_removed: bool,
}

impl<'t> Lookup<'t> {
    /// Makes the group; [`close`](Self::close) removes it.
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
        let subscription = Subscription::new(topic.clone(), group.clone()).start(start);
        let made = Made { transport, topic, group, is_removed: false };
        let consumer = transport.consumer(subscription).await?;
        Ok(Self { consumer, made })
    }

    /// This group among those of its topic.
    pub(super) fn of<'s>(&self, groups: &'s [GroupStatus]) -> Result<&'s GroupStatus, TransportError> {
        let Made { topic, group, .. } = &self.made;
        let status = groups.iter().find(|status| status.group == *group);
        status.ok_or_else(|| TransportError::no_group("look into", topic, group))
    }

    /// Reads on to the first event with this id, up to the end of the topic as it is now.
    pub(super) async fn find(&mut self, id: Uuid) -> Result<Option<Position>, TransportError> {
        let groups = self.made.transport.groups(self.made.topic).await?;
        let mut left = self.of(&groups)?.lag;
        while left > 0 {
            let deliveries = self.consumer.receive(BATCH, PATIENCE).await?;
            if deliveries.is_empty() {
                // Retention took the rest.
                break;
            }
            left = left.saturating_sub(deliveries.len() as u64);
            let is_it = |text: &str| Uuid::try_parse(text).is_ok_and(|found| found == id);
            let found = deliveries
                .iter()
                .filter(|delivery| Envelope::id_of(delivery.message()).is_some_and(is_it))
                .map(Delivery::position)
                .min();
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
        // Nobody waits for it: a store in this process is told by the call, one behind a connection by
        // the first poll. What that does not remove, `tidy` does.
        let mut removal = self.transport.remove_group(self.topic, &self.group);
        if Handle::try_current().is_ok() {
            let _ = removal.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}

/// Removes at once and then every hour what programs that died have left in a topic, for as long as it
/// is polled. A transport that does not answer stops nothing.
pub(in crate::bus) async fn tidy(transport: &dyn Transport, topic: &Topic) -> Infallible {
    loop {
        if let Err(error) = sweep(transport, topic).await {
            tracing::debug!(%topic, error = chain(&error), "groups that were left behind are not removed now");
        }
        tokio::time::sleep(STALE).await;
    }
}

/// Removes what programs that died have left: it would hold back retention for ever.
async fn sweep(transport: &dyn Transport, topic: &Topic) -> Result<(), TransportError> {
    for GroupStatus { group, .. } in transport.groups(topic).await? {
        if is_stale(group.as_str(), SystemTime::now()) {
            match transport.remove_group(topic, &group).await {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                // Another program was faster.
                _ => {}
            }
        }
    }
    Ok(())
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
    fn only_lookups_that_were_left_behind_are_stale() {
        let now = SystemTime::now();
        let group = format!("{PREFIX}{}", Uuid::now_v7());
        assert!(!is_stale(&group, now));
        assert!(is_stale(&group, now + STALE + Duration::from_secs(2)));
        for other in ["billing", "lookup.", "lookup.billing"] {
            assert!(!is_stale(other, now + 2 * STALE), "{other}");
        }
    }
}
