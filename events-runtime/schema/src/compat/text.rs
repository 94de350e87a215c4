//! A text that is put together while a definition compiles.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::Contract;
use super::path::{Path, Step};

/// A text in a constant; what has no room ends in `…`.
#[derive(Clone, Copy)]
pub(super) struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
    /// Whether there was no room for all.
    cut: bool,
}

/// The end of a text that was cut.
const MARK: &[u8] = "…".as_bytes();

impl<const N: usize> Text<N> {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; N], len: 0, cut: false }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    pub(super) const fn push_bytes(&mut self, text: &[u8]) {
        if self.cut {
            return;
        }
        if self.has_room(text.len()) {
            self.copy(text);
        } else {
            self.copy(MARK);
            self.cut = true;
        }
    }

    /// Whether a text of this length has room, and the mark behind it.
    pub(super) const fn has_room(&self, len: usize) -> bool {
        self.len + len + MARK.len() <= N
    }

    const fn copy(&mut self, text: &[u8]) {
        let (_, free) = self.bytes.split_at_mut(self.len);
        free.split_at_mut(text.len()).0.copy_from_slice(text);
        self.len += text.len();
    }

    pub(super) const fn number(&mut self, number: usize) {
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

    /// `minor version 0`, `minor versions 0, 1 and 4`.
    pub(super) const fn versions(&mut self, contract: &Contract, bits: u128) {
        self.push(if bits.is_power_of_two() { "minor version " } else { "minor versions " });
        let (mut version, mut left) = (0, bits.count_ones());
        while left > 0 {
            if bits & (1 << version) != 0 {
                self.number(contract.published[version].minor_version as usize);
                left -= 1;
                self.push(match left {
                    0 => "",
                    1 => " and ",
                    _ => ", ",
                });
            }
            version += 1;
        }
    }

    /// `` `user.addresses[].zip` ``, or the event.
    pub(super) const fn place(&mut self, path: &Path<'_>) {
        let start = self.len;
        self.push("`");
        self.path(path);
        if self.len == start + 1 {
            self.len = start;
            self.push("the event");
        } else {
            self.push("`");
        }
    }

    const fn path(&mut self, path: &Path<'_>) {
        let start = self.len;
        if let Some(up) = path.up {
            self.path(up);
        }
        match path.step {
            Step::Root | Step::Records(..) => {}
            Step::Field(name) => {
                if self.len > start {
                    self.push(".");
                }
                self.push_bytes(name);
            }
            Step::Items => self.push("[]"),
        }
    }

    pub(super) const fn bytes(&self) -> &[u8] {
        self.between(0, self.len)
    }

    pub(super) const fn between(&self, start: usize, end: usize) -> &[u8] {
        self.bytes.split_at(end).0.split_at(start).1
    }

    pub(super) const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes()) {
            Ok(text) => text,
            Err(_) => "the definition breaks what is published",
        }
    }
}
