//! Rust types for Avro's primitive and logical types.

use super::model::Primitive;
use crate::args::Times;

/// The position of a schema inside its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// The whole field.
    Field,
    /// The content of an `Option` that is the whole field.
    Option,
    /// Inside an array or a map, where `with` is not available.
    Inside,
}

/// A type that the generated code does not define.
pub(super) struct ExternalType {
    pub(super) rust: &'static str,
    /// The module of `events_runtime::with` that converts the whole field.
    pub(super) with: Option<&'static str>,
    /// Why the logical type is dropped.
    pub(super) note: Option<String>,
}

/// The Rust type of a primitive; `None` for `null`.
pub(super) fn external_type(
    kind: Primitive,
    logical: Option<&str>,
    times: Option<Times>,
    depth: Depth,
) -> Option<ExternalType> {
    let rust = match kind {
        Primitive::Null => return None,
        Primitive::Boolean => "bool",
        Primitive::Int => "i32",
        Primitive::Long => "i64",
        Primitive::Float => "f32",
        Primitive::Double => "f64",
        Primitive::Bytes => "Vec<u8>",
        Primitive::String => "String",
    };
    let primitive = |note| ExternalType { rust, with: None, note };
    let Some(logical) = logical else { return Some(primitive(None)) };
    if (logical, kind) == ("uuid", Primitive::String) {
        return Some(ExternalType { rust: "uuid::Uuid", with: None, note: None });
    }
    let Some(temporal) = Temporal::of(logical, kind) else {
        return Some(primitive(Some(format!(
            "the logical type `{logical}` on `{}` is dropped: not supported, using `{rust}`",
            kind.name()
        ))));
    };
    let Some(times) = times else {
        return Some(primitive(Some(format!(
            "the logical type `{logical}` is dropped: using `{rust}`; pass `--times jiff`, `chrono` or `time` to use a date and time type"
        ))));
    };
    let with = with(logical);
    if let (Some(_), Depth::Inside) = (with, depth) {
        return Some(primitive(Some(format!(
            "the logical type `{logical}` is dropped: not supported inside an array or a map, using `{rust}`"
        ))));
    }
    let with = with.map(|(field, option)| if depth == Depth::Option { option } else { field });
    Some(ExternalType { rust: temporal.rust(times), with, note: None })
}

/// The kind of a date or time type.
#[derive(Debug, Clone, Copy)]
enum Temporal {
    Instant,
    LocalDateTime,
    Date,
    TimeOfDay,
}

impl Temporal {
    fn of(logical: &str, kind: Primitive) -> Option<Self> {
        Some(match (logical, kind) {
            ("timestamp-millis" | "timestamp-micros" | "timestamp-nanos", Primitive::Long) => Self::Instant,
            (
                "local-timestamp-millis" | "local-timestamp-micros" | "local-timestamp-nanos",
                Primitive::Long,
            ) => Self::LocalDateTime,
            ("date", Primitive::Int) => Self::Date,
            // No supported Rust type has the schema `time-millis`.
            ("time-micros", Primitive::Long) => Self::TimeOfDay,
            _ => return None,
        })
    }

    fn rust(self, times: Times) -> &'static str {
        match (self, times) {
            (Self::Instant, Times::Jiff) => "jiff::Timestamp",
            (Self::Instant, Times::Chrono) => "chrono::DateTime<chrono::Utc>",
            (Self::Instant, Times::Time) => "time::UtcDateTime",
            (Self::LocalDateTime, Times::Jiff) => "jiff::civil::DateTime",
            (Self::LocalDateTime, Times::Chrono) => "chrono::NaiveDateTime",
            (Self::LocalDateTime, Times::Time) => "time::PrimitiveDateTime",
            (Self::Date, Times::Jiff) => "jiff::civil::Date",
            (Self::Date, Times::Chrono) => "chrono::NaiveDate",
            (Self::Date, Times::Time) => "time::Date",
            (Self::TimeOfDay, Times::Jiff) => "jiff::civil::Time",
            (Self::TimeOfDay, Times::Chrono) => "chrono::NaiveTime",
            (Self::TimeOfDay, Times::Time) => "time::Time",
        }
    }
}

/// The conversion modules for a field and for an `Option` of a type whose default unit differs.
fn with(logical: &str) -> Option<(&'static str, &'static str)> {
    Some(match logical {
        "timestamp-millis" => ("timestamp_millis", "timestamp_millis::option"),
        "timestamp-micros" => ("timestamp_micros", "timestamp_micros::option"),
        "local-timestamp-millis" => ("local_timestamp_millis", "local_timestamp_millis::option"),
        "local-timestamp-micros" => ("local_timestamp_micros", "local_timestamp_micros::option"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(kind: Primitive, logical: &str, times: Option<Times>, depth: Depth) -> String {
        let ty = external_type(kind, Some(logical), times, depth).unwrap();
        let dropped = ty.note.map(|_| " dropped").unwrap_or_default();
        format!("{}{}{dropped}", ty.rust, ty.with.map(|with| format!(" {with}")).unwrap_or_default())
    }

    #[test]
    fn times_are_numbers_unless_a_crate_is_given() {
        let long = |logical, times, depth| show(Primitive::Long, logical, times, depth);
        assert_eq!(long("timestamp-millis", None, Depth::Field), "i64 dropped");
        let jiff = Some(Times::Jiff);
        assert_eq!(long("timestamp-millis", jiff, Depth::Field), "jiff::Timestamp timestamp_millis");
        assert_eq!(long("timestamp-micros", jiff, Depth::Option), "jiff::Timestamp timestamp_micros::option");
        assert_eq!(long("timestamp-micros", jiff, Depth::Inside), "i64 dropped");
        assert_eq!(long("timestamp-nanos", jiff, Depth::Inside), "jiff::Timestamp");
        assert_eq!(long("local-timestamp-nanos", Some(Times::Chrono), Depth::Field), "chrono::NaiveDateTime");
        assert_eq!(long("time-micros", Some(Times::Time), Depth::Field), "time::Time");
        assert_eq!(show(Primitive::Int, "date", Some(Times::Chrono), Depth::Field), "chrono::NaiveDate");
        assert_eq!(show(Primitive::Int, "time-millis", jiff, Depth::Field), "i32 dropped");
    }

    #[test]
    fn unsupported_logical_types_are_their_primitive_type() {
        assert_eq!(show(Primitive::String, "uuid", None, Depth::Inside), "uuid::Uuid");
        assert_eq!(show(Primitive::Bytes, "decimal", None, Depth::Field), "Vec<u8> dropped");
        assert_eq!(show(Primitive::Long, "date", Some(Times::Jiff), Depth::Field), "i64 dropped");
        assert!(external_type(Primitive::Null, None, None, Depth::Field).is_none());
    }
}
