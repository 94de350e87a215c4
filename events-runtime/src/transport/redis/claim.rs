//! What the claim script answers.

use std::time::{Duration, SystemTime};

use ::redis::Value;

use super::super::{ErrorKind, Message, Position, Topic, TransportError};
use super::entry;

/// One claim is one step of the server, during which it serves nobody else.
pub(super) const ENTRIES_AT_MOST: usize = 10_000;
/// About so many bytes come at once at most.
pub(super) const BYTES_AT_MOST: usize = 16 << 20;

/// A claim's entries, or when to ask again.
pub(super) struct Claimed {
    pub(super) token: u64,
    pub(super) entries: Vec<Entry>,
    /// How many pending entries were gone from the stream.
    pub(super) gone: u64,
    /// Until something is due.
    pub(super) pause: Option<Duration>,
    /// How far the stream and the group's `wake` stream were.
    pub(super) seen: [String; 2],
    /// Where to go on looking for entries in nobody's care.
    pub(super) sweep: String,
}

/// A message on its way to a member.
pub(super) struct Entry {
    pub(super) position: Position,
    pub(super) time: SystemTime,
    pub(super) attempt: u32,
    pub(super) message: Message,
}

/// Reads the answer; `None` where it is not as the script gives it.
pub(super) fn read(value: Value, token: u64) -> Option<Claimed> {
    let Value::Array(parts) = value else { return None };
    let [found, gone, pause, last, woken, sweep] = <[Value; 6]>::try_from(parts).ok()?;
    let Value::Array(found) = found else { return None };
    Some(Claimed {
        token,
        entries: found.into_iter().map(read_entry).collect::<Option<_>>()?,
        gone: u64::try_from(int(&gone)?).ok()?,
        pause: u64::try_from(int(&pause)?).ok().map(Duration::from_millis),
        seen: [text(last)?, text(woken)?],
        sweep: text(sweep)?,
    })
}

fn read_entry(value: Value) -> Option<Entry> {
    let Value::Array(parts) = value else { return None };
    let [id, attempt, fields] = <[Value; 3]>::try_from(parts).ok()?;
    let (position, time) = entry::position(&bytes(id)?)?;
    let attempt = u32::try_from(int(&attempt)?).unwrap_or(u32::MAX);
    Some(Entry { position, time, attempt, message: entry::message(pairs(fields)?) })
}

/// A flat list of names and values.
fn pairs(value: Value) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let Value::Array(flat) = value else { return None };
    let mut pairs = Vec::with_capacity(flat.len() / 2);
    let mut flat = flat.into_iter();
    while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
        pairs.push((bytes(name)?, bytes(value)?));
    }
    Some(pairs)
}

pub(super) const fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

pub(super) fn text(value: Value) -> Option<String> {
    String::from_utf8(bytes(value)?).ok()
}

pub(super) fn garbled(topic: &Topic) -> TransportError {
    TransportError::new(
        ErrorKind::Corrupt,
        "receive from",
        topic,
        "the server's answer is not understood: does something stand between that changes it?",
    )
}
