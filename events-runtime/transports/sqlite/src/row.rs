//! Converts messages to rows and back.
//!
//! Headers are one blob: per header, the length of the name, the name, the length of the value, and the
//! value. Lengths are unsigned LEB128.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rusqlite::types::ValueRef;

use events_transport::{Headers, Message};

/// A row to insert, encoded outside the writer thread.
pub(super) struct Row {
    pub(super) key: Option<Bytes>,
    pub(super) headers: Vec<u8>,
    pub(super) data: Bytes,
}

impl From<&Message> for Row {
    fn from(message: &Message) -> Self {
        Self { key: message.key.clone(), headers: encode(&message.headers), data: message.data.clone() }
    }
}

/// A decoded row.
pub(super) struct Stored {
    pub(super) seq: i64,
    pub(super) time: SystemTime,
    pub(super) message: Message,
}

/// The header that keeps the undecoded headers of a corrupt row.
const RAW_HEADERS: &str = "sqlite_headers";

/// The columns of [`Stored`], in its order.
pub(super) const COLUMNS: &str = "seq, time, key, headers, data";

/// Decodes a row. A corrupt row gives a message that the envelope rejects: it becomes a dead letter with
/// the content of the row, and the consumer continues.
pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Stored> {
    let mut damaged = Vec::new();
    let mut field = |at, name| {
        let (bytes, sound) = bytes(row.get_ref(at)?);
        if !sound {
            damaged.push(name);
        }
        Ok::<_, rusqlite::Error>(bytes)
    };
    let key = field(2, "key")?;
    let blob = field(3, "headers")?;
    let data = field(4, "data")?;
    let headers = blob.as_ref().and_then(decode);
    if headers.is_none() && !damaged.contains(&"headers") {
        damaged.push("headers");
    }
    if data.is_none() && !damaged.contains(&"data") {
        damaged.push("data");
    }
    let mut message = Message::new(data.unwrap_or_default());
    message.key = key;
    message.headers = match headers {
        Some(headers) if damaged.is_empty() => headers,
        _ => unreadable(&damaged, blob),
    };
    let time = match row.get_ref(1)? {
        ValueRef::Integer(millis) => from_millis(millis),
        _ => SystemTime::UNIX_EPOCH,
    };
    Ok(Stored { seq: row.get(0)?, time, message })
}

/// The bytes of a field, `None` for `NULL`, and whether the field has an expected type.
fn bytes(value: ValueRef<'_>) -> (Option<Bytes>, bool) {
    match value {
        ValueRef::Null => (None, true),
        ValueRef::Blob(bytes) => (Some(Bytes::copy_from_slice(bytes)), true),
        ValueRef::Text(bytes) => (Some(Bytes::copy_from_slice(bytes)), false),
        ValueRef::Integer(number) => (Some(Bytes::from(number.to_string())), false),
        ValueRef::Real(number) => (Some(Bytes::from(number.to_string())), false),
    }
}

/// The headers of a corrupt row. The undecoded headers are kept for inspection of the dead letter.
fn unreadable(damaged: &[&str], blob: Option<Bytes>) -> Headers {
    let mut headers = Headers::new();
    let fields = damaged.join(" and ");
    headers.push("content-type", format!("damaged: corrupt {fields} in a row of the file"));
    if let Some(blob) = blob {
        headers.push(RAW_HEADERS, blob);
    }
    headers
}

/// The number of messages in a run, saturating for corrupt bounds.
pub(super) fn run_length(first: i64, last: i64) -> i64 {
    last.saturating_sub(first).saturating_add(1).max(0)
}

/// A number of attempts, clamped if corrupt.
pub(super) fn count(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<u32> {
    let count: i64 = row.get(at)?;
    Ok(u32::try_from(count.max(0)).unwrap_or(u32::MAX))
}

/// Milliseconds since the Unix epoch, as stored in the file.
pub(super) fn millis(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => length(since),
        Err(before) => -length(before.duration()),
    }
}

/// A duration in milliseconds, at most `i64::MAX / 4`, so that sums fit.
pub(super) fn length(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

fn from_millis(millis: i64) -> SystemTime {
    let distance = Duration::from_millis(millis.unsigned_abs());
    let time = if millis < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn encode(headers: &Headers) -> Vec<u8> {
    let size = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let mut out = Vec::with_capacity(size);
    for (name, value) in headers.iter() {
        put(&mut out, name.as_bytes());
        put(&mut out, value);
    }
    out
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes.len();
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            break;
        }
        out.push(low | 0x80);
    }
    out.extend_from_slice(bytes);
}

/// Decodes headers. Values share the memory of the blob.
fn decode(blob: &Bytes) -> Option<Headers> {
    let mut headers = Vec::with_capacity(10);
    let mut at = 0;
    while at < blob.len() {
        let name = take(blob, &mut at)?;
        let value = take(blob, &mut at)?;
        let name = std::str::from_utf8(&name).ok()?;
        let name = match events_transport::headers::known_header(name) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(name.to_owned()),
        };
        headers.push((name, value));
    }
    Some(headers.into())
}

fn take(blob: &Bytes, at: &mut usize) -> Option<Bytes> {
    let mut len = 0_usize;
    let mut shift = 0;
    loop {
        let byte = *blob.get(*at)?;
        *at += 1;
        len |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    let end = at.checked_add(len)?;
    if end > blob.len() {
        return None;
    }
    let taken = blob.slice(*at..end);
    *at = end;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_round_trip_in_order() {
        let long = "x".repeat(70_000);
        let headers: Headers =
            [("ce_id", Bytes::from("1")), ("b", Bytes::from(long)), ("ce_id", Bytes::new())]
                .into_iter()
                .collect();
        assert_eq!(decode(&Bytes::from(encode(&headers))), Some(headers));
        assert_eq!(decode(&Bytes::new()), Some(Headers::new()));
    }

    #[test]
    fn corrupt_headers_are_detected() {
        let headers: Headers = [("name", "value")].into_iter().collect();
        let bytes = encode(&headers);
        for end in 1..bytes.len() {
            assert_eq!(decode(&Bytes::copy_from_slice(&bytes[..end])), None, "{end}");
        }
        assert_eq!(decode(&Bytes::from(vec![0xff; 20])), None);
    }

    #[test]
    fn every_corrupt_field_of_a_row_gives_a_message_that_the_envelope_rejects() {
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        for (row, kept) in [
            ("1, 0, x'6b', x'ff', x'01'", &b"\xff"[..]),
            ("1, 0, 'text', x'', x'01'", b""),
            ("1, 0, 7, x'', x'01'", b""),
            ("1, 0, NULL, 1.5, x'01'", b"1.5"),
            ("1, 0, NULL, x'', 'text'", b""),
            ("1, 0, NULL, x'', NULL", b""),
        ] {
            let stored = conn.query_row(&format!("SELECT {row}"), [], read).unwrap();
            let message = stored.message;
            assert!(events_runtime::envelope::Envelope::from_message(&message).is_err(), "{row}");
            assert!(message.headers.get("content-type").unwrap().starts_with(b"damaged"), "{row}");
            assert_eq!(message.headers.get(RAW_HEADERS).unwrap(), kept, "{row}");
        }
        let stored = conn.query_row("SELECT 1, 'noon', NULL, x'', x'00'", [], read).unwrap();
        assert_eq!(stored.time, SystemTime::UNIX_EPOCH);
        assert_eq!(stored.message, Message::new(&b"\0"[..]));
    }

    #[test]
    fn times_round_trip_to_the_millisecond() {
        for millis_in in [0, 1, 1_700_000_000_123, -5] {
            assert_eq!(millis(from_millis(millis_in)), millis_in);
        }
        assert!(length(Duration::MAX) > 0);
    }
}
