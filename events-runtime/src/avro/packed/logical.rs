//! Logical types: those that are known, on the types that they belong on.
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

/// The logical type that the attributes beside a type say, where it is a valid one.
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
        ("decimal", "bytes" | "fixed") => return decimal(attributes),
        _ => false,
    };
    valid.then_some(Logical { name, precision: 0, scale: 0 })
}

fn decimal(attributes: &Map<String, Value>) -> Option<Logical<'_>> {
    let number = |name| match attributes.get(name) {
        Some(value) => u32::try_from(value.as_u64()?).ok(),
        None => Some(0),
    };
    let (precision, scale) = (number("precision")?, number("scale")?);
    (precision > 0 && scale <= precision).then_some(Logical { name: "decimal", precision, scale })
}
