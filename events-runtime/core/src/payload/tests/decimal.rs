use rust_decimal::Decimal;

use super::{round_trip, unreadable};
use crate::avro::{DecodeErrorKind, from_slice};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A big-decimal of these unscaled bytes and this scale.
fn big_decimal(unscaled: &[u8], scale: i64) -> Vec<u8> {
    let inner =
        [super::long(i64::try_from(unscaled.len()).unwrap()), unscaled.to_vec(), super::long(scale)].concat();
    [super::long(i64::try_from(inner.len()).unwrap()), inner].concat()
}

#[test]
fn a_decimal_is_its_unscaled_number_and_its_scale() {
    round_trip(decimal("0"), [6, 2, 0, 0]);
    round_trip(decimal("1.50"), [8, 4, 0, 0x96, 4]);
    round_trip(decimal("-1.28"), [6, 2, 0x80, 4]);
    round_trip(decimal("1.27"), [6, 2, 0x7f, 4]);
    round_trip(decimal("-0.01"), [6, 2, 0xff, 4]);
    let max = [&[30, 26, 0][..], &[0xff; 12], &[0]].concat();
    round_trip(Decimal::MAX, max);
    let min = [&[30, 26, 0xff][..], &[0; 11], &[1], &[0]].concat();
    round_trip(Decimal::MIN, min);
}

#[test]
fn the_scale_is_kept() {
    for text in ["1", "1.0", "1.00", "0.0000000000000000000000000001", "-7.9228162514264337593543950335"] {
        let value = decimal(text);
        let back: Decimal = from_slice(&crate::avro::to_vec(&value).unwrap()).unwrap();
        assert_eq!(back.to_string(), text);
        assert_eq!(back.scale(), value.scale());
    }
}

#[test]
fn what_other_writers_scale_otherwise_is_read_where_the_value_is_the_same() {
    for (unscaled, scale, text) in [
        (&[1][..], -3, "1000"),
        (&[], 0, "0"),
        (&[0], 1_000_000, "0.0000000000000000000000000000"),
        (&[0], i64::MIN, "0"),
        (&[100], 30, "0.0000000000000000000000000001"),
        (&[0xff; 40], 1, "-0.1"),
        (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7], 0, "7"),
    ] {
        let value: Decimal = from_slice(&big_decimal(unscaled, scale)).unwrap();
        assert_eq!(value.to_string(), text, "{unscaled:?} {scale}");
    }
}

#[test]
fn a_decimal_beyond_96_bits_is_refused() {
    for (unscaled, scale) in [
        (&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], 0),
        (&[0x7f; 16], 0),
        (&[0x80; 16], 0),
        (&[0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0),
        (&[1; 17], 0),
        (&[1], 29),
        (&[1], i64::MAX),
        (&[1], -29),
        (&[1], i64::MIN),
    ] {
        let kind = unreadable::<Decimal>(big_decimal(unscaled, scale));
        assert!(matches!(&kind, DecodeErrorKind::Invalid(text) if text.contains("out of range")), "{kind:?}");
    }
}

#[test]
fn hostile_bytes_of_a_decimal_are_refused() {
    assert_eq!(unreadable::<Decimal>([]), DecodeErrorKind::UnexpectedEnd { missing: 1 });
    assert_eq!(unreadable::<Decimal>([0]), DecodeErrorKind::UnexpectedEnd { missing: 1 });
    assert_eq!(unreadable::<Decimal>([2, 2]), DecodeErrorKind::UnexpectedEnd { missing: 1 });
    assert_eq!(unreadable::<Decimal>([4, 2, 1]), DecodeErrorKind::UnexpectedEnd { missing: 1 });
    assert_eq!(unreadable::<Decimal>([2, 1]), DecodeErrorKind::NegativeLength(-1));
    assert_eq!(unreadable::<Decimal>([8, 2, 1, 0, 0]), DecodeErrorKind::TrailingBytes(1));
}
