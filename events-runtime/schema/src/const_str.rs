//! Strings that are built in constants.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use std::fmt;

/// Replaces what does not fit.
const MARK: &[u8] = "…".as_bytes();

/// A string of at most `N` bytes that is built in a constant. A part that does not fit is replaced by `…`.
#[derive(Clone, Copy)]
pub struct ConstStr<const N: usize> {
    pub(crate) bytes: [u8; N],
    len: usize,
}

impl<const N: usize> ConstStr<N> {
    pub(crate) const EMPTY: Self = Self { bytes: [0; N], len: 0 };

    pub(crate) const fn concat(parts: &[&str]) -> Self {
        let mut text = Self::EMPTY;
        text.writer().push_all(parts);
        text
    }

    pub(crate) const fn writer(&mut self) -> StrWriter<'_> {
        StrWriter { out: &mut self.bytes, len: &mut self.len }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn has_room(&self, len: usize) -> bool {
        self.len + len <= N
    }

    pub(crate) const fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(self.len).0
    }

    pub(crate) const fn between(&self, start: usize, end: usize) -> &[u8] {
        self.bytes.split_at(end).0.split_at(start).1
    }

    /// The string.
    pub const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.as_bytes()) {
            Ok(text) => text,
            // Never: only whole strings are written, and they are cut between characters.
            Err(_) => "",
        }
    }
}

impl<const N: usize> fmt::Display for ConstStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for ConstStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Appends to a string. Without a buffer it only measures.
pub(crate) struct StrWriter<'a> {
    out: &'a mut [u8],
    len: &'a mut usize,
}

impl<'a> StrWriter<'a> {
    pub(crate) const fn new(out: &'a mut [u8], len: &'a mut usize) -> Self {
        Self { out, len }
    }

    pub(crate) const fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    pub(crate) const fn push_all(&mut self, parts: &[&str]) {
        let mut index = 0;
        while index < parts.len() {
            self.push(parts[index]);
            index += 1;
        }
    }

    pub(crate) const fn push_bytes(&mut self, text: &[u8]) {
        let end = *self.len + text.len();
        if end <= self.out.len() {
            let (_, free) = self.out.split_at_mut(*self.len);
            free.split_at_mut(text.len()).0.copy_from_slice(text);
        } else if !self.out.is_empty() {
            return self.cut();
        }
        *self.len = end;
    }

    /// Appends the inside of a JSON string.
    pub(crate) const fn push_escaped(&mut self, text: &[u8]) {
        let mut index = 0;
        while index < text.len() {
            match text[index] {
                b'"' => self.push("\\\""),
                b'\\' => self.push("\\\\"),
                b'\n' => self.push("\\n"),
                b'\r' => self.push("\\r"),
                b'\t' => self.push("\\t"),
                control if control < b' ' => {
                    self.push("\\u00");
                    let digits = b"0123456789abcdef";
                    self.push_bytes(&[digits[(control >> 4) as usize], digits[(control & 15) as usize]]);
                }
                _ => self.push_bytes(text.split_at(index + 1).0.split_at(index).1),
            }
            index += 1;
        }
    }

    pub(crate) const fn push_number(&mut self, number: usize) {
        let mut digits = [0; 20];
        let (mut rest, mut start) = (number, digits.len());
        loop {
            start -= 1;
            digits[start] = b"0123456789"[rest % 10];
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push_bytes(digits.split_at(start).1);
    }

    /// Appends the mark, once in a row, at the expense of what was written if there is no room for it.
    const fn cut(&mut self) {
        let last = self.out.len() - MARK.len();
        let mut end = if *self.len < last { *self.len } else { last };
        while end > 0 && self.out[end] & 0xc0 == 0x80 {
            end -= 1;
        }
        if *self.len < MARK.len()
            || !same(self.out.split_at(*self.len).0.split_at(*self.len - MARK.len()).1, MARK)
        {
            self.out.split_at_mut(end).1.split_at_mut(MARK.len()).0.copy_from_slice(MARK);
            *self.len = end + MARK.len();
        }
    }
}

/// Whether two texts are the same. Compares from the end, because names differ there sooner than at the start,
/// and without calls, each of which costs as much in a constant as fifty steps.
pub const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut left = a.len();
    while left > 0 {
        left -= 1;
        if a[left] != b[left] {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_do_not_fit_are_replaced_once_by_a_mark() {
        assert_eq!(ConstStr::<8>::concat(&["abc", "def"]).as_str(), "abcdef");
        assert_eq!(ConstStr::<8>::concat(&["abcd", "efgh"]).as_str(), "abcdefgh");
        assert_eq!(ConstStr::<9>::concat(&["abc", "too long", "too long", "d"]).as_str(), "abc…d");
        assert_eq!(ConstStr::<8>::concat(&["abcdeé", "f", "ghi"]).as_str(), "abcde…");
    }

    #[test]
    fn a_writer_without_a_buffer_measures() {
        let mut len = 0;
        let mut writer = StrWriter::new(&mut [], &mut len);
        writer.push("abc");
        writer.push_number(1024);
        assert_eq!(len, 7);
    }
}
