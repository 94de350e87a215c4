//! Converts messages to the fields of stream entries and back.
//!
//! An event has the format of Open edX's event bus for Redis: the fields `type`, `id`, `source`, `time`,
//! `minorversion`, `sourcehost`, `sourcelib` and `event_data`, in this order. Fields that only this crate
//! reads follow: `key`, `schemafp`, `traceparent` and so on. A header `ce_<name>` becomes the field
//! `<name>`; any other header keeps its name, with the prefix `header:` if the name is ambiguous.
//!
//! A message that is not an event, or whose headers have another order, has the fields `event_data`,
//! `key`, `headers` (their number), and a field `header:<name>` per header.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use events_transport::headers::{ATTRIBUTES, CONSTANT, is_content_type, known_header};
use events_transport::{Headers, Message, Position};

const DATA: &str = "event_data";
const KEY: &str = "key";
/// Marks an entry with a field per header.
const HEADERS: &str = "headers";
const ESCAPE: &str = "header:";
const EXTENSION: &str = "ce_";
const FINGERPRINT: &str = "ce_schemafp";

/// The name and value of each field, in order.
pub(super) type Fields = Vec<(Cow<'static, str>, Bytes)>;

/// The fields of a message.
pub(super) fn fields(message: &Message) -> Fields {
    let mut fields = Fields::with_capacity(message.headers.len() + 3);
    each_field(message, |name, value| fields.push((name, value.clone())));
    fields
}

/// Calls `emit` with each field of a message.
pub(super) fn each_field(message: &Message, mut emit: impl FnMut(Cow<'static, str>, &Bytes)) {
    let after = attributes(&message.headers);
    if let Some(after) = after {
        let mut order = ATTRIBUTES.iter();
        for (name, value) in message.headers.iter().take(after).skip(CONSTANT.len()) {
            if let Some((_, field)) = order.find(|(header, _)| *header == name) {
                emit(Cow::Borrowed(field), value);
            }
        }
    }
    emit(Cow::Borrowed(DATA), &message.data);
    if let Some(key) = &message.key {
        emit(Cow::Borrowed(KEY), key);
    }
    if let Some(after) = after {
        for (name, value) in message.headers.iter().skip(after) {
            emit(field_of(name), value);
        }
    } else {
        emit(Cow::Borrowed(HEADERS), &Bytes::from(message.headers.len().to_string()));
        for (name, value) in message.headers.iter() {
            emit(Cow::Owned(format!("{ESCAPE}{name}")), value);
        }
    }
}

/// The number of leading headers that are event attributes; `None` if the headers are not those of an
/// event, in its order.
fn attributes(headers: &Headers) -> Option<usize> {
    let mut found = headers.iter();
    for (name, value) in CONSTANT {
        found.next().filter(|(header, says)| *header == name && **says == value.as_bytes())?;
    }
    let mut order = ATTRIBUTES.as_slice();
    let mut count = CONSTANT.len();
    for (name, value) in found {
        match order.iter().position(|(header, _)| *header == name) {
            Some(_) if value.is_empty() => return None,
            Some(at) => {
                order = order.get(at + 1..).unwrap_or_default();
                count += 1;
            }
            // Out of order.
            None if known_header(name).is_some_and(|name| name != FINGERPRINT) => return None,
            // No attributes may follow.
            None => order = &[],
        }
    }
    Some(count)
}

/// Whether a name is a valid CloudEvents attribute name.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Whether a field name has a meaning of its own.
fn is_reserved(name: &str) -> bool {
    [DATA, KEY, HEADERS].contains(&name)
        || ATTRIBUTES.iter().any(|(_, field)| *field == name)
        || constant_of(name).is_some()
}

/// The index of the constant header that a field stores.
fn constant_of(field: &str) -> Option<usize> {
    CONSTANT.iter().position(|(header, _)| {
        *header == field
            || (*header == "content-type" && is_content_type(field))
            || header.strip_prefix(EXTENSION).is_some_and(|name| name == field)
    })
}

fn field_of(header: &str) -> Cow<'static, str> {
    match header.strip_prefix(EXTENSION) {
        Some(name) if is_plain(name) && !is_reserved(name) => Cow::Owned(name.to_owned()),
        _ if is_plain(header) || is_reserved(header) || header.starts_with(ESCAPE) => {
            Cow::Owned(format!("{ESCAPE}{header}"))
        }
        _ => Cow::Owned(header.to_owned()),
    }
}

fn header_of(field: &str) -> Cow<'static, str> {
    if let Some(header) = field.strip_prefix(ESCAPE) {
        return Cow::Owned(header.to_owned());
    }
    let header = if is_plain(field) { format!("{EXTENSION}{field}") } else { field.to_owned() };
    known_header(&header).map_or(Cow::Owned(header), Cow::Borrowed)
}

/// The message of an entry. Any fields give a message; the envelope rejects those that are not events.
pub(super) fn message<'n>(fields: impl Iterator<Item = (&'n [u8], Bytes)> + Clone) -> Message {
    if fields.clone().any(|(name, _)| name == HEADERS.as_bytes()) {
        return listed(fields);
    }
    let (mut key, mut data) = (None, None);
    let mut constant = CONSTANT.map(|(_, value)| Bytes::from_static(value.as_bytes()));
    let mut attributes: [Option<Bytes>; ATTRIBUTES.len()] = Default::default();
    let mut others = Headers::new();
    for (name, value) in fields {
        let name = String::from_utf8_lossy(name);
        if let Some(at) = ATTRIBUTES.iter().position(|(_, field)| *field == name) {
            // An empty field means absent. A duplicate is kept, so that the envelope rejects it.
            match attributes.get_mut(at) {
                _ if value.is_empty() => {}
                Some(slot @ None) => *slot = Some(value),
                _ => others.push(ATTRIBUTES.get(at).map_or("", |(header, _)| header), value),
            }
        } else if name == DATA {
            data = Some(value);
        } else if name == KEY {
            key = Some(value);
        } else if let Some(slot) = constant_of(&name).and_then(|at| constant.get_mut(at)) {
            *slot = value;
        } else {
            others.push(header_of(&name), value);
        }
    }
    if data.is_none()
        && let Some(kind) = constant.last_mut()
    {
        // Must not be mistaken for an event without fields.
        *kind = Bytes::from_static(b"absent: the entry has no field `event_data`");
    }
    let mut headers = Vec::with_capacity(CONSTANT.len() + ATTRIBUTES.len() + others.len());
    let constant = CONSTANT.into_iter().zip(constant).map(|((header, _), value)| (header.into(), value));
    headers.extend(constant);
    let attributes = ATTRIBUTES.into_iter().zip(attributes);
    headers.extend(attributes.filter_map(|((header, _), value)| Some((header.into(), value?))));
    headers.extend(others);
    let mut message = Message::new(data.unwrap_or_default());
    (message.key, message.headers) = (key, headers.into());
    message
}

/// The message of an entry with a field per header.
fn listed<'n>(fields: impl Iterator<Item = (&'n [u8], Bytes)>) -> Message {
    let mut message = Message::new("");
    for (name, value) in fields {
        let name = String::from_utf8_lossy(name);
        if name == DATA {
            message.data = value;
        } else if name == KEY {
            message.key = Some(value);
        } else if let Some(header) = name.strip_prefix(ESCAPE) {
            match known_header(header) {
                Some(known) => message.headers.push(known, value),
                None => message.headers.push(header.to_owned(), value),
            }
        }
    }
    message
}

/// The position and the time of an entry ID.
pub(super) fn position(id: &[u8]) -> Option<(Position, SystemTime)> {
    let text = std::str::from_utf8(id).ok()?;
    let position: Position = text.parse().ok()?;
    let Position::Entry { millis, .. } = position else {
        return None;
    };
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis));
    Some((position, time.unwrap_or(SystemTime::UNIX_EPOCH)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use events_runtime::envelope::Envelope;
    use events_runtime::metadata::{Source, SourceLib};
    use events_runtime::{EventMetadata, EventType};

    fn sample() -> EventMetadata {
        EventMetadata::new(
            EventType::new("org.acme.orders.order.placed.v1").unwrap(),
            "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11".parse().unwrap(),
            "2023-01-02T03:04:05.678901Z".parse().unwrap(),
            Source::new("shop").unwrap().with_host("shop-1").with_lib(SourceLib::new([10, 5, 0])),
        )
    }

    fn back(message: &Message) -> Message {
        let fields = fields(message);
        super::message(fields.iter().map(|(name, value)| (name.as_bytes(), value.clone())))
    }

    fn event() -> Message {
        let mut metadata = sample();
        metadata.extensions_mut().insert("traceparent", "00-1-2-03").unwrap();
        Envelope::new(metadata, Some(7), &b"\x06hey"[..]).with_key("c1").into_message()
    }

    #[test]
    fn an_event_has_the_fields_of_open_edx_in_order_followed_by_ours() {
        let fields = fields(&event());
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(
            names,
            [
                "type",
                "id",
                "source",
                "time",
                "minorversion",
                "sourcehost",
                "sourcelib",
                "event_data",
                "key",
                "schemafp",
                "traceparent"
            ]
        );
    }

    #[test]
    fn every_message_round_trips() {
        let odd = [
            "key",
            "headers",
            "type",
            "event_data",
            "header:x",
            "",
            "ce_",
            "ce_key",
            "ce_Foo",
            "x",
            "ce_x",
            "content-type",
            "Content-Type",
            "ce_headers",
            "dlq_reason",
            "sourcehost",
            "specversion",
            "x-request-id",
        ];
        let mut messages = vec![Message::new(""), Message::new("d").with_key(""), event()];
        for name in odd {
            messages.push(Message::new("d").with_header(name, "1").with_header(name, ""));
            messages.push(event().with_header(name, "1").with_header(name, "2"));
            let mut without = event();
            without.headers.retain(|header, _| header != "ce_time");
            messages.push(without.with_header(name, "1"));
        }
        for message in messages {
            assert_eq!(back(&message), message);
        }
    }

    #[test]
    fn the_dead_letter_of_an_event_has_the_format_of_an_event() {
        let dead_letter = event().with_header("dlq_reason", "poison");
        let fields = fields(&dead_letter);
        assert_eq!(fields.first().unwrap().0, "type");
        assert_eq!(fields.last().unwrap().0, "dlq_reason");
    }

    #[test]
    fn an_entry_without_data_or_with_a_duplicate_attribute_is_not_an_event() {
        let of = |pairs: &[(&str, &str)]| {
            let fields =
                pairs.iter().map(|(name, value)| (name.as_bytes(), Bytes::copy_from_slice(value.as_bytes())));
            Envelope::from_message(&message(fields)).map(|_| ()).map_err(|error| error.to_string())
        };
        let mut good = vec![
            ("type", "a.b.c.v1"),
            ("id", "6c2b4c3e-8a0d-11ed-a1eb-0242ac120002"),
            ("source", "shop"),
            ("time", "2023-01-02T03:04:05.678901+00:00"),
            ("sourcelib", ""),
            ("event_data", ""),
        ];
        assert_eq!(of(&good), Ok(()));
        assert!(of(&good[..5]).unwrap_err().contains("event_data"));
        good.push(("type", "a.b.c.v1"));
        assert!(of(&good).unwrap_err().contains("more than once"));
    }
}
