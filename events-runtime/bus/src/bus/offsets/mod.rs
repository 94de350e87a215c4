//! Reads, moves and removes the positions of a topic's groups.

mod lookup;
mod seek_target;

pub use seek_target::{SeekTarget, SeekTargetError};

use self::lookup::Lookup;
pub(super) use self::lookup::{is_lookup, tidy};
use events_transport::{
    Acknowledgement, ConsumerGroup, ErrorKind, GroupStatus, Positions, StartPosition, Topic, Transport,
    TransportError,
};

/// The groups of one topic and their positions.
///
/// A move is planned first, which reports its effect, and then executed:
///
/// ```
/// use events_runtime::bus::Offsets;
/// use events_runtime::transport::{
///     ConnectOptions, ConsumerGroup, Message, StartPosition, Subscription, Topic, connect,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = connect("memory:", &ConnectOptions::new())?;
/// let (orders, billing) = (Topic::new("orders")?, ConsumerGroup::new("billing")?);
/// # transport.producer().await?.send(&orders, &[Message::new("order")]).await;
/// # drop(transport.consumer(Subscription::new(orders.clone(), billing.clone())).await?);
/// let offsets = Offsets::of(&*transport, orders);
/// let plan = offsets.plan(&billing, StartPosition::Latest).await?;
/// assert_eq!(plan.passed_over, 1, "an event that the group has not processed");
/// offsets.reset(&plan).await?;
/// # assert_eq!(offsets.list().await?[0].lag, 0);
/// # Ok(())
/// # }
/// ```
///
/// Counts and searches use a temporary group `lookup.<UUID>`, which is removed even if the future is
/// dropped. If a process is killed, its temporary group holds back retention for an hour. After that, the
/// next lookup removes it, or any consumer of the topic, at its start and every hour.
#[derive(Clone)]
pub struct Offsets<'t> {
    transport: &'t dyn Transport,
    topic: Topic,
}

/// The effect of moving a group; created by [`Offsets::plan`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reset {
    /// The group.
    pub group: ConsumerGroup,
    /// The current position in each partition: the earliest unsettled message, or behind the last message.
    /// `None` if the topic is empty.
    pub from: Option<Positions>,
    /// The new position in each partition. `None` if the topic is empty.
    pub to: Option<Positions>,
    /// The number of settled messages that are delivered again; an upper bound unless
    /// [`exact`](Self::exact).
    pub again: u64,
    /// The number of unsettled messages that are skipped and never delivered; an upper bound unless
    /// [`exact`](Self::exact).
    pub passed_over: u64,
    /// The number of messages in flight, which their members lose.
    pub in_flight: u64,
    /// Whether the two counts are exact. They are not if a group moves forward and has settled messages out
    /// of order.
    pub exact: bool,
    /// The position passed to the transport.
    start: StartPosition,
}

impl<'t> Offsets<'t> {
    /// The groups of a topic, by its full name.
    pub const fn of(transport: &'t dyn Transport, topic: Topic) -> Self {
        Self { transport, topic }
    }

    pub(super) const fn transport(&self) -> &'t dyn Transport {
        self.transport
    }

    /// The topic.
    #[must_use]
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Lists all groups, sorted by name.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if the topic does not exist.
    pub async fn list(&self) -> Result<Vec<GroupStatus>, TransportError> {
        self.transport.groups(&self.topic).await
    }

    /// Resolves a target to a position in each partition; `None` in an empty topic. A target before the first
    /// message resolves to the first position, and one after the last message to the position after it. In a
    /// partition that the target does not name, the position is the first.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if no event has the id.
    pub async fn locate(&self, target: impl Into<SeekTarget>) -> Result<Option<Positions>, TransportError> {
        self.locate_or(target.into(), None).await
    }

    /// Like [`locate`](Self::locate); partitions that the target does not name have the positions of `default`.
    pub(super) async fn locate_or(
        &self,
        target: SeekTarget,
        default: Option<&Positions>,
    ) -> Result<Option<Positions>, TransportError> {
        let Some((first, end)) = self.ends().await? else { return Ok(None) };
        let default = default.unwrap_or(&first);
        Ok(Some(match target {
            SeekTarget::Start(StartPosition::Earliest) => first.clone(),
            SeekTarget::Start(StartPosition::Latest) => end,
            SeekTarget::Start(StartPosition::At(position)) => {
                self.within(&position.into(), &first, &end, default)?
            }
            SeekTarget::Start(StartPosition::Partitions(positions)) => {
                self.within(&positions, &first, &end, default)?
            }
            SeekTarget::Start(start) => {
                let lookup = Lookup::open(self.transport, &self.topic, start).await?;
                let next = lookup.status().await.map(|status| status.positions());
                lookup.close().await?;
                match next? {
                    Some(next) => self.within(&next, &first, &end, &end)?,
                    None => end,
                }
            }
            SeekTarget::Event(id) => {
                let mut lookup = Lookup::open(self.transport, &self.topic, StartPosition::Earliest).await?;
                let found = lookup.find(id).await;
                lookup.close().await?;
                let found = found?.ok_or_else(|| self.error(ErrorKind::NotFound, &format!("no event has the id {id}: it was sent to another topic, or retention removed it; use a time or a position instead")))?;
                if end.iter().len() > 1 {
                    let message = format!(
                        "event {id} is at {found}, and the topic has several partitions; use a time, or a position for each partition"
                    );
                    return Err(self.error(ErrorKind::Unsupported, &message));
                }
                found.into()
            }
        }))
    }

    /// The positions, within the topic's messages. In partitions that they do not name, those of `default`.
    fn within(
        &self,
        positions: &Positions,
        first: &Positions,
        end: &Positions,
        default: &Positions,
    ) -> Result<Positions, TransportError> {
        let form = || {
            let message = format!("a position of this topic has the form of `{first}`");
            self.error(ErrorKind::Invalid, &message)
        };
        let mut found = Vec::new();
        for position in positions.iter() {
            let bounds = first.of(position.partition()).zip(end.of(position.partition()));
            let (first, end) = bounds.ok_or_else(form)?;
            if std::mem::discriminant(&position) != std::mem::discriminant(&first) {
                return Err(form());
            }
            found.push(if position < first {
                first
            } else if position > end {
                end
            } else {
                position
            });
        }
        found.extend(default.iter().filter(|position| positions.of(position.partition()).is_none()));
        Positions::new(found).ok_or_else(form)
    }

    /// Computes the effect of moving a group. Changes nothing.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if the group or target does not
    /// exist.
    pub async fn plan(
        &self,
        group: &ConsumerGroup,
        to: impl Into<SeekTarget>,
    ) -> Result<Reset, TransportError> {
        let target = to.into();
        let (status, next) = self.next_position(group).await?;
        let Some((to, from)) = self.locate_or(target.clone(), next.as_ref()).await?.zip(next) else {
            let start = if let SeekTarget::Start(start) = target { start } else { StartPosition::Earliest };
            return Ok(Reset {
                group: group.clone(),
                from: None,
                to: None,
                again: 0,
                passed_over: 0,
                in_flight: status.in_flight,
                exact: true,
                start,
            });
        };
        let target = Lookup::open(self.transport, &self.topic, to.clone().into()).await?;
        let counted = self.count(group, &target, &to, &from).await;
        target.close().await?;
        let (status, passed_over, again, exact) = counted?;
        Ok(Reset {
            group: group.clone(),
            from: Some(from),
            to: Some(to.clone()),
            again,
            passed_over,
            in_flight: status.in_flight,
            exact,
            // The resolved position, so that later messages are not skipped.
            start: to.into(),
        })
    }

    /// The number of messages that a move skips and repeats, and whether that is exact.
    async fn count(
        &self,
        group: &ConsumerGroup,
        target: &Lookup<'_>,
        to: &Positions,
        from: &Positions,
    ) -> Result<(GroupStatus, u64, u64, bool), TransportError> {
        let current = Lookup::open(self.transport, &self.topic, from.clone().into()).await?;
        let groups = self.list().await;
        let counted =
            groups.and_then(|groups| Ok((current.of(&groups)?.clone(), target.of(&groups)?.clone(), groups)));
        current.close().await?;
        let (current, target, groups) = counted?;
        let status = self.find(group, &groups)?;
        let (mut passed_over, mut again, mut exact) = (0, 0, true);
        for to in to.iter() {
            let partition = to.partition();
            let (lag, after_target) = (status.lag_in(partition), target.lag_in(partition));
            if from.of(partition).is_some_and(|from| to <= from) {
                again += after_target.saturating_sub(lag);
                continue;
            }
            let skipped = current.lag_in(partition).saturating_sub(after_target).min(lag);
            passed_over += skipped;
            again += (after_target + skipped).saturating_sub(lag);
            exact &= skipped == lag.saturating_sub(after_target);
        }
        Ok((status, passed_over, again, exact))
    }

    /// Executes a plan. The new position is stored when this returns, and members continue from there.
    /// Members lose their messages in flight; those after the new position are delivered again.
    ///
    /// # Errors
    /// A [`TransportError`]; the group is unchanged.
    pub async fn reset(&self, plan: &Reset) -> Result<(), TransportError> {
        self.transport.seek(&self.topic, &plan.group, plan.start.clone()).await
    }

    /// Removes a group and its state, so that it no longer holds back retention.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if the group does not exist.
    pub async fn remove(&self, group: &ConsumerGroup) -> Result<(), TransportError> {
        self.status(group).await?;
        self.transport.remove_group(&self.topic, group).await
    }

    /// The progress of a group.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if the group does not exist.
    pub async fn status(&self, group: &ConsumerGroup) -> Result<GroupStatus, TransportError> {
        match self.transport.group(&self.topic, group).await? {
            Some(status) => Ok(status),
            None => self.find(group, &self.list().await?),
        }
    }

    fn find(&self, group: &ConsumerGroup, groups: &[GroupStatus]) -> Result<GroupStatus, TransportError> {
        if let Some(status) = groups.iter().find(|status| status.group == *group) {
            return Ok(status.clone());
        }
        let existing: Vec<_> = groups.iter().map(|status| format!("`{}`", status.group)).collect();
        let existing = if existing.is_empty() { "none".to_owned() } else { existing.join(", ") };
        let message = format!(
            "no group `{group}`; existing groups: {existing}; correct the name, or start a consumer, which creates the group"
        );
        Err(self.error(ErrorKind::NotFound, &message))
    }

    fn error(&self, kind: ErrorKind, message: &str) -> TransportError {
        TransportError::new(kind, "use the offsets of", &self.topic, message)
    }

    /// The error of a transport that does not report a single position for the group.
    pub(super) fn no_single_position(&self, group: &ConsumerGroup) -> TransportError {
        let message = format!("this transport does not report a single position for group `{group}`");
        self.error(ErrorKind::Unsupported, &message)
    }

    /// A group's status and its next position in each partition; `None` in an empty topic.
    pub(super) async fn next_position(
        &self,
        group: &ConsumerGroup,
    ) -> Result<(GroupStatus, Option<Positions>), TransportError> {
        // The end is read before the group, so that messages arriving in between don't count as settled.
        let ends = self.ends().await?;
        let status = self.status(group).await?;
        let next = status.positions();
        if !has_position(self.transport) || (status.lag > 0 && next.is_none()) {
            return Err(self.no_single_position(group));
        }
        let next = match (next, ends) {
            // A group may not report partitions without messages.
            (Some(next), Some((first, end))) => Some(self.within(&next, &first, &end, &end)?),
            (next, ends) => next.or(ends.map(|(_, end)| end)),
        };
        Ok((status, next))
    }

    /// The first position in each partition, and the position behind the last message.
    async fn ends(&self) -> Result<Option<(Positions, Positions)>, TransportError> {
        let topics = self.transport.topics().await?;
        let Some(status) = topics.into_iter().find(|status| status.topic == self.topic) else {
            return Err(TransportError::no_topic("look into", &self.topic));
        };
        if status.partitions.is_empty() {
            let ends = status.first.zip(status.last);
            return Ok(ends.map(|(first, last)| (first.into(), last.after().into())));
        }
        let first = Positions::new(status.partitions.iter().map(|partition| partition.first));
        let end = Positions::new(status.partitions.iter().map(|partition| partition.end));
        Ok(first.zip(end).filter(|_| status.messages > 0))
    }
}

/// Whether a group has one position in each partition. It has none if one offset is stored for it and the
/// transport does not say for which partition.
pub(super) fn has_position(transport: &dyn Transport) -> bool {
    let capability = transport.capability();
    capability.acknowledgement != Acknowledgement::Cumulative || capability.partitions
}

impl std::fmt::Debug for Offsets<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offsets").field("topic", &self.topic).finish_non_exhaustive()
    }
}
