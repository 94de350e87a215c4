//! The Rust types of primitives and of Avro's logical types on them.

use super::model::Primitive;
use crate::cli::args::Times;

/// How deep in its field a schema stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// The whole field.
    Field,
    /// Inside of the `Option` that is the whole field.
    Option,
    /// Inside of an array or a map, where no `with` reaches.
    Inside,
}

/// A type that is not defined in the text.
pub(super) struct Plain {
    pub(super) rust: &'static str,
    /// The module of `events_runtime::with` that converts the whole field.
    pub(super) with: Option<&'static str>,
    /// Why the logical type, where there is one, is not kept.
    pub(super) lost: Option<String>,
}

/// The Rust type of a primitive; `None` for `null`, which alone is no value.
pub(super) fn plain(
    kind: Primitive,
    logical: Option<&str>,
    times: Option<Times>,
    depth: Depth,
) -> Option<Plain> {
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
    let unadorned = |lost| Plain { rust, with: None, lost };
    let Some(logical) = logical else { return Some(unadorned(None)) };
    if (logical, kind) == ("uuid", Primitive::String) {
        return Some(Plain { rust: "uuid::Uuid", with: None, lost: None });
    }
    let Some(moment) = Moment::of(logical, kind) else {
        return Some(unadorned(Some(format!(
            "the logical type `{logical}` on `{}` is not kept, `{rust}` is written",
            kind.name()
        ))));
    };
    let Some(times) = times else {
        return Some(unadorned(Some(format!(
            "the logical type `{logical}` is not kept, `{rust}` is written; for the types of a crate of times add `--times jiff`, `chrono` or `time`"
        ))));
    };
    let with = with(logical);
    if let (Some(_), Depth::Inside) = (with, depth) {
        return Some(unadorned(Some(format!(
            "the logical type `{logical}` is not kept inside of an array or a map, where no `with` reaches; `{rust}` is written"
        ))));
    }
    let with = with.map(|(field, option)| if depth == Depth::Option { option } else { field });
    Some(Plain { rust: moment.rust(times), with, lost: None })
}

/// What a logical type of time is a time of.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Instant,
    Civil,
    Date,
    OfDay,
}

impl Moment {
    fn of(logical: &str, kind: Primitive) -> Option<Self> {
        Some(match (logical, kind) {
            ("timestamp-millis" | "timestamp-micros" | "timestamp-nanos", Primitive::Long) => Self::Instant,
            (
                "local-timestamp-millis" | "local-timestamp-micros" | "local-timestamp-nanos",
                Primitive::Long,
            ) => Self::Civil,
            ("date", Primitive::Int) => Self::Date,
            // No Rust type of ours is a `time-millis`.
            ("time-micros", Primitive::Long) => Self::OfDay,
            _ => return None,
        })
    }

    fn rust(self, times: Times) -> &'static str {
        match (self, times) {
            (Self::Instant, Times::Jiff) => "jiff::Timestamp",
            (Self::Instant, Times::Chrono) => "chrono::DateTime<chrono::Utc>",
            (Self::Instant, Times::Time) => "time::UtcDateTime",
            (Self::Civil, Times::Jiff) => "jiff::civil::DateTime",
            (Self::Civil, Times::Chrono) => "chrono::NaiveDateTime",
            (Self::Civil, Times::Time) => "time::PrimitiveDateTime",
            (Self::Date, Times::Jiff) => "jiff::civil::Date",
            (Self::Date, Times::Chrono) => "chrono::NaiveDate",
            (Self::Date, Times::Time) => "time::Date",
            (Self::OfDay, Times::Jiff) => "jiff::civil::Time",
            (Self::OfDay, Times::Chrono) => "chrono::NaiveTime",
            (Self::OfDay, Times::Time) => "time::Time",
        }
    }
}

/// The modules for a field and for an `Option`, where the type itself is in another unit.
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
        let plain = plain(kind, Some(logical), times, depth).unwrap();
        let lost = plain.lost.map(|_| " lost").unwrap_or_default();
        format!("{}{}{lost}", plain.rust, plain.with.map(|with| format!(" {with}")).unwrap_or_default())
    }

    #[test]
    fn times_are_numbers_unless_a_crate_is_named() {
        let long = |logical, times, depth| show(Primitive::Long, logical, times, depth);
        assert_eq!(long("timestamp-millis", None, Depth::Field), "i64 lost");
        let jiff = Some(Times::Jiff);
        assert_eq!(long("timestamp-millis", jiff, Depth::Field), "jiff::Timestamp timestamp_millis");
        assert_eq!(long("timestamp-micros", jiff, Depth::Option), "jiff::Timestamp timestamp_micros::option");
        assert_eq!(long("timestamp-micros", jiff, Depth::Inside), "i64 lost");
        assert_eq!(long("timestamp-nanos", jiff, Depth::Inside), "jiff::Timestamp");
        assert_eq!(long("local-timestamp-nanos", Some(Times::Chrono), Depth::Field), "chrono::NaiveDateTime");
        assert_eq!(long("time-micros", Some(Times::Time), Depth::Field), "time::Time");
        assert_eq!(show(Primitive::Int, "date", Some(Times::Chrono), Depth::Field), "chrono::NaiveDate");
        assert_eq!(show(Primitive::Int, "time-millis", jiff, Depth::Field), "i32 lost");
    }

    #[test]
    fn a_uuid_is_one_and_other_logical_types_are_their_base() {
        assert_eq!(show(Primitive::String, "uuid", None, Depth::Inside), "uuid::Uuid");
        assert_eq!(show(Primitive::Bytes, "decimal", None, Depth::Field), "Vec<u8> lost");
        assert_eq!(show(Primitive::Long, "date", Some(Times::Jiff), Depth::Field), "i64 lost");
        assert!(plain(Primitive::Null, None, None, Depth::Field).is_none());
    }
}
