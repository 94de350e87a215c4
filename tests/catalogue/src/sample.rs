//! Generated values that can be compared with Python's.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Maker;

/// A type whose values can be generated and described.
pub trait Sample: Sized {
    /// A value that Python preserves.
    fn random(maker: &mut Maker) -> Self;

    /// The value in the JSON form that `catalogue_values.py` also produces.
    fn to_json(&self) -> Value;

    /// Whether Python treats it as false. In an optional attribute, Python turns such a value into `None`
    /// (`sub_data or attribute.default is attr.NOTHING`, in `event_bus/avro/deserializer.py`).
    fn is_false(&self) -> bool {
        false
    }
}

impl Sample for bool {
    fn random(maker: &mut Maker) -> Self {
        maker.chance(50)
    }

    fn to_json(&self) -> Value {
        json!(self)
    }

    fn is_false(&self) -> bool {
        !self
    }
}

impl Sample for i64 {
    fn random(maker: &mut Maker) -> Self {
        let any = maker.bits().cast_signed();
        maker.one_of(&[0, 1, -1, Self::MIN, Self::MAX, any, any, any % 100_000])
    }

    fn to_json(&self) -> Value {
        json!(self)
    }

    fn is_false(&self) -> bool {
        *self == 0
    }
}

impl Sample for f64 {
    fn random(maker: &mut Maker) -> Self {
        let any = Self::from_bits(maker.bits());
        let any = if any.is_nan() { 0.5 } else { any };
        maker.one_of(&[0.0, -0.0, 1.0, 0.1, Self::MAX, Self::MIN_POSITIVE, Self::INFINITY, any, any])
    }

    /// The bits, because JSON has no infinity and hides the sign of zero.
    fn to_json(&self) -> Value {
        json!(format!("{:016x}", self.to_bits()))
    }

    fn is_false(&self) -> bool {
        *self == 0.0
    }
}

impl Sample for String {
    fn random(maker: &mut Maker) -> Self {
        maker.text()
    }

    fn to_json(&self) -> Value {
        json!(self)
    }

    fn is_false(&self) -> bool {
        self.is_empty()
    }
}

impl Sample for Uuid {
    fn random(maker: &mut Maker) -> Self {
        Self::from_u64_pair(maker.bits(), maker.bits())
    }

    fn to_json(&self) -> Value {
        json!(self.to_string())
    }
}

impl Sample for Timestamp {
    /// Within the years that both `datetime` and `Timestamp` support.
    fn random(maker: &mut Maker) -> Self {
        let seconds = maker.range(-60_000_000_000..250_000_000_000);
        let any = maker.range(0..1_000_000);
        let micros = maker.one_of(&[0, 1, 600_000, any]);
        Self::from_microsecond(seconds * 1_000_000 + micros).expect("a year between 69 and 9892")
    }

    /// Microseconds since 1970.
    fn to_json(&self) -> Value {
        json!(self.as_microsecond())
    }
}

impl<T: Sample> Sample for Option<T> {
    fn random(maker: &mut Maker) -> Self {
        let value = T::random(maker);
        (maker.chance(60) && !value.is_false()).then_some(value)
    }

    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_json)
    }

    fn is_false(&self) -> bool {
        self.is_none()
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn random(maker: &mut Maker) -> Self {
        (0..maker.below(4)).map(|_| T::random(maker)).collect()
    }

    fn to_json(&self) -> Value {
        self.iter().map(T::to_json).collect()
    }

    fn is_false(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Sample> Sample for BTreeMap<String, T> {
    fn random(maker: &mut Maker) -> Self {
        (0..maker.below(4)).map(|_| (maker.text(), T::random(maker))).collect()
    }

    fn to_json(&self) -> Value {
        Value::Object(self.iter().map(|(key, value)| (key.clone(), value.to_json())).collect())
    }

    fn is_false(&self) -> bool {
        self.is_empty()
    }
}
