//! Known logical types, on the base types that allow them.
//!
//! "Language implementations must ignore unknown logical types when reading, and should use the
//! underlying Avro type. If a logical type is invalid, for example a decimal with scale greater than
//! its precision, then implementations should ignore the logical type and use the underlying Avro
//! type." ([specification](https://avro.apache.org/docs/1.12.0/specification/#logical-types))

use serde_json::{Map, Value};

/// A logical type; precision and scale are those of `decimal`.
pub(super) struct Logical<'a> {
    pub(super) name: &'a str,
    pub(super) precision: u32,
    pub(super) scale: u32,
}

/// The logical type of a type's attributes, if it is valid.
pub(super) fn logical<'a>(attributes: &'a Map<String, Value>, base: &str) -> Option<Logical<'a>> {
    let name = attributes.get("logicalType")?.as_str()?;
    let size = || attributes.get("size").and_then(Value::as_u64);
    let valid = match (name, base) {
        ("uuid", "string")
        | ("date" | "time-millis", "int")
        | (
            "time-micros"
            | "timestamp-millis"
            | "timestamp-micros"
            | "timestamp-nanos"
            | "local-timestamp-millis"
            | "local-timestamp-micros"
            | "local-timestamp-nanos",
            "long",
        )
        | ("big-decimal", "bytes") => true,
        ("uuid", "fixed") => size() == Some(16),
        ("duration", "fixed") => size() == Some(12),
        ("decimal", "bytes" | "fixed") => {
            return decimal(attributes, if base == "fixed" { size() } else { None });
        }
        _ => false,
    };
    valid.then_some(Logical { name, precision: 0, scale: 0 })
}

/// A decimal. `size` is the number of bytes if its base is a fixed type.
fn decimal(attributes: &Map<String, Value>, size: Option<u64>) -> Option<Logical<'_>> {
    let number = |name| match attributes.get(name) {
        Some(value) => u32::try_from(value.as_u64()?).ok(),
        None => Some(0),
    };
    let (precision, scale) = (number("precision")?, number("scale")?);
    let fits = size.is_none_or(|size| u128::from(precision) <= max_precision(size));
    (precision > 0 && scale <= precision && fits).then_some(Logical { name: "decimal", precision, scale })
}

/// The number of digits that always fit into this many bytes: "floor(log₁₀(2^(8 × n - 1) - 1))".
fn max_precision(size: u64) -> u128 {
    const LOG_10_OF_2: u128 = 301_029_995_663_981_195;
    let bits = (u128::from(size) * 8).saturating_sub(1);
    bits * LOG_10_OF_2 / 1_000_000_000_000_000_000
}
