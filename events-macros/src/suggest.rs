//! Options that do not exist, and what was probably meant.

use syn::Ident;

use crate::errors::Ctxt;
use crate::parse::Place;

/// An option that `#[event(…)]` does not have, or not here.
pub(crate) fn misplaced(cx: &Ctxt, key: &Ident, place: Place) {
    let name = key.to_string();
    let hint = match (name.as_str(), place) {
        ("rename" | "name", Place::Event) => "; an event is named with `#[public_signal(name = \"…\")]`",
        ("namespace", Place::Event) => "; an event has `#[public_signal(namespace = \"…\")]`",
        ("crate", Place::Event) => "; an event has `#[public_signal(crate = …)]`",
        ("event_type" | "minor_version" | "key" | "signal" | "profile" | "foreign", _) => {
            "; that one belongs into the `#[public_signal(…)]` of an event"
        }
        ("skip" | "flatten" | "skip_serializing_if" | "skip_serializing", _) => {
            "; every field of an event is part of its contract, under its own name"
        }
        ("name" | "rename_all", _) => "; another name in the schema is `rename = \"…\"`",
        ("doc", _) => "; write a doc comment",
        _ => "",
    };
    if hint.is_empty()
        && let Some(near) = nearest(&name, place.options())
    {
        cx.error(key, format_args!("`{key}` is no option of {}: did you mean `{near}`?", place.noun()));
        return;
    }
    cx.error(
        key,
        format_args!("`{key}` is no option of {}; there are {}{hint}", place.noun(), list(place.options())),
    );
}

/// An option that `#[public_signal(…)]` does not have.
pub(crate) fn unknown(cx: &Ctxt, key: &Ident, options: &[&str]) {
    let name = key.to_string();
    let hint = match name.as_str() {
        "version" => "; the major version is the `.vN` of the event type",
        "rename" => "; an event is named with `name = \"…\"`",
        "doc" => "; write a doc comment",
        "alias" => "; that one belongs into `#[event(…)]`",
        "topic" | "topics" => {
            "; which topics an event is sent to is configured, in `[routes]` of events.toml"
        }
        _ => "",
    };
    if hint.is_empty()
        && let Some(near) = nearest(&name, options)
    {
        cx.error(key, format_args!("`{key}` is no option of an event: did you mean `{near}`?"));
        return;
    }
    cx.error(
        key,
        format_args!("`{key}` is no option of `#[public_signal(…)]`; there are {}{hint}", list(options)),
    );
}

/// The option that was probably meant.
pub(crate) fn nearest<'a>(name: &str, options: &[&'a str]) -> Option<&'a str> {
    let (distance, option) = options
        .iter()
        .map(|option| (distance(name, option), *option))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + option.len() / 4).then_some(option)
}

/// How many characters to insert, remove or replace (Levenshtein).
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

fn list(options: &[&str]) -> String {
    options.iter().map(|option| format!("`{option}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_option_and_another_word_finds_none() {
        let options = ["event_type", "minor_version", "key", "crate"];
        for (name, near) in [
            ("event_typ", Some("event_type")),
            ("eventtype", Some("event_type")),
            ("Key", Some("key")),
            ("minor_verison", Some("minor_version")),
            ("type", None),
            ("topic", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &options), near, "{name}");
        }
    }
}
