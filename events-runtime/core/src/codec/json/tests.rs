use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{PersonalData, from_json, to_json};
use crate::{EventData, avro};
use events_schema::tree::{Logical, Schema};

#[derive(Debug, Clone, PartialEq, EventData)]
struct Everything {
    flag: bool,
    small: i32,
    wide: i64,
    single: f32,
    double: f64,
    bytes: Vec<u8>,
    text: String,
    maybe: Option<String>,
    list: Vec<Line>,
    map: BTreeMap<String, i64>,
    colour: Colour,
    shape: Shape,
    other: Option<Shape>,
    tree: Tree,
    #[event(pii)]
    email: String,
    #[event(pii)]
    phone: Option<String>,
    id: uuid::Uuid,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Line {
    #[event(default = 1)]
    count: i64,
    #[event(default = "each")]
    unit: String,
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Colour {
    Red,
    Green,
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Shape {
    Point,
    Circle { radius: f64 },
    Group { shapes: Vec<Shape> },
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Tree {
    children: Vec<Tree>,
    parent: Option<Box<Tree>>,
}

fn leaf() -> Tree {
    Tree { children: Vec::new(), parent: None }
}

fn everything() -> Everything {
    Everything {
        flag: true,
        small: -5,
        wide: i64::MIN,
        single: 0.5,
        double: f64::NEG_INFINITY,
        bytes: vec![0, 255, 1],
        text: "é\"".to_owned(),
        maybe: None,
        list: vec![Line { count: 2, unit: "kg".to_owned() }],
        map: BTreeMap::from([("a b".to_owned(), 7)]),
        colour: Colour::Green,
        shape: Shape::Group { shapes: vec![Shape::Point, Shape::Circle { radius: 1.5 }] },
        other: Some(Shape::Point),
        tree: Tree { children: vec![leaf()], parent: Some(Box::new(leaf())) },
        email: "bob@foo.example".to_owned(),
        phone: None,
        id: uuid::Uuid::from_u128(1),
    }
}

fn shown() -> Value {
    json!({
        "flag": true,
        "small": -5,
        "wide": i64::MIN,
        "single": 0.5,
        "double": "-Infinity",
        "bytes": "AP8B",
        "text": "é\"",
        "maybe": null,
        "list": [{"count": 2, "unit": "kg"}],
        "map": {"a b": 7},
        "colour": "Green",
        "shape": {"ShapeGroup": {"shapes": [{"ShapePoint": {}}, {"ShapeCircle": {"radius": 1.5}}]}},
        "other": {"ShapePoint": {}},
        "tree": {
            "children": [{"children": [], "parent": null}],
            "parent": {"children": [], "parent": null},
        },
        "email": "bob@foo.example",
        "phone": null,
        "id": "00000000-0000-0000-0000-000000000001",
    })
}

#[test]
fn a_datum_and_its_json_say_the_same() {
    let datum = avro::to_vec(&everything()).unwrap();
    let json = to_json(Everything::SCHEMA, &datum, PersonalData::Shown).unwrap();
    assert_eq!(json, shown());
    assert_eq!(from_json(Everything::SCHEMA, &json).unwrap(), datum);
}

#[test]
fn personal_data_is_masked_unless_it_is_asked_for() {
    let datum = avro::to_vec(&everything()).unwrap();
    let json = to_json(Everything::SCHEMA, &datum, PersonalData::Masked).unwrap();
    assert_eq!(json["email"], "***");
    assert_eq!(json["phone"], Value::Null, "that there is none is no secret");
    assert!(!json.to_string().contains("bob@foo"));
}

#[test]
fn a_field_left_out_takes_its_default_or_null() {
    let mut json = shown();
    let object = json.as_object_mut().unwrap();
    object.remove("maybe");
    object.remove("phone");
    object.insert("list".to_owned(), json!([{}]));
    object.insert("other".to_owned(), json!("ShapePoint"));
    let datum = from_json(Everything::SCHEMA, &json).unwrap();
    let read: Everything = avro::from_slice(&datum).unwrap();
    let expected = Everything { list: vec![Line { count: 1, unit: "each".to_owned() }], ..everything() };
    assert_eq!(read, expected);
}

#[test]
fn every_fault_is_named_with_its_path_at_once() {
    let json = json!({
        "flag": "yes",
        "small": 2_147_483_648_i64,
        "wide": 1.5,
        "single": "one",
        "double": null,
        "bytes": "not base64!",
        "text": 5,
        "maybe": 5,
        "list": [{"count": 1}, {"count": "two", "unti": "kg"}],
        "map": {"a b": null},
        "colour": "Blue",
        "shape": {"ShapeSquare": {}},
        "other": {"ShapeCircle": {"radius": "r"}},
        "tree": {"children": [{"children": 5}]},
        "id": "1",
        "nonsense": 1,
    });
    let error = from_json(Everything::SCHEMA, &json).unwrap_err();
    let found: Vec<_> = error.mismatches().iter().map(ToString::to_string).collect();
    let expected = [
        "flag: expected true or false, found \"yes\"",
        "small: 2147483648 is not a whole number from -2147483648 to 2147483647",
        "wide: 1.5 is not a whole number",
        "single: expected a number",
        "double: expected a number",
        "bytes: expected bytes in base64",
        "text: expected a string, found 5",
        "maybe: expected a string, found 5",
        "list[1].count: expected a whole number, found \"two\"",
        "list[1].unti: unknown field, expected one of `count`, `unit`",
        "map[\"a b\"]: expected a whole number, found null",
        "colour: expected `Red`, `Green`, found \"Blue\"",
        "shape: expected an object of one entry, `ShapePoint`, `ShapeCircle`, `ShapeGroup`, such as",
        "other.ShapeCircle.radius: expected a number",
        "tree.children[0].children: expected an array, found 5",
        "email: missing, and has no default",
        "id: expected a UUID",
        "nonsense: unknown field",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

#[test]
fn a_number_beyond_a_float_is_a_fault_and_never_infinity() {
    for (number, fits) in [(json!(1e300), false), (json!(-1e39), false), (json!(f32::MAX), true)] {
        let mut event = shown();
        event["email"] = json!("a@b.example");
        event["single"] = number;
        let error = from_json(Everything::SCHEMA, &event).err().map(|error| error.to_string());
        let found = error
            .as_deref()
            .is_some_and(|error| error.contains("single: ") && error.contains("is not a number from"));
        assert_eq!(found, !fits, "{error:?}");
    }
}

#[test]
fn nesting_beyond_what_a_reader_follows_is_a_fault() {
    let mut tree = json!({"children": []});
    for _ in 0..200 {
        tree = json!({"children": [tree]});
    }
    let error = from_json(Tree::SCHEMA, &tree).unwrap_err();
    assert!(error.to_string().contains("nested more than 128 levels"), "{error}");
}

#[test]
fn a_broken_datum_is_an_error_with_the_path() {
    let datum = avro::to_vec(&everything()).unwrap();
    for len in 0..datum.len() {
        to_json(Everything::SCHEMA, &datum[..len], PersonalData::Shown).unwrap_err();
    }
    let cut = to_json(Everything::SCHEMA, &datum[..1], PersonalData::Shown).unwrap_err();
    assert_eq!(cut.path(), "small");
}

macro_rules! logical {
    ($base:ident, $name:literal) => {
        logical!($base, $name, concat!("\"logicalType\":\"", $name, "\""))
    };
    ($base:ident, $name:literal, $attributes:expr) => {{
        static LOGICAL: Logical = Logical { base: Schema::$base, name: $name, attributes: $attributes };
        static SCHEMA: Schema = Schema::Logical(&LOGICAL);
        &SCHEMA
    }};
}

const DECIMAL: &str = "\"logicalType\":\"decimal\",\"precision\":30,\"scale\":2";

#[test]
fn logical_types_are_written_as_people_write_them() {
    for (schema, number, text) in [
        (logical!(Int, "date"), 0, "1970-01-01"),
        (logical!(Int, "date"), -1, "1969-12-31"),
        (logical!(Int, "date"), 20_512, "2026-02-28"),
        (logical!(Int, "time-millis"), 47_100_250, "13:05:00.25"),
        (logical!(Long, "time-micros"), 1, "00:00:00.000001"),
        (logical!(Long, "timestamp-millis"), -1, "1969-12-31T23:59:59.999Z"),
        (logical!(Long, "timestamp-micros"), 1_000_001, "1970-01-01T00:00:01.000001Z"),
        (logical!(Long, "timestamp-nanos"), 1, "1970-01-01T00:00:00.000000001Z"),
        (logical!(Long, "local-timestamp-micros"), 500_000, "1970-01-01T00:00:00.5"),
    ] {
        let datum = from_json(schema, &json!(text)).unwrap();
        assert_eq!(from_json(schema, &json!(number)).unwrap(), datum, "{text}");
        assert_eq!(to_json(schema, &datum, PersonalData::Shown).unwrap(), json!(text));
    }
}

#[test]
fn a_time_with_an_offset_is_read_and_one_finer_than_its_unit_is_not() {
    let schema = logical!(Long, "timestamp-millis");
    assert_eq!(from_json(schema, &json!("1970-01-01T01:00:00+01:00")).unwrap(), [0]);
    from_json(schema, &json!("1970-01-01T00:00:00.0001Z")).unwrap_err();
    from_json(schema, &json!("yesterday")).unwrap_err();
}

#[test]
fn every_number_of_a_date_or_time_comes_back_from_its_json() {
    // The ends of the calendars: the year 9999, the last of `jiff::Timestamp`, and years of more digits.
    let (end, last) = (253_402_300_799_i64, 253_402_207_200_i64);
    let ints = [logical!(Int, "date"), logical!(Int, "time-millis")];
    let millis = [logical!(Long, "timestamp-millis"), logical!(Long, "local-timestamp-millis")];
    let micros = [
        logical!(Long, "timestamp-micros"),
        logical!(Long, "local-timestamp-micros"),
        logical!(Long, "time-micros"),
    ];
    let nanos = [logical!(Long, "timestamp-nanos"), logical!(Long, "local-timestamp-nanos")];
    let days = [2_932_896, 2_932_897, -4_371_222, -4_371_223];
    let cases = ints.iter().flat_map(|schema| days.map(|day| (*schema, day)));
    let around = |unit: i64| {
        [end, end + 1, last, last + 1, -end, -2 * end].into_iter().flat_map(move |second| {
            [0, 1, unit - 1].map(|below| second.saturating_mul(unit).saturating_add(below))
        })
    };
    let cases = cases
        .chain(millis.iter().flat_map(|schema| around(1_000).map(|number| (*schema, number))))
        .chain(micros.iter().flat_map(|schema| around(1_000_000).map(|number| (*schema, number))))
        .chain(nanos.iter().flat_map(|schema| around(1_000_000_000).map(|number| (*schema, number))))
        .chain(
            ints.iter()
                .flat_map(|schema| [i32::MIN, -1, 0, i32::MAX].map(|number| (*schema, i64::from(number)))),
        )
        .chain(
            [&millis[..], &micros, &nanos]
                .concat()
                .into_iter()
                .flat_map(|schema| [i64::MIN, -1, 0, i64::MAX].map(|number| (schema, number))),
        );
    for (schema, number) in cases {
        let datum = from_json(schema, &json!(number)).expect("a number");
        let shown = to_json(schema, &datum, PersonalData::Shown).expect("a datum");
        assert_eq!(from_json(schema, &shown).expect("its own JSON"), datum, "{schema:?} {number} {shown}");
    }
}

#[test]
fn times_to_the_end_of_the_year_9999_are_text_and_read_from_it() {
    for (schema, number, text) in [
        (logical!(Int, "date"), 2_932_896, "9999-12-31"),
        (logical!(Long, "timestamp-millis"), 253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (logical!(Long, "timestamp-micros"), 253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        (logical!(Long, "local-timestamp-millis"), 253_402_300_799_999, "9999-12-31T23:59:59.999"),
        (logical!(Long, "local-timestamp-micros"), 253_402_300_799_999_999, "9999-12-31T23:59:59.999999"),
        (logical!(Long, "timestamp-nanos"), i64::MAX, "2262-04-11T23:47:16.854775807Z"),
        (logical!(Long, "local-timestamp-nanos"), i64::MIN, "1677-09-21T00:12:43.145224192"),
    ] {
        let datum = from_json(schema, &json!(text)).expect(text);
        assert_eq!(from_json(schema, &json!(number)).expect(text), datum, "{text}");
        assert_eq!(to_json(schema, &datum, PersonalData::Shown).expect(text), json!(text));
    }
    // With an offset it is a year of five digits in UTC: a number.
    let schema = logical!(Long, "timestamp-millis");
    let datum = from_json(schema, &json!("9999-12-31T23:59:59-12:00")).expect("a time");
    let shown = to_json(schema, &datum, PersonalData::Shown).expect("a datum");
    assert_eq!(shown, json!(253_402_343_999_000_i64));
}

#[test]
fn zeros_behind_the_ninth_digit_are_no_digits_too_many() {
    for (schema, text, number) in [
        (logical!(Long, "timestamp-millis"), "1970-01-01T00:00:00.001000000000Z", 1),
        (logical!(Long, "timestamp-nanos"), "1970-01-01T00:00:00.0000000010000Z", 1),
        (logical!(Long, "local-timestamp-micros"), "1970-01-01T00:00:00.000001000000", 1),
        (logical!(Long, "time-micros"), "00:00:00.000001000000", 1),
    ] {
        assert_eq!(
            from_json(schema, &json!(text)).expect(text),
            from_json(schema, &json!(number)).expect(text)
        );
    }
    let nanos = logical!(Long, "timestamp-nanos");
    from_json(nanos, &json!("1970-01-01T00:00:00.0000000011Z")).expect_err("finer than the unit");
}

#[test]
fn a_number_out_of_all_bounds_is_shown_as_a_number() {
    let schema = logical!(Int, "date");
    // A hostile datum: a `date` of 64 bits.
    let datum = avro::to_vec(&(i64::MAX / 24)).expect("a long");
    assert_eq!(to_json(schema, &datum, PersonalData::Shown).expect("a long"), json!(i64::MAX / 24));
}

#[test]
fn a_date_beyond_the_calendar_stays_a_number() {
    let schema = logical!(Long, "timestamp-millis");
    let datum = from_json(schema, &json!(i64::MAX)).unwrap();
    assert_eq!(to_json(schema, &datum, PersonalData::Shown).unwrap(), json!(i64::MAX));
}

#[test]
fn a_time_finer_than_its_unit_or_beyond_its_years_is_told_what_the_unit_holds() {
    for (schema, text, told) in [
        (logical!(Long, "timestamp-millis"), "2026-02-28T13:05:00.0001Z", "at most 3 digits"),
        (logical!(Long, "timestamp-micros"), "2026-02-28T13:05:00.0000001Z", "at most 6 digits"),
        (logical!(Long, "timestamp-nanos"), "9999-12-31T23:59:59Z", "from 1677 to 2262"),
        (logical!(Long, "local-timestamp-millis"), "2026-02-28T13:05:00.0001", "at most 3 digits"),
        (logical!(Long, "local-timestamp-micros"), "2026-02-28T13:05:00.0000001", "at most 6 digits"),
        (logical!(Long, "local-timestamp-nanos"), "9999-12-31T23:59:59", "from 1677 to 2262"),
        (logical!(Int, "time-millis"), "13:05:00.0001", "at most 3 digits"),
        (logical!(Long, "time-micros"), "13:05:00.0000001", "at most 6 digits"),
    ] {
        let fault = from_json(schema, &json!(text)).unwrap_err().to_string();
        assert!(fault.contains(told), "{fault}");
    }
}

#[test]
fn decimals_are_exact() {
    let schema = logical!(Bytes, "decimal", DECIMAL);
    for (text, bytes) in [
        ("0.00", &[0][..]),
        ("0.05", &[5]),
        ("-0.05", &[0xfb]),
        ("1.27", &[0x7f]),
        ("1.28", &[0x00, 0x80]),
        ("-1.28", &[0x80]),
        ("-1.29", &[0xff, 0x7f]),
        // The least number of 128 bits.
        ("-1701411834604692317316873037158841057.28", &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("12345678901234567890.12", &[0x42, 0xed, 0x12, 0x3b, 0x0b, 0xd8, 0x20, 0x3a, 0x14]),
    ] {
        let datum = from_json(schema, &json!(text)).unwrap();
        assert_eq!(&datum[1..], bytes, "{text}");
        assert_eq!(to_json(schema, &datum, PersonalData::Shown).unwrap(), json!(text));
    }
    assert_eq!(from_json(schema, &json!("1.2")).unwrap(), from_json(schema, &json!("1.20")).unwrap());
    for text in ["1.234", "", "1.", ".5", "1e3", "--1", "+1"] {
        from_json(schema, &json!(text)).unwrap_err();
    }
    for schema in [schema, logical!(Bytes, "big-decimal")] {
        for number in [json!(5), json!(1.5), json!(null)] {
            let fault = from_json(schema, &number).unwrap_err().to_string();
            assert!(fault.contains("a decimal number in quotes"), "{fault}");
        }
    }
}

#[test]
fn decimals_with_their_own_scale_keep_their_digits() {
    let schema = logical!(Bytes, "big-decimal");
    for (text, bytes) in
        [("0", &[2, 0, 0][..]), ("1.50", &[4, 0x00, 0x96, 4]), ("-0.05", &[2, 0xfb, 4]), ("1.5", &[2, 15, 2])]
    {
        let datum = from_json(schema, &json!(text)).unwrap();
        assert_eq!(&datum[1..], bytes, "{text}");
        assert_eq!(to_json(schema, &datum, PersonalData::Shown).unwrap(), json!(text));
    }
    from_json(schema, &json!("1,5")).unwrap_err();
}

#[cfg(feature = "rust_decimal")]
#[test]
fn a_rust_decimal_is_what_its_json_says() {
    use rust_decimal::Decimal;
    for text in ["0", "1.50", "-0.05", "79228162514264337593543950335", "-0.0000000000000000000000000001"] {
        let decimal: Decimal = text.parse().unwrap();
        let datum = avro::to_vec(&decimal).unwrap();
        assert_eq!(to_json(Decimal::SCHEMA, &datum, PersonalData::Shown).unwrap(), json!(text));
        assert_eq!(from_json(Decimal::SCHEMA, &json!(text)).unwrap(), datum);
    }
}

#[derive(Debug, PartialEq, EventData)]
struct Later {
    #[event(default = 5)]
    maybe: Option<i32>,
    #[event(default = { "radius": 1.5 })]
    shape: Shape,
    #[event(default = { "radius": 2.5 })]
    other: Option<Shape>,
    #[event(default = -0)]
    zero: i64,
}

#[test]
fn a_default_may_be_of_any_branch_of_a_union() {
    let expected = Later {
        maybe: Some(5),
        shape: Shape::Circle { radius: 1.5 },
        other: Some(Shape::Circle { radius: 2.5 }),
        zero: 0,
    };
    let datum = from_json(Later::SCHEMA, &json!({})).unwrap();
    assert_eq!(avro::from_slice::<Later>(&datum).unwrap(), expected);
    // `null` in an object is what an `Option` without a value is.
    let datum = from_json(Later::SCHEMA, &json!({"maybe": null, "other": null})).unwrap();
    let read = avro::from_slice::<Later>(&datum).unwrap();
    assert_eq!((read.maybe, read.other), (None, None));
    let writer = avro::WriterSchema::parse(r#"{"type": "record", "name": "Later", "fields": []}"#).unwrap();
    assert_eq!(avro::from_slice_resolved::<Later>(&writer, &[]).unwrap(), expected);
}

#[test]
fn minus_zero_is_a_whole_number() {
    let value: Value = serde_json::from_str("-0").unwrap();
    assert_eq!(from_json(i32::SCHEMA, &value).unwrap(), [0]);
    assert_eq!(from_json(i64::SCHEMA, &value).unwrap(), [0]);
    assert_eq!(from_json(f64::SCHEMA, &value).unwrap(), (-0.0_f64).to_le_bytes());
    assert!(from_json(i64::SCHEMA, &json!(0.5)).is_err());
}
