//! Turns environment variables into a tree.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;

use super::error::Problem;
use super::source::Source;
use super::tree::Node;
use super::unread_variable::{UnreadVariable, check, misspelt};
use super::value::Value;
use events_core::internal::linked_descriptors;
use events_support::nearest::nearest;

pub(super) const PREFIX: &str = "EVENTS_";
pub(super) const SEPARATOR: &str = "__";
pub(super) const SECTIONS: &[&str] = &["service", "bus", "transports", "routes", "topics", "consumers"];

/// The names that variables can refer to.
struct Names<'t> {
    event_types: BTreeSet<&'t str>,
    topics: BTreeSet<&'t str>,
    groups: BTreeSet<&'t str>,
    transports: BTreeSet<&'t str>,
}

impl<'t> Names<'t> {
    fn of(tree: &'t Node) -> Self {
        let mut event_types: BTreeSet<_> = tree.names_below("routes").collect();
        let mut topics: BTreeSet<_> = tree.names_below("topics").collect();
        topics.extend(names_within(tree, "routes"));
        topics.extend(tree.names_below("consumers"));
        let groups = names_within(tree, "consumers").collect();
        event_types.extend(linked_descriptors().map(|d| d.event_type));
        let transports = tree.names_below("transports").collect();
        Self { event_types, topics, groups, transports }
    }
}

/// The names in the tables of a section.
fn names_within<'t>(tree: &'t Node, section: &str) -> impl Iterator<Item = &'t str> {
    let section = tree.table().and_then(|root| root.get(section)).and_then(Node::table);
    let tables = section.into_iter().flat_map(|tables| tables.values());
    tables.filter_map(Node::table).flat_map(|table| table.keys().map(String::as_str))
}

/// Problems with variables.
#[derive(Default)]
pub(super) struct VariableProblems {
    /// Errors of the configuration.
    pub(super) problems: Vec<Problem>,
    /// Warnings about ignored variables that may have been meant as settings.
    pub(super) unknown: Vec<Problem>,
    /// Warnings about ignored variables of Kubernetes.
    pub(super) service_links: Vec<Problem>,
}

/// Overlays the variables on the tree, whose names resolve those in the variables.
pub(super) fn overlay(
    tree: &mut Node,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    problems_found: &mut VariableProblems,
) {
    let VariableProblems { problems, unknown, service_links } = problems_found;
    let mut ours = Vec::new();
    for (name, value) in variables {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with(PREFIX) {
            ours.push((name, value));
        } else if let Some(message) = misspelt(&name) {
            let source = Source::Environment { variable: Arc::from(name) };
            unknown.push(Problem::new(source, "", message));
        }
    }
    ours.sort();
    let names = Names::of(tree);
    let mut layers = Vec::new();
    for (name, value) in ours {
        let source = Source::Environment { variable: Arc::from(name.as_str()) };
        match check(name.strip_prefix(PREFIX).unwrap_or(&name)) {
            None => {}
            Some(UnreadVariable::Misspelt(message)) => {
                problems.push(Problem::new(source, "", message));
                continue;
            }
            Some(UnreadVariable::Unknown(message)) => {
                unknown.push(Problem::new(source, "", message));
                continue;
            }
            Some(UnreadVariable::ServiceLink(message)) => {
                service_links.push(Problem::new(source, "", message));
                continue;
            }
        }
        match path(&name, &names) {
            Ok(path) => match value.into_string() {
                Ok(text) => layers.push(Node::nested(&path, Node::value(Value::Text(text), source))),
                Err(_) => problems.push(Problem::new(source, "", "the value is not UTF-8")),
            },
            Err(message) => problems.push(Problem::new(source, "", message)),
        }
    }
    for layer in layers {
        tree.overlay(layer);
    }
}

/// The key of a variable.
fn path(variable: &str, names: &Names<'_>) -> Result<Vec<String>, String> {
    let rest = variable.strip_prefix(PREFIX).unwrap_or(variable);
    let parts: Vec<&str> = rest.split(SEPARATOR).collect();
    match parts.as_slice() {
        [section, event_type, topic, setting] if is(section, "routes") => Ok(vec![
            "routes".to_owned(),
            event_type_of(event_type, names)?,
            name_of(topic, &names.topics)?,
            setting.to_ascii_lowercase(),
        ]),
        [section, name, setting] if is(section, "transports") => {
            Ok(vec!["transports".to_owned(), name_of(name, &names.transports)?, setting.to_ascii_lowercase()])
        }
        [section, topic, setting] if is(section, "topics") => {
            Ok(vec!["topics".to_owned(), name_of(topic, &names.topics)?, setting.to_ascii_lowercase()])
        }
        [section, topic, group, setting] if is(section, "consumers") => Ok(vec![
            "consumers".to_owned(),
            name_of(topic, &names.topics)?,
            name_of(group, &names.groups)?,
            setting.to_ascii_lowercase(),
        ]),
        [section, ..] if is(section, "consumers") => {
            Err("use the form `EVENTS_CONSUMERS__TOPIC__GROUP__SETTING`".to_owned())
        }
        [section, ..] if is(section, "routes") => {
            Err("use the form `EVENTS_ROUTES__EVENT_TYPE__TOPIC__SETTING`".to_owned())
        }
        [section, ..] if is(section, "transports") => {
            Err("use the form `EVENTS_TRANSPORTS__NAME__SETTING`".to_owned())
        }
        [section, ..] if is(section, "topics") => {
            Err("use the form `EVENTS_TOPICS__TOPIC__SETTING`".to_owned())
        }
        parts => Ok(parts.iter().map(|part| part.to_ascii_lowercase()).collect()),
    }
}

pub(super) fn is(part: &str, section: &str) -> bool {
    part.eq_ignore_ascii_case(section)
}

fn event_type_of(part: &str, names: &Names<'_>) -> Result<String, String> {
    match known(part, &names.event_types)? {
        Some(name) => Ok(name.to_owned()),
        // Only an exact event type has dots.
        None if part.contains('.') => Ok(part.to_owned()),
        None => {
            let shells: Vec<_> = names.event_types.iter().map(|n| in_capitals(n)).collect();
            let hint = match nearest(part, shells.iter().map(String::as_str)) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "name the type in a file, or write it exactly, including its dots".to_owned(),
            };
            Err(format!("`{part}` is not a known event type; {hint}"))
        }
    }
}

/// Resolves a topic, a group or a transport.
fn name_of(part: &str, names: &BTreeSet<&str>) -> Result<String, String> {
    Ok(match known(part, names)? {
        Some(name) => name.to_owned(),
        None if part.bytes().any(|byte| byte.is_ascii_lowercase()) => part.to_owned(),
        None => part.to_ascii_lowercase(),
    })
}

/// The exact name, otherwise the name that has this capital form.
fn known<'t>(part: &str, names: &BTreeSet<&'t str>) -> Result<Option<&'t str>, String> {
    if let Some(exact) = names.get(part) {
        return Ok(Some(*exact));
    }
    let mut meant = names.iter().copied().filter(|name| in_capitals(name) == part);
    match (meant.next(), meant.next()) {
        (Some(one), Some(other)) => {
            Err(format!("`{part}` is ambiguous: `{one}` or `{other}`; write the name exactly"))
        }
        (one, _) => Ok(one),
    }
}

fn in_capitals(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        })
        .collect()
}
