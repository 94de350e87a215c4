//! Variables that start with `EVENTS_` and are not settings: misspelt keys are errors, unknown variables
//! warnings.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::Config;
use super::environment::{PREFIX, SECTIONS, SEPARATOR, is};
use super::error::Problem;
use events_support::nearest::nearest;

/// A variable that is not a key.
pub(super) enum UnreadVariable {
    /// Similar to a key: an error.
    Misspelt(String),
    /// Unrelated to any key: a warning.
    Unknown(String),
    /// A service link of Kubernetes: a warning, but not one that an error repeats.
    ServiceLink(String),
}

/// Checks a variable; `rest` is its name after `EVENTS_`. Returns `None` if it may be a key.
pub(super) fn check(rest: &str) -> Option<UnreadVariable> {
    let parts: Vec<&str> = rest.split(SEPARATOR).collect();
    if is_service_link(rest) {
        return Some(UnreadVariable::ServiceLink(
            "ignored: it looks like a service link, which Kubernetes sets in every pod of a namespace; see \
             `enableServiceLinks`"
                .to_owned(),
        ));
    }
    let section = parts.first().copied().unwrap_or_default();
    let is_section = SECTIONS.iter().any(|known| is(section, known));
    if is_section && parts.len() > 1 {
        // `EVENTS_BUS__RETRY_MAX`; other unknown keys are reported when the section is read.
        return is_near_key(&parts).map(UnreadVariable::Misspelt);
    }
    if let Some(slip) = is_near_key(&parts) {
        return Some(UnreadVariable::Misspelt(slip));
    }
    let known = keys();
    if let [section, within @ ..] = parts.as_slice()
        && !within.is_empty()
    {
        let near = nearest(&section.to_ascii_lowercase(), SECTIONS.iter().copied());
        let key = within.join(".").to_ascii_lowercase();
        if let Some(near) = near
            && (is_named(near) || known.contains(&format!("{near}.{key}")))
        {
            return Some(UnreadVariable::Misspelt(format!(
                "unknown section `{section}`; did you mean `{near}`?"
            )));
        }
    }
    let variables: Vec<_> = known.iter().map(|key| variable(key)).collect();
    let near = nearest(rest, variables.iter().filter_map(|variable| variable.strip_prefix(PREFIX)));
    Some(UnreadVariable::Unknown(match near {
        Some(near) => format!("ignored: not a setting; did you mean `{PREFIX}{near}`?"),
        None if is_section => {
            format!("ignored: a variable sets one key, such as `{PREFIX}BUS__URL`, not a table")
        }
        None => "ignored: not a setting".to_owned(),
    }))
}

/// Checks a variable that does not start with `EVENTS_`. Returns `None` if it does not resemble a setting.
pub(super) fn misspelt(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_once('_')?;
    let (section, _) = rest.split_once(SEPARATOR)?;
    let is_prefix = ["EVENTS", "EVENT"].iter().any(|ours| prefix.eq_ignore_ascii_case(ours));
    (is_prefix && SECTIONS.iter().any(|known| is(section, known)))
        .then(|| format!("ignored: did you mean `{PREFIX}{}`?", rest.to_ascii_uppercase()))
}

/// `SERVICE_HOST`, `SERVICE_PORT`, `SERVICE_PORT_HTTP`, `PORT`, `PORT_80_TCP`, `PORT_80_TCP_ADDR`: the
/// suffixes of the variables that Kubernetes sets for a service.
fn is_service_link(rest: &str) -> bool {
    let mut ends = rest.match_indices('_').map(|(at, _)| at + 1).chain([0]).filter_map(|at| rest.get(at..));
    ends.any(|end| match end {
        "SERVICE_HOST" | "SERVICE_PORT" | "PORT" => true,
        _ => end.starts_with("SERVICE_PORT_") || end.strip_prefix("PORT_").is_some_and(is_port),
    })
}

/// `80_TCP`, optionally followed by `_PROTO`, `_PORT` or `_ADDR`.
fn is_port(text: &str) -> bool {
    let mut parts = text.split('_');
    let number = parts.next().is_some_and(|number| number.parse::<u16>().is_ok());
    let protocol = parts.next().is_some_and(|protocol| matches!(protocol, "TCP" | "UDP" | "SCTP"));
    let end = parts.next().is_none_or(|end| matches!(end, "PROTO" | "PORT" | "ADDR"));
    number && protocol && end && parts.next().is_none()
}

/// The error for a key with wrong underscores between its parts.
fn is_near_key(parts: &[&str]) -> Option<String> {
    let rest = parts.join("_");
    let flat = rest.to_ascii_lowercase();
    for key in keys() {
        let right = variable(&key);
        let (section, within) = key.split_once('.').unwrap_or((&key, ""));
        let meant = if is_named(section) {
            // The names in the middle are the user's.
            let setting = key.rsplit_once('.').map_or("", |(_, setting)| setting);
            let is_one = parts.len() == 1
                && flat.strip_prefix(section).and_then(|rest| rest.strip_prefix('_')).is_some_and(|rest| {
                    rest.strip_suffix(setting).is_some_and(|names| names.len() > 1 && names.ends_with('_'))
                });
            is_one.then_some(right)
        } else {
            let same = flat == format!("{section}_{}", within.replace('.', "_"));
            let exact =
                parts.join(SEPARATOR).eq_ignore_ascii_case(right.strip_prefix(PREFIX).unwrap_or_default());
            (same && !exact).then_some(right)
        };
        if let Some(meant) = meant {
            return Some(format!("two underscores separate the parts of a key; did you mean `{meant}`?"));
        }
    }
    None
}

/// Whether the tables of a section have names chosen by the user.
fn is_named(section: &str) -> bool {
    matches!(section, "transports" | "routes" | "topics" | "consumers")
}

/// The variable of a key.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', SEPARATOR))
}

/// All keys, with user-chosen names in capitals. Collected by reading a configuration.
fn keys() -> BTreeSet<String> {
    const ALL: &str = "bus.url = 'memory:'
        [transports.TRANSPORT]
        url = 'memory:'
        [routes.EVENT_TYPE.TOPIC]
        [topics.TOPIC]
        [consumers.TOPIC.GROUP]";
    let all = Config::from_toml(ALL);
    all.iter().flat_map(Config::explain).map(|setting| setting.key.clone()).collect()
}

/// Logs each warning once per process, as soon as a subscriber is installed.
pub(crate) fn warn_once(warnings: &[Problem]) {
    static WARNED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    if !tracing::enabled!(tracing::Level::WARN) {
        return;
    }
    for warning in warnings {
        let warning = warning.to_string();
        let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.insert(warning.clone()) {
            drop(warned);
            tracing::warn!("{warning}");
        }
    }
}
