//! Reads, moves and removes the positions of a topic's groups.

mod lookup;
mod seek_target;

pub use seek_target::{SeekTarget, SeekTargetError};

use self::lookup::Lookup;
pub(super) use self::lookup::tidy;
use events_transport::{
    Acknowledgement, ConsumerGroup, ErrorKind, GroupStatus, Position, StartPosition, Topic, Transport,
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
    /// The current position: the earliest unsettled message, or behind the last message. `None` if the
    /// topic is empty.
    pub from: Option<Position>,
    /// The new position. `None` if the topic is empty.
    pub to: Option<Position>,
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

    /// Resolves a target to a position; `None` in an empty topic. Targets outside of the topic's messages
    /// become its first position or its end.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if no event has the id.
    pub async fn locate(&self, target: impl Into<SeekTarget>) -> Result<Option<Position>, TransportError> {
        let Some((first, end)) = self.ends().await? else { return Ok(None) };
        Ok(Some(match target.into() {
            SeekTarget::Start(StartPosition::Earliest) => first,
            SeekTarget::Start(StartPosition::Latest) => end,
            SeekTarget::Start(StartPosition::At(position)) => {
                if std::mem::discriminant(&position) != std::mem::discriminant(&first) {
                    let message = format!("a position of this topic has the form of `{first}`");
                    return Err(self.error(ErrorKind::Invalid, &message));
                }
                position.clamp(first, end)
            }
            SeekTarget::Start(start) => {
                let lookup = Lookup::open(self.transport, &self.topic, start).await?;
                let groups = self.list().await;
                let next = groups.and_then(|groups| Ok(lookup.of(&groups)?.next));
                lookup.close().await?;
                next?.map_or(end, |next| next.clamp(first, end))
            }
            SeekTarget::Event(id) => {
                let mut lookup = Lookup::open(self.transport, &self.topic, StartPosition::Earliest).await?;
                let found = lookup.find(id).await;
                lookup.close().await?;
                found?.ok_or_else(|| self.error(ErrorKind::NotFound, &format!("no event has the id {id}: it was sent to another topic, or retention removed it; use a time or a position instead")))?
            }
        }))
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
        let Some((to, from)) = self.locate(target).await?.zip(next) else {
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
        let target = Lookup::open(self.transport, &self.topic, to.into()).await?;
        let counted = self.count(group, &target, to, from).await;
        target.close().await?;
        let (status, passed_over, again, exact) = counted?;
        Ok(Reset {
            group: group.clone(),
            from: Some(from),
            to: Some(to),
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
        to: Position,
        from: Position,
    ) -> Result<(GroupStatus, u64, u64, bool), TransportError> {
        let current = Lookup::open(self.transport, &self.topic, from.into()).await?;
        let groups = self.list().await;
        let counted =
            groups.and_then(|groups| Ok((current.of(&groups)?.lag, target.of(&groups)?.lag, groups)));
        current.close().await?;
        let (after_current, after_target, groups) = counted?;
        let status = self.find(group, &groups)?;
        if to <= from {
            let again = after_target.saturating_sub(status.lag);
            return Ok((status, 0, again, true));
        }
        let between = after_current.saturating_sub(after_target);
        let passed_over = between.min(status.lag);
        let again = (after_target + passed_over).saturating_sub(status.lag);
        let exact = passed_over == status.lag.saturating_sub(after_target);
        Ok((status, passed_over, again, exact))
    }

    /// Executes a plan. The new position is stored when this returns, and members continue from there.
    /// Members lose their messages in flight; those after the new position are delivered again.
    ///
    /// # Errors
    /// A [`TransportError`]; the group is unchanged.
    pub async fn reset(&self, plan: &Reset) -> Result<(), TransportError> {
        self.transport.seek(&self.topic, &plan.group, plan.start).await
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
        let groups = self.list().await?;
        self.find(group, &groups)
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

    /// A group's status and its next position; `None` in an empty topic.
    pub(super) async fn next_position(
        &self,
        group: &ConsumerGroup,
    ) -> Result<(GroupStatus, Option<Position>), TransportError> {
        // The end is read before the group, so that messages arriving in between don't count as settled.
        let ends = self.ends().await?;
        let status = self.status(group).await?;
        let cumulative = self.transport.capability().acknowledgement == Acknowledgement::Cumulative;
        if cumulative || (status.lag > 0 && status.next.is_none()) {
            return Err(self.no_single_position(group));
        }
        let next = status.next.or(ends.map(|(_, end)| end));
        Ok((status, next))
    }

    /// The first position, and the position behind the last message.
    async fn ends(&self) -> Result<Option<(Position, Position)>, TransportError> {
        let topics = self.transport.topics().await?;
        let Some(status) = topics.into_iter().find(|status| status.topic == self.topic) else {
            return Err(TransportError::no_topic("look into", &self.topic));
        };
        Ok(status.first.zip(status.last).map(|(first, last)| (first, last.after())))
    }
}

impl std::fmt::Debug for Offsets<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offsets").field("topic", &self.topic).finish_non_exhaustive()
    }
}
