//! The headers of a message in a retry topic, which are removed before it is delivered.

use std::time::{Duration, SystemTime};

use crate::partition::millis_since_1970;
use events_transport::{ConsumerGroup, Headers, Message, Position, Topic};

/// Their prefix.
const PREFIX: &str = "events-retry-";
/// The topic that the message comes from.
const TOPIC: &str = "events-retry-topic";
/// The group that retries it.
const GROUP: &str = "events-retry-group";
/// Its position in that topic.
const POSITION: &str = "events-retry-position";
/// When it was stored there, in milliseconds since 1970.
const STORED: &str = "events-retry-stored";
/// The number of attempts so far.
const ATTEMPTS: &str = "events-retry-attempts";
/// When it is to be delivered again, in milliseconds since 1970.
const DUE: &str = "events-retry-due";

/// What a retry topic keeps of a message besides the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retried {
    /// Where the message was stored first.
    pub(crate) position: Position,
    pub(crate) stored: SystemTime,
    /// The attempts so far.
    pub(crate) attempts: u32,
    /// When it is due, in milliseconds since 1970.
    pub(crate) due: u64,
}

/// A message that was read from a retry topic.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Retried(Message, Retried),
    /// Another program has stored it: it is a message like any other.
    Plain(Message),
    /// It belongs to another group or topic whose retry topics have the same names.
    Foreign,
}

/// The message as it is stored in a retry topic.
pub(crate) fn write(mut message: Message, topic: &Topic, group: &ConsumerGroup, retried: Retried) -> Message {
    let headers = &mut message.headers;
    headers.retain(|name, _| !name.starts_with(PREFIX));
    headers.push(TOPIC, topic.to_string());
    headers.push(GROUP, group.to_string());
    headers.push(POSITION, retried.position.to_string());
    headers.push(STORED, millis_since_1970(retried.stored).to_string());
    headers.push(ATTEMPTS, retried.attempts.to_string());
    headers.push(DUE, retried.due.to_string());
    message
}

/// Reads a message of a retry topic.
pub(crate) fn read(mut message: Message, topic: &Topic, group: &ConsumerGroup) -> Found {
    let is_other = |name, own: &str| message.headers.get(name).is_some_and(|value| value != own);
    if is_other(TOPIC, topic.as_str()) || is_other(GROUP, group.as_str()) {
        return Found::Foreign;
    }
    let retried = retried(&message.headers);
    message.headers.retain(|name, _| !name.starts_with(PREFIX));
    match retried {
        Some(retried) => Found::Retried(message, retried),
        None => Found::Plain(message),
    }
}

fn retried(headers: &Headers) -> Option<Retried> {
    fn parsed<T: std::str::FromStr>(headers: &Headers, name: &str) -> Option<T> {
        std::str::from_utf8(headers.get(name)?).ok()?.parse().ok()
    }
    let position =
        parsed(headers, POSITION).filter(|position| matches!(position, Position::Record { .. }))?;
    let stored = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(parsed(headers, STORED)?))?;
    Some(Retried { position, stored, attempts: parsed(headers, ATTEMPTS)?, due: parsed(headers, DUE)? })
}
