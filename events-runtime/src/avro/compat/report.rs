//! What a definition breaks at one of its fields, in words.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::Contract;
use super::reads::{Direction, Path, Step};
use super::words::describe;
use crate::avro::view::{NameView, View, same};

/// How a reader's schema differs from a writer's so that it can't read.
#[derive(Clone, Copy)]
pub(super) enum Change<'a> {
    /// The writer has no such field, and the reader no default for it.
    Missing(View<'a>),
    /// The reader's type takes nothing of the writer's.
    Type(View<'a>, View<'a>),
    /// The named types of reader and writer have other names.
    Name(NameView<'a>, NameView<'a>),
    /// The writer may write null.
    Null,
    /// The writer's enumeration has a symbol that the reader's lacks.
    Symbol(&'a [u8]),
    /// The writer's union has a record that the reader's lacks.
    Variant(NameView<'a>),
    /// The writer has a field that the reader does not expect in a nested record.
    NestedAddition,
}

/// The most changes that are told for one field.
const CHANGES: usize = 24;

/// The ways out of a break.
#[derive(Clone, Copy)]
struct Ways(&'static str);

/// A change, and for whom it is a break.
#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    end: usize,
    ways: Ways,
    /// The published versions, a bit for each, whose readers can't read new events.
    old_readers: u128,
    /// Those whose events new readers can't read.
    new_readers: u128,
}

/// All that one top-level field of a definition breaks.
pub(super) struct Report {
    field: usize,
    changes: Text<4096>,
    entries: [Entry; CHANGES],
    len: usize,
}

impl Report {
    pub(super) const fn of(field: usize) -> Self {
        let none = Entry { start: 0, end: 0, ways: Ways(""), old_readers: 0, new_readers: 0 };
        Self { field, changes: Text::new(), entries: [none; CHANGES], len: 0 }
    }

    pub(super) const fn is_of(&self, field: usize) -> bool {
        self.field == field
    }

    pub(super) const fn add(
        &mut self,
        path: &Path<'_>,
        change: &Change<'_>,
        direction: Direction,
        version: usize,
    ) {
        let mut text = Text::<512>::new();
        let ways = tell(&mut text, path, change, direction);
        let bit = 1 << if version < 128 { version } else { 127 };
        let mut index = 0;
        while index < self.len {
            let entry = self.entries[index];
            if same(self.changes.between(entry.start, entry.end), text.bytes()) {
                break;
            }
            index += 1;
        }
        if index == CHANGES {
            return;
        }
        if index == self.len {
            let start = self.changes.len;
            self.changes.push_bytes(text.bytes());
            let end = self.changes.len;
            self.entries[index] = Entry { start, end, ways: Ways(ways), old_readers: 0, new_readers: 0 };
            self.len += 1;
        }
        match direction {
            Direction::Backward => self.entries[index].new_readers |= bit,
            Direction::Forward => self.entries[index].old_readers |= bit,
        }
    }

    /// The whole message.
    pub(super) const fn text(&self, contract: &Contract) -> Text<8192> {
        let mut text = Text::new();
        text.push("this breaks what is published of `");
        text.push(contract.event_type);
        text.push("`");
        let mut index = 0;
        while index < self.len {
            let entry = self.entries[index];
            text.push("\n- ");
            text.push_bytes(self.changes.between(entry.start, entry.end));
            text.push(":\n  ");
            if entry.old_readers != 0 {
                text.push("readers of ");
                text.versions(contract, entry.old_readers);
                text.push(" can't read new events");
            }
            if entry.new_readers != 0 {
                text.push(if entry.old_readers == 0 { "new readers" } else { ", and new readers" });
                text.push(" can't read events of ");
                text.versions(contract, entry.new_readers);
            }
            text.push(";\n  ");
            text.push(entry.ways.0);
            text.push(", or raise the event to `");
            text.push(contract.next);
            text.push("`");
            index += 1;
        }
        text
    }
}

/// Says what changed and gives the ways out, but the last.
const fn tell<const N: usize>(
    text: &mut Text<N>,
    path: &Path<'_>,
    change: &Change<'_>,
    direction: Direction,
) -> &'static str {
    text.place(path);
    let backward = matches!(direction, Direction::Backward);
    match change {
        Change::Missing(schema) => {
            text.push(", ");
            describe(text, *schema);
            if backward {
                text.push(", is new and has no default");
                "give it a default with `#[event(default = …)]`, make it an `Option`"
            } else {
                text.push(", is gone, and it was published without a default");
                "keep it (another name in Rust alone is `#[event(rename = \"…\")]`)"
            }
        }
        Change::Type(reader, writer) => {
            let (new, old) = if backward { (reader, writer) } else { (writer, reader) };
            text.push(" was ");
            describe(text, *old);
            text.push(" and is ");
            describe(text, *new);
            "keep its type and add a field of the other type beside it"
        }
        Change::Name(reader, writer) => {
            let (new, old) = if backward { (reader, writer) } else { (writer, reader) };
            text.push(" is of a type that was named `");
            text.push_bytes(old.short(&mut [0; 512]));
            text.push("` and is named `");
            text.push_bytes(new.short(&mut [0; 512]));
            text.push("`");
            "keep the name in the schema with `#[event(rename = \"…\")]`, on an event `#[public_signal(name = \"…\")]`"
        }
        Change::Null if backward => {
            text.push(" was an Option and always has a value now");
            "keep the `Option`"
        }
        Change::Null => {
            text.push(" always had a value and is an Option now");
            "keep it without the `Option`, and add an optional field beside it"
        }
        Change::Symbol(symbol) => {
            text.push(if backward { " has lost the symbol `" } else { " has the new symbol `" });
            text.push_bytes(symbol);
            text.push("`");
            if backward {
                "keep the variant, or mark one with `#[event(default)]` to stand for it"
            } else {
                text.push(", and no default symbol was published");
                "leave it out (an enum that is to grow is published with a variant `#[event(default)]`)"
            }
        }
        Change::Variant(name) => {
            text.push(if backward { " has lost the variant `" } else { " has the new variant `" });
            text.push_bytes(name.short(&mut [0; 512]));
            text.push("`");
            if backward { "keep the variant" } else { "put what is new into an optional field beside it" }
        }
        Change::NestedAddition => {
            text.push(" is new, and Open edX takes new data at the top level of an event alone");
            "put it there"
        }
    }
}

/// A text in a constant; what has no room ends in `…`.
#[derive(Clone, Copy)]
pub(super) struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    pub(super) const fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    pub(super) const fn push_bytes(&mut self, text: &[u8]) {
        let mark = "…".as_bytes();
        let room = N.saturating_sub(self.len);
        // A cut mark is the last that is written.
        if text.len() + mark.len() > room {
            if room >= mark.len() {
                self.copy(mark);
            }
            return;
        }
        self.copy(text);
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

    /// `version 0`, `versions 0, 1 and 4`.
    const fn versions(&mut self, contract: &Contract, bits: u128) {
        self.push(if bits.is_power_of_two() { "version " } else { "versions " });
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
    const fn place(&mut self, path: &Path<'_>) {
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

    const fn between(&self, start: usize, end: usize) -> &[u8] {
        self.bytes.split_at(end).0.split_at(start).1
    }

    pub(super) const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes()) {
            Ok(text) => text,
            Err(_) => "the definition breaks what is published",
        }
    }
}
