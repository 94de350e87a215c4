//! What the claim script answers.

use std::time::{Duration, SystemTime};

use ::redis::Value;
use bytes::Bytes;

use super::super::{ErrorKind, Message, Position, Topic, TransportError};
use super::entry;
use super::msgpack::Reader;

/// One claim is one step of the server, during which it serves nobody else.
pub(super) const MAX_ENTRIES: usize = 10_000;
/// About so many bytes come at once at most.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// A claim's entries, or when to ask again.
pub(super) struct Claimed {
    pub(super) token: u64,
    pub(super) entries: Vec<Entry>,
    /// How many pending entries were gone from the stream.
    pub(super) trimmed_pending: u64,
    /// How many entries were gone from the stream before the group read them.
    pub(super) trimmed_unread: u64,
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
    let [found, trimmed_pending, trimmed_unread, pause, last, woken, sweep] =
        <[Value; 7]>::try_from(parts).ok()?;
    let found = bytes(found)?;
    let mut found = Reader(&found);
    let mut entries = Vec::new();
    while !found.is_empty() {
        let count = found.array()?;
        entries.reserve(count.min(MAX_ENTRIES));
        for _ in 0..count {
            entries.push(read_entry(&mut found)?);
        }
    }
    Some(Claimed {
        token,
        entries,
        trimmed_pending: u64::try_from(int(&trimmed_pending)?).ok()?,
        trimmed_unread: u64::try_from(int(&trimmed_unread)?).ok()?,
        pause: u64::try_from(int(&pause)?).ok().map(Duration::from_millis),
        seen: [text(last)?, text(woken)?],
        sweep: text(sweep)?,
    })
}

/// An id, the fields, and the attempts unless it is the first.
pub(super) fn read_entry(found: &mut Reader<'_>) -> Option<Entry> {
    let parts = found.array()?;
    let (position, time) = entry::position(found.string()?)?;
    let pairs = found.array()? / 2;
    let (before, start) = (found.0, found.0.len());
    for _ in 0..pairs * 2 {
        found.string()?;
    }
    // One allocation for an entry, which all its parts share.
    let shared = Bytes::copy_from_slice(before.get(..start - found.0.len())?);
    let (shared, mut fields) = (&shared, Reader(&shared));
    let fields = (0..pairs).map_while(move |_| Some((fields.string()?, shared.slice_ref(fields.string()?))));
    let message = entry::message(fields);
    let attempt = if parts > 2 { u32::try_from(found.uint()?).unwrap_or(u32::MAX) } else { 1 };
    Some(Entry { position, time, attempt, message })
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

pub(super) fn malformed_reply(topic: &Topic) -> TransportError {
    TransportError::new(
        ErrorKind::Corrupt,
        "receive from",
        topic,
        "the server's answer is not understood: does something stand between that changes it?",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(found: &[u8]) -> Option<Claimed> {
        let text = |text: &str| Value::BulkString(text.into());
        let entries = Value::BulkString(found.to_vec());
        let parts =
            vec![entries, Value::Int(2), Value::Int(3), Value::Int(-1), text("5-0"), text("0-0"), text("-")];
        read(Value::Array(parts), 7)
    }

    #[test]
    fn entries_are_read_with_their_attempts_and_without_and_a_cut_answer_is_none() {
        let first = b"\x92\xa31-0\x94\xaaevent_data\xa1d\xa3key\xa1k";
        let third = b"\x93\xa32-1\x92\xaaevent_data\xa0\x03";
        let found = [&b"\x91"[..], first, b"\x91", third].concat();
        let portion = found.len() - third.len() - 1;
        let claimed = answer(&found).unwrap();
        assert_eq!(
            (claimed.token, claimed.trimmed_pending, claimed.trimmed_unread, claimed.pause),
            (7, 2, 3, None)
        );
        let [first, third] = <[Entry; 2]>::try_from(claimed.entries).ok().unwrap();
        assert_eq!((first.position.to_string().as_str(), first.attempt), ("1-0", 1));
        assert_eq!((&first.message.data[..], first.message.key.as_deref()), (&b"d"[..], Some(&b"k"[..])));
        assert_eq!((third.position.to_string().as_str(), third.attempt), ("2-1", 3));
        for cut in (1..found.len()).filter(|cut| *cut != portion) {
            assert!(answer(&found[..cut]).is_none(), "cut at {cut}");
        }
        assert!(answer(b"").unwrap().entries.is_empty());
    }
}
