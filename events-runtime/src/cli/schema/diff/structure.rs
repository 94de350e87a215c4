//! What differs in what a schema says of its data.

use std::collections::HashSet;

use super::change::{Breaks, Change, What};
use super::words::{full_name, in_full, list, text, type_of};
use events_schema::compat::reads;
use events_schema::resolution::{field_of, names_match};
use events_schema::view::{EnumView, FieldView, NameView, RecordView, Shape, Texts, UnionView, View};

/// Two definitions that are one type, which may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// The full names.
    pub(super) old: String,
    pub(super) new: String,
    /// Where the pair was met first.
    pub(super) path: String,
}

/// The differences, in the order of the newer schema's fields, and the types that were compared.
pub(super) fn changes(old: View<'_>, new: View<'_>) -> (Vec<Change>, Vec<Pair>) {
    let mut walk = Walk::default();
    walk.schema(old, new, "");
    (walk.changes, walk.pairs)
}

/// Where two records stand.
type Places = (Option<usize>, Option<usize>);

#[derive(Default)]
struct Walk {
    changes: Vec<Change>,
    pairs: Vec<Pair>,
    /// The pairs of records around this place: a recursive type is walked once.
    records: Vec<Places>,
    /// The pairs that are the same: a type that many fields have is walked once.
    same: HashSet<Places>,
}

impl Walk {
    fn add(&mut self, path: &str, what: What, (from, to): (Option<String>, Option<String>), breaks: Breaks) {
        self.changes.push(Change { path: path.to_owned(), what, from, to, breaks, question: None });
    }

    /// Adds a difference that breaks nobody, where there is one.
    fn compare(&mut self, path: &str, what: What, from: Option<String>, to: Option<String>) {
        if from != to {
            self.add(path, what, (from, to), Breaks::NOTHING);
        }
    }

    fn schema(&mut self, old: View<'_>, new: View<'_>, path: &str) {
        match (old.shape(), new.shape()) {
            (Shape::Record(before), Shape::Record(now)) => {
                let pair = (old.offset(), new.offset());
                if !self.records.contains(&pair) && !self.same.contains(&pair) {
                    let known = self.changes.len();
                    self.records.push(pair);
                    self.record(before, now, path);
                    self.records.pop();
                    if self.changes.len() == known {
                        self.same.insert(pair);
                    }
                }
            }
            (Shape::Enum(old), Shape::Enum(new)) => self.symbols(old, new, path),
            (Shape::Array(old), Shape::Array(new)) | (Shape::Map(old), Shape::Map(new)) => {
                self.schema(old, new, &format!("{path}[]"));
            }
            (Shape::Union(before), Shape::Union(now)) => match (optional(before), optional(now)) {
                (Some(inner), Some(other)) => {
                    self.schema(inner, other, path);
                    if is_null(before.branch(0)) != is_null(now.branch(0)) {
                        let order = (Some(type_of(old)), Some(type_of(new)));
                        self.add(path, What::Order, order, Breaks::NOTHING);
                    }
                }
                _ => self.union((old, before), (new, now), path),
            },
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
        let short = (type_of(old), type_of(new));
        let (from, to) = if short.0 == short.1 { (in_full(old), in_full(new)) } else { short };
        self.add(path, What::Type, (Some(from), Some(to)), breaks);
    }

    /// A type that has become a union, or was one; what is within may have changed as well.
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
        let name = |branch| variant(branch, old.1, new.1);
        let mut kept = Vec::new();
        for branch in branches(new.1) {
            if let Some((index, before)) = partner(branch, old.1, new.1) {
                kept.push((index, name(branch)));
                self.schema(before, branch, path);
            } else {
                let breaks = Breaks { old_readers: !reads(old.0, branch), new_readers: false };
                self.add(path, What::Variant, (None, Some(name(branch))), breaks);
            }
        }
        for (index, branch) in branches(old.1).enumerate() {
            if !kept.iter().any(|(known, _)| *known == index) {
                let breaks = Breaks { old_readers: false, new_readers: !reads(new.0, branch) };
                self.add(path, What::Variant, (Some(name(branch)), None), breaks);
            }
        }
        self.moved(kept, path);
    }

    fn symbols(&mut self, old: EnumView<'_>, new: EnumView<'_>, path: &str) {
        self.type_name(&old.name, &new.name, path);
        let all = |texts: Texts<'_>| (0..texts.len()).map(|index| text(texts.get(index))).collect::<Vec<_>>();
        let (before, now) = (all(old.symbols), all(new.symbols));
        for symbol in now.iter().filter(|symbol| !before.contains(symbol)) {
            let breaks = Breaks { old_readers: old.default.is_none(), new_readers: false };
            self.add(path, What::Symbol, (None, Some(symbol.clone())), breaks);
        }
        for symbol in before.iter().filter(|symbol| !now.contains(symbol)) {
            let breaks = Breaks { old_readers: false, new_readers: new.default.is_none() };
            self.add(path, What::Symbol, (Some(symbol.clone()), None), breaks);
        }
        let default = |symbols: EnumView<'_>| symbols.default.map(|index| text(symbols.symbols.get(index)));
        self.compare(path, What::Default, default(old), default(new));
        self.order(&before, &now, path);
    }

    fn record(&mut self, old: RecordView<'_>, new: RecordView<'_>, path: &str) {
        self.type_name(&old.name, &new.name, path);
        let mut kept = Vec::new();
        for now in (0..new.len()).map(|index| new.field(index)) {
            let here = join(path, now.name);
            if let Some(index) = field_of(old, &now) {
                kept.push((index, text(now.name)));
                self.field((old, new), (old.field(index), now), &here);
            } else {
                let breaks = Breaks { old_readers: false, new_readers: now.default.is_none() };
                self.add(&here, What::Field, (None, Some(described(&now))), breaks);
                let question = renamed(old, new, &now);
                if let Some(change) = self.changes.last_mut() {
                    change.question = question;
                }
            }
        }
        for (index, before) in (0..old.len()).map(|index| (index, old.field(index))) {
            if !kept.iter().any(|(known, _)| *known == index) {
                let breaks = Breaks { old_readers: is_missed(&before, new), new_readers: false };
                self.add(&join(path, before.name), What::Field, (Some(described(&before)), None), breaks);
            }
        }
        self.moved(kept, path);
    }

    /// Compares the order of what both sides have: the older place of each, in the newer order.
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
            let breaks = Breaks { old_readers: is_missed(&old, is), new_readers: false };
            self.add(path, What::FieldName, (Some(text(old.name)), Some(text(new.name))), breaks);
        }
        self.schema(old.schema, new.schema, path);
        self.compare(path, What::Default, old.default.map(text), new.default.map(text));
        self.compare(path, What::Aliases, list(old.aliases), list(new.aliases));
    }

    /// Compares two names, which are those of one type from here on.
    fn type_name(&mut self, old: &NameView<'_>, new: &NameView<'_>, path: &str) {
        let pair = Pair { old: full_name(old), new: full_name(new), path: path.to_owned() };
        if !self.pairs.iter().any(|known| known.old == pair.old && known.new == pair.new) {
            self.pairs.push(pair);
        }
        if !old.is(new) {
            let breaks = Breaks { old_readers: !names_match(old, new), new_readers: !names_match(new, old) };
            let names = (Some(full_name(old)), Some(full_name(new)));
            self.add(path, What::TypeName, names, breaks);
        }
        self.compare(path, What::Aliases, list(old.aliases), list(new.aliases));
    }

    /// Compares the order of what both sides have.
    fn order(&mut self, old: &[String], new: &[String], path: &str) {
        let both = |these: &[String], those: &[String]| -> String {
            let kept = these.iter().filter(|name| those.contains(name)).map(String::as_str);
            kept.collect::<Vec<_>>().join(", ")
        };
        self.compare(path, What::Order, Some(both(old, new)), Some(both(new, old)));
    }
}

/// The question whether an added field is a removed one of the same type under another name.
fn renamed(old: RecordView<'_>, new: RecordView<'_>, added: &FieldView<'_>) -> Option<String> {
    let ty = in_full(added.schema);
    let is_kept = |before: &FieldView<'_>| {
        (0..new.len())
            .any(|index| field_of(old, &new.field(index)).is_some_and(|of| old.field(of).name == before.name))
    };
    let gone = (0..old.len()).map(|index| old.field(index)).filter(|before| !is_kept(before));
    let names: Vec<_> = gone
        .filter(|before| in_full(before.schema) == ty)
        .map(|before| format!("`{}`", text(before.name)))
        .collect();
    let first = names.first()?.trim_matches('`');
    Some(format!(
        "was {} renamed to `{}`? As it is, the values under the old name are lost to new readers, and those under the new name to old ones: write `#[event(alias = \"{first}\")]` on the field, or `#[event(rename = \"{first}\")]` to keep the old name in the data",
        names.join(" or "),
        text(added.name),
    ))
}

/// Whether readers with this field find nothing for it in a writer's record.
fn is_missed(field: &FieldView<'_>, writer: RecordView<'_>) -> bool {
    field.default.is_none() && field_of(writer, field).is_none()
}

fn branches(union: UnionView<'_>) -> impl Iterator<Item = View<'_>> {
    (0..union.len()).map(move |index| union.branch(index))
}

/// What may be null, where a union is nothing but that.
fn optional(union: UnionView<'_>) -> Option<View<'_>> {
    let mut values = branches(union).filter(|branch| !is_null(*branch));
    values.next().filter(|_| union.len() == 2 && values.next().is_none())
}

fn is_null(schema: View<'_>) -> bool {
    matches!(schema.shape(), Shape::Null)
}

/// Whether two types are of one logical type, or of none.
fn same_logical(old: View<'_>, new: View<'_>) -> bool {
    let logical =
        |view: View<'_>| view.logical().map(|logical| (text(logical.name), logical.precision, logical.scale));
    logical(old) == logical(new)
}

/// The branch of an older union that a branch of the newer one was, and its index: that of the full
/// name, else one whose name it takes and that is not there any more.
fn partner<'a>(branch: View<'_>, old: UnionView<'a>, new: UnionView<'_>) -> Option<(usize, View<'a>)> {
    let is_kept = |before: View<'_>| branches(new).any(|now| same_type(before, now));
    branches(old).enumerate().find(|(_, before)| same_type(*before, branch)).or_else(|| {
        branches(old).enumerate().find(|(_, before)| !is_kept(*before) && same_kind(*before, branch))
    })
}

/// A branch in a few words, that are those of no other branch.
fn variant(branch: View<'_>, old: UnionView<'_>, new: UnionView<'_>) -> String {
    let (short, long) = (type_of(branch), in_full(branch));
    let is_shared = branches(old)
        .chain(branches(new))
        .any(|other| type_of(other) == short && in_full(other) != long && !same_type(other, branch));
    if is_shared { long } else { short }
}

/// Whether two types are of one kind, and of one full name where they have one.
fn same_type(old: View<'_>, new: View<'_>) -> bool {
    match (old.shape(), new.shape()) {
        (Shape::Record(old), Shape::Record(new)) => old.name.is(&new.name),
        (Shape::Enum(old), Shape::Enum(new)) => old.name.is(&new.name),
        (Shape::Fixed(old, _), Shape::Fixed(new, _)) => old.is(&new),
        (old, new) => std::mem::discriminant(&old) == std::mem::discriminant(&new),
    }
}

/// Whether two types are one, that may have changed: the same kind, and the same name where it has one.
fn same_kind(old: View<'_>, new: View<'_>) -> bool {
    match (old.shape(), new.shape()) {
        (Shape::Record(old), Shape::Record(new)) => names_match(&new.name, &old.name),
        (Shape::Enum(old), Shape::Enum(new)) => names_match(&new.name, &old.name),
        (Shape::Fixed(old, _), Shape::Fixed(new, _)) => names_match(&new, &old),
        (old, new) => std::mem::discriminant(&old) == std::mem::discriminant(&new),
    }
}

/// A field's type and default: `long = 0`.
fn described(field: &FieldView<'_>) -> String {
    let schema = type_of(field.schema);
    match field.default {
        Some(default) => format!("{schema} = {}", text(default)),
        None => schema,
    }
}

fn join(path: &str, name: &[u8]) -> String {
    if path.is_empty() { text(name) } else { format!("{path}.{}", text(name)) }
}
