//! Rust names for Avro names: in Rust's naming style, not a keyword, and unique.

use std::collections::HashSet;

/// Keywords that can be raw identifiers, including reserved ones.
const RAW_KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];
/// Keywords that can't be raw identifiers.
const BARE_KEYWORDS: [&str; 4] = ["crate", "self", "super", "Self"];

/// Types that the generated code uses.
const USED_TYPES: [&str; 7] = ["BTreeMap", "Box", "EventData", "Option", "PublicSignal", "String", "Vec"];

/// The Rust name for an Avro name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// The identifier, such as `r#type`.
    pub(super) rust: String,
    /// Whether it differs from the Avro name and needs a `rename` option.
    pub(super) is_renamed: bool,
}

impl Name {
    fn new(rust: String, avro: &str) -> Self {
        if BARE_KEYWORDS.contains(&rust.as_str()) {
            return Self { rust: rust + "_", is_renamed: true };
        }
        let is_renamed = rust != avro;
        let rust = if RAW_KEYWORDS.contains(&rust.as_str()) { format!("r#{rust}") } else { rust };
        Self { rust, is_renamed }
    }
}

/// The names of a struct's fields.
pub(super) fn fields<'a>(avro: impl Iterator<Item = &'a str> + Clone) -> Vec<Name> {
    each_once(avro, snake)
}

/// The names of an enum's variants.
pub(super) fn variants<'a>(avro: impl Iterator<Item = &'a str> + Clone) -> Vec<Name> {
    each_once(avro, |name| camel(name, "Variant"))
}

fn each_once<'a>(avro: impl Iterator<Item = &'a str> + Clone, style: fn(&str) -> String) -> Vec<Name> {
    // Names that are already in the right style are kept.
    let mut taken: HashSet<_> =
        avro.clone().filter(|name| style(name) == **name).map(str::to_owned).collect();
    let name = |avro: &'a str| {
        let rust = style(avro);
        let rust = if rust == avro { rust } else { numbered(&rust, |name| taken.insert(name.to_owned())) };
        Name::new(rust, avro)
    };
    avro.map(name).collect()
}

/// The type names of the generated code.
///
/// Names that differ only in case conflict, because the signals named after them do.
pub(super) struct TypeNames(HashSet<String>);

impl TypeNames {
    pub(super) fn new() -> Self {
        Self(USED_TYPES.iter().map(|name| name.to_lowercase()).collect())
    }

    /// Allocates a unique type name for an Avro name.
    pub(super) fn allocate(&mut self, avro: &str) -> String {
        let name = camel(avro, "Type");
        let name = if BARE_KEYWORDS.contains(&name.as_str()) { name + "_" } else { name };
        numbered(&name, |name| self.0.insert(name.to_lowercase()))
    }
}

/// The first of `name`, `name2`, `name3`, … that is accepted.
fn numbered(name: &str, mut accept: impl FnMut(&str) -> bool) -> String {
    let numbers = (2_u32..).map(|number| format!("{name}{number}"));
    std::iter::once(name.to_owned()).chain(numbers).find(|name| accept(name)).unwrap_or_default()
}

/// The subject and the action of an event type, such as `course_enrollment_created` for
/// `org.openedx.learning.course.enrollment.created.v1`.
///
/// They follow the organization, which has two parts, and its subdomain.
pub(super) fn event_name(event_type: &str) -> String {
    let parts: Vec<_> = event_type.split('.').collect();
    let is_version = |part: &&str| {
        part.strip_prefix('v')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    let parts = match parts.split_last() {
        Some((last, rest)) if is_version(last) => rest,
        _ => &parts,
    };
    let skipped = parts.len().saturating_sub(2).min(3);
    parts.get(skipped..).unwrap_or_default().join("_")
}

/// `order_placed`, `ORDER_PLACED` ▶ `OrderPlaced`; `HTTPRequest` stays.
fn camel(name: &str, fallback: &str) -> String {
    let is_camel = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && (name.len() == 1 || name.chars().any(|c| c.is_ascii_lowercase()));
    if is_camel {
        return name.to_owned();
    }
    let words = split_words(name).into_iter().map(|word| {
        let mut rest = word.chars();
        let first = rest.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(rest.map(|c| c.to_ascii_lowercase())).collect::<String>()
    });
    let name: String = words.collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("{fallback}{name}") }
}

/// `orderId`, `OrderID` ▶ `order_id`.
fn snake(name: &str) -> String {
    let words = split_words(name).join("_").to_ascii_lowercase();
    if words.is_empty() {
        return "field".to_owned();
    }
    if words.starts_with(|c: char| c.is_ascii_digit()) { format!("field_{words}") } else { words }
}

/// Splits a name into words, at underscores and capitals.
fn split_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let characters: Vec<_> = name.chars().collect();
    for (index, &character) in characters.iter().enumerate() {
        if !character.is_ascii_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = index.checked_sub(1).and_then(|before| characters.get(before));
        let after = characters.get(index + 1);
        let starts_word = character.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if starts_word {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(character);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &[Name]) -> Vec<String> {
        names.iter().map(|it| format!("{}{}", it.rust, if it.is_renamed { "*" } else { "" })).collect()
    }

    #[test]
    fn fields_are_snake_case() {
        for (avro, rust) in [
            ("order_id", "order_id"),
            ("orderId", "order_id*"),
            ("OrderID", "order_id*"),
            ("HTTPRequest2Sent", "http_request2_sent*"),
            ("_id", "id*"),
            ("a__b", "a_b*"),
            ("x_1", "x_1"),
            ("_1", "field_1*"),
            ("__", "field*"),
            ("type", "r#type"),
            ("Type", "r#type*"),
            ("type_", "r#type*"),
            ("gen", "r#gen"),
            ("self", "self_*"),
            ("Self", "self_*"),
            ("crate", "crate_*"),
            ("super", "super_*"),
            ("union", "union"),
        ] {
            assert_eq!(shown(&fields([avro].into_iter())), [rust], "{avro}");
        }
    }

    #[test]
    fn variants_are_camel_case() {
        for (avro, rust) in [
            ("Placed", "Placed"),
            ("PLACED", "Placed*"),
            ("ON_HOLD", "OnHold*"),
            ("onHold", "OnHold*"),
            ("A", "A"),
            ("V1", "V1"),
            ("A_1", "A1*"),
            ("_", "Variant*"),
            ("_1", "Variant1*"),
            ("self", "Self_*"),
            ("type", "Type*"),
        ] {
            assert_eq!(shown(&variants([avro].into_iter())), [rust], "{avro}");
        }
    }

    #[test]
    fn conflicting_names_are_numbered_and_an_exact_one_is_kept() {
        let names = ["orderId", "order_id", "OrderId", "order_id2"];
        assert_eq!(shown(&fields(names.into_iter())), ["order_id3*", "order_id", "order_id4*", "order_id2"]);
        assert_eq!(shown(&variants(["RED", "red", "Red"].into_iter())), ["Red2*", "Red3*", "Red"]);
        assert_eq!(shown(&fields(["self", "self_"].into_iter())), ["self_*", "self2*"]);
    }

    #[test]
    fn type_names_are_unique_and_differ_from_used_types() {
        let mut names = TypeNames::new();
        let taken: Vec<_> =
            ["Order", "order", "ORDER", "Vec", "string", "Self", "event_data", "HTTPSent", "HttpSent", "_"]
                .iter()
                .map(|name| names.allocate(name))
                .collect();
        let expected = [
            "Order",
            "Order2",
            "Order3",
            "Vec2",
            "String2",
            "Self_",
            "EventData2",
            "HTTPSent",
            "HttpSent2",
            "Type",
        ];
        assert_eq!(taken, expected);
    }

    #[test]
    fn events_are_named_after_subject_and_action() {
        let mut names = TypeNames::new();
        for (event_type, name) in [
            ("org.openedx.learning.course.enrollment.created.v1", "CourseEnrollmentCreated"),
            ("org.openedx.content_authoring.xblock.published.v1", "XblockPublished"),
            ("org.openedx.enterprise.subsidy.redemption-reversed.v1", "SubsidyRedemptionReversed"),
            ("org.openedx.authz.role_assignment.created", "RoleAssignmentCreated"),
            ("org.acme.order.placed.v1", "OrderPlaced"),
            ("org.acme.order.placed.v2", "OrderPlaced2"),
            ("placed", "Placed"),
        ] {
            assert_eq!(names.allocate(&event_name(event_type)), name, "{event_type}");
        }
    }
}
