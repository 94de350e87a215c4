//! `uuid::Uuid`: a `string` with the logical type `uuid`, in the lowercase hyphenated form.

use uuid::Uuid;

use super::{EventData, EventKey};
use crate::codec::{DecodeError, Reader, Schema, Writer};
use events_schema::tree::Logical;

const TEXT_LEN: usize = 36;

impl EventData for Uuid {
    const SCHEMA: &'static Schema = &Schema::Logical(&Logical {
        base: Schema::String,
        name: "uuid",
        attributes: "\"logicalType\":\"uuid\"",
    });
    const MIN_LEN: usize = 1;
    const MAY_BE_FALSY: bool = false;

    #[inline]
    fn max_len(&self) -> usize {
        1 + TEXT_LEN
    }

    #[inline]
    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        writer.string(self.hyphenated().encode_lower(&mut [0; TEXT_LEN]))
    }

    #[inline]
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let text = reader.string()?;
        // Without the text itself, which may be long, or personal data.
        Uuid::try_parse(text).map_err(|error| {
            reader.invalid(format_args!("a string of {} bytes is not a UUID: {error}", text.len()))
        })
    }
}

impl EventKey for Uuid {
    fn append_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.hyphenated().encode_lower(&mut [0; TEXT_LEN]).as_bytes());
    }
}
