//! Events of the past, emitted again.

mod bounds;
mod error;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use error::ReplayError;

use self::bounds::{Bounded, Removed, settled};
use super::EventBus;
use super::consumer::Consume;
use super::offsets::{Offsets, SeekTarget};
use super::settling::Consumed;
use crate::error_chain::chain;
use crate::transport::{
    Acknowledgement, ConsumerGroup, ErrorKind, Position, StartPosition, Subscription, TransportError,
};

/// A replay that is being set up; [`run`](Self::run) or [`run_until`](Self::run_until) starts it and
/// returns when all of it is settled.
///
/// The events of a topic from one place up to another are emitted again in this process, with the
/// metadata that they had, as any consumer of the topic emits them: each key in its order, with
/// retries and dead letters. Receivers can't tell them from a redelivery; they must bear an event
/// that they have seen.
///
/// Into a **new group** ([`group`](Self::group)): at the broker it bears [`SUFFIX`](Self::SUFFIX)
/// behind its name, it is made where the replay begins, and removed at the end. Other groups see
/// nothing. Interrupted, the group stays and the next replay into it goes on where it stopped;
/// [`Offsets::remove`] gives it up. Its dead letters stand in `<topic>.<group>.replay.dlq`.
///
/// **In place** ([`in_place`](Self::in_place)): an existing group is moved back to the beginning and,
/// when all up to the end is settled, forward to where it stood. A process may die at any moment:
/// the group then stands no later than where it stood, so that nothing is lost that it had not
/// settled, and goes on from there; events between come once more. Interrupted otherwise, it is put
/// back where it stood. Counted attempts and pauses of events that were waiting begin anew.
///
/// Members of that group that run elsewhere take their share of the replay. What they have in hand
/// when it begins or ends is lost to them and comes again. They don't know its end: until the group
/// is moved forward they go on beyond, and so may see some events once more. Run one replay in place
/// of a group at a time.
///
/// ```no_run
/// # async fn replay(bus: events_runtime::EventBus) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::{Duration, SystemTime};
///
/// let yesterday = SystemTime::now() - Duration::from_hours(24);
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
    way: Option<Way>,
}

#[derive(Debug)]
enum Way {
    Fresh(String),
    InPlace(String),
}

/// What a replay has done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// The group at the broker.
    pub group: ConsumerGroup,
    /// The first and the end of what was to be replayed, the end not included; `None` where the
    /// topic is empty.
    pub range: Option<(Position, Position)>,
    /// Whether it went on with what an earlier one had begun.
    pub resumed: bool,
    /// Whether all of it is settled; otherwise it was told to stop. A new group that is gone counts as
    /// settled: processes may share a replay, and the first that finds the end removes the group.
    pub finished: bool,
    /// What this process has done, in messages.
    pub consumed: Consumed,
    /// How many events of which types this process emitted without any receiver being connected for
    /// them: nothing was done. They count as acknowledged.
    pub unreceived: BTreeMap<String, u64>,
    /// How many events of which types were passed over, for their definitions are not linked. They
    /// count as skipped.
    pub unknown: BTreeMap<String, u64>,
}

impl Replayed {
    /// Whether some receiver of this process took each event, or could have: none was without a
    /// receiver, and none of an unknown type.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.unreceived.is_empty() && self.unknown.is_empty()
    }
}

impl Replay {
    /// What the group of a replay has behind its name, so that no consumer's own group is taken for
    /// one.
    pub const SUFFIX: &'static str = ".replay";

    pub(super) fn new(bus: &EventBus, topic: String) -> Self {
        let (from, to) = (StartPosition::Earliest.into(), StartPosition::Latest.into());
        Self { bus: bus.clone(), consume: bus.consume(topic.as_str()), topic, from, to, way: None }
    }

    /// Where it begins, included; the first event that is still there unless set. Counts for a new
    /// group alone: one that an interrupted replay has left goes on where it stands.
    pub fn from(mut self, place: impl Into<SeekTarget>) -> Self {
        self.from = place.into();
        self
    }

    /// Where it ends, not included; behind the last event that is there at its start unless set.
    pub fn to(mut self, place: impl Into<SeekTarget>) -> Self {
        self.to = place.into();
        self
    }

    /// Into a new group of this name and [`SUFFIX`](Self::SUFFIX). Settings are those of
    /// `[consumers.TOPIC.GROUP]` under the name without it.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.way = Some(Way::Fresh(group.into()));
        self
    }

    /// In this existing group.
    pub fn in_place(mut self, group: impl Into<String>) -> Self {
        self.way = Some(Way::InPlace(group.into()));
        self
    }

    /// Sets up how the events are consumed. Group and start are the replay's own.
    pub fn settings(mut self, set_up: impl FnOnce(Consume) -> Consume) -> Self {
        self.consume = set_up(self.consume);
        self
    }

    /// Replays to the end. With `exhausted = "park"`, that is when every event has succeeded.
    ///
    /// # Errors
    /// As for [`run_until`](Self::run_until).
    pub async fn run(self) -> Result<Replayed, ReplayError> {
        self.run_until(std::future::pending::<()>()).await
    }

    /// Replays to the end, or until the future is ready.
    ///
    /// # Errors
    /// A [`ReplayError`] where a name or place can't be used, where a group to replay in stands before
    /// the beginning, and where a consumer would end with an error. A new group stays then, for another
    /// try; a group that was moved is put back where it stood.
    pub async fn run_until(self, shutdown: impl Future) -> Result<Replayed, ReplayError> {
        let Self { bus, topic, consume, from, to, way } = self;
        let (name, is_fresh) = match &way {
            Some(Way::Fresh(name)) => (name, true),
            Some(Way::InPlace(name)) => (name, false),
            None => return Err(ReplayError::NoGroup { topic }),
        };
        let consume = consume.group(name.as_str());
        let mut subscription = consume.subscription()?;
        if is_fresh {
            subscription.group = group_of(name)?;
        }
        if from.is_behind(&to) {
            return Err(ReplayError::Backwards { from, to });
        }
        let offsets = Offsets::of(bus.transport(), subscription.topic.clone());
        let mut replayed = Replayed {
            group: subscription.group.clone(),
            range: None,
            resumed: false,
            finished: true,
            consumed: Consumed::default(),
            unreceived: BTreeMap::new(),
            unknown: BTreeMap::new(),
        };
        // The end first: what comes while the beginning is looked for is not part of it.
        let end = offsets.locate(to).await?;
        let Some((from, to)) = offsets.locate(from).await?.zip(end) else { return Ok(replayed) };
        if to < from {
            return Err(ReplayError::Backwards { from: from.into(), to: to.into() });
        }
        replayed.range = Some((from, to));
        let run = Run { bus: &bus, consume, subscription, offsets, from, to };
        if is_fresh { run.fresh(replayed, shutdown).await } else { run.in_place(replayed, shutdown).await }
    }
}

/// The group at the broker of a replay into a group of this name.
fn group_of(name: &str) -> Result<ConsumerGroup, ReplayError> {
    let bare = name.strip_suffix(Replay::SUFFIX).unwrap_or(name);
    // Also says what is wrong with the name as it was given.
    let group = ConsumerGroup::new(bare)?;
    Ok(ConsumerGroup::new(format!("{group}{}", Replay::SUFFIX))?)
}

/// A replay whose places are known.
struct Run<'b> {
    bus: &'b EventBus,
    consume: Consume,
    subscription: Subscription,
    offsets: Offsets<'b>,
    from: Position,
    to: Position,
}

impl Run<'_> {
    async fn fresh(self, replayed: Replayed, shutdown: impl Future) -> Result<Replayed, ReplayError> {
        let Self { bus, consume, mut subscription, offsets, from, to } = self;
        let (topic, group) = (subscription.topic.clone(), subscription.group.clone());
        if bus.transport().capability().acknowledgement == Acknowledgement::Cumulative {
            return Err(offsets.no_single_position(&group).into());
        }
        let resumed = offsets.list().await?.iter().any(|status| status.group == group);
        let replayed = Replayed { resumed, ..replayed };
        if from == to && !resumed {
            return Ok(replayed);
        }
        subscription.start = from.into();
        let removed = Removed::Ends(Arc::default());
        let replayed = consumed(bus, consume, subscription, (to, removed), replayed, shutdown).await?;
        if replayed.finished {
            match bus.transport().remove_group(&topic, &group).await {
                // Another process took part and was faster.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        Ok(replayed)
    }

    /// The group stands before all that it has not settled, from beginning to end: it is moved back
    /// first, and forward only to where it stood. So nothing is lost wherever this is cut off.
    async fn in_place(self, replayed: Replayed, shutdown: impl Future) -> Result<Replayed, ReplayError> {
        let Self { bus, consume, subscription, offsets, from, to } = self;
        let (topic, group) = (subscription.topic.clone(), subscription.group.clone());
        let (_, stood) = offsets.stands(&group).await?;
        let Some(stood) = stood.filter(|_| from < to) else { return Ok(replayed) };
        if stood < from {
            return Err(ReplayError::Behind { group, next: stood, from });
        }
        bus.transport().seek(&topic, &group, from.into()).await?;
        let end = (to, Removed::Fails);
        let replayed = consumed(bus, consume, subscription, end, replayed, shutdown).await;
        match (replayed, move_on(bus, &offsets, &group, stood).await) {
            (Ok(_), Err(error)) => Err(error),
            (Err(error), Err(second)) => {
                tracing::warn!(%topic, %group, %stood, error = chain(&second), "the group was not put back where it stood: it goes on within the replay");
                Err(error)
            }
            (replayed, Ok(())) => replayed,
        }
    }
}

/// Moves a group forward to where it stood, unless it has come there by itself. All before was
/// settled when the replay began.
async fn move_on(
    bus: &EventBus,
    offsets: &Offsets<'_>,
    group: &ConsumerGroup,
    stood: Position,
) -> Result<(), ReplayError> {
    let status = offsets.status(group).await?;
    if status.next.is_some_and(|next| next < stood) {
        bus.transport().seek(offsets.topic(), group, stood.into()).await?;
    }
    Ok(())
}

/// Consumes up to the end, or until told to stop.
async fn consumed(
    bus: &EventBus,
    consume: Consume,
    subscription: Subscription,
    (to, removed): (Position, Removed),
    replayed: Replayed,
    shutdown: impl Future,
) -> Result<Replayed, ReplayError> {
    let mut ended: Option<Result<(), TransportError>> = None;
    let (topic, group) = (subscription.topic.clone(), subscription.group.clone());
    let end = async {
        tokio::select! {
            biased;
            _ = shutdown => {}
            settled = settled(bus.transport(), &topic, &group, to, &removed) => ended = Some(settled),
        }
    };
    let through = |consumer| -> Box<dyn crate::transport::Consumer> {
        Box::new(Bounded::new(consumer, to, removed.clone()))
    };
    let unhandled = Arc::clone(&consume.unhandled);
    let consumed = consume.run_as(subscription, through, end).await?;
    let (unreceived, unknown) = unhandled.get();
    let finished = match ended {
        Some(settled) => {
            settled?;
            true
        }
        None => false,
    };
    Ok(Replayed { finished, consumed, unreceived, unknown, ..replayed })
}
