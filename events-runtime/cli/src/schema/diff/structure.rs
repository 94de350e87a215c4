//! Compares the structure of two schemas: everything that affects how data is read.

use std::collections::HashSet;

use super::change::{Breaks, Change, ChangeKind};
use super::describe::{describe, describe_in_full, full_name, join_names, utf8};
use events_schema::compat::reads;
use events_schema::resolution::{field_of, is_other, names_match};
use events_schema::view::{EnumView, FieldView, NameView, RecordView, Shape, Texts, UnionView, View};

/// The old and new definition of one named type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// The old full name.
    pub(super) old: String,
    /// The new full name.
    pub(super) new: String,
    /// The first path to the type.
    pub(super) path: String,
}

/// The changes, in the order of the new schema's fields, and the compared types.
pub(super) fn changes(old: View<'_>, new: View<'_>) -> (Vec<Change>, Vec<Pair>) {
    let mut comparison = StructureComparison::default();
    comparison.schema(old, new, "");
    (comparison.changes, comparison.pairs)
}

/// The offsets of two records in their schemas.
type Offsets = (Option<usize>, Option<usize>);

#[derive(Default)]
struct StructureComparison {
    changes: Vec<Change>,
    pairs: Vec<Pair>,
    /// The enclosing records. A recursive type is compared once.
    records: Vec<Offsets>,
    /// The records without changes. A shared type is compared once.
    unchanged: HashSet<Offsets>,
}

impl StructureComparison {
    fn add(
        &mut self,
        path: &str,
        kind: ChangeKind,
        (from, to): (Option<String>, Option<String>),
        breaks: Breaks,
    ) {
        self.changes.push(Change { path: path.to_owned(), kind, from, to, breaks, question: None });
    }

    /// Adds a change that breaks nothing if the values differ.
    fn compare(&mut self, path: &str, kind: ChangeKind, from: Option<String>, to: Option<String>) {
        if from != to {
            self.add(path, kind, (from, to), Breaks::NOTHING);
        }
    }

    fn schema(&mut self, old: View<'_>, new: View<'_>, path: &str) {
        match (old.shape(), new.shape()) {
            (Shape::Record(before), Shape::Record(now)) => {
                let pair = (old.offset(), new.offset());
                if !self.records.contains(&pair) && !self.unchanged.contains(&pair) {
                    let count = self.changes.len();
                    self.records.push(pair);
                    self.record(before, now, path);
                    self.records.pop();
                    if self.changes.len() == count {
                        self.unchanged.insert(pair);
                    }
                }
            }
            (Shape::Enum(old), Shape::Enum(new)) => self.symbols(old, new, path),
            (Shape::Array(old), Shape::Array(new)) | (Shape::Map(old), Shape::Map(new)) => {
                self.schema(old, new, &format!("{path}[]"));
            }
            (Shape::Union(before), Shape::Union(now)) => {
                match (optional(before), optional(now)) {
                    (Some(inner), Some(other)) => {
                        self.schema(inner, other, path);
                        if is_null(before.branch(0)) != is_null(now.branch(0)) {
                            let order = (Some(describe(old)), Some(describe(new)));
                            self.add(path, ChangeKind::Order, order, Breaks::NOTHING);
                        }
                    }
                    _ => self.union((old, before), (new, now), path),
                }
                self.compare(path, ChangeKind::Other, before.other(), now.other());
            }
            (Shape::Union(union), _) => self.option((old, new), union, new, path),
            (_, Shape::Union(union)) => self.option((old, new), union, old, path),
            (Shape::Fixed(before, size), Shape::Fixed(now, of)) => {
                self.type_name(&before, &now, path);
                if size != of || !same_logical(old, new) {
                    self.types(old, new, path);
                }
            }
            (before, now) => {
                let same = std::mem::discriminant(&before) == std::mem::discriminant(&now);
                if !same || !same_logical(old, new) {
                    self.types(old, new, path);
                }
            }
        }
    }

    fn types(&mut self, old: View<'_>, new: View<'_>, path: &str) {
        let breaks = Breaks { old_readers: !reads(old, new), new_readers: !reads(new, old) };
        let short = (describe(old), describe(new));
        let (from, to) =
            if short.0 == short.1 { (describe_in_full(old), describe_in_full(new)) } else { short };
        self.add(path, ChangeKind::Type, (Some(from), Some(to)), breaks);
    }

    /// Compares a type with a union, and with the branch of the union that matches it.
    fn option(
        &mut self,
        (old, new): (View<'_>, View<'_>),
        union: UnionView<'_>,
        single: View<'_>,
        path: &str,
    ) {
        let branch = branches(union)
            .find(|branch| same_type(*branch, single))
            .or_else(|| branches(union).find(|branch| same_kind(*branch, single)));
        self.types(old, new, path);
        match branch {
            Some(branch) if matches!(old.shape(), Shape::Union(_)) => self.schema(branch, single, path),
            Some(branch) => self.schema(single, branch, path),
            None => {}
        }
    }

    fn union(&mut self, old: (View<'_>, UnionView<'_>), new: (View<'_>, UnionView<'_>), path: &str) {
        let name = |branch| describe_branch(branch, old.1, new.1);
        let mut kept = Vec::new();
        for branch in branches(new.1) {
            if let Some((index, before)) = old_branch(branch, old.1, new.1) {
                kept.push((index, name(branch)));
                self.schema(before, branch, path);
            } else {
                let is_read = reads(old.0, branch) || is_other(old.1, new.1, branch);
                let breaks = Breaks { old_readers: !is_read, new_readers: false };
                self.add(path, ChangeKind::Variant, (None, Some(name(branch))), breaks);
            }
        }
        for (index, branch) in branches(old.1).enumerate() {
            if !kept.iter().any(|(known, _)| *known == index) {
                let is_read = reads(new.0, branch) || is_other(new.1, old.1, branch);
                let breaks = Breaks { old_readers: false, new_readers: !is_read };
                self.add(path, ChangeKind::Variant, (Some(name(branch)), None), breaks);
            }
        }
        self.moved(kept, path);
    }

    fn symbols(&mut self, old: EnumView<'_>, new: EnumView<'_>, path: &str) {
        self.type_name(&old.name, &new.name, path);
        let all = |texts: Texts<'_>| (0..texts.len()).map(|index| utf8(texts.get(index))).collect::<Vec<_>>();
        let (before, now) = (all(old.symbols), all(new.symbols));
        for symbol in now.iter().filter(|symbol| !before.contains(symbol)) {
            let breaks = Breaks { old_readers: old.default.is_none(), new_readers: false };
            self.add(path, ChangeKind::Symbol, (None, Some(symbol.clone())), breaks);
        }
        for symbol in before.iter().filter(|symbol| !now.contains(symbol)) {
            let breaks = Breaks { old_readers: false, new_readers: new.default.is_none() };
            self.add(path, ChangeKind::Symbol, (Some(symbol.clone()), None), breaks);
        }
        let default = |symbols: EnumView<'_>| symbols.default.map(|index| utf8(symbols.symbols.get(index)));
        self.compare(path, ChangeKind::Default, default(old), default(new));
        self.order(&before, &now, path);
    }

    fn record(&mut self, old: RecordView<'_>, new: RecordView<'_>, path: &str) {
        self.type_name(&old.name, &new.name, path);
        let mut kept = Vec::new();
        for now in (0..new.len()).map(|index| new.field(index)) {
            let path = join(path, now.name);
            if let Some(index) = field_of(old, &now) {
                kept.push((index, utf8(now.name)));
                self.field((old, new), (old.field(index), now), &path);
            } else {
                let breaks = Breaks { old_readers: false, new_readers: now.default.is_none() };
                self.add(&path, ChangeKind::Field, (None, Some(describe_field(&now))), breaks);
                let question = ask_about_rename(old, new, &now);
                if let Some(change) = self.changes.last_mut() {
                    change.question = question;
                }
            }
        }
        for (index, before) in (0..old.len()).map(|index| (index, old.field(index))) {
            if !kept.iter().any(|(known, _)| *known == index) {
                let breaks = Breaks { old_readers: is_required(&before, new), new_readers: false };
                let values = (Some(describe_field(&before)), None);
                self.add(&join(path, before.name), ChangeKind::Field, values, breaks);
            }
        }
        self.moved(kept, path);
    }

    /// Compares the order of kept items, given as old index and name in the new order.
    fn moved(&mut self, mut kept: Vec<(usize, String)>, path: &str) {
        let names = |kept: &[(usize, String)]| kept.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
        let now = names(&kept);
        kept.sort();
        self.order(&names(&kept), &now, path);
    }

    fn field(
        &mut self,
        (was, is): (RecordView<'_>, RecordView<'_>),
        (old, new): (FieldView<'_>, FieldView<'_>),
        path: &str,
    ) {
        if old.name != new.name && was.position(new.name).is_none() {
            let breaks = Breaks { old_readers: is_required(&old, is), new_readers: false };
            self.add(path, ChangeKind::FieldName, (Some(utf8(old.name)), Some(utf8(new.name))), breaks);
        }
        self.schema(old.schema, new.schema, path);
        self.compare(path, ChangeKind::Default, old.default.map(utf8), new.default.map(utf8));
        self.compare(path, ChangeKind::Aliases, join_names(old.aliases), join_names(new.aliases));
    }

    /// Compares the names of a type and records the pair.
    fn type_name(&mut self, old: &NameView<'_>, new: &NameView<'_>, path: &str) {
        let pair = Pair { old: full_name(old), new: full_name(new), path: path.to_owned() };
        if !self.pairs.iter().any(|other| other.old == pair.old && other.new == pair.new) {
            self.pairs.push(pair);
        }
        if !old.is(new) {
            let breaks = Breaks { old_readers: !names_match(old, new), new_readers: !names_match(new, old) };
            let names = (Some(full_name(old)), Some(full_name(new)));
            self.add(path, ChangeKind::TypeName, names, breaks);
        }
        self.compare(path, ChangeKind::Aliases, join_names(old.aliases), join_names(new.aliases));
    }

    /// Compares the order of the names that both sides have.
    fn order(&mut self, old: &[String], new: &[String], path: &str) {
        let common = |names: &[String], others: &[String]| -> String {
            let kept = names.iter().filter(|name| others.contains(name)).map(String::as_str);
            kept.collect::<Vec<_>>().join(", ")
        };
        self.compare(path, ChangeKind::Order, Some(common(old, new)), Some(common(new, old)));
    }
}

/// Asks whether an added field is a renamed field, if a field of the same type was removed.
fn ask_about_rename(old: RecordView<'_>, new: RecordView<'_>, added: &FieldView<'_>) -> Option<String> {
    let ty = describe_in_full(added.schema);
    let is_kept = |before: &FieldView<'_>| {
        (0..new.len())
            .any(|index| field_of(old, &new.field(index)).is_some_and(|of| old.field(of).name == before.name))
    };
    let removed = (0..old.len()).map(|index| old.field(index)).filter(|before| !is_kept(before));
    let names: Vec<_> = removed
        .filter(|before| describe_in_full(before.schema) == ty)
        .map(|before| format!("`{}`", utf8(before.name)))
        .collect();
    let first = names.first()?.trim_matches('`');
    Some(format!(
        "was {} renamed to `{}`? If so, readers lose the value of the field across this change: add `#[event(alias = \"{first}\")]` to the field, or `#[event(rename = \"{first}\")]` to keep the old name in the data",
        names.join(" or "),
        utf8(added.name),
    ))
}

/// Whether a reader's field has no default and is missing in the writer's record.
fn is_required(field: &FieldView<'_>, writer: RecordView<'_>) -> bool {
    field.default.is_none() && field_of(writer, field).is_none()
}

fn branches(union: UnionView<'_>) -> impl Iterator<Item = View<'_>> {
    (0..union.len()).map(move |index| union.branch(index))
}

/// The other branch of a union of null and one type.
fn optional(union: UnionView<'_>) -> Option<View<'_>> {
    let mut values = branches(union).filter(|branch| !is_null(*branch));
    values.next().filter(|_| union.len() == 2 && values.next().is_none())
}

fn is_null(schema: View<'_>) -> bool {
    matches!(schema.shape(), Shape::Null)
}

fn same_logical(old: View<'_>, new: View<'_>) -> bool {
    let logical =
        |view: View<'_>| view.logical().map(|logical| (utf8(logical.name), logical.precision, logical.scale));
    logical(old) == logical(new)
}

/// Finds the old branch of a new branch, with its index: first by full name, then by alias among the
/// removed branches.
fn old_branch<'a>(branch: View<'_>, old: UnionView<'a>, new: UnionView<'_>) -> Option<(usize, View<'a>)> {
    let is_kept = |before: View<'_>| branches(new).any(|now| same_type(before, now));
    branches(old).enumerate().find(|(_, before)| same_type(*before, branch)).or_else(|| {
        branches(old).enumerate().find(|(_, before)| !is_kept(*before) && same_kind(*before, branch))
    })
}

/// Describes a branch briefly, or in full if the brief description is ambiguous.
fn describe_branch(branch: View<'_>, old: UnionView<'_>, new: UnionView<'_>) -> String {
    let (short, long) = (describe(branch), describe_in_full(branch));
    let is_ambiguous = branches(old).chain(branches(new)).any(|other| {
        describe(other) == short && describe_in_full(other) != long && !same_type(other, branch)
    });
    if is_ambiguous { long } else { short }
}

/// Whether two types have the same kind, and the same full name if they are named.
fn same_type(old: View<'_>, new: View<'_>) -> bool {
    match (old.shape(), new.shape()) {
        (Shape::Record(old), Shape::Record(new)) => old.name.is(&new.name),
        (Shape::Enum(old), Shape::Enum(new)) => old.name.is(&new.name),
        (Shape::Fixed(old, _), Shape::Fixed(new, _)) => old.is(&new),
        (old, new) => std::mem::discriminant(&old) == std::mem::discriminant(&new),
    }
}

/// Whether two types have the same kind, and matching names if they are named. Aliases count.
fn same_kind(old: View<'_>, new: View<'_>) -> bool {
    match (old.shape(), new.shape()) {
        (Shape::Record(old), Shape::Record(new)) => names_match(&new.name, &old.name),
        (Shape::Enum(old), Shape::Enum(new)) => names_match(&new.name, &old.name),
        (Shape::Fixed(old, _), Shape::Fixed(new, _)) => names_match(&new, &old),
        (old, new) => std::mem::discriminant(&old) == std::mem::discriminant(&new),
    }
}

/// Describes a field's type and default: `long = 0`.
fn describe_field(field: &FieldView<'_>) -> String {
    let schema = describe(field.schema);
    match field.default {
        Some(default) => format!("{schema} = {}", utf8(default)),
        None => schema,
    }
}

fn join(path: &str, name: &[u8]) -> String {
    if path.is_empty() { utf8(name) } else { format!("{path}.{}", utf8(name)) }
}
