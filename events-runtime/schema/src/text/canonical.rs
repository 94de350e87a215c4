//! Parsing Canonical Form
//! ([specification](https://avro.apache.org/docs/1.12.0/specification/#transforming-into-parsing-canonical-form)).

use crate::const_str::StrWriter;
use crate::tree::Schema;
use crate::view::{NameView, Names, RecordView, Shape, Texts, UnionView, View};

/// The Parsing Canonical Form of a packed schema.
pub fn canonical_form_of_packed(packed: &[u8]) -> String {
    let view = View::packed(packed);
    let mut len = 0;
    write(view, StrWriter::new(&mut [], &mut len));
    let mut text = vec![0; len];
    write(view, StrWriter::new(&mut text, &mut 0));
    String::from_utf8(text).unwrap_or_default()
}

pub(super) const fn write(view: View<'_>, text: StrWriter<'_>) {
    let defined = match view {
        View::Packed(_) => Defined::Before(0),
        _ => Defined::Names(Names::new()),
    };
    Writer { text, defined }.schema(view);
}

/// The types that were written as definitions, and are written by their names from there on.
#[allow(clippy::large_enum_variant, reason = "evaluated while compiling, where nothing can be put on a heap")]
enum Defined<'a> {
    Names(Names<'a, ()>),
    /// In the packed form, every definition before this offset: nodes are packed in the order of this walk.
    Before(usize),
}

struct Writer<'a, 'v> {
    text: StrWriter<'a>,
    defined: Defined<'v>,
}

impl<'v> Writer<'_, 'v> {
    const fn schema(&mut self, view: View<'v>) {
        // Without a search in the tree. A reference to a union is not among the names.
        if let (View::Tree { schema: Schema::Ref(reference), namespace, .. }, Defined::Names(names)) =
            (view, &self.defined)
        {
            let name = NameView::new(&reference.name, namespace, &[]);
            if names.find(&name).is_some() {
                return self.full_name(&name);
            }
        }
        match view.shape() {
            Shape::Null => self.text.push("\"null\""),
            Shape::Boolean => self.text.push("\"boolean\""),
            Shape::Int => self.text.push("\"int\""),
            Shape::Long => self.text.push("\"long\""),
            Shape::Float => self.text.push("\"float\""),
            Shape::Double => self.text.push("\"double\""),
            Shape::Bytes => self.text.push("\"bytes\""),
            Shape::String => self.text.push("\"string\""),
            Shape::Array(items) => {
                self.text.push("{\"type\":\"array\",\"items\":");
                self.schema(items);
                self.text.push("}");
            }
            Shape::Map(values) => {
                self.text.push("{\"type\":\"map\",\"values\":");
                self.schema(values);
                self.text.push("}");
            }
            Shape::Union(union) => self.union(union),
            Shape::Fixed(name, size) => {
                if self.define(&name, "fixed", view.offset()) {
                    self.text.push(",\"size\":");
                    self.text.push_number(size);
                    self.text.push("}");
                }
            }
            Shape::Enum(view_of) => {
                if self.define(&view_of.name, "enum", view.offset()) {
                    self.symbols(view_of.symbols);
                }
            }
            Shape::Record(record) => self.record(record, view.offset()),
        }
    }

    const fn union(&mut self, union: UnionView<'v>) {
        self.text.push("[");
        let mut index = 0;
        while index < union.len() {
            if index > 0 {
                self.text.push(",");
            }
            self.schema(union.branch(index));
            index += 1;
        }
        self.text.push("]");
    }

    const fn symbols(&mut self, symbols: Texts<'_>) {
        self.text.push(",\"symbols\":[");
        let mut index = 0;
        while index < symbols.len() {
            if index > 0 {
                self.text.push(",");
            }
            self.text.push("\"");
            self.string(symbols.get(index));
            self.text.push("\"");
            index += 1;
        }
        self.text.push("]}");
    }

    const fn record(&mut self, record: RecordView<'v>, offset: Option<usize>) {
        if !self.define(&record.name, "record", offset) {
            return;
        }
        self.text.push(",\"fields\":[");
        let mut index = 0;
        while index < record.len() {
            self.text.push(if index == 0 { "{\"name\":\"" } else { ",{\"name\":\"" });
            self.string(record.name_at(index));
            self.text.push("\",\"type\":");
            let schema = record.schema_at(index);
            // Without a frame for `schema`: const evaluation has 128 frames, and types nest deep.
            match schema.record() {
                Some(inner) => self.record(inner, schema.offset()),
                None => self.schema(schema),
            }
            self.text.push("}");
            index += 1;
        }
        self.text.push("]}");
    }

    /// Begins a definition. Writes only the name and returns `false` if the type is defined already.
    const fn define(&mut self, name: &NameView<'v>, kind: &str, offset: Option<usize>) -> bool {
        let is_new = match (&mut self.defined, offset) {
            (Defined::Before(end), Some(offset)) => {
                let is_new = offset >= *end;
                if is_new {
                    *end = offset + 1;
                }
                is_new
            }
            (Defined::Names(names), _) => {
                let is_new = names.find(name).is_none();
                if is_new {
                    names.add(*name, ());
                }
                is_new
            }
            (Defined::Before(_), None) => false,
        };
        if is_new {
            self.text.push("{\"name\":");
        }
        self.full_name(name);
        if is_new {
            self.text.push(",\"type\":\"");
            self.text.push(kind);
            self.text.push("\"");
        }
        is_new
    }

    const fn full_name(&mut self, name: &NameView<'_>) {
        self.text.push("\"");
        if !name.namespace.is_empty() {
            self.string(name.namespace);
            self.text.push(".");
        }
        match name.generic {
            Some(name) => name.write_short(&mut self.text),
            None => self.string(name.base),
        }
        self.text.push("\"");
    }

    /// The inside of a JSON string. Only foreign schemas have anything to escape.
    const fn string(&mut self, text: &[u8]) {
        match self.defined {
            Defined::Names(_) => self.text.push_bytes(text),
            Defined::Before(_) => self.text.push_escaped(text),
        }
    }
}
