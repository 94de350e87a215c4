//! Reads the settings of a table one by one, then reports unknown keys.

use super::error::Problem;
use super::explain::Explanation;
use super::source::Source;
use super::tree::{Kind, Node, join_key};
use super::value::{Setting, ValueError};
use events_support::nearest::nearest;

/// The result of reading a configuration.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) explanation: Explanation,
}

/// A table of the configuration. A missing table reads as an empty one.
///
/// One call reads a setting and thereby defines its type, its default, its line in the explanation, and
/// that its key is known.
pub(super) struct Section<'t> {
    key: String,
    node: Option<&'t Node>,
    known: Vec<&'static str>,
}

impl<'t> Section<'t> {
    pub(super) fn root(tree: &'t Node) -> Self {
        Self { key: String::new(), node: Some(tree), known: Vec::new() }
    }

    fn key_of(&self, name: &str) -> String {
        join_key(&self.key, name)
    }

    fn take(&mut self, name: &'static str) -> Option<&'t Node> {
        self.known.push(name);
        self.node?.table()?.get(name)
    }

    /// A table within this one.
    pub(super) fn table(&mut self, findings: &mut Findings, name: &'static str) -> Self {
        let node = self.take(name);
        Self::at(findings, self.key_of(name), node)
    }

    /// The tables within this one, with names chosen by the user.
    pub(super) fn tables(&self, findings: &mut Findings) -> Vec<(&'t str, Self)> {
        let entries = self.node.and_then(Node::table).into_iter().flatten();
        entries
            .map(|(name, node)| {
                let section = Self::at(findings, self.key_of(name), Some(node));
                (name.as_str(), section)
            })
            .collect()
    }

    fn at(findings: &mut Findings, key: String, node: Option<&'t Node>) -> Self {
        if let Some(Node { kind: Kind::Value(value), source }) = node {
            let message = format!("expected a table, found {}", value.type_name());
            findings.problems.push(Problem::new(source.clone(), key.as_str(), message));
        }
        if let Some(node) = node {
            findings.explanation.push_table(key.clone(), node.source.clone());
        }
        Self { key, node, known: Vec::new() }
    }

    /// Reports a problem with the table itself.
    pub(super) fn problem(&self, findings: &mut Findings, message: impl Into<String>) {
        let source = self.node.map_or(Source::Default, |node| node.source.clone());
        findings.problems.push(Problem::new(source, self.key.as_str(), message));
    }

    /// A setting with a default.
    pub(super) fn or<T: Setting>(&mut self, findings: &mut Findings, name: &'static str, default: T) -> T {
        let rendered = default.render();
        self.optional(findings, name, &rendered).unwrap_or(default)
    }

    /// A setting without a default; the explanation shows `rendered` if it is missing.
    pub(super) fn optional<T: Setting>(
        &mut self,
        findings: &mut Findings,
        name: &'static str,
        rendered: &str,
    ) -> Option<T> {
        let key = self.key_of(name);
        let Some(node) = self.take(name) else {
            findings.explanation.push(key, rendered.to_owned(), Source::Default);
            return None;
        };
        let source = node.source.clone();
        let message = match &node.kind {
            Kind::Table(_) => format!("expected {}, found a table", T::EXPECTED),
            Kind::Value(value) => match T::from_value(value) {
                Ok(setting) => {
                    findings.explanation.push_noted(key, setting.render(), source, setting.note());
                    return Some(setting);
                }
                Err(ValueError::Type) => {
                    format!("expected {}, found {}", T::EXPECTED, value.type_name())
                }
                Err(ValueError::Whole(fault)) => fault,
                Err(ValueError::Content(fault)) if T::EXPECTED == String::EXPECTED => fault,
                Err(ValueError::Content(fault)) => format!("{fault} (expected {})", T::EXPECTED),
            },
        };
        findings.problems.push(Problem::new(source, key, message));
        None
    }

    /// A required setting.
    pub(super) fn required<T: Setting>(
        &mut self,
        findings: &mut Findings,
        name: &'static str,
        advice: &str,
    ) -> Option<T> {
        if self.node.and_then(Node::table).is_none_or(|entries| !entries.contains_key(name)) {
            let problem = Problem::new(Source::Default, self.key_of(name), format!("is missing; {advice}"));
            findings.problems.push(problem);
            self.known.push(name);
            return None;
        }
        self.optional(findings, name, "")
    }

    /// Reports the unknown keys.
    pub(super) fn finish(self, findings: &mut Findings) {
        for (name, node) in self.node.and_then(Node::table).into_iter().flatten() {
            if self.known.contains(&name.as_str()) {
                continue;
            }
            let message = match nearest(name, self.known.iter().copied()) {
                Some(known) => format!("unknown key; did you mean `{known}`?"),
                None => format!("unknown key, expected one of {}", list(&self.known)),
            };
            findings.problems.push(Problem::new(node.source.clone(), self.key_of(name), message));
        }
    }
}

fn list(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
