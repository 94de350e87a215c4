//! Schema resolution over two schemas: whether one reads everything that the other writes.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]
#![allow(clippy::large_stack_arrays, reason = "evaluated while compiling, where there is no heap")]

use super::Compatibility;
use super::report::{Change, Growth, Report};
use crate::path::{Path, Step};
use crate::resolution::{
    Units, branch_of, field_of, is_other, is_unknown_variant, names_match, promotes, same_primitive, takes,
    units,
};
use crate::view::{EnumView, FieldView, MAX_NAMES, NameView, RecordView, Shape, UnionView, View};

/// Which side of a check the definition is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The definition reads what was written as published.
    Backward,
    /// Readers with a published version read what the definition writes.
    Forward,
}

/// Pairs of a reader's and a writer's records that were compared, so that a type that several others use is
/// compared once. There is room for the maximum number of types of an event.
struct Compared<'v> {
    pairs: [Option<(NameView<'v>, NameView<'v>)>; MAX_NAMES],
    len: usize,
}

impl<'v> Compared<'v> {
    const NONE: Self = Self { pairs: [None; MAX_NAMES], len: 0 };

    const fn has(&self, reader: &NameView<'_>, writer: &NameView<'_>) -> bool {
        let mut index = 0;
        while index < self.len {
            if let Some((known, other)) = &self.pairs[index]
                && known.is(reader)
                && other.is(writer)
            {
                return true;
            }
            index += 1;
        }
        false
    }

    const fn add(&mut self, reader: NameView<'v>, writer: NameView<'v>) {
        if self.len < MAX_NAMES {
            self.pairs[self.len] = Some((reader, writer));
            self.len += 1;
        }
    }
}

/// A walk over a reader's schema and a writer's.
pub(super) struct Comparison<'w, 'v> {
    compatibility: Compatibility,
    broken: &'w mut [bool],
    report: &'w mut Option<Report>,
    version: usize,
    direction: Direction,
    /// The definition's top-level field that is being compared.
    field: usize,
    /// The number of violations so far.
    count: usize,
    /// Pairs of records without a violation.
    sound: Compared<'v>,
    /// Pairs of records with a violation. It is in the report if the report is about this field.
    faulty: Compared<'v>,
}

impl<'w, 'v> Comparison<'w, 'v> {
    pub(super) const fn new(
        compatibility: Compatibility,
        broken: &'w mut [bool],
        report: &'w mut Option<Report>,
        version: usize,
    ) -> Self {
        Self {
            compatibility,
            broken,
            report,
            version,
            direction: Direction::Backward,
            field: 0,
            count: 0,
            sound: Compared::NONE,
            faulty: Compared::NONE,
        }
    }

    /// Sets which side the definition is on.
    pub(super) const fn turn(&mut self, direction: Direction) {
        self.direction = direction;
        self.field = self.broken.len() - 1;
        self.sound.len = 0;
        self.faulty.len = 0;
    }

    /// Checks the names of the events themselves.
    pub(super) const fn names(&mut self, reader: &RecordView<'_>, writer: &RecordView<'_>) {
        if !names_match(&reader.name, &writer.name) {
            self.violation(&Path::ROOT, &Change::Name(reader.name, writer.name));
        }
    }

    /// Checks a top-level field of the reader against the writer's field that it reads.
    pub(super) const fn field(
        &mut self,
        reader: RecordView<'v>,
        writer: RecordView<'v>,
        index: usize,
        written: Option<usize>,
    ) {
        self.field = match (self.direction, written) {
            (Direction::Backward, _) => index,
            (Direction::Forward, Some(written)) => written,
            // The definition has no such field any more.
            (Direction::Forward, None) => self.broken.len() - 1,
        };
        if self.report.is_some() {
            // Each field reports its own violations.
            self.faulty.len = 0;
        }
        let before = self.count;
        if let Some((reader, writer, name)) = self.record_field(reader, writer, index, written, &Path::ROOT) {
            self.reads(reader, writer, &Path::ROOT.then(Step::Field(name)));
        }
        if self.count != before {
            // Pairs that refer back to a record with a violation were recorded as sound.
            self.sound.len = 0;
        }
    }

    const fn violation(&mut self, path: &Path<'_>, change: &Change<'_>) {
        self.broken[self.field] = true;
        self.count += 1;
        if let Some(report) = self.report
            && report.is_of(self.field)
        {
            report.add(path, change, self.compatibility, self.direction, self.version);
        }
    }

    /// Checks that the reader's schema reads all data of the writer's.
    pub(super) const fn reads(&mut self, reader: View<'v>, writer: View<'v>, path: &Path<'_>) {
        // An unchanged nested record is compared once, however often it is used.
        if is_unchanged(reader, writer) {
            return;
        }
        match (reader.shape(), writer.shape()) {
            // A type that did not compile has been reported already.
            (Shape::Union(union), _) | (_, Shape::Union(union)) if union.is_unknown() => {}
            (_, Shape::Union(branches)) => self.writer_union(reader, writer, branches, path),
            (Shape::Union(branches), _) => match branch_of(branches, writer) {
                Some(index) => self.reads(branches.branch(index), writer, path),
                None => self.violation(path, &Change::Type(reader, writer)),
            },
            (Shape::Record(record), Shape::Record(written)) => self.records(record, written, path),
            (Shape::Enum(symbols), Shape::Enum(written)) => self.symbols(symbols, written, path),
            (Shape::Array(items), Shape::Array(written)) | (Shape::Map(items), Shape::Map(written)) => {
                self.reads(items, written, &path.then(Step::Items));
            }
            (Shape::Fixed(name, size), Shape::Fixed(written, of)) => {
                if size != of {
                    self.violation(path, &Change::Type(reader, writer));
                } else if !names_match(&name, &written) {
                    self.violation(path, &Change::Name(name, written));
                }
            }
            (shape, written) => {
                if !same_primitive(&shape, &written) && !promotes(&shape, &written) {
                    self.violation(path, &Change::Type(reader, writer));
                    return;
                }
            }
        }
        // To Avro, times in other units are the same type: its readers would use the number unchanged.
        if !matches!(units(reader, writer), Units::Same) {
            self.violation(path, &Change::Type(reader, writer));
        }
    }

    const fn writer_union(
        &mut self,
        reader: View<'v>,
        writer: View<'v>,
        written: UnionView<'v>,
        path: &Path<'_>,
    ) {
        // One type replaced another. That is one change, whether the types are optional or not.
        if let (Some(one), Some(other)) = (sole(reader), sole(writer))
            && !takes(&one.shape(), &other.shape())
            && !same_kind(&one.shape(), &other.shape())
        {
            self.violation(path, &Change::Type(reader, writer));
            return;
        }
        let mut index = 0;
        while index < written.len() {
            let branch = written.branch(index);
            match (taker(reader, branch), branch.shape(), sole(reader), sole(writer)) {
                (None, Shape::Null, ..) => self.violation(path, &Change::Null),
                // Read by a branch, or both sides have one definition, with different names.
                (Some(reader), ..) | (None, _, Some(reader), Some(_)) => self.reads(reader, branch, path),
                (None, ..) if takes_as_other(reader, written, branch) => {}
                (None, Shape::Record(record), ..) => {
                    let growth = self.growth(reader, written, branch);
                    self.violation(path, &Change::Variant(record.name, growth));
                }
                (None, ..) => self.violation(path, &Change::Type(reader, writer)),
            }
            index += 1;
        }
    }

    /// How a variant `#[event(other)]` helps with a branch that the reader does not know.
    const fn growth(&self, reader: View<'_>, written: UnionView<'_>, branch: View<'_>) -> Growth {
        let Shape::Union(branches) = reader.shape() else { return Growth::Never };
        let is_enum = sole(reader).is_none() && is_unknown_variant(branches, written, branch);
        match self.direction {
            _ if !is_enum => Growth::Never,
            Direction::Forward if written.has_other() => Growth::Later,
            _ => Growth::Possible,
        }
    }

    const fn symbols(&mut self, reader: EnumView<'_>, writer: EnumView<'_>, path: &Path<'_>) {
        if !names_match(&reader.name, &writer.name) {
            self.violation(path, &Change::Name(reader.name, writer.name));
        }
        if reader.default.is_some() {
            return;
        }
        let mut index = 0;
        while index < writer.symbols.len() {
            let symbol = writer.symbols.get(index);
            if reader.symbols.position(symbol).is_none() {
                self.violation(path, &Change::Symbol(symbol));
            }
            index += 1;
        }
    }

    const fn records(&mut self, reader: RecordView<'v>, writer: RecordView<'v>, path: &Path<'_>) {
        if path.compares(&reader.name, &writer.name) || self.sound.has(&reader.name, &writer.name) {
            return;
        }
        if self.faulty.has(&reader.name, &writer.name) {
            self.broken[self.field] = true;
            self.count += 1;
            return;
        }
        let before = self.count;
        if !names_match(&reader.name, &writer.name) {
            self.violation(path, &Change::Name(reader.name, writer.name));
        }
        let here = path.then(Step::Records(reader.name, writer.name));
        let mut index = 0;
        while index < reader.len() {
            let written = field_of(writer, &reader.field(index));
            if let Some((reader, writer, name)) = self.record_field(reader, writer, index, written, &here) {
                let here = here.then(Step::Field(name));
                // Not through `reads`: constant evaluation is limited to 128 frames, and types may nest deeply.
                match (reader.shape(), writer.shape()) {
                    (Shape::Record(inner), Shape::Record(written)) if !is_unchanged(reader, writer) => {
                        self.records(inner, written, &here);
                    }
                    _ => self.reads(reader, writer, &here),
                }
            }
            index += 1;
        }
        if matches!(self.compatibility, Compatibility::OpenEdx) && path.is_nested() {
            self.nested_additions(reader, writer, &here);
        }
        if self.count == before {
            self.sound.add(reader.name, writer.name);
        } else {
            self.faulty.add(reader.name, writer.name);
        }
    }

    /// Checks that a reader's field has a source: a written field, or a default. For a written field, returns
    /// both schemas, which the caller compares, and the name of the field in the definition.
    const fn record_field(
        &mut self,
        reader: RecordView<'v>,
        writer: RecordView<'v>,
        index: usize,
        written: Option<usize>,
        path: &Path<'_>,
    ) -> Option<(View<'v>, View<'v>, &'v [u8])> {
        let field = reader.field(index);
        match written {
            Some(written) => {
                let written = writer.field(written);
                let name = match self.direction {
                    Direction::Backward => field.name,
                    Direction::Forward => written.name,
                };
                Some((field.schema, written.schema, name))
            }
            None if field.default.is_none() => {
                let other = if self.report.is_some() { counterpart(reader, writer, &field) } else { None };
                self.violation(&path.then(Step::Field(field.name)), &Change::Missing(field, other));
                None
            }
            None => None,
        }
    }

    /// Fields of a nested record that its published form does not have.
    const fn nested_additions(&mut self, reader: RecordView<'v>, writer: RecordView<'v>, path: &Path<'_>) {
        let mut index = 0;
        while index < writer.len() {
            let name = writer.name_at(index);
            if reader.position(name).is_none() {
                self.violation(&path.then(Step::Field(name)), &Change::NestedAddition);
            }
            index += 1;
        }
    }
}

/// Whether the digests of a nested type say that it is unchanged.
const fn is_unchanged(reader: View<'_>, writer: View<'_>) -> bool {
    matches!((reader.digest(), writer.digest()), (Some(digest @ 1..), Some(other)) if digest == other)
}

/// The schema itself, or the only branch beside null of a union.
const fn sole(schema: View<'_>) -> Option<View<'_>> {
    let Shape::Union(branches) = schema.shape() else { return Some(schema) };
    let (mut found, mut index) = (None, 0);
    while index < branches.len() {
        let branch = branches.branch(index);
        if !matches!(branch.shape(), Shape::Null) {
            if found.is_some() {
                return None;
            }
            found = Some(branch);
        }
        index += 1;
    }
    found
}

/// Whether both are named types of one kind.
const fn same_kind(a: &Shape<'_>, b: &Shape<'_>) -> bool {
    matches!(
        (a, b),
        (Shape::Record(_), Shape::Record(_))
            | (Shape::Enum(_), Shape::Enum(_))
            | (Shape::Fixed(..), Shape::Fixed(..))
    )
}

/// The reader's schema, or its branch, that reads a writer's branch.
const fn taker<'a>(reader: View<'a>, branch: View<'_>) -> Option<View<'a>> {
    match reader.shape() {
        Shape::Union(branches) => match branch_of(branches, branch) {
            Some(index) => Some(branches.branch(index)),
            None => None,
        },
        shape if takes(&shape, &branch.shape()) => Some(reader),
        _ => None,
    }
}

/// Whether the reader's schema reads a branch of the writer's union as its variant for unknown branches.
const fn takes_as_other(reader: View<'_>, written: UnionView<'_>, branch: View<'_>) -> bool {
    match reader.shape() {
        Shape::Union(branches) => is_other(branches, written, branch),
        _ => false,
    }
}

/// The writer's field that may be the reader's under another name: no other field reads it, and its data fits.
const fn counterpart<'a>(
    reader: RecordView<'_>,
    writer: RecordView<'a>,
    field: &FieldView<'_>,
) -> Option<&'a [u8]> {
    let mut index = 0;
    while index < writer.len() {
        let written = writer.field(index);
        if !is_taken(reader, writer, index) && super::reads(field.schema, written.schema) {
            return Some(written.name);
        }
        index += 1;
    }
    None
}

/// Whether a field of the reader reads this field of the writer.
const fn is_taken(reader: RecordView<'_>, writer: RecordView<'_>, written: usize) -> bool {
    let mut index = 0;
    while index < reader.len() {
        if let Some(taken) = field_of(writer, &reader.field(index))
            && taken == written
        {
            return true;
        }
        index += 1;
    }
    false
}
