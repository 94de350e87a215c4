//! `#[event(with = module)]`: unsupported types, converted to a supported one.

use std::time::Duration;

use events_runtime::avro::{self, EncodeErrorKind};
use events_runtime::{EventData, PublicSignal};
use serde_json::json;

use crate::{field, schema, travels};

/// A `Duration` as whole milliseconds.
///
/// A complete `with` module: the type in the schema, and the conversions to and from it. Either conversion may
/// fail, and then encoding or decoding fails.
mod milliseconds {
    use std::convert::Infallible;
    use std::time::Duration;

    /// The type in the schema.
    pub(super) type Repr = i64;

    /// Fails for more than 292 million years.
    pub(super) fn to_repr(value: &Duration) -> Result<Repr, &'static str> {
        i64::try_from(value.as_millis()).map_err(|_| "the duration is longer than an i64 of milliseconds")
    }

    /// A negative number is read as zero.
    #[allow(clippy::unnecessary_wraps, reason = "a conversion returns a `Result`")]
    pub(super) fn from_repr(milliseconds: Repr) -> Result<Duration, Infallible> {
        Ok(Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0)))
    }
}

/// A point as a record, with its own error type.
mod point {
    use std::fmt;

    use events_runtime::EventData;

    #[derive(Debug)]
    pub(super) struct NotFinite;

    impl fmt::Display for NotFinite {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a coordinate is not finite")
        }
    }

    /// A place on the map.
    #[derive(EventData)]
    #[event(rename = "Point")]
    pub(super) struct Repr {
        x: f64,
        y: f64,
    }

    pub(super) fn to_repr(value: &(f64, f64)) -> Result<Repr, NotFinite> {
        if value.0.is_finite() && value.1.is_finite() {
            Ok(Repr { x: value.0, y: value.1 })
        } else {
            Err(NotFinite)
        }
    }

    #[allow(clippy::needless_pass_by_value, reason = "a conversion takes its representation")]
    pub(super) fn from_repr(point: Repr) -> Result<(f64, f64), NotFinite> {
        if point.x.is_finite() && point.y.is_finite() { Ok((point.x, point.y)) } else { Err(NotFinite) }
    }
}

/// The module borrows the target of the field's `Deref`.
mod upper {
    use std::convert::Infallible;

    pub(super) type Repr = Box<str>;

    #[allow(clippy::unnecessary_wraps, reason = "a conversion returns a `Result`")]
    pub(super) fn to_repr(value: &str) -> Result<Repr, Infallible> {
        Ok(value.to_uppercase().into())
    }

    #[allow(clippy::unnecessary_wraps, reason = "a conversion returns a `Result`")]
    pub(super) fn from_repr(text: Repr) -> Result<String, Infallible> {
        Ok(text.into())
    }
}

#[derive(Debug, PartialEq, EventData)]
struct Pause(#[event(with = milliseconds)] Duration);

#[derive(Debug, PartialEq, EventData)]
enum Step {
    Wait {
        #[event(with = milliseconds)]
        time: Duration,
    },
    Go(#[event(with = point)] (f64, f64)),
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.tours.stop.reached.v1")]
struct StopReached {
    #[event(with = milliseconds, default = 0, rename = "took_ms")]
    took: Duration,
    #[event(with = point)]
    place: (f64, f64),
    #[event(with = "upper")]
    name: String,
    pause: Pause,
    steps: Vec<Step>,
}

fn event() -> StopReached {
    StopReached {
        took: Duration::from_millis(1500),
        place: (1.0, -2.0),
        name: "A".into(),
        pause: Pause(Duration::from_secs(1)),
        steps: vec![Step::Wait { time: Duration::from_secs(2) }, Step::Go((0.0, 0.5))],
    }
}

#[test]
fn a_converted_field_has_the_schema_of_its_representation() {
    let schema = schema::<StopReached>();
    assert_eq!(field(&schema, "took_ms")["type"], "long");
    assert_eq!(field(&schema, "took_ms")["default"], 0);
    assert_eq!(field(&schema, "place")["type"]["name"], "Point");
    assert_eq!(field(&schema, "place")["type"]["doc"], "A place on the map.");
    assert_eq!(field(&schema, "name")["type"], "string");
    assert_eq!(field(&schema, "pause")["type"], json!("long"));
    travels(&event());
}

#[test]
fn a_value_that_cannot_be_converted_is_refused_with_its_field_and_the_reason() {
    let refused = avro::to_vec(&StopReached { place: (f64::NAN, 0.0), ..event() }).unwrap_err();
    assert!(matches!(refused.kind(), EncodeErrorKind::Invalid { .. }), "{refused:?}");
    assert!(refused.to_string().contains("place"), "{refused}");
    assert!(refused.to_string().contains("a coordinate is not finite"), "{refused}");

    let steps = vec![Step::Wait { time: Duration::ZERO }, Step::Wait { time: Duration::MAX }];
    let refused = avro::to_vec(&StopReached { steps, ..event() }).unwrap_err();
    assert!(refused.to_string().contains("longer than an i64"), "{refused}");
    assert!(refused.to_string().contains("steps"), "{refused}");

    let refused = avro::to_vec(&StopReached { pause: Pause(Duration::MAX), ..event() }).unwrap_err();
    assert!(refused.to_string().contains("pause"), "{refused}");
}

#[test]
fn a_datum_that_cannot_be_converted_is_refused_with_its_field_and_the_reason() {
    let mut datum = avro::to_vec(&event()).unwrap();
    let place = avro::to_vec(&1500_i64).unwrap().len();
    datum[place..place + 8].copy_from_slice(&f64::INFINITY.to_le_bytes());
    let refused = avro::from_slice::<StopReached>(&datum).unwrap_err();
    assert!(refused.to_string().contains("place"), "{refused}");
    assert!(refused.to_string().contains("a coordinate is not finite"), "{refused}");
}
