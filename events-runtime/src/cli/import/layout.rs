//! Rust text as `rustfmt` leaves it, with its default configuration.

use std::fmt::{Display, Write as _};

use serde_json::Value;

const MAX_WIDTH: usize = 100;
/// `attr_fn_like_width`
const ATTRIBUTE_WIDTH: usize = 70;

/// Text that is written line by line.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn line(&mut self, line: impl Display) {
        // Writing to a `String` does not fail.
        let _ = writeln!(self.0, "{line}");
    }

    pub(super) fn lines(&mut self, lines: &Self) {
        self.0.push_str(&lines.0);
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The options of one attribute.
pub(super) struct Attribute {
    path: &'static str,
    options: Vec<String>,
    /// Whether each is a literal or alone: others `rustfmt` does not understand, and leaves alone.
    is_plain: bool,
}

impl Attribute {
    pub(super) fn new(path: &'static str) -> Self {
        Self { path, options: Vec::new(), is_plain: true }
    }

    /// `key`
    pub(super) fn flag(&mut self, key: &str) {
        self.options.push(key.to_owned());
    }

    /// `key = "text"`
    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.options.push(format!("{key} = {text:?}"));
    }

    /// `key = path`
    pub(super) fn path(&mut self, key: &str, path: &str) {
        self.options.push(format!("{key} = {path}"));
        self.is_plain = false;
    }

    /// `key = literal`
    pub(super) fn json(&mut self, key: &str, value: &Value) {
        let literal = literal(value);
        self.is_plain &=
            literal.starts_with(|c: char| c == '"' || c.is_ascii_digit()) || matches!(value, Value::Bool(_));
        self.options.push(format!("{key} = {literal}"));
    }

    /// Writes the attribute, unless it says nothing.
    pub(super) fn write(&self, indent: &str, out: &mut Text) {
        if self.options.is_empty() {
            return;
        }
        let line = self.options.join(", ");
        let whole = indent.len() + "#[()]".len() + self.path.len() + width(&line);
        let fits = whole <= MAX_WIDTH && (!self.is_plain || width(&line) <= ATTRIBUTE_WIDTH);
        if fits {
            out.line(format_args!("{indent}#[{}({line})]", self.path));
            return;
        }
        let separator = format!(",\n{indent}    ");
        out.line(format_args!("{indent}#[{}(", self.path));
        out.line(format_args!("{indent}    {}", self.options.join(&separator)));
        out.line(format_args!("{indent})]"));
    }
}

/// A JSON value in the literals that a `default` has.
fn literal(value: &Value) -> String {
    match value {
        // `5e-324`, as JSON has it, is a literal too.
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{key:?}: {}", literal(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// `name: Type,` on one line, or on two.
pub(super) fn field(indent: &str, name: &str, ty: &str, out: &mut Text) {
    let line = format!("{indent}{name}: {ty},");
    if width(&line) <= MAX_WIDTH {
        out.line(line);
    } else {
        out.line(format_args!("{indent}{name}:"));
        out.line(format_args!("{indent}    {ty},"));
    }
}

/// A doc comment, or an option that says the same where a comment can't.
pub(super) fn doc(text: Option<&str>, indent: &str, attribute: &mut Attribute, out: &mut Text) {
    let Some(text) = text else { return };
    if !is_comment(text) {
        attribute.text("doc", text);
        return;
    }
    for line in text.split('\n') {
        let space = if line.is_empty() { "" } else { " " };
        out.line(format_args!("{indent}///{space}{line}"));
    }
}

/// Whether rustdoc may take a part of a text for a block of code, which it would compile and run as a
/// test: it was written for people, in whatever form, and not for rustdoc. Indented text, also behind
/// the mark of a list or a quotation, and fences.
fn is_code(text: &str) -> bool {
    text.contains("```") || text.contains("~~~") || text.contains("    ") || text.contains('\t')
}

/// Whether the derive reads a doc comment of this text as this text.
fn is_comment(text: &str) -> bool {
    let lines: Vec<_> = text.split('\n').map(str::trim_end).collect();
    // The compiler refuses comments that a terminal would show in another order.
    let is_shown = |c: char| {
        c == '\n' || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    !is_code(text) && !text.is_empty() && lines.join("\n").trim() == text && text.chars().all(is_shown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn documented(text: &str) -> String {
        let (mut attribute, mut out) = (Attribute::new("event"), Text::default());
        doc(Some(text), "    ", &mut attribute, &mut out);
        attribute.write("    ", &mut out);
        out.0
    }

    #[test]
    fn a_doc_is_a_comment_where_a_comment_says_exactly_it() {
        assert_eq!(documented("One line."), "    /// One line.\n");
        assert_eq!(documented("One.\n\n  Two."), "    /// One.\n    ///\n    ///   Two.\n");
        assert_eq!(documented("A `*/` and \"quotes\""), "    /// A `*/` and \"quotes\"\n");
        assert_eq!(documented(""), "    #[event(doc = \"\")]\n");
        assert_eq!(documented(" a"), "    #[event(doc = \" a\")]\n");
        assert_eq!(documented("a \nb"), "    #[event(doc = \"a \\nb\")]\n");
        assert_eq!(documented("a\r\nb"), "    #[event(doc = \"a\\r\\nb\")]\n");
        assert_eq!(documented("a\u{202e}b"), "    #[event(doc = \"a\\u{202e}b\")]\n");
    }

    #[test]
    fn defaults_are_literals() {
        for (value, expected) in [
            (json!(null), "null"),
            (json!(-1), "-1"),
            (json!(1.5e300), "1.5e+300"),
            (json!("a\"b\u{0}"), "\"a\\\"b\\0\""),
            (json!([1, []]), "[1, []]"),
            (json!({"a": {}, "b": true}), "{ \"a\": {}, \"b\": true }"),
        ] {
            assert_eq!(literal(&value), expected);
        }
    }

    #[test]
    fn long_attributes_are_one_option_a_line() {
        let mut attribute = Attribute::new("event");
        attribute.text("rename", &"a".repeat(40));
        attribute.flag("pii");
        let mut out = Text::default();
        attribute.write("", &mut out);
        assert_eq!(out.0.lines().count(), 1);
        attribute.text("alias", "bbbb");
        attribute.write("", &mut out);
        assert!(out.0.ends_with("aa\",\n    pii,\n    alias = \"bbbb\"\n)]\n"), "{out:?}");
    }

    #[test]
    fn a_long_field_is_on_two_lines() {
        let mut out = Text::default();
        field("    ", "pub a", &"B".repeat(88), &mut out);
        assert_eq!(out.0.lines().count(), 1);
        field("    ", "pub a", &"B".repeat(89), &mut out);
        assert_eq!(out.0.lines().count(), 3);
    }
}
