//! Standard output and standard error, for people as lines and for programs as JSON.
//!
//! Headers, ids, reasons, keys and file contents come from others. Nothing of them reaches a
//! terminal as a control sequence: all text passes [`Escaped`] here, and JSON has its own escapes.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use serde_json::Value;

/// Writes one line and passes it on at once: the reader may act on each. A line break in the text is
/// shown as `\n`.
pub(super) fn line(text: impl fmt::Display) -> io::Result<()> {
    put(format_args!("{}", one_line(text)))
}

/// Writes text that has lines of its own. Values within it that come from others pass [`one_line`]
/// before, so that they make no lines.
pub(super) fn text(text: impl fmt::Display) -> io::Result<()> {
    put(format_args!("{}", Escaped { text, breaks: Breaks::Kept }))
}

/// Writes JSON in one line.
pub(super) fn json(value: &Value) -> io::Result<()> {
    json_text(&value.to_string())
}

/// Writes JSON over several lines.
pub(super) fn pretty(value: &Value) -> io::Result<()> {
    json_text(&format!("{value:#}"))
}

/// Writes text that is JSON already. What it says stays the same: the characters that terminals act
/// on stand in strings alone, and there as `\u` escapes.
pub(super) fn json_text(text: &str) -> io::Result<()> {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && acts(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    put(format_args!("{escaped}"))
}

/// Writes rows as columns; the last one is as wide as it is.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> io::Result<()> {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| one_line(cell).to_string())).collect();
    let width = |column: usize| {
        let lengths = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    for row in &rows {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        line(cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn put(text: fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Tells people something on standard error. The lines of a text that has several are indented from
/// the second on: none passes for a message of its own.
pub(super) fn tell(text: impl fmt::Display) {
    // As with `eprintln!`, but without a panic where nobody listens.
    let _ = writeln!(io::stderr().lock(), "{}", Escaped { text, breaks: Breaks::Indented });
}

/// Text in one line: line breaks and other characters that terminals act on are shown as Rust writes
/// them.
pub(super) fn one_line<T: fmt::Display>(text: T) -> impl fmt::Display {
    Escaped { text, breaks: Breaks::Shown }
}

/// Text without the characters that terminals act on.
struct Escaped<T> {
    text: T,
    breaks: Breaks,
}

/// What becomes of line breaks.
#[derive(Clone, Copy)]
enum Breaks {
    Shown,
    Kept,
    Indented,
}

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { out: f, breaks: self.breaks, at_break: false }, "{}", self.text)
    }
}

struct Escaping<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    breaks: Breaks,
    /// Whether a line break was the last character.
    at_break: bool,
}

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.write_char(c))
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        let indented = matches!(self.breaks, Breaks::Indented);
        if std::mem::take(&mut self.at_break) && indented && !matches!(c, ' ' | '\n') {
            self.out.write_str("  ")?;
        }
        if c == '\n' && !matches!(self.breaks, Breaks::Shown) {
            self.at_break = true;
            self.out.write_char(c)
        } else if acts(c) {
            write!(self.out, "{}", c.escape_default())
        } else {
            self.out.write_char(c)
        }
    }
}

/// Whether terminals or their users take this for something other than a visible character: C0 and C1
/// controls, line and paragraph separators, marks that change the direction of writing, and marks
/// without any width. The joiners of emoji and of several scripts are text.
fn acts(c: char) -> bool {
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
    fn nothing_that_terminals_act_on_passes_in_any_form() {
        let shown = r"\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{2028}\r\nnext \u{7f}";
        assert_eq!(one_line(HOSTILE).to_string(), shown);
        for breaks in [Breaks::Kept, Breaks::Indented] {
            let text = Escaped { text: HOSTILE, breaks }.to_string();
            assert!(!text.chars().any(|c| c != '\n' && acts(c)), "{text:?}");
        }
    }

    #[test]
    fn text_in_any_language_stays_as_it_is() {
        for text in ["straße", "日本語", "שלום", "न्\u{200d}त", "👩\u{200d}🚀", r"C:\new", "\"a\""]
        {
            assert_eq!(one_line(text).to_string(), text);
        }
    }

    #[test]
    fn only_the_first_line_of_what_is_told_starts_at_the_margin() {
        let told = |text| Escaped { text, breaks: Breaks::Indented }.to_string();
        assert_eq!(told("a\nerror: b\n  c\n\nd"), "a\n  error: b\n  c\n\n  d");
    }
}
