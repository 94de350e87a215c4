//! Moves and removes groups.
//!
//! Kafka refuses to change the offsets of a group with members: they are asked to leave, see [`control`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::admin::{committed, existing, not_a_position, of_group, partitions, retry_partitions};
use super::client::admin::{self as client, Call, Change, Committed, Session, TopicPartition};
use super::config::Config;
use super::control::{self, Action, ControlRequest};
use events_transport::{ConsumerGroup, ErrorKind, Position, StartPosition, Topic, TransportError};

/// How long members may take to leave beyond a session: they look for requests twice a second, and a member that was
/// killed or whose process is suspended is dropped by the brokers after its session.
const LEAVE: Duration = Duration::from_secs(15);
/// The longest session that is waited for.
const LONGEST_SESSION: Duration = Duration::from_secs(100);
/// How much longer members stay away if the caller does not end its request.
const HOLD: Duration = Duration::from_secs(5);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);
/// After this time, the request is looked at again: another caller may have replaced it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Moves a group, creating it if it does not exist.
pub(super) async fn seek(
    config: &Arc<Config>,
    topic: &Topic,
    group: &ConsumerGroup,
    start: StartPosition,
) -> Result<(), TransportError> {
    let (topic, group) = (topic.clone(), group.clone());
    client::run(config, Call::new("move a group on", &topic), move |session| {
        let partitions = partitions(&existing(session, &topic)?);
        let of_group = of_group(session, &group)?;
        let committed = committed(&of_group, &partitions)?;
        let mut offsets = start_offsets(session, &topic, &partitions, &start)?;
        if !committed.is_empty() {
            // An existing group keeps its position in partitions that the start does not name.
            let named = named_partitions(&start);
            offsets.retain(|(_, partition), _| named.as_ref().is_none_or(|named| named.contains(partition)));
        }
        let retries = retry_partitions(session, &topic, &group)?;
        if named_partitions(&start).is_none() {
            // The group starts again: what waits for a retry is delivered from the topic, or not at all.
            let end = |(at, range): (TopicPartition, std::ops::Range<u64>)| {
                (at, Committed { offset: range.end, metadata: String::new() })
            };
            offsets.extend(session.ranges(&retries)?.into_iter().map(end));
        }
        let own = names(partitions.iter().chain(&retries));
        let members = Members { session, topic: &topic, group: &group, own, topics: BTreeSet::new() };
        members.without(Action::Moved, || of_group.commit(&offsets))
    })
    .await
}

/// Removes a group from a topic.
pub(super) async fn remove_group(
    config: &Arc<Config>,
    topic: &Topic,
    group: &ConsumerGroup,
) -> Result<(), TransportError> {
    let (topic, group) = (topic.clone(), group.clone());
    client::run(config, Call::new("remove a group of", &topic), move |session| {
        let mut of_topic = partitions(&existing(session, &topic)?);
        let of_group = of_group(session, &group)?;
        if committed(&of_group, &of_topic)?.is_empty() {
            return Err(TransportError::no_group(session.call().operation, &topic, &group));
        }
        of_topic.extend(retry_partitions(session, &topic, &group)?);
        let own = names(&of_topic);
        let topics = other_topics(session, &of_group, &own)?;
        let is_only_topic = topics.is_empty();
        let removed = || Committed { offset: control::REMOVED_OFFSET, metadata: control::REMOVED.to_owned() };
        let marks = of_topic.into_iter().map(|partition| (partition, removed())).collect();
        let members = Members { session, topic: &topic, group: &group, own, topics };
        members.without(Action::Removed, || {
            if is_only_topic {
                let name = session.config().namespace.kafka_group(&group);
                session.config().recent_groups.forget(&name);
                session.delete_group(&name)
            } else {
                of_group.commit(&marks)
            }
        })
    })
    .await
}

/// The names in Kafka of the topics of these partitions.
fn names<'p>(partitions: impl IntoIterator<Item = &'p TopicPartition>) -> BTreeSet<String> {
    partitions.into_iter().map(|(topic, _)| topic.clone()).collect()
}

/// The topics besides `own`, by their names in Kafka, in which the group has committed offsets.
fn other_topics(
    session: &Session,
    of_group: &Session,
    own: &BTreeSet<String>,
) -> Result<BTreeSet<String>, TransportError> {
    let topics = session.cluster()?.topics;
    let others: Vec<_> =
        topics.iter().filter(|info| !own.contains(&info.name)).flat_map(partitions).collect();
    Ok(committed(of_group, &others)?.into_keys().map(|(topic, _)| topic).collect())
}

/// The partitions that a position names; `None` if it is one in each partition.
fn named_partitions(start: &StartPosition) -> Option<BTreeSet<u32>> {
    match start {
        StartPosition::At(position) => Some(position.partition().into_iter().collect()),
        StartPosition::Partitions(positions) => {
            Some(positions.iter().filter_map(Position::partition).collect())
        }
        _ => None,
    }
}

/// The offsets at which a new group starts. Partitions that the start does not name begin at the first message.
pub(super) fn start_offsets(
    session: &Session,
    topic: &Topic,
    partitions: &[TopicPartition],
    start: &StartPosition,
) -> Result<BTreeMap<TopicPartition, Committed>, TransportError> {
    let operation = session.call().operation;
    let at_time = match start {
        StartPosition::Time(time) => session.at_time(partitions, *time)?,
        _ => BTreeMap::new(),
    };
    let mut named = BTreeMap::new();
    let positions: Vec<Position> = match start {
        StartPosition::At(position) => vec![*position],
        StartPosition::Partitions(positions) => positions.iter().collect(),
        _ => Vec::new(),
    };
    for position in positions {
        match position {
            Position::Record { partition, offset }
                if partitions.iter().any(|(_, known)| *known == partition) =>
            {
                named.insert(partition, offset);
            }
            _ => return Err(not_a_position(operation, topic, partitions.len())),
        }
    }
    let ranges = session.ranges(partitions)?;
    let offset = |(partition, range): (TopicPartition, std::ops::Range<u64>)| {
        let offset = match start {
            StartPosition::Latest => range.end,
            StartPosition::Time(_) => at_time.get(&partition).copied().unwrap_or(range.end),
            _ => {
                named.get(&partition.1).map_or(range.start, |offset| (*offset).clamp(range.start, range.end))
            }
        };
        (partition, Committed { offset, metadata: String::new() })
    };
    Ok(ranges.into_iter().map(offset).collect())
}

/// The members of a group, which are asked to leave.
struct Members<'a> {
    session: &'a Session,
    topic: &'a Topic,
    group: &'a ConsumerGroup,
    /// The names in Kafka of the topic and of its retry topics.
    own: BTreeSet<String>,
    /// Other topics of the group, by their names in Kafka: its members there leave as well.
    topics: BTreeSet<String>,
}

impl Members<'_> {
    /// Makes a change that Kafka refuses while the group has members.
    fn without(
        mut self,
        end: Action,
        change: impl Fn() -> Result<Change, TransportError>,
    ) -> Result<(), TransportError> {
        if change()? == Change::Stored {
            return Ok(());
        }
        let namespace = &self.session.config().namespace;
        let of_group = of_group(self.session, self.group)?;
        self.topics.extend(other_topics(self.session, &of_group, &self.own)?);
        let control =
            self.session.of_group(&namespace.kafka_group_name(&control::control_group(self.group)))?;
        let mut request = ControlRequest::leave(self.current(&control)?, self.patience() + HOLD);
        self.write(&control, request, request.action)?;
        let changed = self.attempt(&control, &mut request, change);
        let ended = self.write(&control, request, if changed.is_ok() { end } else { Action::Moved });
        changed.and(ended)
    }

    /// Tries to make the change until the members have left.
    fn attempt(
        &self,
        control: &Session,
        request: &mut ControlRequest,
        change: impl Fn() -> Result<Change, TransportError>,
    ) -> Result<(), TransportError> {
        let deadline = Instant::now() + self.patience();
        let mut looked = Instant::now();
        loop {
            std::thread::sleep(PAUSE);
            if change()? == Change::Stored {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(self.have_not_left());
            }
            if looked.elapsed() > LOOK_AGAIN {
                looked = Instant::now();
                let current = self.current(control)?;
                if current != Some(*request) {
                    *request = ControlRequest::leave(current, self.patience() + HOLD);
                    self.write(control, *request, request.action)?;
                }
            }
        }
    }

    fn current(&self, control: &Session) -> Result<Option<ControlRequest>, TransportError> {
        let at = (self.session.config().namespace.kafka_topic(self.topic), 0);
        let found = control.committed(std::slice::from_ref(&at))?.remove(&at);
        Ok(found.and_then(|committed| committed.metadata.parse().ok()))
    }

    /// Writes the request with this action, and for the members in other topics that they leave or join again.
    fn write(
        &self,
        control: &Session,
        request: ControlRequest,
        action: Action,
    ) -> Result<(), TransportError> {
        let elsewhere = if action == Action::Removed { Action::Moved } else { action };
        let text = |action| Committed { offset: 0, metadata: request.ended(action).to_string() };
        let mut requests: BTreeMap<_, _> =
            self.topics.iter().map(|topic| ((topic.clone(), 0), text(elsewhere))).collect();
        requests.extend(self.own.iter().map(|topic| ((topic.clone(), 0), text(action))));
        match control.commit(&requests)? {
            Change::Stored => Ok(()),
            Change::HasMembers => {
                let message = format!(
                    "the group `{}` has members, and its name is kept for requests to the members of `{}`: \
                     rename it",
                    control::control_group(self.group),
                    self.group
                );
                Err(self.error(ErrorKind::Invalid, message))
            }
        }
    }

    /// How long the members may take to leave.
    fn patience(&self) -> Duration {
        self.session.config().client.session().min(LONGEST_SESSION) + LEAVE
    }

    fn have_not_left(&self) -> TransportError {
        let message = format!(
            "group `{}` has members that did not leave it within {} s: they belong to another program, or their \
             process is suspended; stop them and try again",
            self.group,
            self.patience().as_secs()
        );
        self.error(ErrorKind::Locked, message)
    }

    fn error(&self, kind: ErrorKind, message: String) -> TransportError {
        TransportError::new(kind, self.session.call().operation, self.topic, message)
    }
}
