//! Compares the attributes that readers ignore: documentation and user-defined attributes.
//!
//! The pairs of types to compare come from [`structure`](super::structure), which finds them by
//! Avro's rules, so that types with the same unqualified name are not confused.

use serde_json::Value;

use super::change::{Breaks, Change, ChangeKind};
use super::json::{Attributes, Definitions, Kind};
use super::structure::Pair;

/// The differences in the root, then in each type that both schemas have.
pub(super) fn changes(old: &Value, new: &Value, pairs: &[Pair]) -> Vec<Change> {
    let (before, now) = (Definitions::of(old), Definitions::of(new));
    let mut comparison = AttributeComparison { old: &before, new: &now, pairs, changes: Vec::new() };
    comparison.schema((old, ""), (new, ""), "");
    for pair in pairs {
        comparison.definition(&pair.old, &pair.new, &pair.path);
    }
    // A type that moved from a removed field to another field is still the same type.
    for (name, path) in now.paths() {
        if !pairs.iter().any(|pair| pair.new == name || pair.old == name) {
            comparison.definition(name, name, path);
        }
    }
    comparison.changes
}

static NO_TYPE: Value = Value::Null;

struct AttributeComparison<'a> {
    old: &'a Definitions<'a>,
    new: &'a Definitions<'a>,
    pairs: &'a [Pair],
    changes: Vec<Change>,
}

impl<'a> AttributeComparison<'a> {
    fn attributes(&mut self, old: &Attributes<'_>, new: &Attributes<'_>, path: &str) {
        let removed = old.all.iter().filter(|(name, _)| new.get(name).is_none());
        for (name, _) in new.all.iter().chain(removed) {
            let (from, to) = (old.get(name), new.get(name));
            if from != to && !old.is_structure(name) && !new.is_structure(name) {
                self.changes.push(Change {
                    path: path.to_owned(),
                    kind: ChangeKind::Attribute((*name).to_owned()),
                    from: from.map(ToString::to_string),
                    to: to.map(ToString::to_string),
                    breaks: Breaks::NOTHING,
                    question: None,
                });
            }
        }
    }

    fn definition(&mut self, old: &str, new: &str, path: &str) {
        let (Some(before), Some(now)) = (self.old.get(old), self.new.get(new)) else { return };
        if before.is_record() != now.is_record() || before.is_enum() != now.is_enum() {
            return;
        }
        self.attributes(&before.attributes(), &now.attributes(), path);
        for (name, field) in now.fields() {
            // Finds the old field as a reader does: by name, then by the first matching alias.
            let aliases = field.get("aliases").and_then(Value::as_array).into_iter().flatten();
            let mut names = std::iter::once(name).chain(aliases.filter_map(Value::as_str));
            let Some(known) = names.find_map(|name| before.field(name)) else { continue };
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            self.attributes(&Attributes::of_field(known), &Attributes::of_field(field), &path);
            let ty = |field: &'a Value| field.get("type").unwrap_or(&NO_TYPE);
            self.schema((ty(known), before.namespace()), (ty(field), now.namespace()), &path);
        }
    }

    /// Compares the attributes of unnamed types.
    fn schema(&mut self, (old, was_in): (&'a Value, &str), (new, is_in): (&'a Value, &str), path: &str) {
        let (was, was_kind) = self.old.peel(old, was_in);
        let (is, is_kind) = self.new.peel(new, is_in);
        self.attributes(&was, &is, path);
        match (was_kind, is_kind) {
            (Kind::Array(old), Kind::Array(new)) | (Kind::Map(old), Kind::Map(new)) => {
                self.schema((old, was_in), (new, is_in), &format!("{path}[]"));
            }
            (was @ Kind::Union(_), is) | (was, is @ Kind::Union(_)) => {
                let (before, now) = (branches(old, &was), branches(new, &is));
                for branch in now {
                    let kind = self.new.peel(branch, is_in).1;
                    let find = |exact: bool| {
                        let is_same =
                            |old: &&&Value| self.is_same(&self.old.peel(old, was_in).1, &kind, exact);
                        before.iter().find(is_same).copied()
                    };
                    if let Some(old) = find(true).or_else(|| find(false)) {
                        self.schema((old, was_in), (branch, is_in), path);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether two branches have the same kind, and the same name if they are named.
    fn is_same(&self, old: &Kind<'_>, new: &Kind<'_>, exact: bool) -> bool {
        match (old, new) {
            (Kind::Named(old), Kind::Named(new)) => {
                old == new || (!exact && self.pairs.iter().any(|pair| pair.old == *old && pair.new == *new))
            }
            (Kind::Primitive(old), Kind::Primitive(new)) => old == new,
            (Kind::Array(_), Kind::Array(_)) | (Kind::Map(_), Kind::Map(_)) => true,
            _ => false,
        }
    }
}

/// The branches of a union; any other type is a single branch.
fn branches<'a>(schema: &'a Value, kind: &Kind<'a>) -> Vec<&'a Value> {
    match kind {
        Kind::Union(branches) => branches.iter().collect(),
        _ => vec![schema],
    }
}
