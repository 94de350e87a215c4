//! Checks that a default is a value of its field.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::violation::Violation;
use crate::const_str::same;
use crate::tree::{Json, JsonKind, Record, Schema};

/// A Rust integer type. Its range may be smaller than that of its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integer {
    /// The Rust type's name.
    pub name: &'static str,
    /// The least value.
    pub least: i128,
    /// The greatest value.
    pub most: i128,
}

/// Checks a default that fits the schema but not the Rust type, such as -1 for a `u32`, whose schema is `long`.
#[must_use]
pub const fn check_integer(
    schema: &Schema,
    rust: Option<Integer>,
    field: &str,
    value: i128,
    text: &str,
) -> Option<Violation> {
    let Some(Integer { name, least, most }) = rust else { return None };
    let in_schema = match schema {
        Schema::Int => value >= i32::MIN as i128 && value <= i32::MAX as i128,
        _ => value >= i64::MIN as i128 && value <= i64::MAX as i128,
    };
    // `check` reports values that don't fit the schema.
    if !in_schema || (value >= least && value <= most) {
        return None;
    }
    Some(Violation::new(
        0,
        &["the default of field `", field, "` does not fit: ", text, " is not a valid `", name, "`"],
    ))
}

/// Whether a default is a value of its schema.
pub(crate) const fn fits(schema: &Schema, json: &Json) -> bool {
    match (schema, json.kind) {
        (Schema::Null | Schema::Nullable(_), JsonKind::Null)
        | (Schema::Boolean, JsonKind::Bool)
        // A `float` can hold the largest integer too.
        | (Schema::Float | Schema::Double, JsonKind::Integer(_))
        | (Schema::Double, JsonKind::Float(_))
        | (Schema::String, JsonKind::String(_)) => true,
        (Schema::Float, JsonKind::Float(value)) => is_single(value),
        // "The type of the default value must match with one element of the union."
        (Schema::Nullable(inner), _) => fits(inner, json),
        (Schema::Int, JsonKind::Integer(value)) => value >= i32::MIN as i128 && value <= i32::MAX as i128,
        (Schema::Long, JsonKind::Integer(value)) => value >= i64::MIN as i128 && value <= i64::MAX as i128,
        (Schema::Bytes, JsonKind::String(text)) => is_latin1(text),
        (Schema::Logical(logical), _) => fits(&logical.base, json),
        (Schema::Array(item), JsonKind::Array(values)) => {
            let mut index = 0;
            while index < values.len() {
                if !fits(item, &values[index]) {
                    return false;
                }
                index += 1;
            }
            true
        }
        (Schema::Map(value), JsonKind::Object(entries)) => {
            let mut index = 0;
            while index < entries.len() {
                if !fits(value, &entries[index].1) {
                    return false;
                }
                index += 1;
            }
            true
        }
        (Schema::Record(record), JsonKind::Object(entries)) => fits_record(record, entries),
        (Schema::Union(union), JsonKind::Object(entries)) => {
            let mut index = 0;
            while index < union.branches.len() {
                if fits_record(union.branches[index], entries) {
                    return true;
                }
                index += 1;
            }
            false
        }
        (Schema::Enum(symbols), JsonKind::String(text)) => {
            let mut index = 0;
            while index < symbols.symbols.len() {
                if same(symbols.symbols[index].as_bytes(), text.as_bytes()) {
                    return true;
                }
                index += 1;
            }
            false
        }
        _ => false,
    }
}

/// Whether a number is finite as a `float`.
#[allow(clippy::cast_possible_truncation, reason = "a `float` is what its default is rounded to")]
const fn is_single(value: f64) -> bool {
    (value as f32).is_finite()
}

const fn fits_record(record: &Record, entries: &[(&str, Json)]) -> bool {
    let mut used = 0;
    let mut index = 0;
    while index < record.fields.len() {
        let field = &record.fields[index];
        let mut entry = 0;
        let mut found = false;
        while entry < entries.len() {
            if same(entries[entry].0.as_bytes(), field.name.as_bytes()) {
                if found || !fits(field.schema, &entries[entry].1) {
                    return false;
                }
                found = true;
                used += 1;
            }
            entry += 1;
        }
        if !found && field.default.is_none() && !matches!(field.schema, Schema::Nullable(_)) {
            return false;
        }
        index += 1;
    }
    used == entries.len()
}

/// Whether every character is at most U+00FF, as in the JSON encoding of Avro bytes.
const fn is_latin1(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        // C2 and C3 start the characters from U+0080 to U+00FF. Larger characters start above C3.
        if bytes[index] > 0xC3 {
            return false;
        }
        index += 1;
    }
    true
}

/// Describes a valid default of a schema.
pub(crate) const fn expected(schema: &Schema) -> &'static str {
    match schema {
        Schema::Null => "`null`",
        Schema::Boolean => "a `boolean`: write true or false",
        Schema::Int => "an `int`: write a whole number of 32 bits",
        Schema::Long => "a `long`: write a whole number of 64 bits",
        Schema::Float => "a `float`: write a number from -3.4028235e38 to 3.4028235e38",
        Schema::Double => "a number",
        Schema::Bytes => "`bytes`: write a string whose characters are the bytes, at most U+00FF each",
        Schema::String => "a `string`: write it in quotes",
        Schema::Logical(logical) => expected(&logical.base),
        Schema::Array(_) => "an array of the item type: write [] or [item, …]",
        Schema::Map(_) => "a map of the value type: write {} or { \"key\": value, … }",
        Schema::Nullable(_) => "`null` or a value of the type in the Option",
        Schema::Record(_) => "a record: write { \"field\": value, … } with every field that has no default",
        Schema::Union(_) => "a record of a variant: write { \"field\": value, … }",
        Schema::Enum(_) => "a symbol of the enum: write one in quotes",
        Schema::Ref(_) => "a value that a recursive type can have as its default",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Enum, Field, Name, Origin, Union, field};

    const NAME: Name = Name { base: "A", arguments: &[], namespace: None };
    const ORIGIN: Origin = Origin::new("A", "a.rs:1:1");

    static POINT: Record = Record {
        name: NAME,
        origin: ORIGIN,
        aliases: &[],
        attributes: "",
        fields: &[
            field("x", &Schema::Int),
            Field {
                default: Some(Json { text: "7", kind: JsonKind::Integer(7) }),
                ..field("y", &Schema::Int)
            },
            field("label", &Schema::Nullable(&Schema::String)),
        ],
        digest: 0,
    };
    static SYMBOLS: Enum = Enum {
        name: NAME,
        origin: ORIGIN,
        aliases: &[],
        attributes: "",
        symbols: &["RED", "GREEN"],
        default: None,
        digest: 0,
    };
    static UNION: Union = Union { name: NAME, branches: &[&POINT], other: None };

    fn fits(schema: &Schema, kind: JsonKind) -> bool {
        super::fits(schema, &Json { text: "", kind })
    }

    const BOOL: Json = Json { text: "", kind: JsonKind::Bool };
    const NULL: Json = Json { text: "", kind: JsonKind::Null };
    const FLOAT: Json = Json { text: "", kind: JsonKind::Float(1.5) };
    const TWO: Json = Json { text: "", kind: JsonKind::Integer(2) };

    #[test]
    fn whole_numbers_have_the_range_of_their_schema() {
        for (schema, least, most) in [
            (Schema::Int, i128::from(i32::MIN), i128::from(i32::MAX)),
            (Schema::Long, i64::MIN.into(), i64::MAX.into()),
        ] {
            assert!(fits(&schema, JsonKind::Integer(least)) && fits(&schema, JsonKind::Integer(most)));
            assert!(
                !fits(&schema, JsonKind::Integer(least - 1)) && !fits(&schema, JsonKind::Integer(most + 1))
            );
            assert!(!fits(&schema, JsonKind::Float(1.5)) && !fits(&schema, JsonKind::Null));
        }
        assert!(fits(&Schema::Double, JsonKind::Integer(1)) && fits(&Schema::Float, JsonKind::Float(1.5)));
    }

    #[test]
    fn a_float_has_no_default_that_would_be_infinite() {
        for beyond in [3.5e38, -3.5e38] {
            assert!(!fits(&Schema::Float, JsonKind::Float(beyond)), "{beyond}");
            assert!(fits(&Schema::Double, JsonKind::Float(beyond)), "{beyond}");
        }
        assert!(fits(&Schema::Float, JsonKind::Float(f32::MAX.into())));
    }

    #[test]
    fn bytes_are_characters_up_to_ff() {
        for text in ["", "a", "\0", "\u{7f}", "\u{80}", "\u{ff}", "a\u{ff}\u{80}"] {
            assert!(fits(&Schema::Bytes, JsonKind::String(text)), "{text:?}");
        }
        for text in ["\u{100}", "a\u{17f}", "€", "𝄞", "\u{ff}\u{100}"] {
            assert!(!fits(&Schema::Bytes, JsonKind::String(text)), "{text:?}");
            assert!(fits(&Schema::String, JsonKind::String(text)), "{text:?}");
        }
    }

    #[test]
    fn the_default_of_an_option_is_null_or_what_it_holds() {
        let option = Schema::Nullable(&Schema::String);
        assert!(fits(&option, JsonKind::Null));
        assert!(fits(&option, JsonKind::String("text")));
        assert!(!fits(&option, JsonKind::Integer(1)));
        assert!(!fits(&Schema::String, JsonKind::Null));
    }

    #[test]
    fn items_and_values_fit_one_by_one() {
        let good: &[Json] = &[BOOL, BOOL];
        let bad: &[Json] = &[BOOL, NULL];
        let array = Schema::Array(&Schema::Boolean);
        for items in [&[][..], good] {
            assert!(fits(&array, JsonKind::Array(items)));
        }
        assert!(!fits(&array, JsonKind::Array(bad)));
        let map = Schema::Map(&Schema::Boolean);
        assert!(fits(&map, JsonKind::Object(&[("k", BOOL)])));
        assert!(!fits(&map, JsonKind::Object(&[("k", FLOAT)])));
        assert!(!fits(&map, JsonKind::Array(&[])) && !fits(&array, JsonKind::Object(&[])));
    }

    #[test]
    fn a_record_needs_its_fields_and_has_no_others() {
        const X: (&str, Json) = ("x", TWO);
        for schema in [Schema::Record(&POINT), Schema::Union(&UNION)] {
            assert!(fits(&schema, JsonKind::Object(&[X])));
            assert!(fits(&schema, JsonKind::Object(&[("y", TWO), X])));
            assert!(fits(&schema, JsonKind::Object(&[X, ("label", NULL)])));
            assert!(!fits(&schema, JsonKind::Object(&[])), "x has no default");
            assert!(!fits(&schema, JsonKind::Object(&[X, ("z", NULL)])), "there is no z");
            assert!(!fits(&schema, JsonKind::Object(&[X, X])), "x is there twice");
            assert!(!fits(&schema, JsonKind::Object(&[("x", BOOL)])));
        }
    }

    #[test]
    fn a_symbol_is_one_of_the_enum() {
        assert!(fits(&Schema::Enum(&SYMBOLS), JsonKind::String("GREEN")));
        assert!(!fits(&Schema::Enum(&SYMBOLS), JsonKind::String("green")));
        assert!(!fits(&Schema::Enum(&SYMBOLS), JsonKind::Integer(0)));
    }
}
