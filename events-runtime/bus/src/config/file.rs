//! Parses TOML into a tree whose values know their line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;
use super::source::Source;
use super::tree::{Kind, Node};
use super::value::Value;

/// Parses TOML; every syntax error is a separate problem.
pub(super) fn parse(name: &str, text: &str) -> Result<Node, Vec<Problem>> {
    let (document, mut errors) = DeTable::parse_recoverable(text);
    let lines = LineIndex::new(name, text);
    if !errors.is_empty() {
        errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
        // The error's own text is not used: it quotes the line, which may hold a password.
        return Err(errors
            .iter()
            .map(|error| {
                let source = error.span().map_or_else(|| lines.whole(), |span| lines.at(&span));
                Problem::new(source, "", format!("not TOML: {}", error.message()))
            })
            .collect());
    }
    Ok(Node { source: lines.whole(), kind: lines.table(document.get_ref()) })
}

/// Converts byte offsets to lines.
struct LineIndex {
    name: Arc<str>,
    line_ends: Vec<usize>,
}

impl LineIndex {
    fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), line_ends: text.match_indices('\n').map(|(at, _)| at).collect() }
    }

    fn whole(&self) -> Source {
        Source::File { name: Arc::clone(&self.name), line: 0 }
    }

    fn at(&self, span: &Range<usize>) -> Source {
        Source::File {
            name: Arc::clone(&self.name),
            line: self.line_ends.partition_point(|end| *end < span.start) + 1,
        }
    }

    fn table(&self, table: &DeTable<'_>) -> Kind {
        Kind::Table(
            table
                .iter()
                .map(|(key, value)| {
                    let node = Node { source: self.at(&key.span()), kind: self.kind(value.get_ref()) };
                    (key.get_ref().clone().into_owned(), node)
                })
                .collect::<BTreeMap<_, _>>(),
        )
    }

    fn kind(&self, value: &DeValue<'_>) -> Kind {
        match value {
            DeValue::Table(table) => self.table(table),
            other => Kind::Value(scalar(other)),
        }
    }
}

fn scalar(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Huge, Value::Integer)
        }
        DeValue::Float(_) => Value::Float,
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => Value::Array(items.iter().map(Spanned::get_ref).map(scalar).collect()),
        DeValue::Table(_) => Value::Table,
    }
}
