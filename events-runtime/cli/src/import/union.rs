//! Recognizes enums with data: unions of records whose names have a common prefix.

use std::collections::{HashMap, HashSet};

use super::model::{Definition, Field, FullName, Kind, Schema, is_avro_name};

/// A record that is a branch of a union.
pub(super) struct Record<'a> {
    pub(super) name: &'a FullName,
    pub(super) doc: Option<&'a String>,
    pub(super) aliases: &'a [String],
    pub(super) other: Option<&'a String>,
    pub(super) fields: &'a [Field],
}

const ADVICE: &str = "an enum must be a union of records named `<Enum><Variant>`: put each branch into such a record in the next major version of the schema";

/// The branches of a union of records.
///
/// # Errors
/// If a branch is not a record; the message describes the union and the fix.
pub(super) fn records<'a>(
    branches: &'a [Schema],
    definitions: &HashMap<&'a FullName, &'a Definition>,
) -> Result<Vec<Record<'a>>, String> {
    let record = |schema: &'a Schema| {
        let Schema::Named(name) = schema else { return None };
        let definition = *definitions.get(name)?;
        let Kind::Record(fields) = &definition.kind else { return None };
        let Definition { doc, aliases, other, .. } = definition;
        Some(Record { name, doc: doc.as_ref(), aliases, other: other.as_ref(), fields })
    };
    let records: Option<Vec<_>> = branches.iter().map(record).collect();
    records.ok_or_else(|| {
        let kinds: Vec<_> = branches.iter().map(kind).collect();
        format!("a union of {}; {ADVICE}", kinds.join(", "))
    })
}

fn kind(schema: &Schema) -> String {
    match schema {
        Schema::Primitive { kind, .. } => format!("`{}`", kind.name()),
        Schema::Array(_) => "an array".to_owned(),
        Schema::Map(_) => "a map".to_owned(),
        Schema::Union(_) => "a union".to_owned(),
        Schema::Named(name) => format!("`{name}`"),
        Schema::Fixed(_) => "a `fixed`".to_owned(),
    }
}

/// The name of the enum: the longest common prefix of the records' names that is not taken.
///
/// # Errors
/// If there is none; the message describes the union and the fix.
pub(super) fn prefix(names: &[&FullName], taken: impl Fn(&FullName) -> bool) -> Result<FullName, String> {
    let quoted = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let Some((first, others)) = names.split_first() else {
        return Err(format!("an empty union; {ADVICE}"));
    };
    if others.iter().any(|other| other.namespace != first.namespace) {
        return Err(format!(
            "a union of records from several namespaces, {}; {ADVICE} and in one namespace",
            quoted()
        ));
    }
    let common =
        names.iter().map(|name| common_prefix_len(&first.name, &name.name)).min().unwrap_or_default();
    let at_words: Vec<_> =
        (1..=common).rev().filter(|end| names.iter().all(|name| starts_word(&name.name, *end))).collect();
    // Falls back to a part of a word if the whole words are taken by another union.
    let within = (1..=common).rev().filter(|end| {
        !at_words.is_empty() && names.iter().all(|name| name.name.get(*end..).is_some_and(is_avro_name))
    });
    let prefixes = at_words.iter().copied().chain(within).filter_map(|end| first.name.get(..end));
    prefixes
        .map(|prefix| FullName { namespace: first.namespace.clone(), name: prefix.to_owned() })
        .find(|prefix| !taken(prefix))
        .ok_or_else(|| format!("a union of {}, whose names have no free common prefix; {ADVICE}", quoted()))
}

/// The records that are the only branch of a union somewhere, or of one that takes unknown branches. They are enums
/// with one variant everywhere.
pub(super) fn single_branches(definitions: &[Definition]) -> HashSet<&FullName> {
    fn visit<'a>(schema: &'a Schema, found: &mut HashSet<&'a FullName>) {
        match schema {
            Schema::Array(inner) | Schema::Map(inner) => visit(inner, found),
            Schema::Union(branches) => {
                if let [Schema::Named(name)] = branches.as_slice() {
                    found.insert(name);
                }
                for branch in branches {
                    visit(branch, found);
                }
            }
            Schema::Primitive { .. } | Schema::Named(_) | Schema::Fixed(_) => {}
        }
    }
    let mut found = HashSet::new();
    for definition in definitions {
        if definition.other.is_some() {
            found.insert(&definition.name);
        }
        if let Kind::Record(fields) = &definition.kind {
            for field in fields {
                visit(&field.schema, &mut found);
            }
        }
    }
    found
}

/// The length of the common prefix, in bytes.
fn common_prefix_len(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// Whether a word that is a valid name starts at this byte: `Card` in `PaymentCard`, `card` in
/// `payment_card`.
fn starts_word(name: &str, at: usize) -> bool {
    let Some((head, tail)) = name.split_at_checked(at) else { return false };
    let after_underscore = head.ends_with('_') && !tail.starts_with('_');
    let (last, next) = (head.chars().next_back(), tail.chars().next());
    let at_capital = next.is_some_and(|next| next.is_ascii_uppercase())
        && last.is_some_and(|last| last.is_ascii_lowercase() || last.is_ascii_digit() || head.len() == 1);
    is_avro_name(tail) && (after_underscore || at_capital)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], taken: &[&str]) -> String {
        let names: Vec<_> = names.iter().map(|name| FullName::resolve(name, "n")).collect();
        let names: Vec<_> = names.iter().collect();
        prefix(&names, |prefix| taken.contains(&prefix.name.as_str())).map_or_else(|what| what, |it| it.name)
    }

    #[test]
    fn enum_is_named_by_the_common_prefix_of_its_records() {
        assert_eq!(found(&["PaymentCard", "PaymentCash"], &[]), "Payment");
        assert_eq!(found(&["payment_card", "payment_cash"], &[]), "payment_");
        assert_eq!(found(&["ShapeSolidCube", "ShapeSolidBall"], &[]), "ShapeSolid");
        assert_eq!(found(&["ShapeSolidCube", "ShapeSolidBall"], &["ShapeSolid"]), "Shape");
        assert_eq!(
            found(&["Shape2D", "Shape3D"], &[]),
            "a union of `n.Shape2D`, `n.Shape3D`, whose names have no free common prefix; an enum must be a union of records named `<Enum><Variant>`: put each branch into such a record in the next major version of the schema"
        );
        assert_eq!(found(&["AX", "AY"], &[]), "A");
        assert_eq!(found(&["ShapeSolidCube"], &[]), "ShapeSolid");
        assert_eq!(found(&["ShapeBall", "ShapeCube"], &["Shape"]), "Shap");
    }

    #[test]
    fn unions_without_a_common_prefix_or_namespace_are_errors() {
        assert!(found(&["Card", "Cash"], &[]).contains("no free common prefix"));
        assert!(found(&["Shape", "ShapeCube"], &[]).contains("no free common prefix"));
        assert!(found(&["Cube"], &[]).contains("no free common prefix"));
        assert!(found(&["ShapeCube", "m.ShapeBall"], &[]).contains("several namespaces"));
    }

    #[test]
    fn branch_that_is_not_a_record_is_an_error() {
        let branches = [
            Schema::Primitive { kind: super::super::model::Primitive::Int, logical: None },
            Schema::Array(Box::new(Schema::Fixed(2))),
        ];
        let what = records(&branches, &HashMap::new()).map(|_| ()).unwrap_err();
        assert!(what.starts_with("a union of `int`, an array; an enum must be"), "{what}");
    }
}
