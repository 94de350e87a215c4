//! Zigzag varints, the integers of Avro; up to eight bytes without a loop over bytes.

/// The longest varint of 64 bits.
pub(super) const MAX_LEN: usize = 10;

const CONTINUE: u64 = 0x8080_8080_8080_8080;

/// Zigzag: small magnitudes of either sign become small numbers.
#[inline]
pub(super) const fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

/// The inverse of [`zigzag`].
#[inline]
pub(super) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// The varint of a number below 2^56: its bytes as a little-endian word, and its length.
#[inline]
pub(super) const fn spread(value: u64) -> (u64, usize) {
    let x = value;
    let x = (x & 0x0000_0000_0fff_ffff) | ((x & 0x00ff_ffff_f000_0000) << 4);
    let x = (x & 0x0000_3fff_0000_3fff) | ((x & 0x0fff_c000_0fff_c000) << 2);
    let x = (x & 0x007f_007f_007f_007f) | ((x & 0x3f80_3f80_3f80_3f80) << 1);
    // The last byte has the highest set bit; all bytes before it have the continuation bit.
    let last = (x | 1).ilog2() / 8;
    let continued = CONTINUE & ((1_u64 << (last * 8)) - 1);
    (x | continued, last as usize + 1)
}

/// The varint of a number of more than 56 bits, such as an instant in nanoseconds: its bytes, and its
/// length, nine or ten.
#[inline]
pub(super) const fn spread_long(value: u64) -> ([u8; MAX_LEN], usize) {
    let (word, _) = spread(value & ((1 << 56) - 1));
    let mut bytes = [0; MAX_LEN];
    let (head, tail) = bytes.split_at_mut(8);
    head.copy_from_slice(&(word | CONTINUE).to_le_bytes());
    // Bit 63 is also the continuation bit of the ninth byte; the tenth byte has no other bit.
    let [.., ninth] = value.to_le_bytes();
    let tenth = ninth >> 7;
    tail.copy_from_slice(&[ninth, tenth]);
    (bytes, 9 + tenth as usize)
}

/// The inverse of [`spread_long`]: a varint whose first eight bytes all have the continuation bit.
#[inline]
pub(super) const fn from_long(word: u64, tail: [u8; 2]) -> Option<(u64, usize)> {
    let low = gather(word & !CONTINUE);
    match tail {
        [ninth @ ..0x80, _] => Some((low | (ninth as u64) << 56, 9)),
        [ninth, tenth @ ..2] => Some((low | (ninth as u64 & 0x7f) << 56 | (tenth as u64) << 63, 10)),
        _ => None,
    }
}

/// The inverse of [`spread`], of a word whose continuation bits are cleared.
#[inline]
const fn gather(word: u64) -> u64 {
    let x = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
    let x = (x & 0x0000_3fff_0000_3fff) | ((x & 0x3fff_0000_3fff_0000) >> 2);
    (x & 0x0000_0000_0fff_ffff) | ((x & 0x0fff_ffff_0000_0000) >> 4)
}

/// A varint at the start of eight bytes, if it ends within them: the number and its length.
#[inline]
pub(super) const fn from_word(word: u64) -> Option<(u64, usize)> {
    let ends = !word & CONTINUE;
    if ends == 0 {
        return None;
    }
    let bits = ends.trailing_zeros() + 1;
    let own = if bits == 64 { word } else { word & ((1_u64 << bits) - 1) };
    Some((gather(own & !CONTINUE), (bits / 8) as usize))
}

/// Why bytes are not a varint.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum VarintError {
    UnexpectedEnd,
    TooLong,
}

/// A varint at the start of a slice, byte by byte: the number and its length.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<(u64, usize), VarintError> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().enumerate().take(MAX_LEN) {
        let part = u64::from(byte & 0x7f);
        // The tenth byte has bit 63 only.
        if index == MAX_LEN - 1 && byte > 1 {
            return Err(VarintError::TooLong);
        }
        value |= part << (7 * index);
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    Err(if bytes.len() < MAX_LEN { VarintError::UnexpectedEnd } else { VarintError::TooLong })
}

/// The bytes of any varint, and its length.
pub(super) fn to_bytes(value: u64) -> ([u8; MAX_LEN], usize) {
    let mut out = [0; MAX_LEN];
    let mut rest = value;
    let mut len = 0;
    for slot in &mut out {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        len += 1;
        if rest == 0 {
            *slot = low & 0x7f;
            break;
        }
        *slot = low | 0x80;
    }
    (out, len)
}

/// Appends the zigzag varint of a number.
pub(super) fn append(value: i64, out: &mut Vec<u8>) {
    let zigzag = zigzag(value);
    // Most numbers are branch indexes and counts.
    if let Ok(byte @ ..0x80) = u8::try_from(zigzag) {
        out.push(byte);
    } else {
        let (bytes, len) = to_bytes(zigzag);
        out.extend_from_slice(bytes.get(..len).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> impl Iterator<Item = i64> {
        (0..64)
            .flat_map(|bit| [-1_i64, 0, 1].map(|delta| (1_i64 << bit).wrapping_add(delta)))
            .flat_map(|v| [v, v.wrapping_neg()])
    }

    #[test]
    fn unzigzag_inverts_zigzag() {
        assert_eq!([0, -1, 1, -2, 2].map(zigzag), [0, 1, 2, 3, 4]);
        assert_eq!(zigzag(i64::MIN), u64::MAX);
        for v in samples() {
            assert_eq!(unzigzag(zigzag(v)), v);
        }
    }

    #[test]
    fn the_word_form_equals_the_byte_form() {
        for v in samples().map(zigzag) {
            let (bytes, len) = to_bytes(v);
            assert_eq!(from_bytes(&bytes[..len]), Ok((v, len)));
            let word = u64::from_le_bytes(bytes[..8].try_into().unwrap());
            if v < 1 << 56 {
                assert_eq!(spread(v).1, len, "{v}");
                assert_eq!(spread(v).0.to_le_bytes()[..len], bytes[..len], "{v}");
                assert_eq!(from_word(word), Some((v, len)));
                // Bytes after the varint change nothing.
                let noise = if len == 8 { 0 } else { u64::MAX << (len * 8) };
                assert_eq!(from_word(word | noise), Some((v, len)));
            } else {
                assert_eq!(from_word(word), None);
                assert_eq!(spread_long(v).1, len, "{v}");
                assert_eq!(spread_long(v).0[..len], bytes[..len], "{v}");
                let tail = [bytes[8], bytes[9]];
                assert_eq!(from_long(word, tail), Some((v, len)));
                let noise = if len == 10 { 0 } else { 0xff };
                assert_eq!(from_long(word, [tail[0], tail[1] | noise]), Some((v, len)));
            }
        }
    }

    #[test]
    fn a_cut_or_endless_varint_is_an_error() {
        assert_eq!(from_bytes(&[]), Err(VarintError::UnexpectedEnd));
        assert_eq!(from_bytes(&[0x80; 9]), Err(VarintError::UnexpectedEnd));
        assert_eq!(from_bytes(&[0x80; 10]), Err(VarintError::TooLong));
        assert_eq!(
            from_bytes(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]),
            Err(VarintError::TooLong)
        );
        for tail in [[0x80, 2], [0xff, 0x80], [0x80, 0xff]] {
            assert_eq!(from_long(u64::MAX, tail), None);
        }
    }
}
