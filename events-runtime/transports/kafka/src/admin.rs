//! Lists topics, groups and unsettled messages.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::client::admin::{self as client, Call, Committed, Record, Session, TopicInfo, TopicPartition};
use super::config::Config;
use super::progress::Progress;
use super::retry_topics::headers::{self, Found as InRetryTopic};
use super::retry_topics::{delay_in, is_of};
use super::{control, writer_schemas};
use events_transport::{
    ConsumerGroup, ErrorKind, GroupStatus, PartitionRange, PartitionStatus, Position, StoredMessage, Topic,
    TopicStatus, TransportError,
};

/// How many groups are looked at concurrently.
const CONCURRENT_GROUPS: usize = 8;

/// All topics of users, sorted by name.
pub(super) async fn topics(config: &Arc<Config>) -> Result<Vec<TopicStatus>, TransportError> {
    client::run(config, Call::new("list the topics of", &config.url), |session| {
        let topics = user_topics(session)?;
        let partitions: Vec<_> = topics.iter().flat_map(|(_, info)| partitions(info)).collect();
        let ranges = session.ranges(&partitions)?;
        Ok(topics.into_iter().map(|(topic, info)| status(topic, &info, &ranges)).collect())
    })
    .await
}

fn user_topics(session: &Session) -> Result<Vec<(Topic, TopicInfo)>, TransportError> {
    let topics = session.cluster()?.topics.into_iter();
    Ok(topics.filter_map(|info| Some((user_topic(session, &info)?, info))).collect())
}

/// The topic of a name in Kafka; `None` for topics of Kafka itself, of stored schemas, or of another namespace.
pub(super) fn user_topic(session: &Session, info: &TopicInfo) -> Option<Topic> {
    let is_internal = info.name.starts_with("__") || writer_schemas::holds_schemas(&info.name);
    session.config().namespace.topic(&info.name).filter(|_| !is_internal)
}

/// The partitions of a topic.
pub(super) fn partitions(info: &TopicInfo) -> Vec<TopicPartition> {
    info.numbers().map(|number| (info.name.clone(), number)).collect()
}

fn status(topic: Topic, info: &TopicInfo, ranges: &BTreeMap<TopicPartition, Range<u64>>) -> TopicStatus {
    let ranges: Vec<_> = partitions(info)
        .into_iter()
        .filter_map(|partition| Some((partition.1, ranges.get(&partition)?.clone())))
        .collect();
    let messages = ranges.iter().map(|(_, range)| range.end - range.start).sum();
    let (first, last) = match ranges.as_slice() {
        [(partition, range)] if !range.is_empty() => {
            (Some(position(*partition, range.start)), Some(position(*partition, range.end - 1)))
        }
        _ => (None, None),
    };
    let range = |(partition, range): (u32, Range<u64>)| {
        PartitionRange::new(position(partition, range.start), position(partition, range.end))
    };
    TopicStatus::new(topic, messages, first, last).with_partitions(ranges.into_iter().map(range).collect())
}

pub(super) const fn position(partition: u32, offset: u64) -> Position {
    Position::Record { partition, offset }
}

/// What the cluster says about a topic.
pub(super) fn existing(session: &Session, topic: &Topic) -> Result<TopicInfo, TransportError> {
    let name = session.config().namespace.kafka_topic(topic);
    session.topic(&name)?.ok_or_else(|| TransportError::no_topic(session.call().operation, topic))
}

/// A client for the offsets of a group.
pub(super) fn of_group(session: &Session, group: &ConsumerGroup) -> Result<Session, TransportError> {
    session.of_group(&session.config().namespace.kafka_group(group))
}

/// The offsets that a group has committed in partitions, unless it was removed there.
pub(super) fn committed(
    of_group: &Session,
    partitions: &[TopicPartition],
) -> Result<BTreeMap<TopicPartition, Committed>, TransportError> {
    let mut committed = of_group.committed(partitions)?;
    committed.retain(|_, committed| committed.metadata != control::REMOVED);
    Ok(committed)
}

/// The groups of a topic, or this one, with their lag, sorted by name: those that have committed an offset in it.
pub(super) async fn groups(
    config: &Arc<Config>,
    topic: &Topic,
    only: Option<&ConsumerGroup>,
) -> Result<Vec<GroupStatus>, TransportError> {
    let (topic, only) = (topic.clone(), only.cloned());
    client::run(config, Call::new("list the groups of", &topic), move |session| {
        let own = partitions(&existing(session, &topic)?);
        let begins = format!("{topic}.");
        let is_wanted = |name: &str| match &only {
            Some(group) => is_of(name, &topic, group),
            None => name.starts_with(&begins) && delay_in(name).is_some(),
        };
        let retries = retry_topics(session, is_wanted)?;
        let all: Vec<_> = own.iter().chain(retries.iter().flat_map(|(_, all)| all)).cloned().collect();
        let groups = match &only {
            None => of_topic(session, &all)?,
            Some(group) => {
                let committed = committed(&of_group(session, group)?, &all)?;
                if !committed.is_empty() {
                    let config = session.config();
                    config.recent_groups.note([&*config.namespace.kafka_group(group)]);
                }
                [(group.clone(), committed)].into_iter().filter(|(_, all)| !all.is_empty()).collect()
            }
        };
        // After the offsets of the groups, so that no group is ahead of the end.
        let ranges = session.ranges(&all)?;
        let ranges_of = |partitions: &[TopicPartition]| -> BTreeMap<_, _> {
            let range = |at: &TopicPartition| Some((at.clone(), ranges.get(at)?.clone()));
            partitions.iter().filter_map(range).collect()
        };
        let status = |(group, committed): (ConsumerGroup, BTreeMap<TopicPartition, Committed>)| {
            // A group that was removed from the topic has nothing that waits.
            own.iter().find(|at| committed.contains_key(at))?;
            let moved = retries.iter().filter(|(retries, _)| is_of(retries.as_str(), &topic, &group));
            let moved = ranges_of(&moved.flat_map(|(_, all)| all.iter().cloned()).collect::<Vec<_>>());
            Some(group_status(group, &committed, &ranges_of(&own), &moved))
        };
        Ok(groups.into_iter().filter_map(status).collect())
    })
    .await
}

/// The retry topics whose names are wanted, with their partitions.
fn retry_topics(
    session: &Session,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<(Topic, Vec<TopicPartition>)>, TransportError> {
    let topics = user_topics(session)?.into_iter();
    let topics = topics.filter(|(topic, _)| is_wanted(topic.as_str()));
    Ok(topics.map(|(topic, info)| (topic, partitions(&info))).collect())
}

/// The partitions of the retry topics of a group.
pub(super) fn retry_partitions(
    session: &Session,
    topic: &Topic,
    group: &ConsumerGroup,
) -> Result<Vec<TopicPartition>, TransportError> {
    let topics = retry_topics(session, |name| is_of(name, topic, group))?;
    Ok(topics.into_iter().flat_map(|(_, partitions)| partitions).collect())
}

/// A group, and what it has committed.
pub(super) type GroupOffsets = (ConsumerGroup, BTreeMap<TopicPartition, Committed>);

/// The groups with committed offsets in these partitions, sorted by name.
pub(super) fn of_topic(
    session: &Session,
    partitions: &[TopicPartition],
) -> Result<Vec<GroupOffsets>, TransportError> {
    let names = session.groups()?;
    let namespace = &session.config().namespace;
    let names = names.iter().filter(|name| !control::is_control_group(name));
    let names: Vec<_> = names.filter_map(|name| namespace.group(name)).collect();
    let mut found = Vec::new();
    for names in names.chunks(CONCURRENT_GROUPS) {
        let looked_up: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = names
                .iter()
                .map(|group| scope.spawn(|| committed(&of_group(session, group)?, partitions)))
                .collect();
            // A panic of a thread goes on in this one.
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        for (group, committed) in names.iter().zip(looked_up) {
            let committed = committed?;
            if !committed.is_empty() {
                found.push((group.clone(), committed));
            }
        }
    }
    Ok(found)
}

fn group_status(
    group: ConsumerGroup,
    committed: &BTreeMap<TopicPartition, Committed>,
    ranges: &BTreeMap<TopicPartition, Range<u64>>,
    moved: &BTreeMap<TopicPartition, Range<u64>>,
) -> GroupStatus {
    let status = |(partition, range): (&TopicPartition, &Range<u64>)| {
        let unsettled = unsettled_ranges(committed.get(partition), range);
        let lag = unsettled.iter().map(|range| range.end - range.start).sum();
        let next = unsettled.first().map_or(range.end, |range| range.start);
        PartitionStatus::new(partition.1, lag).next(position(partition.1, next))
    };
    let partitions: Vec<_> = ranges.iter().map(status).collect();
    let lag: u64 = partitions.iter().map(|partition| partition.lag).sum();
    let next = match partitions.as_slice() {
        [only] if lag > 0 => only.next,
        _ => None,
    };
    let unsettled = moved.iter().flat_map(|(at, range)| unsettled_ranges(committed.get(at), range));
    let waiting: u64 = unsettled.map(|range| range.end - range.start).sum();
    // Only the members know what they hold, and what waits in its own topic.
    GroupStatus::new(group, lag + waiting, 0, waiting).next(next).with_partitions(partitions)
}

/// The parts of a partition's range that a group has not settled, in order. Without a committed offset, the group
/// begins at the first message.
pub(super) fn unsettled_ranges(committed: Option<&Committed>, range: &Range<u64>) -> Vec<Range<u64>> {
    let progress =
        committed.map_or_else(|| Progress::at(range.start), |committed| progress(committed, range.end));
    let mut unsettled: Vec<Range<u64>> = Vec::new();
    let mut add = |part: Range<u64>| match unsettled.last_mut() {
        Some(last) if last.end == part.start => last.end = part.end,
        _ => unsettled.push(part),
    };
    progress.exceptions.range(range.clone()).for_each(|(offset, _)| add(*offset..offset + 1));
    let rest = progress.cursor.max(range.start)..range.end;
    if !rest.is_empty() {
        add(rest);
    }
    unsettled
}

/// The progress that a commit stores in a partition with this end. Metadata of another program, and metadata about
/// messages that do not exist, say nothing beyond their offset.
fn progress(committed: &Committed, end: u64) -> Progress {
    let at = Progress::at(committed.offset);
    let decoded = Progress::decode(committed.offset, &committed.metadata);
    decoded.ok().filter(|progress| progress.cursor <= end.max(committed.offset)).unwrap_or(at)
}

/// Reads up to `max` messages that a group has not settled: those in the topic, and those that wait in its retry
/// topics, by their positions in the topic.
pub(super) async fn unsettled(
    config: &Arc<Config>,
    topic: &Topic,
    group: &ConsumerGroup,
    after: Option<Position>,
    max: usize,
) -> Result<Vec<StoredMessage>, TransportError> {
    const OPERATION: &str = "look into";
    let (topic, group) = (topic.clone(), group.clone());
    client::run(config, Call::new(OPERATION, &topic), move |session| {
        let info = existing(session, &topic)?;
        let partitions = partitions(&info);
        let after = match after {
            None => None,
            Some(Position::Record { partition, offset }) => Some((partition, offset.saturating_add(1))),
            Some(_) => return Err(not_a_position(OPERATION, &topic, partitions.len())),
        };
        let mut of_group = of_group(session, &group)?;
        let committed = committed(&of_group, &partitions)?;
        let ranges = session.ranges(&partitions)?;
        let moved = moved(session, &mut of_group, &topic, &group, after, max)?;
        let mut found = Found { messages: Vec::new(), bytes: 0, max, moved };
        for (partition, range) in ranges {
            for mut unsettled in unsettled_ranges(committed.get(&partition), &range) {
                match after {
                    Some((number, _)) if partition.1 < number => continue,
                    Some((number, next)) if partition.1 == number => {
                        unsettled.start = unsettled.start.max(next);
                    }
                    _ => {}
                }
                if unsettled.is_empty() {
                    continue;
                }
                if found.is_full() {
                    return Ok(found.messages);
                }
                of_group.read(&partition, unsettled, |record| found.add(partition.1, record))?;
            }
        }
        // What is left is after all of them.
        let _ = found.add_moved(None);
        Ok(found.messages)
    })
    .await
}

/// The messages that wait in retry topics, by their partitions and offsets in the topic.
type Moved = BTreeMap<(u32, u64), StoredMessage>;

/// The first messages, at `after` or later in the topic, that wait in the retry topics of a group.
fn moved(
    session: &Session,
    of_group: &mut Session,
    topic: &Topic,
    group: &ConsumerGroup,
    after: Option<(u32, u64)>,
    max: usize,
) -> Result<Moved, TransportError> {
    let partitions = retry_partitions(session, topic, group)?;
    let committed = committed(of_group, &partitions)?;
    let (mut moved, mut bytes) = (Moved::new(), 0);
    for (partition, range) in session.ranges(&partitions)? {
        for unsettled in unsettled_ranges(committed.get(&partition), &range) {
            of_group.read(&partition, unsettled, |record| {
                if let InRetryTopic::Retried(message, retried) = headers::read(record.message, topic, group)
                    && let Position::Record { partition, offset } = retried.position
                    && after.is_none_or(|after| (partition, offset) >= after)
                {
                    bytes += message.size();
                    let stored = StoredMessage::new(message, retried.position, retried.stored);
                    moved.insert((partition, offset), stored);
                    if moved.len() > max || bytes > StoredMessage::BYTES_AT_MOST && moved.len() > 1 {
                        bytes -= moved.pop_last().map_or(0, |(_, last)| last.message.size());
                    }
                }
                ControlFlow::Continue(())
            })?;
        }
    }
    Ok(moved)
}

/// The messages of one call of `unsettled`.
struct Found {
    messages: Vec<StoredMessage>,
    bytes: usize,
    max: usize,
    moved: Moved,
}

impl Found {
    fn is_full(&self) -> bool {
        self.messages.len() >= self.max || self.bytes >= StoredMessage::BYTES_AT_MOST
    }

    fn push(&mut self, stored: StoredMessage) -> ControlFlow<()> {
        self.bytes += stored.message.size();
        self.messages.push(stored);
        if self.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Adds the messages that have moved from before a position, or all.
    fn add_moved(&mut self, before: Option<(u32, u64)>) -> ControlFlow<()> {
        while let Some(first) = self.moved.first_entry()
            && before.is_none_or(|before| *first.key() < before)
        {
            let stored = first.remove();
            self.push(stored)?;
        }
        ControlFlow::Continue(())
    }

    fn add(&mut self, partition: u32, record: Record) -> ControlFlow<()> {
        self.add_moved(Some((partition, record.offset)))?;
        // It may have moved without being settled.
        self.moved.remove(&(partition, record.offset));
        let position = position(partition, record.offset);
        self.push(StoredMessage::new(record.message, position, record.time))
    }
}

/// The error for a position of another transport or of an absent partition.
pub(super) fn not_a_position(operation: &'static str, topic: &Topic, partitions: usize) -> TransportError {
    let message = format!(
        "a position of Kafka is a partition and an offset, such as `0:42`, and this topic has {partitions} partitions"
    );
    TransportError::new(ErrorKind::Invalid, operation, topic, message)
}

#[cfg(test)]
mod tests {
    use super::super::progress::Exception;
    use super::*;

    fn committed(offset: u64, metadata: &str) -> Committed {
        Committed { offset, metadata: metadata.to_owned() }
    }

    #[test]
    fn the_lag_is_what_the_commit_metadata_does_not_say_is_settled() {
        let exceptions = [(10, Exception::default()), (11, Exception::default()), (15, Exception::default())];
        let out_of_order = Progress { cursor: 20, exceptions: exceptions.into() };
        let metadata = out_of_order.encode();
        for (committed, range, expected) in [
            (None, 3..7, &[(3, 7)][..]),
            (None, 7..7, &[][..]),
            (Some(committed(5, "")), 3..7, &[(5, 7)][..]),
            (Some(committed(7, "")), 3..7, &[][..]),
            // Retention has removed the next message; the topic was recreated.
            (Some(committed(1, "")), 3..7, &[(3, 7)][..]),
            (Some(committed(9, "")), 3..7, &[][..]),
            (Some(committed(5, "of another program")), 3..7, &[(5, 7)][..]),
            (Some(committed(10, &metadata)), 0..30, &[(10, 12), (15, 16), (20, 30)][..]),
            (Some(committed(10, &metadata)), 11..30, &[(11, 12), (15, 16), (20, 30)][..]),
            (Some(committed(10, &metadata)), 25..30, &[(25, 30)][..]),
            // No member has written it.
            (Some(committed(10, &metadata)), 0..15, &[(10, 15)][..]),
        ] {
            let found = unsettled_ranges(committed.as_ref(), &range);
            let found: Vec<_> = found.into_iter().map(|range| (range.start, range.end)).collect();
            assert_eq!(found, expected, "{committed:?} in {range:?}");
        }
    }
}
