//! `rust_decimal::Decimal`: [`big-decimal`](https://avro.apache.org/docs/1.12.0/specification/#decimal)
//! on `bytes`, which has the scale in each value, so `1.50` stays `1.50`.
//!
//! The content of the `bytes`: the unscaled number as `bytes` (two's complement, big-endian, without
//! redundant bytes), then the scale as an `int`, as Avro for Java and Rust write it.

use rust_decimal::Decimal;

use super::EventData;
use crate::codec::{DecodeError, DecodeErrorKind, Reader, Schema, Writer};
use events_schema::tree::Logical;

/// A sign and 96 bits.
const UNSCALED_MAX_LEN: usize = 13;
/// The bytes of an `i128`.
const WIDEST: usize = 16;

impl EventData for Decimal {
    const SCHEMA: &'static Schema = &Schema::Logical(&Logical {
        base: Schema::Bytes,
        name: "big-decimal",
        attributes: "\"logicalType\":\"big-decimal\"",
    });
    const MIN_LEN: usize = 3;

    #[inline]
    fn max_len(&self) -> usize {
        // Two lengths and the scale are one byte each.
        3 + UNSCALED_MAX_LEN
    }

    #[inline]
    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        let bytes = self.mantissa().to_be_bytes();
        let unscaled = shortest(&bytes);
        writer.length(unscaled.len() + 2).bytes(unscaled).long(i64::from(self.scale()))
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut inner = Reader::new(reader.bytes()?);
        let here = |error: DecodeError| reader.error(error.kind().clone());
        let unscaled = inner.bytes().map_err(here)?;
        let scale = inner.long().map_err(here)?;
        inner.finish().map_err(here)?;
        decimal(unscaled, scale).ok_or_else(|| {
            let (rust, bytes) = ("rust_decimal::Decimal", unscaled.len());
            reader.error(DecodeErrorKind::Invalid(format!(
                "a decimal of {bytes} bytes and scale {scale} is out of range for `{rust}`"
            )))
        })
    }
}

/// Two's complement without leading bytes that only repeat the sign.
fn shortest(bytes: &[u8; WIDEST]) -> &[u8] {
    let mut rest = bytes.as_slice();
    while let [sign @ (0 | 0xff), tail @ ..] = rest
        && tail.first().is_some_and(|next| next & 0x80 == sign & 0x80)
    {
        rest = tail;
    }
    rest
}

/// The decimal that has exactly this value, if there is one.
fn decimal(unscaled: &[u8], mut scale: i64) -> Option<Decimal> {
    let mut number = signed(unscaled)?;
    if number == 0 {
        scale = scale.clamp(0, i64::from(Decimal::MAX_SCALE));
    }
    // Other writers may use a larger scale than needed, or a negative one.
    while scale > i64::from(Decimal::MAX_SCALE) && number % 10 == 0 {
        number /= 10;
        scale -= 1;
    }
    while scale < 0 {
        number = number.checked_mul(10)?;
        scale += 1;
    }
    Decimal::try_from_i128_with_scale(number, u32::try_from(scale).ok()?).ok()
}

fn signed(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    let digits = match bytes.split_at_checked(bytes.len().saturating_sub(WIDEST)) {
        Some((head, tail)) if head.iter().all(|byte| *byte == fill) => tail,
        _ => return None,
    };
    // The remaining bytes must have the sign of the whole number.
    if digits.first().is_some_and(|byte| (byte & 0x80 != 0) != negative) {
        return None;
    }
    let mut wide = [fill; WIDEST];
    wide.get_mut(WIDEST - digits.len()..)?.copy_from_slice(digits);
    Some(i128::from_be_bytes(wide))
}
