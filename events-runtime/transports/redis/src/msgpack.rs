//! Decodes the subset of `MessagePack` that `cmsgpack.pack` writes for arrays of strings and integers.

use super::claim::Format;

/// The format of what scripts return.
pub(super) struct MessagePack;

impl Format for MessagePack {
    fn array(rest: &mut &[u8]) -> Option<usize> {
        read(rest, Reader::array)
    }

    fn string<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
        read(rest, Reader::string)
    }

    fn uint(rest: &mut &[u8]) -> Option<u64> {
        read(rest, Reader::uint)
    }
}

fn read<'b, T>(rest: &mut &'b [u8], read: impl FnOnce(&mut Reader<'b>) -> Option<T>) -> Option<T> {
    let mut reader = Reader(rest);
    let value = read(&mut reader);
    *rest = reader.0;
    value
}

/// The remaining bytes. Each call reads one item; `None` if the next item has another type.
#[derive(Clone)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The length of an array. Its items follow.
    pub(super) fn array(&mut self) -> Option<usize> {
        match self.byte()? {
            tag @ 0x90..=0x9f => Some(usize::from(tag & 0x0f)),
            0xdc => self.length(2),
            0xdd => self.length(4),
            _ => None,
        }
    }

    /// A string, which may be any bytes.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = match self.byte()? {
            tag @ 0xa0..=0xbf => usize::from(tag & 0x1f),
            0xd9 => self.length(1)?,
            0xda => self.length(2)?,
            0xdb => self.length(4)?,
            _ => return None,
        };
        self.take(length)
    }

    /// A non-negative integer.
    pub(super) fn uint(&mut self) -> Option<u64> {
        match self.byte()? {
            tag @ 0..=0x7f => Some(u64::from(tag)),
            tag @ 0xcc..=0xcf => self.big_endian(1 << (tag - 0xcc)),
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn big_endian(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn length(&mut self, bytes: usize) -> Option<usize> {
        usize::try_from(self.big_endian(bytes)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_strings_and_integers_are_decoded_in_each_format() {
        let mut packed = vec![0x92, 0xdc, 0, 1, 0xdd, 0, 0, 0, 2, 0xa2, b'a', b'b', 0xd9, 1, b'c'];
        packed.extend([0xda, 0, 1, b'd', 0xdb, 0, 0, 0, 1, b'e', 7, 0xcc, 200, 0xcd, 1, 0]);
        packed.extend([0xce, 0, 1, 0, 0, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0]);
        let mut packed = Reader(&packed);
        assert_eq!([packed.array(), packed.array(), packed.array()], [Some(2), Some(1), Some(2)]);
        for text in [&b"ab"[..], b"c", b"d", b"e"] {
            assert_eq!(packed.string(), Some(text));
        }
        for number in [7, 200, 256, 65_536, 1 << 32] {
            assert_eq!(packed.uint(), Some(number));
        }
        assert_eq!(packed.uint(), None);
    }

    #[test]
    fn truncated_input_and_other_types_are_none() {
        for cut in [&[][..], &[0xa2, b'a'], &[0xd9], &[0xdb, 0xff, 0xff, 0xff, 0xff, 1], &[0x90], &[0xc0]] {
            assert_eq!(Reader(cut).string(), None);
        }
        assert_eq!(Reader(&[0xcd, 1]).uint(), None);
        assert_eq!(Reader(&[0xff]).uint(), None);
        assert_eq!(Reader(&[0xa0]).array(), None);
    }
}
