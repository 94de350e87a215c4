//! Writes text and JSON to standard output and messages to standard error.
//!
//! Headers, ids, reasons, keys and file contents are untrusted. They must not reach a terminal as
//! control sequences, so all text is written through [`Escaped`], and JSON uses its own escapes.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use serde_json::Value;

use super::render::Rendered;

/// Writes one line and flushes it, since a reader may process line by line. Line breaks in the text
/// are escaped as `\n`.
pub(super) fn line(text: impl fmt::Display) -> io::Result<()> {
    write_flushed(format_args!("{}", one_line(text)))
}

/// Writes text of several lines. The caller passes untrusted values in it through [`one_line`], so
/// that they can't add lines.
pub(super) fn lines(text: impl fmt::Display) -> io::Result<()> {
    write_flushed(format_args!("{}", Escaped { text, breaks: LineBreaks::Keep }))
}

/// Writes a message as text or as a line of JSON.
pub(super) fn rendered(as_json: bool, message: &Rendered) -> io::Result<()> {
    if as_json { json(&message.json()) } else { lines(message) }
}

/// Writes JSON in one line.
pub(super) fn json(value: &Value) -> io::Result<()> {
    json_text(&value.to_string())
}

/// Writes indented JSON.
pub(super) fn json_pretty(value: &Value) -> io::Result<()> {
    json_text(&format!("{value:#}"))
}

/// Writes text that is JSON already. Control characters become `\u` escapes, which keeps its
/// meaning: they can only occur inside strings.
pub(super) fn json_text(text: &str) -> io::Result<()> {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_unsafe(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    write_flushed(format_args!("{escaped}"))
}

/// Writes rows in aligned columns; the last column is not padded.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> io::Result<()> {
    table_lines(rows).iter().try_for_each(line)
}

/// The lines of a table.
pub(super) fn table_lines<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| one_line(cell).to_string())).collect();
    let width = |column: usize| {
        let lengths = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Clears the terminal.
pub(super) fn clear_screen() -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(b"\x1b[2J")?;
    out.flush()
}

/// Replaces what the terminal shows. Lines that get shorter and lines that disappear leave nothing behind.
pub(super) fn redraw(lines: &[String]) -> io::Result<()> {
    let mut frame = "\x1b[H".to_owned();
    for line in lines {
        let _ = write!(frame, "{}\x1b[K\r\n", one_line(line));
    }
    frame.push_str("\x1b[J");
    let mut out = io::stdout().lock();
    out.write_all(frame.as_bytes())?;
    out.flush()
}

fn write_flushed(text: fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Writes a message to standard error. Lines after the first are indented, so that text in the
/// message can't imitate a message of its own.
pub(super) fn eprint(text: impl fmt::Display) {
    // Unlike `eprintln!`, this does not panic if standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{}", Escaped { text, breaks: LineBreaks::Indent });
}

/// Escapes line breaks and other control characters as Rust does.
pub(super) fn one_line<T: fmt::Display>(text: T) -> impl fmt::Display {
    Escaped { text, breaks: LineBreaks::Escape }
}

/// A number with its noun: `1 event`, `2 events`.
pub(super) fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Text with control characters escaped.
struct Escaped<T> {
    text: T,
    breaks: LineBreaks,
}

#[derive(Clone, Copy)]
enum LineBreaks {
    Escape,
    Keep,
    Indent,
}

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaper { out: f, breaks: self.breaks, after_break: false }, "{}", self.text)
    }
}

struct Escaper<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    breaks: LineBreaks,
    /// Whether the last character was a line break.
    after_break: bool,
}

impl fmt::Write for Escaper<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.write_char(c))
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        let indent = matches!(self.breaks, LineBreaks::Indent);
        if std::mem::take(&mut self.after_break) && indent && !matches!(c, ' ' | '\n') {
            self.out.write_str("  ")?;
        }
        if c == '\n' && !matches!(self.breaks, LineBreaks::Escape) {
            self.after_break = true;
            self.out.write_char(c)
        } else if is_unsafe(c) {
            write!(self.out, "{}", c.escape_default())
        } else {
            self.out.write_char(c)
        }
    }
}

/// Whether a character can control or mislead a terminal: C0 and C1 controls, line and paragraph
/// separators, bidirectional controls, and invisible characters. Joiners are allowed, since emoji
/// and several scripts need them.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{2028}\r\nnext \u{7f}";

    #[test]
    fn control_characters_are_escaped() {
        let escaped = r"\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{2028}\r\nnext \u{7f}";
        assert_eq!(one_line(HOSTILE).to_string(), escaped);
        for breaks in [LineBreaks::Keep, LineBreaks::Indent] {
            let text = Escaped { text: HOSTILE, breaks }.to_string();
            assert!(!text.chars().any(|c| c != '\n' && is_unsafe(c)), "{text:?}");
        }
    }

    #[test]
    fn text_in_any_language_is_unchanged() {
        for text in ["straße", "日本語", "שלום", "न्\u{200d}त", "👩\u{200d}🚀", r"C:\new", "\"a\""]
        {
            assert_eq!(one_line(text).to_string(), text);
        }
    }

    #[test]
    fn lines_of_a_message_are_indented_after_the_first() {
        let indented = |text| Escaped { text, breaks: LineBreaks::Indent }.to_string();
        assert_eq!(indented("a\nerror: b\n  c\n\nd"), "a\n  error: b\n  c\n\n  d");
    }

    #[test]
    fn nouns_agree_with_their_counts() {
        let counts = [0_u64, 1, 2].map(|count| counted(count, "event"));
        assert_eq!(counts, ["0 events", "1 event", "2 events"]);
    }
}
