//! Confluent's framing of keys and values, and the form of keys in it.
//!
//! | first byte | then | then |
//! |---|---|---|
//! | 0 | the schema's id, 4 bytes, big-endian | the Avro datum |
//! | 1 | the schema's GUID, 16 bytes | the Avro datum |
//!
//! Newer clients put the first two into the headers `__key_schema_id` and `__value_schema_id` instead, and the bare
//! datum into the record.

use std::fmt::Write as _;

use bytes::Bytes;
use events_schema_registry::SchemaKey;
use events_transport::{KeySchema, KeyType};

/// The header with the frame of a value that is bare in the record.
pub(crate) const VALUE_FRAME_HEADER: &str = "__value_schema_id";
/// The header with the frame of a key that is bare in the record.
pub(crate) const KEY_FRAME_HEADER: &str = "__key_schema_id";

/// The bytes of an id's frame.
const ID_FRAME: usize = 5;
const GUID_FRAME: usize = 17;

/// A key or a value, split.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Framed {
    /// The schema and the datum.
    By(SchemaKey, Bytes),
    /// The first byte is not one of a frame, or there is none.
    Bare,
    /// The frame is longer than the bytes.
    Truncated,
}

/// Puts an id before a datum.
pub(crate) fn frame(id: u32, datum: &[u8]) -> Bytes {
    let mut framed = Vec::with_capacity(ID_FRAME + datum.len());
    framed.push(0);
    framed.extend_from_slice(&id.to_be_bytes());
    framed.extend_from_slice(datum);
    framed.into()
}

/// Puts the frame of a schema before a datum.
pub(crate) fn framed(schema: SchemaKey, datum: &[u8]) -> Bytes {
    match schema {
        SchemaKey::Guid(guid) => [[1].as_slice(), &guid, datum].concat().into(),
        SchemaKey::Id(id) => frame(id, datum),
        _ => Bytes::copy_from_slice(datum),
    }
}

/// Splits a key or a value.
pub(crate) fn split(bytes: &Bytes) -> Framed {
    let (key, length) = match bytes.first() {
        Some(0) => (id(bytes).map(SchemaKey::Id), ID_FRAME),
        Some(1) => (guid(bytes).map(SchemaKey::Guid), GUID_FRAME),
        _ => return Framed::Bare,
    };
    key.map_or(Framed::Truncated, |key| Framed::By(key, bytes.slice(length..)))
}

fn id(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(1..ID_FRAME)?.try_into().ok()?))
}

fn guid(bytes: &[u8]) -> Option<[u8; 16]> {
    bytes.get(1..GUID_FRAME)?.try_into().ok()
}

/// The text under which the schema of keys is registered: that of the key's field, as Open edX's Python writes it.
pub(crate) fn key_text(key: &KeySchema) -> String {
    format!(r#"{{"name": "{}", "type": "{}"}}"#, key.field(), key.key_type().as_str())
}

/// The type of a registered key schema, if a key of it has a form as text.
pub(crate) fn key_type(schema: &str) -> Option<KeyType> {
    let schema: serde_json::Value = serde_json::from_str(schema).ok()?;
    let mut name = &schema;
    while let Some(inner) = name.get("type") {
        name = inner;
    }
    let all = [KeyType::Boolean, KeyType::Int, KeyType::Long, KeyType::Bytes, KeyType::String];
    all.into_iter().find(|key_type| name.as_str() == Some(key_type.as_str()))
}

/// The Avro datum of a key that is a text. `None` if the text is no value of the type.
pub(crate) fn key_datum(key_type: KeyType, key: &[u8]) -> Option<Vec<u8>> {
    let text = || std::str::from_utf8(key).ok();
    match key_type {
        KeyType::Boolean => Some(vec![u8::from(text()?.parse::<bool>().ok()?)]),
        KeyType::Int => Some(varint(i64::from(text()?.parse::<i32>().ok()?))),
        KeyType::Long => Some(varint(text()?.parse().ok()?)),
        KeyType::String if text().is_none() => None,
        KeyType::Bytes | KeyType::String => {
            let mut datum = varint(i64::try_from(key.len()).ok()?);
            datum.extend_from_slice(key);
            Some(datum)
        }
        _ => None,
    }
}

/// The text of a key's datum. `None` if the bytes are no datum of the type.
pub(crate) fn key_of_datum(key_type: KeyType, datum: &Bytes) -> Option<Bytes> {
    match key_type {
        KeyType::Boolean => match **datum {
            [0] => Some(Bytes::from_static(b"false")),
            [1] => Some(Bytes::from_static(b"true")),
            _ => None,
        },
        KeyType::Int | KeyType::Long => match read_varint(datum)? {
            (number, length) if length == datum.len() => {
                let mut text = String::new();
                write!(text, "{number}").ok()?;
                Some(text.into())
            }
            _ => None,
        },
        KeyType::Bytes | KeyType::String => {
            let (length, at) = read_varint(datum)?;
            let key = datum.slice(at..);
            let fits = usize::try_from(length).ok() == Some(key.len());
            (fits && (key_type == KeyType::Bytes || std::str::from_utf8(&key).is_ok())).then_some(key)
        }
        _ => None,
    }
}

/// The type and the text of a key whose schema is not known yet. Strings and numbers are told apart by their forms: a
/// string has its length before it, and the bytes of a number end with the only one that is below 128. One byte alone
/// may be an empty string, a number or a boolean.
pub(crate) fn guessed_key(datum: &Bytes) -> Option<(KeyType, Bytes)> {
    let guess = |key_type| Some((key_type, key_of_datum(key_type, datum)?));
    guess(KeyType::String).or_else(|| guess(KeyType::Long))
}

/// The datum of a key that was [guessed](guessed_key). The type is that of another key of the same schema.
pub(crate) fn guessed_datum(key_type: KeyType, key: &[u8]) -> Option<Vec<u8>> {
    // The number 0 was taken for an empty string.
    if key.is_empty() { Some(vec![0]) } else { key_datum(key_type, key) }
}

/// A number in zigzag encoding, seven bits a byte, the lowest first.
fn varint(number: i64) -> Vec<u8> {
    // The bits of a zigzag number, not its value.
    #[allow(clippy::cast_sign_loss)]
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    let mut bytes = Vec::with_capacity(10);
    loop {
        #[allow(clippy::cast_possible_truncation)]
        let low = (rest & 0x7f) as u8;
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A number, and how many bytes it has.
fn read_varint(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        let low = u64::from(byte & 0x7f);
        let shift = 7 * u32::try_from(at).ok()?;
        if shift == 63 && low > 1 {
            return None;
        }
        number |= low << shift;
        if byte & 0x80 == 0 {
            #[allow(clippy::cast_possible_wrap)]
            let number = (number >> 1) as i64 ^ -((number & 1) as i64);
            return Some((number, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_of_open_edx_is_framed_as_python_frames_it() {
        let datum = b"\xf6\x01\x01".as_slice();
        assert_eq!(frame(2, datum), [b"\0\0\0\0\x02".as_slice(), datum].concat());
        let framed = frame(0x0102_0304, datum);
        assert_eq!(
            split(&framed),
            Framed::By(SchemaKey::Id(0x0102_0304), Bytes::from_static(b"\xf6\x01\x01"))
        );
    }

    #[test]
    fn a_key_has_the_schema_and_the_bytes_of_python() {
        let key = KeySchema::new("course_key", KeyType::String);
        assert_eq!(key_text(&key), r#"{"name": "course_key", "type": "string"}"#);
        assert_eq!(
            key_datum(KeyType::String, b"course-v1:OpenX+CS101+2024").unwrap()[..3],
            [0x34, b'c', b'o']
        );
        assert_eq!(key_datum(KeyType::Long, b"123"), Some(vec![0xf6, 0x01]));
    }

    #[test]
    fn frames_of_other_programs_are_told_apart() {
        let guid = [[1].as_slice(), &[7; 16], b"x"].concat();
        assert_eq!(split(&guid.into()), Framed::By(SchemaKey::Guid([7; 16]), Bytes::from_static(b"x")));
        assert_eq!(split(&Bytes::from_static(b"\x02\0\0\0\x01x")), Framed::Bare);
        assert_eq!(split(&Bytes::new()), Framed::Bare);
        for length in 1..5 {
            assert_eq!(split(&Bytes::from(vec![0; length])), Framed::Truncated);
        }
        for length in 1..17 {
            assert_eq!(split(&Bytes::from(vec![1; length])), Framed::Truncated);
        }
        assert_eq!(split(&Bytes::from(vec![0; 5])), Framed::By(SchemaKey::Id(0), Bytes::new()));
    }

    #[test]
    fn the_type_of_a_key_schema_is_read_as_registries_return_it() {
        for (schema, expected) in [
            (r#""string""#, Some(KeyType::String)),
            (r#"{"name": "course_key", "type": "string"}"#, Some(KeyType::String)),
            (r#"{"type":"long","name":"id"}"#, Some(KeyType::Long)),
            (r#"{"name":"at","type":{"type":"string","logicalType":"uuid"}}"#, Some(KeyType::String)),
            (r#"{"type":"record","name":"Key","fields":[]}"#, None),
            (r#"["null","string"]"#, None),
            ("no json", None),
        ] {
            assert_eq!(key_type(schema), expected, "{schema}");
        }
    }

    proptest! {
        #[test]
        fn every_text_key_comes_back(key in ".*") {
            for key_type in [KeyType::String, KeyType::Bytes] {
                let datum = Bytes::from(key_datum(key_type, key.as_bytes()).unwrap());
                prop_assert_eq!(&key_of_datum(key_type, &datum).unwrap(), key.as_bytes());
                let (guess, text) = guessed_key(&datum).unwrap();
                prop_assert_eq!(&text, key.as_bytes());
                prop_assert_eq!(guessed_datum(guess, &text).unwrap(), datum);
            }
        }

        #[test]
        fn every_number_key_comes_back(number: i64) {
            let text = number.to_string();
            let datum = Bytes::from(key_datum(KeyType::Long, text.as_bytes()).unwrap());
            prop_assert_eq!(&key_of_datum(KeyType::Long, &datum).unwrap(), text.as_bytes());
            let (guess, guessed) = guessed_key(&datum).unwrap();
            if datum.len() > 1 {
                prop_assert_eq!((guess, &*guessed), (KeyType::Long, text.as_bytes()));
            }
            prop_assert_eq!(guessed_datum(KeyType::Long, &guessed).unwrap(), datum);
        }

        #[test]
        fn no_bytes_of_a_key_panic(bytes: Vec<u8>) {
            let bytes = Bytes::from(bytes);
            for key_type in [KeyType::Boolean, KeyType::Int, KeyType::Long, KeyType::Bytes, KeyType::String] {
                let _ = key_of_datum(key_type, &bytes);
            }
            let _ = (guessed_key(&bytes), split(&bytes));
        }
    }
}
