//! Types that are one Avro primitive.

use std::borrow::Cow;
use std::sync::Arc;

use events_runtime::{EventData, PublicSignal};

use super::Specimen;

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.scalars.integers.v1")]
struct Integers {
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
}

/// Every length of varint, from both sides.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.scalars.long.v1")]
struct Long {
    value: i64,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.scalars.floats.v1")]
struct Floats {
    single: f32,
    double: f64,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.scalars.texts.v1")]
struct Texts {
    string: String,
    boxed: Box<str>,
    shared: Arc<str>,
    cow: Cow<'static, str>,
    id: uuid::Uuid,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.scalars.bytes.v1")]
struct ByteStrings {
    vec: Vec<u8>,
    bytes: bytes::Bytes,
    boxed: Box<[u8]>,
}

/// Avro has wider types than these.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.scalars.narrow.v1")]
struct Narrow {
    character: char,
    bytes: [u8; 4],
    pair: [i16; 2],
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.scalars.newtypes.v1")]
struct Newtypes {
    id: OrderId,
    amount: Cents,
    inner: Boxed,
    shared: Arc<Cents>,
    flag: bool,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct OrderId(String);

#[derive(Debug, Clone, PartialEq, EventData)]
struct Cents(i64);

#[derive(Debug, Clone, PartialEq, EventData)]
struct Boxed(Box<Cents>);

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.scalars.nothing.v1")]
struct Nothing {}

fn integers() -> Specimen {
    let zero = Integers { i8: 0, i16: 0, i32: 0, i64: 0, u8: 0, u16: 0, u32: 0, u64: 0 };
    let low = Integers { i8: i8::MIN, i16: i16::MIN, i32: i32::MIN, i64: i64::MIN, ..zero.clone() };
    let high = Integers {
        i8: i8::MAX,
        i16: i16::MAX,
        i32: i32::MAX,
        i64: i64::MAX,
        u8: u8::MAX,
        u16: u16::MAX,
        u32: u32::MAX,
        u64: i64::MAX.unsigned_abs(),
    };
    Specimen::of(&[zero, low, high])
}

fn longs() -> Specimen {
    let edges = (0..63).flat_map(|bits| [(1_i64 << bits) - 1, 1 << bits, -(1 << bits), -(1 << bits) - 1]);
    let values: Vec<_> = edges.chain([i64::MIN, i64::MAX]).map(|value| Long { value }).collect();
    Specimen::of(&values)
}

fn floats() -> Specimen {
    let numbers =
        [0.0, -0.0, 1.5, -1e-45, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, 0.1];
    let mut values: Vec<_> =
        numbers.map(|single| Floats { single, double: f64::from(single) }).into_iter().collect();
    values.extend([0.1, f64::MAX, f64::MIN, 5e-324].map(|double| Floats { single: 1.0, double }));
    Specimen::of(&values)
}

fn texts() -> Specimen {
    let samples = [
        "",
        "plain",
        "a\"\\\n\u{0}",
        "é€𝄞",
        "\u{feff}",
        "longer than sixty-four bytes of text, é, so two-byte length varints",
    ];
    let text = |(index, text): (usize, &str)| Texts {
        string: text.to_owned(),
        boxed: text.into(),
        shared: text.into(),
        cow: Cow::Owned(text.to_owned()),
        id: uuid::Uuid::from_u128(index as u128 * 0x1234_5678_9abc_def0_1234_5678_9abc_def0),
    };
    let values: Vec<_> = samples.into_iter().enumerate().map(text).collect();
    Specimen::of(&values)
}

fn byte_strings() -> Specimen {
    let all: Vec<u8> = (0..=255).collect();
    let of = |bytes: &[u8]| ByteStrings {
        vec: bytes.to_vec(),
        bytes: bytes::Bytes::copy_from_slice(bytes),
        boxed: bytes.into(),
    };
    Specimen::of(&[of(&[]), of(&[0]), of(&all)])
}

fn newtypes() -> Specimen {
    let of = |id: &str, cents, flag| Newtypes {
        id: OrderId(id.to_owned()),
        amount: Cents(cents),
        inner: Boxed(Box::new(Cents(-cents))),
        shared: Arc::new(Cents(cents)),
        flag,
    };
    Specimen::of(&[of("", 0, false), of("o-1", 1234, true)])
}

pub(super) fn specimens() -> Vec<Specimen> {
    let narrow = Specimen::of(&[
        Narrow { character: '\0', bytes: [0; 4], pair: [0; 2] },
        Narrow { character: '𝄞', bytes: [1, 2, 3, 255], pair: [i16::MIN, i16::MAX] },
    ]);
    let nothing = Specimen::of(&[Nothing {}]);
    vec![integers(), longs(), floats(), texts(), byte_strings(), narrow, newtypes(), nothing]
}
