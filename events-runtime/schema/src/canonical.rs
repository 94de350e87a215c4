//! The Parsing Canonical Form of a packed schema
//! ([specification](https://avro.apache.org/docs/1.12.0/specification/#transforming-into-parsing-canonical-form)).

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::packed::quoted;
use crate::view::{NameView, Shape, Texts, View};

/// The canonical form.
pub fn canonical_form_of_packed(packed: &[u8]) -> String {
    let mut form = Form { text: String::new(), defined: HashSet::new() };
    form.schema(View::packed(packed));
    form.text
}

struct Form {
    text: String,
    defined: HashSet<String>,
}

impl Form {
    fn schema(&mut self, view: View<'_>) {
        match view.shape() {
            Shape::Null => self.text.push_str("\"null\""),
            Shape::Boolean => self.text.push_str("\"boolean\""),
            Shape::Int => self.text.push_str("\"int\""),
            Shape::Long => self.text.push_str("\"long\""),
            Shape::Float => self.text.push_str("\"float\""),
            Shape::Double => self.text.push_str("\"double\""),
            Shape::Bytes => self.text.push_str("\"bytes\""),
            Shape::String => self.text.push_str("\"string\""),
            Shape::Array(items) => self.container("{\"type\":\"array\",\"items\":", items),
            Shape::Map(values) => self.container("{\"type\":\"map\",\"values\":", values),
            Shape::Union(union) => {
                self.text.push('[');
                for index in 0..union.len() {
                    self.comma(index);
                    self.schema(union.branch(index));
                }
                self.text.push(']');
            }
            Shape::Fixed(name, size) => {
                if self.define(&name, "fixed") {
                    // Writing to a `String` does not fail.
                    let _ = write!(self.text, ",\"size\":{size}}}");
                }
            }
            Shape::Enum(view) => {
                if self.define(&view.name, "enum") {
                    self.symbols(view.symbols);
                }
            }
            Shape::Record(record) => {
                if self.define(&record.name, "record") {
                    self.text.push_str(",\"fields\":[");
                    for index in 0..record.len() {
                        self.comma(index);
                        let field = record.field(index);
                        self.text.push_str("{\"name\":");
                        self.quoted(field.name);
                        self.text.push_str(",\"type\":");
                        self.schema(field.schema);
                        self.text.push('}');
                    }
                    self.text.push_str("]}");
                }
            }
        }
    }

    fn container(&mut self, head: &str, inner: View<'_>) {
        self.text.push_str(head);
        self.schema(inner);
        self.text.push('}');
    }

    fn symbols(&mut self, symbols: Texts<'_>) {
        self.text.push_str(",\"symbols\":[");
        for index in 0..symbols.len() {
            self.comma(index);
            self.quoted(symbols.get(index));
        }
        self.text.push_str("]}");
    }

    /// Begins a definition; `false` where it stands before, and its name was enough.
    fn define(&mut self, name: &NameView<'_>, kind: &str) -> bool {
        let [namespace, base] = [name.namespace, name.base].map(String::from_utf8_lossy);
        let full = if namespace.is_empty() { base.into_owned() } else { format!("{namespace}.{base}") };
        let quoted = quoted(&full);
        if !self.defined.insert(full) {
            self.text.push_str(&quoted);
            return false;
        }
        let _ = write!(self.text, "{{\"name\":{quoted},\"type\":\"{kind}\"");
        true
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.text.push(',');
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        self.text.push_str(&quoted(&String::from_utf8_lossy(text)));
    }
}
