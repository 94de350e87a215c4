//! Types whose schema is one Avro primitive.

use std::borrow::Cow;
use std::num::NonZero;
use std::sync::Arc;

use events_runtime::{EventData, PublicSignal};
use serde_json::{Value, json};

use super::generate::{Generate, newtypes, record};
use super::source::Source;
use super::terms::float;
use super::{SampleEvent, Specimen};

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.scalars.integers.v1", key = i64)]
struct Integers {
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    flag: bool,
    not_zero: NonZero<u16>,
    far_from_zero: NonZero<i64>,
    shared: Arc<i32>,
}
record!(Integers { i8, i16, i32, i64, u8, u16, u32, u64, flag, not_zero, far_from_zero, shared });

impl SampleEvent for Integers {
    fn by_hand() -> Vec<Self> {
        let one = NonZero::<u16>::MIN;
        let low = Self {
            i8: i8::MIN,
            i16: i16::MIN,
            i32: i32::MIN,
            i64: i64::MIN,
            u8: 0,
            u16: 0,
            u32: 0,
            u64: 0,
            flag: false,
            not_zero: one,
            far_from_zero: NonZero::<i64>::MIN,
            shared: Arc::new(i32::MIN),
        };
        let high = Self {
            i8: i8::MAX,
            i16: i16::MAX,
            i32: i32::MAX,
            i64: i64::MAX,
            u8: u8::MAX,
            u16: u16::MAX,
            u32: u32::MAX,
            u64: i64::MAX.unsigned_abs(),
            flag: true,
            not_zero: NonZero::<u16>::MAX,
            far_from_zero: NonZero::<i64>::MAX,
            shared: Arc::new(i32::MAX),
        };
        vec![low, high]
    }
}

/// Every length of varint, from both sides.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.scalars.long.v1")]
struct Long {
    value: i64,
}
record!(Long { value });

impl SampleEvent for Long {
    fn by_hand() -> Vec<Self> {
        let edges = (0..63).flat_map(|bits| [(1_i64 << bits) - 1, 1 << bits, -(1 << bits), -(1 << bits) - 1]);
        edges.chain([i64::MIN, i64::MAX]).map(|value| Self { value }).collect()
    }
}

/// Equal by their bits, but that any NaN equals any other: Python has one NaN.
#[derive(Debug, Clone, PublicSignal)]
#[public_signal(event_type = "org.samples.scalars.floats.v1")]
struct Floats {
    single: f32,
    double: f64,
    doubles: Vec<f64>,
}

impl PartialEq for Floats {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        same(self.single.into(), other.single.into())
            && same(self.double, other.double)
            && self.doubles.len() == other.doubles.len()
            && self.doubles.iter().zip(&other.doubles).all(|(a, b)| same(*a, *b))
    }
}

impl Generate for Floats {
    fn generate(source: &mut Source) -> Self {
        let [a, b, c, d, ..] = source.bits().to_le_bytes();
        let len = source.len();
        Self {
            single: f32::from_le_bytes([a, b, c, d]),
            double: f64::from_bits(source.bits()),
            doubles: (0..len).map(|_| f64::generate(source)).collect(),
        }
    }

    fn terms(&self, namespace: &str) -> Value {
        json!({
            "single": float(f64::from(self.single)),
            "double": float(self.double),
            "doubles": f64::sequence_terms(&self.doubles, namespace),
        })
    }
}

impl SampleEvent for Floats {
    fn by_hand() -> Vec<Self> {
        let of = |single, double| Self { single, double, doubles: vec![double] };
        vec![
            of(0.0, -0.0),
            of(-0.0, 0.0),
            of(f32::NAN, f64::NAN),
            of(-f32::NAN, f64::from_bits(0x7ff0_0000_0000_0001)),
            of(f32::INFINITY, f64::NEG_INFINITY),
            of(f32::MIN_POSITIVE, 5e-324),
        ]
    }
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.scalars.texts.v1", key = shared)]
struct Texts {
    string: String,
    boxed: Box<str>,
    shared: Arc<str>,
    cow: Cow<'static, str>,
    character: char,
}
record!(Texts { string, boxed, shared, cow, character });

impl SampleEvent for Texts {
    fn by_hand() -> Vec<Self> {
        let lens = [0, 1, 3, 4, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 8191, 8192, 8193];
        lens.into_iter()
            .map(|len| Self {
                string: "s".repeat(len),
                boxed: "é".repeat(len / 2).into(),
                shared: "x".repeat(len).into(),
                cow: Cow::Borrowed("borrowed"),
                character: '\0',
            })
            .collect()
    }
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.scalars.bytes.v1")]
struct ByteStrings {
    vec: Vec<u8>,
    bytes: bytes::Bytes,
    boxed: Box<[u8]>,
    shared: Arc<[u8]>,
    cow: Cow<'static, [u8]>,
    many: Vec<Vec<u8>>,
}
record!(ByteStrings { vec, bytes, boxed, shared, cow, many });

impl SampleEvent for ByteStrings {
    fn by_hand() -> Vec<Self> {
        let of = |len: usize| {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(len).collect();
            Self {
                bytes: bytes.clone().into(),
                boxed: bytes.clone().into(),
                shared: bytes.clone().into(),
                cow: Cow::Owned(bytes.clone()),
                many: vec![Vec::new(), bytes.clone()],
                vec: bytes,
            }
        };
        [0, 1, 63, 64, 256, 8192].map(of).into()
    }
}

/// Avro has wider types than these.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.scalars.narrow.v1")]
struct Narrow {
    bytes: [u8; 4],
    no_bytes: [u8; 0],
    pair: [i16; 2],
    texts: [String; 3],
    nested: [[bool; 1]; 2],
}
record!(Narrow { bytes, no_bytes, pair, texts, nested });
impl SampleEvent for Narrow {
    const BY_CHANCE: bool = false;

    fn by_hand() -> Vec<Self> {
        let texts = || [1, 2, 3].map(|number| number.to_string());
        vec![Self {
            bytes: [0, 1, 2, 255],
            no_bytes: [],
            pair: [i16::MIN, 7],
            texts: texts(),
            nested: [[true], [false]],
        }]
    }
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.scalars.newtypes.v1", key = id)]
struct Newtypes {
    id: OrderId,
    amount: Cents,
    inner: Boxed,
    flag: bool,
    optional: Option<Cents>,
    maybe: Maybe,
    list: List,
    raw: Raw,
}
record!(Newtypes { id, amount, inner, flag, optional, maybe, list, raw });
impl SampleEvent for Newtypes {}

#[derive(Debug, Clone, PartialEq, EventData)]
struct OrderId(String);

#[derive(Debug, Clone, PartialEq, EventData)]
struct Cents(i64);

#[derive(Debug, Clone, PartialEq, EventData)]
struct Boxed(Box<Cents>);

#[derive(Debug, Clone, PartialEq, EventData)]
struct Maybe(Option<OrderId>);

#[derive(Debug, Clone, PartialEq, EventData)]
struct List(Vec<Maybe>);

#[derive(Debug, Clone, PartialEq, EventData)]
struct Raw(Vec<u8>);

newtypes!(OrderId, Cents, Boxed, Maybe, List, Raw);

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.scalars.nothing.v1")]
struct Nothing {}
record!(Nothing {});
impl SampleEvent for Nothing {}

pub(super) fn specimens() -> Vec<Specimen> {
    vec![
        Specimen::of::<Integers>(),
        Specimen::of::<Long>(),
        Specimen::of::<Floats>(),
        Specimen::of::<Texts>(),
        Specimen::of::<ByteStrings>(),
        Specimen::of::<Narrow>(),
        Specimen::of::<Newtypes>(),
        Specimen::of::<Nothing>(),
    ]
}
