//! What a consumer does before its member joins the group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::admin::user_topic;
use crate::client::admin::{self, Call};
use crate::client::{CommitFailure, CommittedOffset, GroupClient, Place, Topics, persist};
use crate::config::Config;
use crate::control::{Action, REMOVED};
use crate::control_watch::{ControlWatch, ControlWatches};
use crate::retry_topics::{RetryTopics, may_move};
use crate::worker::{Source, start_of};
use events_transport::{ErrorKind, Position, StartPosition, Subscription, Topic, TransportError};

/// What a subscription prepares before the member joins.
pub(super) struct Joining {
    pub(super) client: GroupClient,
    pub(super) sources: Vec<Source>,
    pub(super) control: Arc<ControlWatch>,
    /// The partitions of topics in which the group is new, if its start could not be committed.
    pub(super) unlisted: Vec<Place>,
}

/// A topic that the member reads.
#[derive(Debug, Clone)]
struct Read {
    topic: Topic,
    /// The index of the subscription.
    of: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The topic of the subscription.
    Subscribed,
    /// A retry topic of it.
    Retries,
    /// A retry topic of a delay that is no longer configured.
    OldRetries,
}

/// The topics that the member reads: those of the subscriptions, then their retry topics.
#[derive(Debug, Clone)]
pub(super) struct Reads {
    all: Vec<Read>,
    /// Of each subscription.
    retry_topics: Vec<RetryTopics>,
}

impl Reads {
    /// Finds the topics of these subscriptions.
    ///
    /// # Errors
    /// A [`TransportError`] if a name is too long, or the cluster can't be asked for old retry topics.
    pub(super) async fn of(
        config: &Arc<Config>,
        subscriptions: &[Subscription],
    ) -> Result<Self, TransportError> {
        let subscribed = subscriptions.iter().enumerate();
        let mut all: Vec<Read> = subscribed
            .map(|(of, one)| Read { topic: one.topic.clone(), of, kind: Kind::Subscribed })
            .collect();
        let retry_topics =
            subscriptions.iter().map(|one| config.retry_delays.topics(one)).collect::<Result<Vec<_>, _>>()?;
        if !config.retry_delays.is_empty() && subscriptions.iter().any(may_move) {
            let call = Call::new("subscribe to", &subscriptions.first().map_or("", |one| one.topic.as_str()));
            let existing: Vec<Topic> = admin::run(config, call, |session| {
                let topics = session.cluster()?.topics;
                Ok(topics.iter().filter_map(|info| user_topic(session, info)).collect())
            })
            .await?;
            for (of, (subscription, topics)) in subscriptions.iter().zip(&retry_topics).enumerate() {
                let retries = topics.iter().map(|(_, topic)| (topic.clone(), Kind::Retries));
                let old = topics.others(subscription, existing.iter());
                let old = old.into_iter().map(|topic| (topic, Kind::OldRetries));
                all.extend(retries.chain(old).map(|(topic, kind)| Read { topic, of, kind }));
            }
        }
        Ok(Self { all, retry_topics })
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.all.iter().map(|read| &read.topic)
    }

    /// The index of the subscription of each topic.
    pub(super) fn owners(&self) -> impl Iterator<Item = usize> {
        self.all.iter().map(|read| read.of)
    }

    /// The topics to which the messages of each subscription move.
    pub(super) fn retry_topics(&self) -> impl Iterator<Item = &RetryTopics> {
        self.retry_topics.iter()
    }
}

/// Reaches the cluster, finds the topics, and creates the group if it is new. Blocks.
pub(super) fn prepare(
    config: &Arc<Config>,
    topics: &Topics,
    watches: &ControlWatches,
    subscriptions: &[Subscription],
    reads: &Reads,
) -> Result<Joining, TransportError> {
    let mut names = Vec::with_capacity(reads.all.len());
    for topic in reads.topics() {
        names.push(config.namespace.checked_topic(topic, "subscribe to")?);
    }
    let Some(group) = subscriptions.first().map(|one| &one.group) else {
        let message = "a consumer needs at least one topic";
        return Err(TransportError::new(ErrorKind::Invalid, "subscribe to", "", message));
    };
    let kafka_group = config.namespace.kafka_group(group);
    let client = GroupClient::new(&config.client, config.group_protocol, &kafka_group, names.clone())?;
    client.reach()?;
    let places = places(&client, topics, subscriptions, reads)?;
    let control = watches.of(config, group, &names)?;
    let timeout = config.client.timeout();
    let mut sources: Vec<Source> = Vec::with_capacity(names.len());
    for (name, read) in names.into_iter().zip(&reads.all) {
        let epoch = wait_for_end(&control, &name, timeout);
        let of = subscriptions.get(read.of).filter(|_| read.kind != Kind::Subscribed);
        sources.push(Source {
            name,
            starts: BTreeMap::new(),
            epoch,
            retries_of: of.map(|of| of.topic.clone()),
        });
    }
    let committed = persist(timeout, |wait| client.committed(&places, wait))?;
    config.recent_groups.note([&*kafka_group]);
    let known: BTreeSet<usize> = committed
        .iter()
        .filter(|(_, found)| is_known(found.as_ref()))
        .map(|(place, _)| place.topic)
        .collect();
    let (mut starts, mut unlisted) = (Vec::new(), Vec::new());
    for (index, read) in reads.all.iter().enumerate() {
        let is_new = !known.contains(&index);
        let Some(start) = start(config, subscriptions, read, !is_new, known.contains(&read.of)) else {
            continue;
        };
        for (place, _) in committed.iter().filter(|(place, _)| place.topic == index) {
            let offset = persist(timeout, |wait| start_of(&client, *place, &start, wait))?;
            starts.push((*place, offset, String::new()));
            if is_new && let Some(source) = sources.get_mut(index) {
                source.starts.insert(place.partition, offset);
            }
            if is_new && read.kind == Kind::Subscribed {
                unlisted.push(*place);
            }
        }
    }
    if !starts.is_empty() {
        persist(timeout, |_| match client.commit(&starts) {
            Ok(()) => {
                unlisted.clear();
                Ok(())
            }
            // The group has members: this one commits the start of the partitions that it gets.
            Err(CommitFailure::Rebalance | CommitFailure::TooMuchMetadata) => Ok(()),
            Err(CommitFailure::Unavailable(error) | CommitFailure::Refused(error)) => Err(error),
        })?;
    }
    Ok(Joining { client, sources, control, unlisted })
}

/// Whether a partition has a committed offset of a group that was not removed.
pub(super) fn is_known(committed: Option<&CommittedOffset>) -> bool {
    committed.is_some_and(|committed| committed.metadata != REMOVED)
}

/// The partitions of all topics. Missing topics are created if that is configured.
fn places(
    client: &GroupClient,
    topics: &Topics,
    subscriptions: &[Subscription],
    reads: &Reads,
) -> Result<Vec<Place>, TransportError> {
    let (mut places, mut counts, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for (topic, read) in reads.all.iter().enumerate() {
        let count = match (read.kind, subscriptions.get(read.of), counts.get(read.of)) {
            (Kind::Subscribed, Some(subscription), _) => {
                let count = client.ensure(topics, &read.topic)?;
                check_start(subscription, count)?;
                counts.push(count);
                count
            }
            (_, _, Some(of)) => {
                let Some(count) = client.ensure_beside(topics, &read.topic, *of)? else {
                    missing.push((&read.topic, *of));
                    continue;
                };
                count
            }
            _ => continue,
        };
        places.extend((0..count).map(|partition| Place { topic, partition }));
    }
    match missing.first() {
        None => Ok(places),
        Some((_, partitions)) => {
            let names: Vec<_> = missing.iter().map(|(topic, _)| format!("`{topic}`")).collect();
            let message = format!(
                "the retry topics {} don't exist: create them with {partitions} partitions and a `retention.ms` above \
                 their delay, or set `create_topics=true` in the URL, or unset `retry_topics`",
                names.join(", ")
            );
            let subject = subscriptions.first().map_or("", |one| one.topic.as_str());
            Err(TransportError::new(ErrorKind::NotFound, "subscribe to", subject, message))
        }
    }
}

/// Where the group starts in a topic; `None` if it continues. Nothing that waits in a retry topic belongs to a group
/// that is new, or that starts again at a time.
fn start(
    config: &Config,
    subscriptions: &[Subscription],
    read: &Read,
    is_known: bool,
    owner_is_known: bool,
) -> Option<StartPosition> {
    match (read.kind, &config.offset_time) {
        (Kind::Subscribed, Some(time)) => Some(time.clone()),
        (Kind::Subscribed, None) if !is_known => Some(subscriptions.get(read.of)?.start.clone()),
        (Kind::Retries | Kind::OldRetries, Some(_)) => Some(StartPosition::Latest),
        (Kind::Retries | Kind::OldRetries, None) if !owner_is_known => Some(StartPosition::Latest),
        (Kind::Retries | Kind::OldRetries, None) if !is_known => Some(StartPosition::Earliest),
        _ => None,
    }
}

/// Refuses a position that is none of the topic's partitions.
fn check_start(subscription: &Subscription, count: u32) -> Result<(), TransportError> {
    let is_known = |position: Position| position.partition().is_some_and(|partition| partition < count);
    let is_valid = match &subscription.start {
        StartPosition::At(position) => is_known(*position),
        StartPosition::Partitions(positions) => positions.iter().all(is_known),
        _ => true,
    };
    if is_valid {
        return Ok(());
    }
    let message = format!(
        "`{}` is not a position in its partitions, which are 0 to {}: write a position such as `0:42`",
        subscription.start,
        count.saturating_sub(1)
    );
    Err(TransportError::new(ErrorKind::Invalid, "subscribe to", &subscription.topic, message))
}

/// Waits while a caller changes the offsets of the group, and returns the epoch of the last request.
fn wait_for_end(control: &ControlWatch, topic: &str, timeout: Duration) -> Option<u64> {
    control.look(timeout);
    let found = std::time::Instant::now();
    while let Some(request) = control.request(topic) {
        match request.action {
            // The caller may have crashed.
            Action::Leave(hold) if !request.is_out_of_date() && found.elapsed() < hold => {
                control.look(timeout);
            }
            _ => return Some(request.epoch),
        }
    }
    None
}
