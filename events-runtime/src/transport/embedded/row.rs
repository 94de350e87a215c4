//! A message as the columns of a row.
//!
//! Headers are one blob: for each, the length of the name, the name, the length of the value, the
//! value; lengths are unsigned LEB128.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::super::{Headers, Message};

/// What is written, made outside the writer's thread.
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

/// What is read.
pub(super) struct Stored {
    pub(super) seq: i64,
    pub(super) time: SystemTime,
    pub(super) message: Message,
}

/// The columns of [`Stored`], in its order.
pub(super) const COLUMNS: &str = "seq, time, key, headers, data";

pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Stored> {
    let headers: Vec<u8> = row.get(3)?;
    let headers = decode(&Bytes::from(headers)).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            3,
            rusqlite::types::Type::Blob,
            "the headers are damaged".into(),
        )
    })?;
    let mut message = Message::new(row.get::<_, Vec<u8>>(4)?);
    message.key = row.get::<_, Option<Vec<u8>>>(2)?.map(Bytes::from);
    message.headers = headers;
    Ok(Stored { seq: row.get(0)?, time: from_millis(row.get(1)?), message })
}

/// Milliseconds since the Unix epoch, in the way that the file keeps times.
pub(super) fn millis(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => length(since),
        Err(before) => -length(before.duration()),
    }
}

/// A length in milliseconds, `i64::MAX / 4` (so that sums fit) at most.
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

/// Values share the blob's memory.
fn decode(blob: &Bytes) -> Option<Headers> {
    let mut headers = Headers::with_capacity(10);
    let mut at = 0;
    while at < blob.len() {
        let name = take(blob, &mut at)?;
        let value = take(blob, &mut at)?;
        let name = std::str::from_utf8(&name).ok()?;
        let name = match crate::envelope::known_header(name) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(name.to_owned()),
        };
        headers.push(name, value);
    }
    Some(headers)
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
    fn headers_come_back_in_order() {
        let long = "x".repeat(70_000);
        let headers: Headers =
            [("ce_id", Bytes::from("1")), ("b", Bytes::from(long)), ("ce_id", Bytes::new())]
                .into_iter()
                .collect();
        assert_eq!(decode(&Bytes::from(encode(&headers))), Some(headers));
        assert_eq!(decode(&Bytes::new()), Some(Headers::new()));
    }

    #[test]
    fn damaged_headers_are_told_from_sound_ones() {
        let headers: Headers = [("name", "value")].into_iter().collect();
        let bytes = encode(&headers);
        for end in 1..bytes.len() {
            assert_eq!(decode(&Bytes::copy_from_slice(&bytes[..end])), None, "{end}");
        }
        assert_eq!(decode(&Bytes::from(vec![0xff; 20])), None);
    }

    #[test]
    fn times_survive_to_the_millisecond() {
        for millis_in in [0, 1, 1_700_000_000_123, -5] {
            assert_eq!(millis(from_millis(millis_in)), millis_in);
        }
        assert!(length(Duration::MAX) > 0);
    }
}
