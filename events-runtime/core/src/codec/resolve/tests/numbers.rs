//! Promotions, symbols, and the units of times.

use chrono::{DateTime, Utc};

use super::*;
use crate::avro::{Reader, Schema, Writer, to_vec};
use events_schema::tree::Logical;

#[test]
fn numbers_are_widened() {
    let minus_three = &[5];
    assert_eq!(read(INT, minus_three), Ok(-3_i32));
    assert_eq!(read(INT, minus_three), Ok(-3_i64));
    assert_eq!(read(INT, minus_three), Ok(-3.0_f32));
    assert_eq!(read(INT, minus_three), Ok(-3.0_f64));
    assert_eq!(read(LONG, minus_three), Ok(-3.0_f32));
    assert_eq!(read(LONG, minus_three), Ok(-3.0_f64));
    assert_eq!(read("\"float\"", &1.5_f32.to_le_bytes()), Ok(1.5_f64));
    assert_eq!(strategy::<i64>(INT), Strategy::Same, "an int is written as a long is");
}

#[test]
fn numbers_are_not_narrowed() {
    assert_eq!(unresolvable::<i32>(LONG), ": the writer's `long` can't be read as `int`");
    assert_eq!(unresolvable::<f32>("\"double\""), ": the writer's `double` can't be read as `float`");
    assert_eq!(unresolvable::<i64>("\"double\""), ": the writer's `double` can't be read as `long`");
    assert_eq!(unresolvable::<bool>(INT), ": the writer's `int` can't be read as `boolean`");
}

#[test]
fn strings_and_bytes_are_each_other() {
    assert_eq!(read(STRING, b"\x04hi"), Ok(b"hi".to_vec()));
    assert_eq!(read("\"bytes\"", b"\x04hi"), Ok("hi".to_owned()));
    let error = read::<String>("\"bytes\"", b"\x02\xff").unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::InvalidUtf8);
    let fixed = r#"{"type":"fixed","name":"F","size":2}"#;
    assert_eq!(unresolvable::<Vec<u8>>(fixed), ": the writer's fixed `F` can't be read as `bytes`");
}

#[derive(Debug, PartialEq, EventData)]
enum Colour {
    Red,
    Green,
    #[event(default)]
    Other,
}

#[derive(Debug, PartialEq, EventData)]
enum Size {
    Small,
    Large,
}

#[test]
fn symbols_are_found_by_name() {
    let colours = r#"{"type":"enum","name":"Colour","symbols":["BLUE","GREEN","RED"]}"#;
    let symbol = |name: &str| match name {
        "RED" => Colour::Red,
        "GREEN" => Colour::Green,
        _ => Colour::Other,
    };
    // However the variants are spelled in Avro.
    let own: Vec<String> = match Colour::SCHEMA {
        Schema::Enum(view) => view.symbols.iter().map(|&symbol| symbol.to_owned()).collect(),
        _ => Vec::new(),
    };
    let [red, green, other] = own.as_slice() else { panic!("{own:?}") };
    assert!(!colours.contains(&format!("\"{other}\"")));
    let colours = colours.replace("RED", red).replace("GREEN", green);
    assert_eq!(read(&colours, &[0]), Ok(symbol("BLUE")), "the default stands for what is unknown");
    assert_eq!(read(&colours, &[2]), Ok(symbol("GREEN")));
    assert_eq!(read(&colours, &[4]), Ok(symbol("RED")));
    let error = read::<Colour>(&colours, &[6]).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::UnknownSymbol { index: 3, symbols: 3 });
    assert_eq!(
        strategy::<Colour>(&format!(
            r#"{{"type":"enum","name":"Colour","symbols":["{red}","{green}","{other}"]}}"#
        )),
        Strategy::Same
    );
}

#[test]
fn an_unknown_symbol_is_an_error_where_it_occurs() {
    let [small, large] = match Size::SCHEMA {
        Schema::Enum(view) => [view.symbols[0], view.symbols[1]],
        _ => [""; 2],
    };
    let sizes = format!(r#"{{"type":"enum","name":"Size","symbols":["HUGE","{small}","{large}"]}}"#);
    assert_eq!(read(&sizes, &[2]), Ok(Size::Small));
    assert_eq!(
        refused::<Size>(&sizes, &[0]),
        "data of another schema can't be read: the reader's enum has no symbol `HUGE` and no default (at byte 1)"
    );
    assert_eq!(
        unresolvable::<Size>(&sizes.replace("Size", "Format")),
        ": the writer's enum is `Format`, the reader's is `Size`: give `Size` the alias `Format`"
    );
}

/// A `long` of this logical type.
pub(super) fn logical(base: &str, name: &str) -> String {
    format!(r#"{{"type":"{base}","logicalType":"{name}"}}"#)
}

/// Milliseconds since 1970, as a hand-written type has them.
#[derive(Debug, PartialEq)]
pub(super) struct Millis(i64);

impl EventData for Millis {
    const SCHEMA: &'static Schema = &Schema::Logical(&Logical {
        base: Schema::Long,
        name: "timestamp-millis",
        attributes: r#""logicalType":"timestamp-millis""#,
    });
    const MIN_LEN: usize = 1;

    fn max_len(&self) -> usize {
        crate::avro::LONG_MAX_LEN
    }

    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        writer.long(self.0)
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.long().map(Self)
    }
}

#[test]
fn the_units_of_times_are_converted() {
    let nanos = DateTime::from_timestamp_nanos;
    assert_eq!(read(&logical("long", "timestamp-micros"), &to_vec(&-5_i64).unwrap()), Ok(nanos(-5_000)));
    assert_eq!(read(&logical("long", "timestamp-micros"), &to_vec(&-5_000_i64).unwrap()), Ok(Millis(-5)));
    assert_eq!(read(&logical("int", "time-millis"), &[10]), Ok(jiff::civil::time(0, 0, 0, 5_000_000)));
    assert_eq!(read(LONG, &[10]), Ok(nanos(5)), "a number as it is");
    assert_eq!(read(&logical("long", "timestamp-micros"), &[10]), Ok(5_i64));
}

#[test]
fn no_digits_are_lost_and_nothing_wraps() {
    assert_eq!(
        refused::<Millis>(&logical("long", "timestamp-nanos"), &to_vec(&1_i64).unwrap()),
        "data of another schema can't be read: 1 has digits below the reader's unit, which is 1000000 times the writer's (at byte 1)"
    );
    let millis = logical("long", "timestamp-millis");
    let error = read::<DateTime<Utc>>(&millis, &to_vec(&i64::MAX).unwrap()).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::OutOfRange { value: i64::MAX, .. }), "{error}");
    assert_eq!(
        unresolvable::<Millis>(&logical("long", "local-timestamp-micros")),
        ": the writer's `local-timestamp-micros` can't be read as `timestamp-millis`"
    );
    assert_eq!(
        unresolvable::<Millis>(&logical("int", "date")),
        ": the writer's `date` can't be read as `timestamp-millis`"
    );
}

#[test]
fn a_uuid_is_a_string_and_the_reverse() {
    let uuid = uuid::Uuid::from_u128(7);
    let text = to_vec(&uuid.to_string()).unwrap();
    assert_eq!(read(STRING, &text), Ok(uuid));
    assert_eq!(read(&logical("string", "uuid"), &text), Ok(uuid.to_string()));
}
