//! The message of a compile error about one field.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::describe::{describe, describe_change};
use super::reads::Direction;
use super::{Compatibility, Contract};
use crate::const_str::{ConstStr, StrWriter};
use crate::path::Path;
use crate::view::{FieldView, NameView, View, same};

/// How a reader's schema differs from a writer's so that it can't read.
#[derive(Clone, Copy)]
pub(super) enum Change<'a> {
    /// The writer lacks this field and the reader has no default for it. The second value is a field of the writer
    /// that may be the same field with another name.
    Missing(FieldView<'a>, Option<&'a [u8]>),
    /// The reader's type can't read the writer's.
    Type(View<'a>, View<'a>),
    /// The named types of reader and writer have different names.
    Name(NameView<'a>, NameView<'a>),
    /// The writer may write null.
    Null,
    /// The writer's enumeration has a symbol that the reader's lacks.
    Symbol(&'a [u8]),
    /// The writer's union has a record that the reader's lacks.
    Variant(NameView<'a>, Growth),
    /// The writer has a field that the reader does not expect in a nested record.
    NestedAddition,
}

/// How a variant `#[event(other)]` helps with a variant that a reader does not know.
#[derive(Clone, Copy)]
pub(super) enum Growth {
    /// It does not: the unions are different types.
    Never,
    /// The reader could have one.
    Possible,
    /// The definition has one, which published versions lack.
    Later,
}

/// The most changes that are reported for one field.
const CHANGES: usize = 16;

/// What readers can't do.
#[derive(Clone, Copy)]
enum Kind {
    /// They can't read some data.
    Data,
    /// They can't read events that hold a new variant.
    NewVariant,
    /// They read all data, which violates an agreement.
    Agreement,
}

/// A change, and the readers that it breaks.
#[derive(Clone, Copy)]
struct Entry {
    /// Offsets in the text: of the change, of the fixes, and of the end.
    start: usize,
    fixes: usize,
    end: usize,
    kind: Kind,
    /// The published versions whose readers can't read new events, one bit for each.
    old_readers: u128,
    /// The published versions whose events new readers can't read.
    new_readers: u128,
}

/// All changes under one top-level field of a definition that break something.
pub(super) struct Report {
    field: usize,
    changes: ConstStr<8192>,
    entries: [Entry; CHANGES],
    len: usize,
    /// Whether there were more changes than are reported.
    more: bool,
}

impl Report {
    pub(super) const fn of(field: usize) -> Self {
        let none = Entry { start: 0, fixes: 0, end: 0, kind: Kind::Data, old_readers: 0, new_readers: 0 };
        Self { field, changes: ConstStr::EMPTY, entries: [none; CHANGES], len: 0, more: false }
    }

    pub(super) const fn is_of(&self, field: usize) -> bool {
        self.field == field
    }

    pub(super) const fn add(
        &mut self,
        path: &Path<'_>,
        change: &Change<'_>,
        compatibility: Compatibility,
        direction: Direction,
        version: usize,
    ) {
        let mut text = ConstStr::<1024>::EMPTY;
        describe_difference(&mut text.writer(), path, change, direction);
        let fixes = text.len();
        describe_fixes(&mut text.writer(), path, change, compatibility, direction);
        let bit = 1 << if version < 128 { version } else { 127 };
        let mut index = 0;
        while index < self.len {
            let entry = self.entries[index];
            if same(self.changes.between(entry.start, entry.end), text.as_bytes()) {
                break;
            }
            index += 1;
        }
        if index == self.len {
            if index == CHANGES || !self.changes.has_room(text.len()) {
                self.more = true;
                return;
            }
            let start = self.changes.len();
            self.changes.writer().push_bytes(text.as_bytes());
            self.entries[index] = Entry {
                start,
                fixes: start + fixes,
                end: self.changes.len(),
                kind: match (change, direction) {
                    (Change::NestedAddition, _) => Kind::Agreement,
                    (Change::Variant(..), Direction::Forward) => Kind::NewVariant,
                    _ => Kind::Data,
                },
                old_readers: 0,
                new_readers: 0,
            };
            self.len += 1;
        }
        match direction {
            Direction::Backward => self.entries[index].new_readers |= bit,
            Direction::Forward => self.entries[index].old_readers |= bit,
        }
    }

    /// The whole message.
    pub(super) const fn text(&self, contract: &Contract) -> ConstStr<16384> {
        let mut message = ConstStr::EMPTY;
        let mut text = message.writer();
        text.push("this breaks published versions of `");
        text.push(contract.event_type);
        text.push("`");
        let mut index = 0;
        while index < self.len {
            let entry = &self.entries[index];
            text.push("\n- ");
            text.push_bytes(self.changes.between(entry.start, entry.fixes));
            text.push(":\n  ");
            describe_readers(&mut text, contract, entry);
            text.push(";\n  ");
            text.push_bytes(self.changes.between(entry.fixes, entry.end));
            index += 1;
        }
        if self.more {
            text.push("\n- and further changes");
        }
        text.push("\nor raise the event to `");
        text.push(contract.next);
        text.push("`");
        message
    }
}

/// Describes the change.
const fn describe_difference(
    text: &mut StrWriter<'_>,
    path: &Path<'_>,
    change: &Change<'_>,
    direction: Direction,
) {
    write_path(text, path);
    let backward = matches!(direction, Direction::Backward);
    match change {
        Change::Missing(field, _) => {
            text.push(", ");
            describe(text, field.schema);
            text.push(if backward {
                ", is new and has no default"
            } else {
                ", is removed and was published without a default"
            });
        }
        Change::Type(reader, writer) => {
            let (new, old) = if backward { (reader, writer) } else { (writer, reader) };
            describe_change(text, *old, *new);
        }
        Change::Name(reader, writer) => {
            let (new, old) = if backward { (reader, writer) } else { (writer, reader) };
            text.push(if path.is_root() { " was named `" } else { " is of a type that was named `" });
            old.write_short(text);
            text.push("` and is named `");
            new.write_short(text);
            text.push("`");
        }
        Change::Null if backward => text.push(" was an Option and always has a value now"),
        Change::Null => text.push(" always had a value and is an Option now"),
        Change::Symbol(symbol) => {
            text.push(if backward { " has lost the symbol `" } else { " has the new symbol `" });
            text.push_bytes(symbol);
            text.push(if backward { "`" } else { "`, and no default symbol was published" });
        }
        Change::Variant(name, growth) => {
            text.push(if backward { " has lost the variant `" } else { " has the new variant `" });
            name.write_short(text);
            text.push(match growth {
                Growth::Possible | Growth::Later if !backward => {
                    "`, and no variant `#[event(other)]` was published"
                }
                _ => "`",
            });
        }
        Change::NestedAddition => {
            text.push(" is new, and Open edX allows new data only at the top level of an event");
        }
    }
}

/// Describes the fixes, except a new event type.
const fn describe_fixes(
    text: &mut StrWriter<'_>,
    path: &Path<'_>,
    change: &Change<'_>,
    compatibility: Compatibility,
    direction: Direction,
) {
    let backward = matches!(direction, Direction::Backward);
    // An alias is part of the new definition, which old readers don't have.
    let alias_helps = !compatibility.forward();
    match change {
        Change::Missing(_, other) if backward => {
            text.push("give it a default with `#[event(default = …)]` or make it an `Option`");
            if let Some(other) = other {
                text.push(";\n  if it is `");
                text.push_bytes(other);
                text.push(if alias_helps {
                    "` by another name, add `#[event(alias = \""
                } else {
                    "` by another name, keep that name in the schema with `#[event(rename = \""
                });
                text.push_bytes(other);
                text.push("\")]`");
            }
        }
        Change::Missing(field, other) => {
            text.push("keep it");
            if let Some(other) = other {
                text.push(";\n  if it is `");
                text.push_bytes(other);
                text.push("` now, keep its name in the schema with `#[event(rename = \"");
                text.push_bytes(field.name);
                text.push("\")]` there");
            }
        }
        Change::Type(..) => text.push("keep its type, and add an optional field of the other type beside it"),
        Change::Name(reader, writer) => {
            let (new, old) = if backward { (reader, writer) } else { (writer, reader) };
            if new.generic.is_some() {
                text.push("keep its type, and add an optional field of the other type beside it");
                return;
            }
            text.push(if path.is_root() {
                "keep the name in the schema with `#[public_signal(name = \""
            } else {
                "keep the name in the schema with `#[event(rename = \""
            });
            text.push_bytes(old.base);
            text.push(if path.is_root() { "\")]`" } else { "\")]` on the type" });
            if alias_helps {
                text.push(", or add `#[event(alias = \"");
                if !same(old.namespace, new.namespace) {
                    text.push_bytes(old.namespace);
                    text.push(".");
                }
                text.push_bytes(old.base);
                text.push("\")]` to it");
            }
        }
        Change::Null if backward => text.push("keep the `Option`"),
        Change::Null => text.push("keep it without the `Option`, and add an optional field beside it"),
        Change::Symbol(_) if backward => {
            text.push("keep the variant, or mark one with `#[event(default)]` to stand for it");
        }
        Change::Symbol(_) => {
            text.push("remove it (publish an enum that may grow with a variant `#[event(default)]`)");
        }
        Change::Variant(_, growth) => text.push(match growth {
            Growth::Never if backward => "keep the variant",
            _ if backward => "keep the variant, or add a unit variant `#[event(other)]` to stand for it",
            Growth::Never => "put the new data into an optional field beside it",
            Growth::Possible => {
                "put the new data into an optional field beside it\n  (publish an enum that may grow with a unit variant `#[event(other)]`, and new variants after that)"
            }
            Growth::Later => {
                "put the new data into an optional field beside it;\n  or, once every reader has the variant `#[event(other)]`, remove the files of the versions without it"
            }
        }),
        Change::NestedAddition => text.push("move it to the top level"),
    }
}

/// Describes which readers a change breaks.
const fn describe_readers(text: &mut StrWriter<'_>, contract: &Contract, entry: &Entry) {
    if let Kind::Agreement = entry.kind {
        text.push("it is not in ");
        write_versions(text, contract, entry.old_readers);
        return;
    }
    if entry.old_readers != 0 {
        text.push("readers of ");
        write_versions(text, contract, entry.old_readers);
        text.push(match entry.kind {
            Kind::NewVariant => " can't read events that hold it, and dead-letter them",
            _ => " can't read new events",
        });
    }
    if entry.new_readers != 0 {
        text.push(if entry.old_readers == 0 { "new readers" } else { ", and new readers" });
        text.push(" can't read events of ");
        write_versions(text, contract, entry.new_readers);
    }
}

/// Writes the path in code quotes, or `the event`.
const fn write_path(text: &mut StrWriter<'_>, path: &Path<'_>) {
    let path = path.text();
    if path.as_bytes().is_empty() {
        text.push("the event");
    } else {
        text.push_all(&["`", path.as_str(), "`"]);
    }
}

/// Writes `minor version 0`, or `minor versions 0, 1 and 4`.
const fn write_versions(text: &mut StrWriter<'_>, contract: &Contract, bits: u128) {
    text.push(if bits.is_power_of_two() { "minor version " } else { "minor versions " });
    let (mut version, mut left) = (0, bits.count_ones());
    while left > 0 {
        if bits & (1 << version) != 0 {
            text.push_number(contract.published[version].minor_version as usize);
            left -= 1;
            text.push(match left {
                0 => "",
                1 => " and ",
                _ => ", ",
            });
        }
        version += 1;
    }
}
