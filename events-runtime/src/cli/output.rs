//! Standard output, for people as columns and for programs as JSON.

use std::io::{self, Write};

use serde_json::Value;

/// Writes a line and passes it on at once: the reader may act on each.
pub(super) fn line(text: impl std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Writes JSON over several lines.
pub(super) fn pretty(value: &Value) -> io::Result<()> {
    line(format_args!("{value:#}"))
}

/// Writes rows as columns; the last one is as wide as it is.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> io::Result<()> {
    let width = |column: usize| {
        let lengths = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    for row in rows {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        line(cells.join("  ").trim_end())?;
    }
    Ok(())
}
