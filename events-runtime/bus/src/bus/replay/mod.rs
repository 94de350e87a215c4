//! Emits past events again.

mod bounds;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::bounds::{Bounded, GroupRemoved, settled};
use super::EventBus;
use super::consumer::Consume;
use super::offsets::{Offsets, SeekTarget, has_position};
use super::settling::Consumed;
use super::worker::ConsumeError;
use events_support::error_chain::chain;
use events_transport::{
    ConsumerGroup, ErrorKind, NameError, Position, Positions, StartPosition, Subscription, Transport,
    TransportError,
};

/// The reason why a replay did not start or ended early.
///
/// Only [`Behind`](Self::Behind) is an error of its own: the caller has a choice there. Everything else is
/// the error of the transport or of the consumer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The group has not reached the start: moving it there would skip events that it has not processed.
    #[error(
        "group `{group}` is at {next}, before the start of the replay at {from}, and would lose the events in between: start at {next} or earlier, wait until the group has reached the start, or replay into a new group"
    )]
    Behind {
        /// The group.
        group: ConsumerGroup,
        /// The earliest event that the group has not settled.
        next: Position,
        /// The start.
        from: Position,
    },
    /// The transport failed, or, of kind [`Invalid`](ErrorKind::Invalid), the replay has no group, an invalid
    /// name, several topics, or an end before its start.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The events could not be consumed.
    #[error("the replay's consumer failed")]
    Consume(#[from] ConsumeError),
}

impl ReplayError {
    fn invalid(topic: impl std::fmt::Display, message: impl Into<String>) -> Self {
        TransportError::new(ErrorKind::Invalid, "replay", topic, message).into()
    }

    fn backwards(topic: impl std::fmt::Display, from: &SeekTarget, to: &SeekTarget) -> Self {
        Self::invalid(topic, format!("the end, {to}, is before its start, {from}: swap the two"))
    }
}

/// Configures a replay; [`run`](Self::run) or [`run_until`](Self::run_until) starts it and returns when all
/// its events are settled.
///
/// A replay emits the events of a range of a topic again in this process, with their original metadata. It
/// works like any consumer of the topic: each key in order, with retries and dead letters. Receivers can't
/// distinguish a replayed event from a redelivered one, so they must tolerate events that they have handled
/// before.
///
/// Into a **new group** ([`group`](Self::group)): the group is named with [`SUFFIX`](Self::SUFFIX), starts
/// at the start of the range, and is removed at the end. Other groups are not affected. If the replay is
/// interrupted, the group stays and the next replay into it continues there; [`Offsets::remove`] abandons
/// it. Its dead letters are in `<topic>.<group>.replay.dlq`.
///
/// **In place** ([`in_place`](Self::in_place)): an existing group is moved back to the start and, when all
/// events up to the end are settled, forward to its original position. If the process dies, the group is at
/// or before its original position, so no unsettled event is lost; it continues from there, and events in
/// between are delivered once more. If the replay is interrupted otherwise, the group is moved to its
/// original position. Attempt counts and pauses of waiting events start again.
///
/// Other members of that group take part in the replay. They lose their events in flight when the replay
/// starts or ends, and these are redelivered. They don't know the end of the replay: until the group is
/// moved forward, they continue beyond it and may see some events twice. Run one in-place replay of a group
/// at a time.
///
/// ```no_run
/// # async fn replay(bus: events_runtime::EventBus) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::{Duration, SystemTime};
///
/// let yesterday = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
/// let replayed = bus
///     .replay("orders")
///     .from(yesterday)
///     .group("rebuild")
///     .settings(|consume| consume.concurrency(8))
///     .run()
///     .await?;
/// println!("{} events", replayed.consumed.acked);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a replay does nothing before `run` or `run_until`"]
pub struct Replay {
    bus: EventBus,
    topic: String,
    consume: Consume,
    from: SeekTarget,
    to: SeekTarget,
    mode: Option<Mode>,
}

#[derive(Debug)]
enum Mode {
    NewGroup(String),
    InPlace(String),
}

/// The result of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// The group's name at the broker.
    pub group: ConsumerGroup,
    /// The start (inclusive) and the end (exclusive) of the range in each partition; `None` if the topic is
    /// empty.
    pub range: Option<(Positions, Positions)>,
    /// Whether it continued an interrupted replay.
    pub resumed: bool,
    /// Whether all events are settled; if not, the replay was stopped. A removed new group counts as
    /// settled: processes may share a replay, and the first one that reaches the end removes the group.
    pub finished: bool,
    /// The number of messages for each outcome in this process.
    pub consumed: Consumed,
    /// The number of events, by type, that no receiver of this process took and that were skipped, with
    /// `unhandled = "skip"`. They count as skipped.
    pub unreceived: BTreeMap<String, u64>,
    /// The number of events, by type, that were skipped because their definitions are not linked. They
    /// count as skipped.
    pub unknown: BTreeMap<String, u64>,
}

impl Replayed {
    /// Whether every event had a receiver in this process: none was without one or of an unknown type.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.unreceived.is_empty() && self.unknown.is_empty()
    }
}

impl Replay {
    /// The suffix of a replay's group, so that it can't be confused with a consumer's group.
    pub const SUFFIX: &'static str = ".replay";

    pub(super) fn new(bus: &EventBus, topic: String) -> Self {
        let (from, to) = (StartPosition::Earliest.into(), StartPosition::Latest.into());
        Self { bus: bus.clone(), consume: bus.consume(topic.as_str()), topic, from, to, mode: None }
    }

    /// The start, inclusive. Default: the first event in the topic. Ignored if the replay continues an
    /// interrupted one.
    pub fn from(mut self, target: impl Into<SeekTarget>) -> Self {
        self.from = target.into();
        self
    }

    /// The end, exclusive. Default: behind the last event at the start of the replay.
    pub fn to(mut self, target: impl Into<SeekTarget>) -> Self {
        self.to = target.into();
        self
    }

    /// Replays into a new group of this name and [`SUFFIX`](Self::SUFFIX). Its settings are those of
    /// `[consumers.TOPIC.GROUP]` under the name without the suffix.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.mode = Some(Mode::NewGroup(group.into()));
        self
    }

    /// Replays in this existing group.
    pub fn in_place(mut self, group: impl Into<String>) -> Self {
        self.mode = Some(Mode::InPlace(group.into()));
        self
    }

    /// The topic's transport, as in [`Consume::transport`].
    pub fn transport(mut self, name: impl Into<String>) -> Self {
        self.consume = self.consume.transport(name);
        self
    }

    /// Configures the consumer of the events. The replay sets group and start itself.
    pub fn settings(mut self, set_up: impl FnOnce(Consume) -> Consume) -> Self {
        self.consume = set_up(self.consume);
        self
    }

    /// Replays to the end. With `exhausted = "park"`, that means until every event has succeeded.
    ///
    /// # Errors
    /// As for [`run_until`](Self::run_until).
    pub async fn run(self) -> Result<Replayed, ReplayError> {
        self.run_until(std::future::pending::<()>()).await
    }

    /// Replays to the end, or until the future is ready.
    ///
    /// # Errors
    /// A [`ReplayError`] if a name or target is invalid, if an existing group is before the start, or if
    /// the consumer fails. A new group stays for another attempt; a moved group is moved back to its
    /// original position.
    pub async fn run_until(self, shutdown: impl Future) -> Result<Replayed, ReplayError> {
        let Self { bus, topic, consume, from, to, mode } = self;
        let (name, is_new_group) = match &mode {
            Some(Mode::NewGroup(name)) => (name, true),
            Some(Mode::InPlace(name)) => (name, false),
            None => {
                let message =
                    "no group: call `group(\"…\")` for a new group, or `in_place(\"…\")` for an existing one";
                return Err(ReplayError::invalid(topic, message));
            }
        };
        if consume.has_several_topics() {
            let message = "a replay has one topic: replay the topics one after another";
            return Err(ReplayError::invalid(topic, message));
        }
        let consume = consume.group(name.as_str());
        let mut subscription = consume.subscription()?.retries_in_place();
        if is_new_group {
            subscription.group = group_of(name).map_err(ConsumeError::from)?;
        }
        if from.is_after(&to) {
            return Err(ReplayError::backwards(topic, &from, &to));
        }
        let name = consume.transport_name()?;
        let transport = &*bus.0.transports.get(&name).map_err(ConsumeError::from)?.transport;
        let offsets = Offsets::of(transport, subscription.topic.clone());
        let mut replayed = Replayed {
            group: subscription.group.clone(),
            range: None,
            resumed: false,
            finished: true,
            consumed: Consumed::default(),
            unreceived: BTreeMap::new(),
            unknown: BTreeMap::new(),
        };
        // The end first: events that arrive while the start is looked up are not part of the range.
        let latest = offsets.locate(StartPosition::Latest).await?;
        let end = offsets.locate_or(to, latest.as_ref()).await?;
        let Some((from, to)) = offsets.locate(from).await?.zip(end) else { return Ok(replayed) };
        if is_before(&to, &from).is_some() {
            return Err(ReplayError::backwards(topic, &from.into(), &to.into()));
        }
        replayed.range = Some((from.clone(), to.clone()));
        let run = ResolvedReplay { consume, subscription, offsets, from, to };
        if is_new_group {
            run.new_group(replayed, shutdown).await
        } else {
            run.in_place(replayed, shutdown).await
        }
    }
}

/// The broker's name of the group for a replay into a new group.
fn group_of(name: &str) -> Result<ConsumerGroup, NameError> {
    let bare = name.strip_suffix(Replay::SUFFIX).unwrap_or(name);
    // Validates the name as given, for a clear error.
    let group = ConsumerGroup::new(bare)?;
    ConsumerGroup::new(format!("{group}{}", Replay::SUFFIX))
}

/// The first position of `one` that is before the position of `other` in its partition, and the latter.
fn is_before(one: &Positions, other: &Positions) -> Option<(Position, Position)> {
    let pairs = one.iter().filter_map(|one| Some((one, other.of(one.partition())?)));
    pairs.into_iter().find(|(one, other)| one < other)
}

/// A replay with resolved positions.
struct ResolvedReplay<'b> {
    consume: Consume,
    subscription: Subscription,
    offsets: Offsets<'b>,
    from: Positions,
    to: Positions,
}

impl ResolvedReplay<'_> {
    async fn new_group(self, replayed: Replayed, shutdown: impl Future) -> Result<Replayed, ReplayError> {
        let Self { consume, mut subscription, offsets, from, to } = self;
        let (topic, group) = (subscription.topic.clone(), subscription.group.clone());
        let transport = offsets.transport();
        if !has_position(transport) {
            return Err(offsets.no_single_position(&group).into());
        }
        let resumed = offsets.list().await?.iter().any(|status| status.group == group);
        let replayed = Replayed { resumed, ..replayed };
        if from == to && !resumed {
            return Ok(replayed);
        }
        subscription.start = from.into();
        let removed = GroupRemoved::IsEnd(Arc::default());
        let replayed =
            consume_range(transport, consume, subscription, (to, removed), replayed, shutdown).await?;
        if replayed.finished {
            match transport.remove_group(&topic, &group).await {
                // Another process took part and removed it first.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        Ok(replayed)
    }

    /// The group never passes an event that it has not settled: it is moved back first, and forward only to
    /// its original position. So nothing is lost wherever this is interrupted.
    async fn in_place(self, replayed: Replayed, shutdown: impl Future) -> Result<Replayed, ReplayError> {
        let Self { consume, subscription, offsets, from, to } = self;
        let (topic, group) = (subscription.topic.clone(), subscription.group.clone());
        let (_, original) = offsets.next_position(&group).await?;
        let is_empty = is_before(&from, &to).is_none();
        let Some(original) = original.filter(|_| !is_empty) else { return Ok(replayed) };
        if let Some((next, from)) = is_before(&original, &from) {
            return Err(ReplayError::Behind { group, next, from });
        }
        offsets.transport().seek(&topic, &group, from.into()).await?;
        let end = (to, GroupRemoved::IsError);
        let replayed =
            consume_range(offsets.transport(), consume, subscription, end, replayed, shutdown).await;
        match (replayed, restore_position(&offsets, &group, &original).await) {
            (Ok(_), Err(error)) => Err(error),
            (Err(error), Err(second)) => {
                tracing::warn!(%topic, %group, %original, error = chain(&second), "failed to move the group to its original position; it continues within the replay");
                Err(error)
            }
            (replayed, Ok(())) => replayed,
        }
    }
}

/// Moves a group forward to its original position, unless it is there already. All events before it were
/// settled when the replay started.
async fn restore_position(
    offsets: &Offsets<'_>,
    group: &ConsumerGroup,
    original: &Positions,
) -> Result<(), ReplayError> {
    let status = offsets.status(group).await?;
    if status.positions().is_some_and(|next| is_before(&next, original).is_some()) {
        offsets.transport().seek(offsets.topic(), group, original.clone().into()).await?;
    }
    Ok(())
}

/// Consumes up to the end, or until stopped.
async fn consume_range(
    transport: &dyn Transport,
    consume: Consume,
    subscription: Subscription,
    (to, removed): (Positions, GroupRemoved),
    replayed: Replayed,
    shutdown: impl Future,
) -> Result<Replayed, ReplayError> {
    let mut ended: Option<Result<(), TransportError>> = None;
    let (topic, group) = (subscription.topic.clone(), subscription.group.clone());
    let end = async {
        tokio::select! {
            biased;
            _ = shutdown => {}
            settled = settled(transport, &topic, &group, &to, &removed) => ended = Some(settled),
        }
    };
    let through = |consumer| -> Box<dyn events_transport::Consumer> {
        Box::new(Bounded::new(consumer, to.clone(), removed.clone()))
    };
    let counts = Arc::clone(&consume.counts);
    let consumed = consume.run_as(vec![subscription], through, end).await?;
    let (unreceived, unknown) = counts.get();
    let finished = match ended {
        Some(settled) => {
            settled?;
            true
        }
        None => false,
    };
    Ok(Replayed { finished, consumed, unreceived, unknown, ..replayed })
}
