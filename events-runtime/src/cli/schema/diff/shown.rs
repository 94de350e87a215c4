//! Differences for people and for programs.

use std::io::{self, Write};

use anstream::AutoStream;
use clap::ColorChoice;
use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Value, json};

use super::change::{Change, What};
use crate::cli::failure::Failure;
use crate::cli::output::{self, one_line};

const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const CHANGED: Style = AnsiColor::Yellow.on_default();
const BROKEN: Style = AnsiColor::Red.on_default().bold();
const ASIDE: Style = Style::new().dimmed();

/// Writes one object.
pub(super) fn json(
    event_type: Option<&str>,
    old: &str,
    new: &str,
    changes: &[Change],
) -> Result<(), Failure> {
    let changes = changes.iter().map(|change| {
        json!({
            "path": change.path,
            "what": change.what.word(),
            "from": change.from,
            "to": change.to,
            "breaks": change.breaks.words().collect::<Vec<_>>(),
            "question": change.question,
        })
    });
    let changes = changes.collect::<Value>();
    let diff = json!({ "event_type": event_type, "old": old, "new": new, "changes": changes });
    Ok(output::json_pretty(&diff)?)
}

/// Writes a line for each.
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
    // Takes the colours out again where they are not wanted.
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

/// `~ customer.zip: string -> long    breaks old readers and new readers`
pub(super) fn line(change: &Change) -> String {
    let (sign, style) = match (&change.from, &change.to, &change.what) {
        (_, _, What::Attribute(_)) => ('~', ASIDE),
        (None, _, What::Field | What::Symbol | What::Variant) => ('+', ADDED),
        (_, None, What::Field | What::Symbol | What::Variant) => ('-', REMOVED),
        _ => ('~', CHANGED),
    };
    let path = if change.path.is_empty() { "the event" } else { &change.path };
    // Of a field and of a type the sign and the values tell it all.
    let what = match &change.what {
        What::Field | What::Type => String::new(),
        // An attribute may be called anything.
        what => format!(" ({})", one_line(what.word())),
    };
    let values = match (&change.from, &change.to, sign) {
        (None, Some(value), '+') | (Some(value), None, '-') => value.clone(),
        (from, to, _) => {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            format!("{} -> {}", value(from), value(to))
        }
    };
    let broken = change.breaks.words().collect::<Vec<_>>().join(" and ");
    let breaks = match broken.as_str() {
        "" if change.what == What::Key => format!("{BROKEN}changes order and partition{BROKEN:#}"),
        "" => format!("{ASIDE}breaks nothing{ASIDE:#}"),
        broken => format!("{BROKEN}breaks {broken}{BROKEN:#}"),
    };
    // The styles are this program's own, the path and the values are the files'.
    let (path, values) = (one_line(path), one_line(values));
    format!("  {style}{sign} {path}{what}: {values}{style:#}    {breaks}")
}
