//! The texts of names.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::{Name, Schema};
use crate::const_str::{ConstStr, StrWriter};

/// The longest name of a generic type, without its namespace.
const SHORT_MAX: usize = 512;

impl Name {
    /// The name without its namespace, with the generic arguments: `Page_Line`.
    pub(crate) const fn short(&self) -> ConstStr<SHORT_MAX> {
        let mut text = ConstStr::EMPTY;
        self.write_short(&mut text.writer());
        text
    }

    pub(crate) const fn write_short(&self, text: &mut StrWriter<'_>) {
        text.push(self.base);
        let mut index = 0;
        while index < self.arguments.len() {
            text.push("_");
            write_argument(self.arguments[index], text);
            index += 1;
        }
    }

    /// The namespace of this name inside another definition.
    pub(crate) const fn namespace_in(&self, enclosing: &'static str) -> &'static str {
        match self.namespace {
            Some(own) => own,
            None => enclosing,
        }
    }
}

/// Writes the part of a generic type's name that comes from an argument.
const fn write_argument(schema: &Schema, text: &mut StrWriter<'_>) {
    match schema {
        Schema::Array(item) => {
            text.push("array_");
            write_argument(item, text);
        }
        Schema::Map(value) => {
            text.push("map_");
            write_argument(value, text);
        }
        Schema::Nullable(inner) => {
            text.push("nullable_");
            write_argument(inner, text);
        }
        Schema::Logical(logical) => {
            // A name can't have the hyphen of `timestamp-nanos`.
            let mut name = logical.name.as_bytes();
            while let [first, rest @ ..] = name {
                text.push_bytes(if *first == b'-' { b"_" } else { name.split_at(1).0 });
                name = rest;
            }
        }
        Schema::Union(union) => union.name.write_short(text),
        Schema::Record(record) => record.name.write_short(text),
        Schema::Enum(symbols) => symbols.name.write_short(text),
        Schema::Ref(reference) => reference.name.write_short(text),
        primitive => text.push(primitive.primitive_name()),
    }
}

impl Schema {
    /// The name of a primitive type; empty for other types.
    pub(crate) const fn primitive_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            _ => "",
        }
    }
}
