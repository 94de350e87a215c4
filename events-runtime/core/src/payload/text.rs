//! Owned text.

use std::borrow::Cow;
use std::sync::Arc;

use super::{EventData, EventKey, MapKey};
use crate::codec::{DecodeError, Reader, Schema, Writer, bytes_max_len};

macro_rules! text {
    ($($rust:ty),*) => {$(
        impl EventData for $rust {
            const SCHEMA: &'static Schema = &Schema::String;
            const MIN_LEN: usize = 1;

            #[inline]
            fn max_len(&self) -> usize {
                bytes_max_len(self.len())
            }

            #[inline]
            fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
                writer.string(self)
            }

            #[inline]
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.text().map(Into::into)
            }
        }

        impl MapKey for $rust {
            fn as_str(&self) -> &str {
                self
            }

            fn from_text(text: &str) -> Self {
                text.to_owned().into()
            }
        }

        impl EventKey for $rust {
            fn append_key(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(self.as_bytes());
            }
        }
    )*};
}

text!(String, Box<str>, Arc<str>, Cow<'static, str>);

/// A `string` of one character.
impl EventData for char {
    const SCHEMA: &'static Schema = &Schema::String;
    const MIN_LEN: usize = 2;
    const MAY_BE_FALSY: bool = false;

    #[inline]
    fn max_len(&self) -> usize {
        1 + self.len_utf8()
    }

    #[inline]
    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        writer.string(self.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let text = reader.string()?;
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err(reader.invalid(format_args!(
                "a `char` is one character, this string has {}",
                text.chars().count()
            ))),
        }
    }
}
