use std::borrow::Cow;
use std::num::NonZero;
use std::sync::Arc;

use super::{long, round_trip, unreadable, unwritable};
use crate::avro::{DecodeErrorKind, EncodeErrorKind};

#[test]
fn integers_are_varints_of_their_range() {
    round_trip(i8::MIN, long(-128));
    round_trip(u8::MAX, long(255));
    round_trip(i16::MIN, long(-32_768));
    round_trip(u16::MAX, long(65_535));
    round_trip(i32::MIN, long(i64::from(i32::MIN)));
    round_trip(u32::MAX, long(i64::from(u32::MAX)));
    round_trip(i64::MIN, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    round_trip(i64::MAX.cast_unsigned(), long(i64::MAX));
    for (kind, rust) in [
        (unreadable::<u8>(long(256)), "u8"),
        (unreadable::<i8>(long(256)), "i8"),
        (unreadable::<i32>(long(256 << 40)), "i32"),
    ] {
        assert!(matches!(kind, DecodeErrorKind::OutOfRange { rust: found, .. } if found == rust));
    }
    assert_eq!(unreadable::<u64>(long(-1)), DecodeErrorKind::OutOfRange { value: -1, rust: "u64" });
}

#[test]
fn a_u64_beyond_a_long_is_refused() {
    for value in [1 << 63, u64::MAX] {
        let out_of_range = EncodeErrorKind::OutOfRange { value: i128::from(value), avro: "long" };
        assert_eq!(unwritable(&value), out_of_range);
        assert_eq!(unwritable(&NonZero::new(value).unwrap()), out_of_range);
        assert_eq!(unwritable(&vec![1, value]), out_of_range);
    }
}

#[test]
fn a_zero_is_no_nonzero() {
    round_trip(NonZero::new(-1_i32).unwrap(), [1]);
    round_trip(NonZero::new(u64::MAX >> 1).unwrap(), long(i64::MAX));
    round_trip(Some(NonZero::new(7_u8).unwrap()), [2, 14]);
    assert!(matches!(
        unreadable::<NonZero<u32>>([0]),
        DecodeErrorKind::OutOfRange { value: 0, rust } if rust.contains("NonZero")
    ));
}

#[test]
fn bytes_and_arrays_keep_apart_in_every_container() {
    round_trip(Cow::<'static, [u8]>::Borrowed(&[1, 2]), [4, 1, 2]);
    round_trip(Cow::<'static, [i8]>::Borrowed(&[1, 2]), [4, 2, 4, 0]);
    round_trip(Arc::<[u8]>::from([1, 2]), [4, 1, 2]);
    round_trip(vec![NonZero::new(1_u8).unwrap()], [2, 2, 0]);
    round_trip([1_u8, 2], [4, 1, 2]);
    round_trip([1_i32, 2], [4, 2, 4, 0]);
    round_trip(bytes::Bytes::from_static(b"\0\xff"), [4, 0, 0xff]);
}

#[test]
fn an_array_has_exactly_its_length() {
    assert_eq!(unreadable::<[u8; 2]>([2, 1]), DecodeErrorKind::WrongLength { expected: 2, found: 1 });
    assert_eq!(unreadable::<[u8; 0]>([2, 1]), DecodeErrorKind::WrongLength { expected: 0, found: 1 });
    assert_eq!(unreadable::<[bool; 1]>([0]), DecodeErrorKind::WrongLength { expected: 1, found: 0 });
    assert_eq!(unreadable::<[bool; 1]>([4, 1, 1, 0]), DecodeErrorKind::WrongLength { expected: 1, found: 2 });
}

#[test]
fn a_char_is_one_character() {
    for (character, text) in [('\0', "\0"), ('a', "a"), ('ß', "ß"), ('𝄞', "𝄞")] {
        round_trip(character, crate::avro::to_vec(&text.to_owned()).unwrap());
    }
    assert!(matches!(unreadable::<char>([0]), DecodeErrorKind::Invalid(text) if text.contains('0')));
    assert!(
        matches!(unreadable::<char>([4, b'a', b'b']), DecodeErrorKind::Invalid(text) if text.contains('2'))
    );
}

#[test]
fn floats_keep_their_bits() {
    for bits in [0, 1, 1 << 63, f64::NAN.to_bits(), 0x7ff0_0000_0000_0001, 0xfff8_dead_beef_0001] {
        let datum = crate::avro::to_vec(&f64::from_bits(bits)).unwrap();
        assert_eq!(datum, bits.to_le_bytes());
        assert_eq!(crate::avro::from_slice::<f64>(&datum).unwrap().to_bits(), bits);
    }
    for bits in [0, 1, 1 << 31, f32::NAN.to_bits(), 0x7fc0_0001] {
        let datum = crate::avro::to_vec(&f32::from_bits(bits)).unwrap();
        assert_eq!(datum, bits.to_le_bytes());
        assert_eq!(crate::avro::from_slice::<f32>(&datum).unwrap().to_bits(), bits);
    }
}
