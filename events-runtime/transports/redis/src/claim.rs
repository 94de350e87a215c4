//! Decodes the reply of the claim script.

use std::time::{Duration, SystemTime};

use ::redis::Value;
use bytes::Bytes;

use super::entry;
use super::msgpack::{MessagePack, Reader};
use events_transport::{ErrorKind, Message, Position, Topic, TransportError};

/// Limits how long a claim blocks the server.
pub(super) const MAX_ENTRIES: usize = 10_000;
/// Approximate size limit of a claim.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// The entries of a claim, or when to claim again.
pub(super) struct Claimed {
    pub(super) token: u64,
    pub(super) entries: Vec<Entry>,
    /// The number of pending entries that were removed from the stream.
    pub(super) trimmed_pending: u64,
    /// The number of entries that were removed from the stream before the group read them.
    pub(super) trimmed_unread: u64,
    /// When the next entry is due.
    pub(super) retry_in: Option<Duration>,
    /// The last IDs of the stream and of the group's `wake` stream.
    pub(super) last_ids: [String; 2],
    /// Where the next scan for entries of foreign clients continues.
    pub(super) scan_from: String,
}

/// A claimed entry.
pub(super) struct Entry {
    pub(super) position: Position,
    pub(super) time: SystemTime,
    pub(super) attempt: u32,
    pub(super) message: Message,
}

/// Decodes the reply; `None` if malformed.
pub(super) fn read(value: Value, token: u64) -> Option<Claimed> {
    let Value::Array(parts) = value else { return None };
    let [found, trimmed_pending, trimmed_unread, retry_in, last, woken, scan_from] =
        <[Value; 7]>::try_from(parts).ok()?;
    let found = bytes(found)?;
    let mut found = Reader(&found);
    let mut entries = Vec::new();
    while !found.is_empty() {
        let count = found.array()?;
        entries.reserve(count.min(MAX_ENTRIES));
        for _ in 0..count {
            entries.push(read_entry::<MessagePack>(&mut found.0)?);
        }
    }
    Some(Claimed {
        token,
        entries,
        trimmed_pending: u64::try_from(int(&trimmed_pending)?).ok()?,
        trimmed_unread: u64::try_from(int(&trimmed_unread)?).ok()?,
        retry_in: u64::try_from(int(&retry_in)?).ok().map(Duration::from_millis),
        last_ids: [text(last)?, text(woken)?],
        scan_from: text(scan_from)?,
    })
}

/// How values are written. Each call reads one from the remaining bytes; `None` if the next has another type.
pub(super) trait Format {
    /// The length of an array. Its items follow.
    fn array(rest: &mut &[u8]) -> Option<usize>;

    fn string<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]>;

    fn uint(rest: &mut &[u8]) -> Option<u64>;
}

/// Decodes an entry: its ID, its fields, and the attempt unless it is the first.
pub(super) fn read_entry<F: Format>(rest: &mut &[u8]) -> Option<Entry> {
    let parts = F::array(rest)?;
    let (position, time) = entry::position(F::string(rest)?)?;
    let pairs = F::array(rest)? / 2;
    let before = *rest;
    for _ in 0..pairs * 2 {
        F::string(rest)?;
    }
    // All parts of an entry share one allocation.
    let shared = Bytes::copy_from_slice(before.get(..before.len() - rest.len())?);
    let (shared, mut fields) = (&shared, &shared[..]);
    let fields = (0..pairs)
        .map_while(move |_| Some((F::string(&mut fields)?, shared.slice_ref(F::string(&mut fields)?))));
    let message = entry::message(fields);
    let attempt = if parts > 2 { u32::try_from(F::uint(rest)?).unwrap_or(u32::MAX) } else { 1 };
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
        "malformed reply from the server: check whether a proxy changes replies",
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
    fn entries_are_decoded_with_and_without_attempts_and_a_truncated_reply_is_none() {
        let first = b"\x92\xa31-0\x94\xaaevent_data\xa1d\xa3key\xa1k";
        let third = b"\x93\xa32-1\x92\xaaevent_data\xa0\x03";
        let found = [&b"\x91"[..], first, b"\x91", third].concat();
        let portion = found.len() - third.len() - 1;
        let claimed = answer(&found).unwrap();
        assert_eq!(
            (claimed.token, claimed.trimmed_pending, claimed.trimmed_unread, claimed.retry_in),
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
