//! Renders changes as text or JSON.

use std::io::{self, Write};

use anstream::AutoStream;
use clap::ColorChoice;
use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Value, json};

use super::change::{Change, ChangeKind};
use crate::failure::Failure;
use crate::output;
use crate::output::one_line;

const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const CHANGED: Style = AnsiColor::Yellow.on_default();
const BROKEN: Style = AnsiColor::Red.on_default().bold();
const MINOR: Style = Style::new().dimmed();

/// Prints one JSON object.
pub(super) fn json(
    event_type: Option<&str>,
    old: &str,
    new: &str,
    changes: &[Change],
) -> Result<(), Failure> {
    let changes = changes.iter().map(|change| {
        json!({
            "path": change.path,
            "what": change.kind.label(),
            "from": change.from,
            "to": change.to,
            "breaks": change.breaks.labels().collect::<Vec<_>>(),
            "question": change.question,
        })
    });
    let changes = changes.collect::<Value>();
    let diff = json!({ "event_type": event_type, "old": old, "new": new, "changes": changes });
    Ok(output::json_pretty(&diff)?)
}

/// Prints a line for each change.
pub(super) fn lines(
    event_type: Option<&str>,
    old: &str,
    new: &str,
    changes: &[Change],
    color: ColorChoice,
) -> Result<(), Failure> {
    let choice = match color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    // Removes the colours if they are disabled.
    let mut out = AutoStream::new(io::stdout(), choice).lock();
    let subject = event_type.map(|event_type| format!("{}: ", one_line(event_type))).unwrap_or_default();
    let (old, new) = (one_line(old), one_line(new));
    if changes.is_empty() {
        writeln!(out, "{subject}{old} and {new} are the same")?;
    } else {
        writeln!(out, "{subject}{old} -> {new}")?;
    }
    for change in changes {
        writeln!(out, "{}", line(change))?;
        if let Some(question) = &change.question {
            writeln!(out, "      {}", one_line(question))?;
        }
    }
    Ok(out.flush()?)
}

/// Renders a change, such as `~ customer.zip: string -> long    breaks old readers and new readers`.
pub(super) fn line(change: &Change) -> String {
    use ChangeKind::{Attribute, Field, Symbol, Type, Variant};

    let (sign, style) = match (&change.from, &change.to, &change.kind) {
        (_, _, Attribute(_)) => ('~', MINOR),
        (None, _, Field | Symbol | Variant) => ('+', ADDED),
        (_, None, Field | Symbol | Variant) => ('-', REMOVED),
        _ => ('~', CHANGED),
    };
    let path = if change.path.is_empty() { "the event" } else { &change.path };
    let kind = match &change.kind {
        // Sign and values are clear without the kind.
        Field | Type => String::new(),
        // The name of an attribute is untrusted.
        kind => format!(" ({})", one_line(kind.label())),
    };
    let values = match (&change.from, &change.to, sign) {
        (None, Some(value), '+') | (Some(value), None, '-') => value.clone(),
        (from, to, _) => {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            format!("{} -> {}", value(from), value(to))
        }
    };
    let broken = change.breaks.labels().collect::<Vec<_>>().join(" and ");
    let breaks = match broken.as_str() {
        "" if change.kind == ChangeKind::Key => format!("{BROKEN}changes order and partition{BROKEN:#}"),
        "" => format!("{MINOR}breaks nothing{MINOR:#}"),
        broken => format!("{BROKEN}breaks {broken}{BROKEN:#}"),
    };
    // Path and values are untrusted and escaped; the styles must not be.
    let (path, values) = (one_line(path), one_line(values));
    format!("  {style}{sign} {path}{kind}: {values}{style:#}    {breaks}")
}
