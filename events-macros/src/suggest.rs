//! Errors about unknown attributes, with the probable intention.

use syn::Ident;

use crate::errors::Ctxt;
use crate::parse::Target;

/// Reports an attribute that is not allowed in the `#[event(…)]` of this item.
pub(crate) fn unknown_in_event(cx: &Ctxt, key: &Ident, target: Target) {
    let name = key.to_string();
    let hint = match (name.as_str(), target) {
        ("rename" | "name", Target::Event) => {
            "; set the name of an event with `#[public_signal(name = \"…\")]`"
        }
        ("namespace", Target::Event) => {
            "; set the namespace of an event with `#[public_signal(namespace = \"…\")]`"
        }
        ("crate", Target::Event) => "; set the crate of an event with `#[public_signal(crate = …)]`",
        ("event_type" | "minor_version" | "key" | "signal" | "profile" | "foreign", _) => {
            "; it belongs in the `#[public_signal(…)]` of an event"
        }
        ("skip" | "flatten" | "skip_serializing_if" | "skip_serializing", _) => {
            "; every field is part of the schema, under its own name"
        }
        ("other", _) => "; it belongs on a unit variant of an enum with data",
        ("name" | "rename_all", _) => "; set the name in the schema with `rename = \"…\"`",
        _ => "",
    };
    if hint.is_empty()
        && let Some(near) = nearest(&name, target.attributes())
    {
        cx.error(key, format_args!("unknown attribute `{key}` on {}, did you mean `{near}`?", target.noun()));
        return;
    }
    cx.error(
        key,
        format_args!(
            "unknown attribute `{key}` on {}, expected one of {}{hint}",
            target.noun(),
            list(target.attributes())
        ),
    );
}

/// Reports an attribute that is unknown in `#[public_signal(…)]`.
pub(crate) fn unknown_in_public_signal(cx: &Ctxt, key: &Ident, names: &[&str]) {
    let name = key.to_string();
    let hint = match name.as_str() {
        "version" => "; the major version is the `.vN` of the event type",
        "rename" => "; set the name of an event with `name = \"…\"`",
        "doc" => "; write a doc comment",
        "alias" => "; it belongs in `#[event(…)]`",
        "topic" | "topics" => "; configure the topics of an event in `[routes]` of events.toml",
        _ => "",
    };
    if hint.is_empty()
        && let Some(near) = nearest(&name, names)
    {
        cx.error(
            key,
            format_args!("unknown attribute `{key}` in `#[public_signal(…)]`, did you mean `{near}`?"),
        );
        return;
    }
    cx.error(
        key,
        format_args!(
            "unknown attribute `{key}` in `#[public_signal(…)]`, expected one of {}{hint}",
            list(names)
        ),
    );
}

/// The known name that is closest to a misspelled one.
pub(crate) fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let (distance, nearest) =
        names.iter().map(|known| (distance(name, known), *known)).min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + nearest.len() / 4).then_some(nearest)
}

/// The Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (above, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let here = (diagonal + usize::from(x != y)).min(left + 1).min(*above + 1);
            diagonal = std::mem::replace(above, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_misspelled_name_is_found_and_another_word_is_not() {
        let names = ["event_type", "minor_version", "key", "crate"];
        for (name, near) in [
            ("event_typ", Some("event_type")),
            ("eventtype", Some("event_type")),
            ("Key", Some("key")),
            ("minor_verison", Some("minor_version")),
            ("type", None),
            ("topic", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &names), near, "{name}");
        }
    }
}
