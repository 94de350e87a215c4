//! Formats Rust code as `rustfmt` does with its default configuration.

use std::fmt::{Display, Write as _};

use serde_json::Value;

const MAX_WIDTH: usize = 100;
/// `attr_fn_like_width`
const ATTRIBUTE_WIDTH: usize = 70;

/// A buffer of code lines.
#[derive(Debug, Default)]
pub(super) struct Code(String);

impl Code {
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
    /// Whether all options are flags or literals. `rustfmt` does not format attributes with others.
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

    /// Writes the attribute unless it has no options.
    pub(super) fn write(&self, indent: &str, out: &mut Code) {
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

/// Renders a JSON value as the literal of a `default` option.
fn literal(value: &Value) -> String {
    match value {
        // JSON numbers such as `5e-324` are Rust literals too.
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

/// Writes `name: Type,` on one line, or on two.
pub(super) fn field(indent: &str, name: &str, ty: &str, out: &mut Code) {
    let line = format!("{indent}{name}: {ty},");
    if width(&line) <= MAX_WIDTH {
        out.line(line);
    } else {
        out.line(format_args!("{indent}{name}:"));
        out.line(format_args!("{indent}    {ty},"));
    }
}

/// Writes a doc comment, or a `doc` option if the text can't be a comment.
pub(super) fn doc(text: Option<&str>, indent: &str, attribute: &mut Attribute, out: &mut Code) {
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

/// Whether rustdoc may treat a part of the text as a code block and run it as a doctest: fences, and
/// indented text, also in lists and quotations.
fn may_contain_code(text: &str) -> bool {
    text.contains("```") || text.contains("~~~") || text.contains("    ") || text.contains('\t')
}

/// Whether a doc comment preserves this text exactly.
fn is_comment(text: &str) -> bool {
    let lines: Vec<_> = text.split('\n').map(str::trim_end).collect();
    // The compiler rejects comments with bidirectional controls.
    let is_allowed = |c: char| {
        c == '\n' || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    !may_contain_code(text)
        && !text.is_empty()
        && lines.join("\n").trim() == text
        && text.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn documented(text: &str) -> String {
        let (mut attribute, mut out) = (Attribute::new("event"), Code::default());
        doc(Some(text), "    ", &mut attribute, &mut out);
        attribute.write("    ", &mut out);
        out.0
    }

    #[test]
    fn doc_is_a_comment_if_the_comment_preserves_it() {
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
    fn long_attributes_have_one_option_per_line() {
        let mut attribute = Attribute::new("event");
        attribute.text("rename", &"a".repeat(40));
        attribute.flag("pii");
        let mut out = Code::default();
        attribute.write("", &mut out);
        assert_eq!(out.0.lines().count(), 1);
        attribute.text("alias", "bbbb");
        attribute.write("", &mut out);
        assert!(out.0.ends_with("aa\",\n    pii,\n    alias = \"bbbb\"\n)]\n"), "{out:?}");
    }

    #[test]
    fn long_field_takes_two_lines() {
        let mut out = Code::default();
        field("    ", "pub a", &"B".repeat(88), &mut out);
        assert_eq!(out.0.lines().count(), 1);
        field("    ", "pub a", &"B".repeat(89), &mut out);
        assert_eq!(out.0.lines().count(), 3);
    }
}
