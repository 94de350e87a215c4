//! Reads a topic without a group.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::offsets::{Offsets, SeekTarget};
use crate::envelope::Envelope;
use events_transport::{
    ConsumerGroup, ErrorKind, Position, Positions, StartPosition, StoredMessage, Topic, Transport,
    TransportError,
};

/// The prefix of the name for reads; a version 7 UUID follows. No group has such a name.
const PREFIX: &str = "peek.";
/// The number of messages per read.
const PORTION: usize = 256;

/// Reads the stored messages of a topic without a group.
///
/// Reading changes nothing: it creates no topic and no group, takes no lease, counts no attempt and settles
/// nothing. Messages that every group has settled are read too, until the retention removes them.
///
/// ```
/// use events_runtime::bus::Peek;
/// use events_runtime::transport::{ConnectOptions, Message, StartPosition, Topic, connect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = connect("memory:", &ConnectOptions::new())?;
/// let orders = Topic::new("orders")?;
/// # transport.producer().await?.send(&orders, &[Message::new("order")]).await;
/// let mut peek = Peek::open(&*transport, orders.clone(), StartPosition::Earliest).await?;
/// loop {
///     let messages = peek.read().await?;
///     if messages.is_empty() {
///         break; // the end for now
///     }
///     for stored in messages {
///         println!("{} {} bytes", stored.position, stored.message.data.len());
///     }
/// }
/// # assert_eq!(transport.groups(&orders).await?, []);
/// # Ok(())
/// # }
/// ```
pub struct Peek<'t> {
    transport: &'t dyn Transport,
    topic: Topic,
    group: ConsumerGroup,
    parts: Vec<Part>,
    /// The part that is read next.
    current: usize,
    first: First,
}

/// A partition, or the whole of a topic without partitions.
struct Part {
    partition: Option<u32>,
    /// The last position that was read, or the one before the start.
    after: Option<Position>,
    /// Whether the first message was found.
    is_started: bool,
}

impl From<Position> for Part {
    fn from(start: Position) -> Self {
        Self { partition: start.partition(), after: before(start), is_started: false }
    }
}

/// Which message is the first, among those after the start.
#[derive(Clone, Copy)]
enum First {
    Any,
    StoredAt(SystemTime),
    Event(Uuid),
}

impl First {
    fn is(self, stored: &StoredMessage) -> bool {
        match self {
            Self::Any => true,
            Self::StoredAt(time) => stored.time >= time,
            Self::Event(id) => Envelope::id_of(&stored.message)
                .is_some_and(|text| Uuid::try_parse(text).is_ok_and(|found| found == id)),
        }
    }
}

impl<'t> Peek<'t> {
    /// Opens a topic, by its full name, at a target. In a partition that a position does not name, reading
    /// starts at the earliest message; an event is searched for in all partitions, and reading starts at it in
    /// its own.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if there is no such topic, of kind
    /// [`Invalid`](ErrorKind::Invalid) if a position has the form of another transport.
    pub async fn open(
        transport: &'t dyn Transport,
        topic: Topic,
        from: impl Into<SeekTarget>,
    ) -> Result<Self, TransportError> {
        let offsets = Offsets::of(transport, topic.clone());
        let earliest = offsets.locate(StartPosition::Earliest).await?;
        let (start, first) = match from.into() {
            SeekTarget::Event(id) => (earliest, First::Event(id)),
            SeekTarget::Start(StartPosition::Time(time)) => {
                match earliest.as_ref().and_then(Positions::single) {
                    // The id of a Redis entry is the time at which it was stored.
                    Some(Position::Entry { .. }) => (offsets.locate(entry_at(time)).await?, First::Any),
                    _ => (earliest, First::StoredAt(time)),
                }
            }
            start => (offsets.locate(start).await?, First::Any),
        };
        let mut peek = Self::at(transport, topic, start.as_ref(), first)?;
        if start.is_none() {
            // Empty: the partitions are known, but have no messages.
            let topics = transport.topics().await?;
            let status = topics.into_iter().find(|status| status.topic == peek.topic);
            let partitions = status.map(|status| status.partitions).unwrap_or_default();
            if !partitions.is_empty() {
                peek.parts = partitions.iter().map(|range| Part::from(range.first)).collect();
            }
        }
        Ok(peek)
    }

    /// The last messages that satisfy `want`: up to `count` of each partition, in the order of reading.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub async fn last(
        transport: &dyn Transport,
        topic: Topic,
        count: usize,
        mut want: impl FnMut(&StoredMessage) -> bool,
    ) -> Result<Vec<StoredMessage>, TransportError> {
        let offsets = Offsets::of(transport, topic.clone());
        let first = offsets.locate(StartPosition::Earliest).await?;
        let end = offsets.locate(StartPosition::Latest).await?;
        let Some((first, end)) = first.zip(end) else { return Ok(Vec::new()) };
        // The most recent messages first, and more of them until enough satisfy.
        let mut window = count as u64;
        loop {
            let starts = end.iter().map(|end| (end, first.of(end.partition())));
            let starts: Vec<_> = starts
                .map(|(end, first)| {
                    first.map_or(end, |first| back(end, window).filter(|it| *it > first).unwrap_or(first))
                })
                .collect();
            let is_whole = starts.iter().all(|start| first.of(start.partition()) == Some(*start));
            let starts = Positions::new(starts);
            let mut peek = Peek::at(transport, topic.clone(), starts.as_ref(), First::Any)?;
            let mut last: Vec<(Option<u32>, VecDeque<StoredMessage>)> =
                peek.parts.iter().map(|part| (part.partition, VecDeque::new())).collect();
            loop {
                let messages = peek.read().await?;
                if messages.is_empty() {
                    break;
                }
                for stored in messages.into_iter().filter(&mut want) {
                    let partition = stored.position.partition();
                    let Some((_, last)) = last.iter_mut().find(|(it, _)| *it == partition) else { continue };
                    last.push_back(stored);
                    if last.len() > count {
                        last.pop_front();
                    }
                }
            }
            if is_whole || last.iter().all(|(_, last)| last.len() == count) {
                return Ok(last.into_iter().flat_map(|(_, last)| last).collect());
            }
            window = window.saturating_mul(16).max(PORTION as u64);
        }
    }

    fn at(
        transport: &'t dyn Transport,
        topic: Topic,
        start: Option<&Positions>,
        first: First,
    ) -> Result<Self, TransportError> {
        let group = ConsumerGroup::new(format!("{PREFIX}{}", Uuid::now_v7())).map_err(|source| {
            let message = "the name for reading is invalid";
            TransportError::new(ErrorKind::Invalid, "look into", &topic, message).with_source(source)
        })?;
        let parts = match start {
            Some(start) => start.iter().map(Part::from).collect(),
            None => vec![Part { partition: None, after: None, is_started: false }],
        };
        Ok(Self { transport, topic, group, parts, current: 0, first })
    }

    /// Whether a message was stored before the ones that [`read`](Self::read) returns next.
    #[doc(hidden)]
    #[must_use]
    pub fn is_before(&self, position: Position) -> bool {
        let part = self.parts.iter().find(|part| part.partition == position.partition());
        part.and_then(|part| part.after).is_some_and(|after| position.sort_key() <= after.sort_key())
    }

    /// Reads the next messages, in the order of partition and position. None at the current end of the topic;
    /// a later call continues with the messages that arrived since.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`Unsupported`](ErrorKind::Unsupported) if the transport does not implement
    /// [`unsettled`](Transport::unsettled), of kind [`NotFound`](ErrorKind::NotFound) at the end if no event has
    /// the id to start at.
    pub async fn read(&mut self) -> Result<Vec<StoredMessage>, TransportError> {
        while let Some(part) = self.parts.get_mut(self.current) {
            let (transport, topic, group) = (self.transport, &self.topic, &self.group);
            let mut messages = transport.unsettled(topic, group, part.after, PORTION).await?;
            // Without a named partition, the messages of all partitions follow each other.
            if part.partition.is_some() {
                messages.retain(|stored| stored.position.partition() == part.partition);
            }
            let Some(last) = messages.last() else {
                self.current += 1;
                continue;
            };
            part.after = Some(last.position);
            if !part.is_started {
                let Some(at) = messages.iter().position(|stored| self.first.is(stored)) else { continue };
                part.is_started = true;
                messages.drain(..at);
            }
            return Ok(messages);
        }
        self.current = 0;
        match self.first {
            First::Event(id) if !self.parts.iter().any(|part| part.is_started) => Err(TransportError::new(
                ErrorKind::NotFound,
                "look into",
                &self.topic,
                format!(
                    "no event has the id {id}: it was sent to another topic, or retention removed it; use a time or a position instead"
                ),
            )),
            _ => Ok(Vec::new()),
        }
    }
}

impl std::fmt::Debug for Peek<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peek").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// The position before this one; `None` before the first.
fn before(position: Position) -> Option<Position> {
    match position {
        Position::Sequence(sequence) => sequence.checked_sub(1).map(Position::Sequence),
        Position::Entry { millis, sequence } => match sequence.checked_sub(1) {
            Some(sequence) => Some(Position::Entry { millis, sequence }),
            None => millis.checked_sub(1).map(|millis| Position::Entry { millis, sequence: u64::MAX }),
        },
        Position::Record { partition, offset } => match offset.checked_sub(1) {
            Some(offset) => Some(Position::Record { partition, offset }),
            None => {
                partition.checked_sub(1).map(|partition| Position::Record { partition, offset: u64::MAX })
            }
        },
        // Positions of other transports start at the beginning.
        _ => None,
    }
}

/// The position that is `window` messages earlier, if positions are numbers without gaps.
fn back(position: Position, window: u64) -> Option<Position> {
    match position {
        Position::Sequence(sequence) => Some(Position::Sequence(sequence.saturating_sub(window))),
        Position::Record { partition, offset } => {
            Some(Position::Record { partition, offset: offset.saturating_sub(window) })
        }
        _ => None,
    }
}

/// The first Redis entry that can be stored at this time or later.
fn entry_at(time: SystemTime) -> Position {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let rounded = since.saturating_add(Duration::from_nanos(999_999));
    Position::Entry { millis: u64::try_from(rounded.as_millis()).unwrap_or(u64::MAX), sequence: 0 }
}
