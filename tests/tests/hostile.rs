//! Invalid input: always a typed error with its position, never a panic.

use std::collections::BTreeMap;

use events_runtime::avro::{
    self, DecodeError, DecodeErrorKind as Kind, EncodeErrorKind, MAX_DEPTH, MAX_EMPTY_ITEMS,
};
use events_runtime::{EventData, PublicSignal};
use events_tests::sample_types::{Sample, Specimen, specimens};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.hostile.order.placed.v1")]
struct Order {
    id: String,
    paid: bool,
    lines: Vec<Line>,
    notes: BTreeMap<String, Line>,
    status: Status,
    payment: Option<Payment>,
    hash: [u8; 2],
    flags: Vec<Flag>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Line {
    sku: String,
    #[event(rename = "quantity")]
    count: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, EventData)]
enum Status {
    Open,
    Done,
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Payment {
    Cash,
    Card { number: u64 },
}

/// Encoded in zero bytes.
#[derive(Debug, Clone, PartialEq, EventData)]
struct Flag;

fn line(sku: &str, count: u8) -> Line {
    Line { sku: sku.to_owned(), count }
}

fn order() -> Order {
    Order {
        id: "o1".to_owned(),
        paid: true,
        lines: vec![line("a", 1), line("b", 200)],
        notes: BTreeMap::from([("k".to_owned(), line("c", 3))]),
        status: Status::Done,
        payment: Some(Payment::Card { number: 5 }),
        hash: [7, 8],
        flags: vec![Flag, Flag],
    }
}

/// The datum of [`order`], part by part.
fn parts() -> Vec<Vec<u8>> {
    vec![
        b"\x04o1".to_vec(),
        vec![1],
        b"\x04\x02a\x02\x02b\x90\x03\0".to_vec(),
        b"\x02\x02k\x02c\x06\0".to_vec(),
        vec![2],
        vec![4, 10],
        vec![4, 7, 8],
        vec![4, 0],
    ]
}

const ID: usize = 0;
const PAID: usize = 1;
const LINES: usize = 2;
const NOTES: usize = 3;
const STATUS: usize = 4;
const PAYMENT: usize = 5;
const HASH: usize = 6;
const FLAGS: usize = 7;

/// The error for an order with one part replaced.
#[track_caller]
fn fault(part: usize, bytes: &[u8]) -> (Kind, String) {
    let mut parts = parts();
    parts[part] = bytes.to_vec();
    let datum = parts.concat();
    let fault = avro::from_slice::<Order>(&datum).unwrap_err();
    assert!(fault.offset() <= datum.len(), "{fault:?}");
    (fault.kind().clone(), fault.path())
}

/// A `long` as a varint.
fn long(value: i64) -> Vec<u8> {
    avro::to_vec(&value).unwrap()
}

#[test]
fn the_parts_are_an_order() {
    assert_eq!(avro::from_slice::<Order>(&parts().concat()).unwrap(), order());
    assert_eq!(avro::to_vec(&order()).unwrap(), parts().concat());
}

#[test]
fn an_over_long_varint_is_refused_at_its_field() {
    for bytes in [&[0x80; 10][..], &[0xff; 12], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]] {
        assert_eq!(fault(ID, bytes), (Kind::VarintTooLong, "id".to_owned()));
        assert_eq!(fault(LINES, bytes), (Kind::VarintTooLong, "lines".to_owned()));
        assert_eq!(fault(STATUS, bytes), (Kind::VarintTooLong, "status".to_owned()));
    }
}

#[test]
fn a_negative_length_is_refused() {
    assert_eq!(fault(ID, &[1]), (Kind::NegativeLength(-1), "id".to_owned()));
    assert_eq!(fault(ID, &long(i64::MIN)), (Kind::NegativeLength(i64::MIN), "id".to_owned()));
    assert_eq!(fault(HASH, &[1]), (Kind::NegativeLength(-1), "hash".to_owned()));
    // The length in bytes after a negative count.
    assert_eq!(fault(LINES, &[1, 1]), (Kind::NegativeLength(-1), "lines".to_owned()));
    let count = [long(i64::MIN), vec![0]].concat();
    assert_eq!(fault(LINES, &count), (Kind::NegativeLength(i64::MIN), "lines".to_owned()));
}

#[test]
fn a_length_beyond_the_bytes_is_refused() {
    let (kind, path) = fault(ID, &long(1 << 40));
    assert!(matches!(kind, Kind::UnexpectedEnd { missing } if missing > 1 << 39), "{kind:?}");
    assert_eq!(path, "id");
    assert!(matches!(fault(HASH, &long(i64::MAX)).0, Kind::UnexpectedEnd { .. }));
}

#[test]
fn a_huge_count_is_refused_before_memory_is_taken() {
    for count in [100, 1 << 20, 1 << 40, i64::MAX] {
        let expected = count.unsigned_abs();
        let (kind, path) = fault(LINES, &long(count));
        assert!(matches!(kind, Kind::CountTooLarge { count, .. } if count == expected), "{kind:?}");
        assert_eq!(path, "lines");
        let negative = [long(-count), long(1)].concat();
        assert!(matches!(fault(LINES, &negative).0, Kind::CountTooLarge { count, .. } if count == expected));
        assert!(
            matches!(fault(NOTES, &long(count)).0, Kind::CountTooLarge { count, .. } if count == expected)
        );
    }
}

#[test]
fn a_huge_count_of_items_without_bytes_is_refused() {
    let most = i64::try_from(MAX_EMPTY_ITEMS).unwrap();
    let too_many = (Kind::TooManyEmptyItems { limit: MAX_EMPTY_ITEMS }, "flags".to_owned());
    for count in [most + 1, i64::MAX] {
        assert_eq!(fault(FLAGS, &long(count)), too_many);
        assert_eq!(fault(FLAGS, &[long(-count), vec![0]].concat()), too_many);
    }
    // Nor in many blocks.
    let blocks = [long(most), long(1), vec![0]].concat();
    assert_eq!(fault(FLAGS, &blocks), too_many);
    let mut parts = parts();
    parts[FLAGS] = [long(most), vec![0]].concat();
    assert_eq!(avro::from_slice::<Order>(&parts.concat()).unwrap().flags.len(), MAX_EMPTY_ITEMS);
}

#[test]
fn more_items_without_bytes_than_a_reader_takes_are_not_written() {
    let mut order = order();
    order.flags = vec![Flag; MAX_EMPTY_ITEMS];
    assert_eq!(avro::from_slice::<Order>(&avro::to_vec(&order).unwrap()).unwrap(), order);
    order.flags.push(Flag);
    let fault = avro::to_vec(&order).unwrap_err();
    assert_eq!(fault.kind(), &EncodeErrorKind::TooManyEmptyItems { limit: MAX_EMPTY_ITEMS });
    assert_eq!(fault.path(), "flags");
}

#[test]
fn blocks_of_any_form_are_one_array() {
    let mut parts = parts();
    // One item with its length in bytes, then one without.
    parts[LINES] = b"\x01\x06\x02a\x02\x02\x02b\x90\x03\0".to_vec();
    // The length in bytes is not used, so a wrong one is no error.
    parts[NOTES] = b"\x01\x7e\x02k\x02c\x06\0".to_vec();
    parts[FLAGS] = b"\x02\x02\0".to_vec();
    assert_eq!(avro::from_slice::<Order>(&parts.concat()).unwrap(), order());
}

#[test]
fn bad_utf8_is_refused_with_its_path() {
    for bytes in [&b"\x02\xff"[..], b"\x04\xc3\x28", b"\x06\xed\xa0\x80", b"\x02\x80", b"\x04\xc0\x80"] {
        assert_eq!(fault(ID, bytes), (Kind::InvalidUtf8, "id".to_owned()), "{bytes:?}");
    }
    assert_eq!(fault(LINES, b"\x04\x02a\x02\x02\xff\x02\0"), (Kind::InvalidUtf8, "lines[1].sku".to_owned()));
    assert_eq!(fault(NOTES, b"\x02\x02k\x02\xff\x06\0"), (Kind::InvalidUtf8, "notes[\"k\"].sku".to_owned()));
    assert_eq!(fault(NOTES, b"\x02\x02\xff\x02c\x06\0"), (Kind::InvalidUtf8, "notes".to_owned()));
}

#[test]
fn an_invalid_boolean_is_rejected() {
    for byte in [2, 0x80, 0xff] {
        assert_eq!(fault(PAID, &[byte]), (Kind::InvalidBoolean(byte), "paid".to_owned()));
    }
}

#[test]
fn an_unknown_branch_is_refused() {
    for index in [-1, 3, i64::MAX, i64::MIN] {
        let unknown = (Kind::UnknownBranch { index, branches: 3 }, "payment".to_owned());
        assert_eq!(fault(PAYMENT, &long(index)), unknown);
    }
}

#[test]
fn an_unknown_symbol_is_refused() {
    for index in [-1, 2, i64::MAX, i64::MIN] {
        let unknown = (Kind::UnknownSymbol { index, symbols: 2 }, "status".to_owned());
        assert_eq!(fault(STATUS, &long(index)), unknown);
    }
}

#[test]
fn a_number_that_the_rust_type_is_too_narrow_for_is_refused() {
    let out_of_range = (Kind::OutOfRange { value: 256, rust: "u8" }, "lines[0].quantity".to_owned());
    assert_eq!(fault(LINES, b"\x02\x02a\x80\x04\0"), out_of_range);
    let negative = (Kind::OutOfRange { value: -1, rust: "u64" }, "payment.number".to_owned());
    assert_eq!(fault(PAYMENT, &[4, 1]), negative);
    assert_eq!(fault(HASH, &[2, 7]), (Kind::WrongLength { expected: 2, found: 1 }, "hash".to_owned()));
    assert_eq!(fault(HASH, &[6, 7, 8, 9]), (Kind::WrongLength { expected: 2, found: 3 }, "hash".to_owned()));
}

#[test]
fn bytes_after_the_datum_are_rejected() {
    for behind in [&[0][..], &[0xff; 3]] {
        let datum = [parts().concat(), behind.to_vec()].concat();
        let fault = avro::from_slice::<Order>(&datum).unwrap_err();
        assert_eq!(fault.kind(), &Kind::TrailingBytes(behind.len()));
        assert_eq!(fault.offset(), parts().concat().len());
    }
}

#[test]
fn a_single_object_is_of_its_own_schema_or_refused() {
    let object = avro::to_single_object(&order()).unwrap();
    assert_eq!(avro::from_single_object::<Order>(&object).unwrap(), order());
    for len in 0..10 {
        let fault = avro::from_single_object::<Order>(&object[..len]).unwrap_err();
        assert_eq!(fault.kind(), &Kind::NotSingleObject);
    }
    let mut other = object.clone();
    other[0] = 0xc2;
    assert_eq!(avro::from_single_object::<Order>(&other).unwrap_err().kind(), &Kind::NotSingleObject);
    let mut other = object.clone();
    other[9] ^= 1;
    let fault = avro::from_single_object::<Order>(&other).unwrap_err();
    assert!(matches!(fault.kind(), Kind::OtherSchema { expected, .. } if *expected == Order::FINGERPRINT));
    assert!(matches!(
        avro::from_single_object::<Order>(&object[..11]).unwrap_err().kind(),
        Kind::UnexpectedEnd { .. }
    ));
}

#[test]
fn a_datum_cut_anywhere_ends_too_early() {
    for specimen in specimens() {
        for sample in specimen.samples().iter().filter(|sample| sample.datum.len() < 600).take(8) {
            for len in 0..sample.datum.len() {
                let fault = specimen.again(&sample.datum[..len]).expect_err("a part is not a whole datum");
                // A count larger than the input is detected before its end.
                assert!(
                    matches!(fault.kind(), Kind::UnexpectedEnd { .. } | Kind::CountTooLarge { .. }),
                    "{} cut at {len}: {fault:?}",
                    specimen.name
                );
                assert!(fault.offset() <= len);
            }
        }
    }
}

/// Any bytes must give a value that can be encoded and decoded again, or a typed error.
fn survives(specimen: &Specimen, bytes: &[u8]) -> Result<(), DecodeError> {
    let again = specimen.again(bytes)?;
    specimen.again(&again).map(|_| ()).map_err(|fault| panic!("{}: what was written: {fault}", specimen.name))
}

#[derive(Debug, Clone)]
enum Mutation {
    Flip { at: usize, bits: u8 },
    Remove { at: usize },
    Insert { at: usize, byte: u8 },
    Splice { at: usize, varint: i64 },
    Repeat { at: usize, len: usize },
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        let at = any::<usize>();
        prop_oneof![
            (at, 1..=u8::MAX).prop_map(|(at, bits)| Self::Flip { at, bits }),
            at.prop_map(|at| Self::Remove { at }),
            (at, any::<u8>()).prop_map(|(at, byte)| Self::Insert { at, byte }),
            (at, prop_oneof![any::<i64>(), -3..300_i64, Just(i64::MIN), Just(i64::MAX)])
                .prop_map(|(at, varint)| Self::Splice { at, varint }),
            (at, 1..40_usize).prop_map(|(at, len)| Self::Repeat { at, len }),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        let end = bytes.len();
        let place = |at: usize| if end == 0 { 0 } else { at % end };
        match *self {
            Self::Flip { at, bits } => bytes.get_mut(place(at)).into_iter().for_each(|byte| *byte ^= bits),
            Self::Remove { at } if end > 0 => drop(bytes.remove(place(at))),
            Self::Remove { .. } => {}
            Self::Insert { at, byte } => bytes.insert(place(at), byte),
            Self::Splice { at, varint } => {
                let at = place(at);
                bytes.splice(at..end.min(at + 1), long(varint));
            }
            Self::Repeat { at, len } => {
                let at = place(at);
                let part = bytes[at..end.min(at + len)].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

#[test]
fn a_mutated_datum_of_any_type_is_a_value_or_a_typed_error() {
    let (mut values, mut faults) = (0_u32, 0_u32);
    for specimen in specimens() {
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(100) });
        let any = (specimen.any(), prop::collection::vec(Mutation::any(), 1..4));
        let counts = std::cell::Cell::new((0, 0));
        let survived = |(sample, mutations): (Sample, Vec<Mutation>)| {
            let mut bytes = sample.datum.clone();
            for mutation in &mutations {
                mutation.apply(&mut bytes);
            }
            let (values, faults) = counts.get();
            match survives(&specimen, &bytes) {
                Ok(()) => counts.set((values + 1, faults)),
                Err(fault) if fault.offset() > bytes.len() => {
                    return Err(TestCaseError::fail(fault.to_string()));
                }
                Err(_) => counts.set((values, faults + 1)),
            }
            Ok(())
        };
        if let Err(fault) = runner.run(&any, survived) {
            panic!("{}: {fault}", specimen.name);
        }
        values += counts.get().0;
        faults += counts.get().1;
    }
    assert!(values > 100 && faults > 1_000, "{values} values and {faults} faults prove little");
}

#[test]
fn random_bytes_for_any_type_are_a_value_or_a_typed_error() {
    for specimen in specimens() {
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(100) });
        // Small bytes are valid lengths and branches more often.
        let byte = prop_oneof![3 => 0..8_u8, 1 => any::<u8>()];
        runner
            .run(&prop::collection::vec(byte, 0..200), |bytes| {
                let _ = survives(&specimen, &bytes);
                Ok(())
            })
            .unwrap_or_else(|fault| panic!("{}: {fault}", specimen.name));
    }
}

/// Wide, so that each level needs much stack.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.hostile.tree.grown.v1")]
struct Tree {
    a: [Option<String>; 4],
    b: Option<String>,
    c: Option<Line>,
    d: Option<f64>,
    e: Vec<String>,
    f: BTreeMap<String, Line>,
    g: String,
    h: String,
    i: String,
    j: Option<Payment>,
    k: u64,
    child: Option<Box<Tree>>,
    children: Vec<Tree>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.hostile.expression.made.v1")]
struct Made {
    expression: Option<Expression>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Expression {
    One,
    Not(Box<Expression>),
    All { of: Vec<Expression>, text: String },
    Named(BTreeMap<String, Expression>),
    Maybe { inner: Option<Box<Expression>>, line: Option<Line> },
}

fn tree(depth: usize) -> Tree {
    let leaf = || Tree {
        a: [const { None }; 4],
        b: None,
        c: None,
        d: None,
        e: Vec::new(),
        f: BTreeMap::new(),
        g: String::new(),
        h: String::new(),
        i: String::new(),
        j: None,
        k: 0,
        child: None,
        children: Vec::new(),
    };
    (1..depth).fold(leaf(), |tree, level| {
        if level % 2 == 0 {
            Tree { child: Some(Box::new(tree)), ..leaf() }
        } else {
            Tree { children: vec![tree], ..leaf() }
        }
    })
}

fn expression(depth: usize) -> Expression {
    (1..depth).fold(Expression::One, |inner, level| match level % 4 {
        0 => Expression::Not(Box::new(inner)),
        1 => Expression::All { of: vec![inner], text: String::new() },
        2 => Expression::Named(BTreeMap::from([("k".to_owned(), inner)])),
        _ => Expression::Maybe { inner: Some(Box::new(inner)), line: None },
    })
}

#[test]
fn values_as_deep_as_a_reader_follows_need_no_more_than_a_common_stack() {
    // The default stack of a thread; the main thread on Windows has half of it.
    let stack = std::thread::Builder::new().stack_size(1 << 20);
    let deepest = stack.spawn(|| {
        let tree = tree(MAX_DEPTH);
        let datum = avro::to_vec(&tree).unwrap();
        assert_eq!(avro::from_slice::<Tree>(&datum).unwrap(), tree.clone());
        let made = Made { expression: Some(expression(MAX_DEPTH)) };
        let datum = avro::to_vec(&made).unwrap();
        assert_eq!(avro::from_slice::<Made>(&datum).unwrap(), made.clone());
    });
    deepest.unwrap().join().unwrap();
}

/// A level of two kilobytes, which needs much more stack in an unoptimized build.
#[derive(Debug, Clone, Default, PartialEq, EventData)]
struct Wide {
    a: [Option<String>; 20],
    b: [[Option<i64>; 25]; 4],
    c: Option<String>,
    d: Option<String>,
    e: Option<String>,
    f: Option<String>,
    next: Option<Box<Wide>>,
}

/// Four kilobytes in memory for one encoded byte.
#[derive(Debug, Clone, PartialEq, EventData)]
struct Numbers {
    numbers: Option<[i64; 512]>,
    next: Option<Box<Numbers>>,
}

/// A large type between two levels of a small one; only the small one is known to be recursive.
#[derive(Debug, Clone, PartialEq, EventData)]
struct Between {
    numbers: Option<[i64; 512]>,
    #[event(back_ref = Small)]
    small: Option<Box<Small>>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Small {
    between: Option<Box<Around>>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Around {
    numbers: Option<[i64; 1024]>,
    between: Option<Box<Between>>,
}

#[test]
fn levels_of_a_large_type_are_fewer_and_need_no_more_than_a_common_stack() {
    // The stack size of tokio's threads.
    let stack = std::thread::Builder::new().stack_size(2 << 20);
    let read = stack.spawn(|| {
        let numbers = |levels: usize| [[0, 2].repeat(levels - 1), vec![0, 0]].concat();
        let most = MAX_DEPTH * 1024 / size_of::<Numbers>();
        assert!(avro::from_slice::<Numbers>(&numbers(most)).is_ok());
        for levels in [most + 1, 127, 5_000] {
            let fault = avro::from_slice::<Numbers>(&numbers(levels)).unwrap_err();
            assert_eq!(fault.kind(), &Kind::TooDeep { limit: most });
        }
        // A value that a reader rejects is not encoded.
        let value = |levels: usize| {
            (1..levels).fold(Numbers { numbers: None, next: None }, |next, _| Numbers {
                numbers: None,
                next: Some(Box::new(next)),
            })
        };
        assert_eq!(avro::to_vec(&value(most)).unwrap(), numbers(most));
        let fault = avro::to_vec(&value(most + 1)).unwrap_err();
        assert_eq!(fault.kind(), &EncodeErrorKind::TooDeep { limit: most });

        let wide = |levels: usize| {
            (1..levels)
                .fold(Wide::default(), |next, _| Wide { next: Some(Box::new(next)), ..Wide::default() })
        };
        let most = MAX_DEPTH * 1024 / size_of::<Wide>();
        let datum = avro::to_vec(&wide(most)).unwrap();
        assert_eq!(avro::from_slice::<Wide>(&datum).unwrap(), wide(most));

        // The stack does not overflow, even with large types between.
        for levels in [10, 100, 10_000] {
            let circles = [0, 2, 2, 0, 2].repeat(levels);
            let fault = avro::from_slice::<Between>(&circles).unwrap_err();
            assert!(matches!(fault.kind(), Kind::TooDeep { .. } | Kind::UnexpectedEnd { .. }), "{fault}");
        }
    });
    read.unwrap().join().unwrap();
}

#[test]
fn a_deeper_value_is_not_written() {
    let fault = avro::to_vec(&tree(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(fault.kind(), &EncodeErrorKind::TooDeep { limit: MAX_DEPTH });
    assert!(fault.path().contains("child"), "{}", fault.path());
    let fault = avro::to_vec(&Made { expression: Some(expression(MAX_DEPTH + 1)) }).unwrap_err();
    assert_eq!(fault.kind(), &EncodeErrorKind::TooDeep { limit: MAX_DEPTH });
}

#[test]
fn deeper_bytes_are_refused_however_deep_they_are() {
    for depth in [MAX_DEPTH + 1, 10_000, 1_000_000] {
        // `Not` in `Not` in …
        let datum = [vec![4], vec![2; depth]].concat();
        let fault = avro::from_slice::<Made>(&datum).unwrap_err();
        assert_eq!(fault.kind(), &Kind::TooDeep { limit: MAX_DEPTH });
        assert!(fault.path().starts_with("expression.value.value"), "{}", fault.path());
    }
}

#[test]
fn a_refused_value_leaves_the_buffer_as_it_was() {
    let mut order = order();
    order.payment = Some(Payment::Card { number: u64::MAX });
    let mut buffer = b"before".to_vec();
    let fault = avro::append(&order, &mut buffer).unwrap_err();
    assert_eq!(buffer, b"before");
    assert_eq!(fault.path(), "payment.number");
    assert_eq!(fault.kind(), &EncodeErrorKind::OutOfRange { value: u64::MAX.into(), avro: "long" });
    assert_eq!(
        fault.to_string(),
        "field `payment.number`: 18446744073709551615 is out of range for an Avro `long`"
    );
    let mut slice = [9; 200];
    assert_eq!(avro::to_slice(&order, &mut slice).unwrap_err().path(), "payment.number");
    assert_eq!(slice, [9; 200]);
    order.payment = None;
    avro::append(&order, &mut buffer).unwrap();
    assert_eq!(buffer[..6], *b"before");
    assert_eq!(avro::from_slice::<Order>(&buffer[6..]).unwrap(), order);
}

#[test]
fn a_slice_is_long_enough_or_refused() {
    let order = order();
    let datum = avro::to_vec(&order).unwrap();
    let needed = order.max_len();
    assert!(needed >= datum.len());
    for available in 0..needed + 20 {
        let mut slice = vec![0xee; available];
        match avro::to_slice(&order, &mut slice) {
            Ok(len) => {
                assert!(available >= needed);
                assert_eq!(slice[..len], datum);
            }
            Err(fault) => {
                assert!(available < needed);
                assert_eq!(fault.kind(), &EncodeErrorKind::SliceTooShort { needed, available });
            }
        }
    }
    // A datum of exactly the bound's size.
    let mut slice = [0; 8];
    assert_eq!(avro::to_slice(&1.5_f64, &mut slice).unwrap(), 8);
    assert_eq!(avro::to_slice(&"seven b".to_owned(), &mut slice).unwrap(), 8);
}

#[test]
fn a_type_that_writes_more_than_it_measured_is_detected() {
    struct Liar(usize);
    impl EventData for Liar {
        const SCHEMA: &'static avro::Schema = &avro::Schema::String;
        const MIN_LEN: usize = 1;
        fn max_len(&self) -> usize {
            self.0
        }
        fn encode<'w>(&self, writer: avro::Writer<'w>) -> avro::Writer<'w> {
            writer.string("more").long(i64::MAX).byte(1).double(1.0)
        }
        fn decode(reader: &mut avro::Reader<'_>) -> Result<Self, DecodeError> {
            reader.string().map(|text| Self(text.len()))
        }
    }
    for measured in 0..24 {
        let mut buffer = b"before".to_vec();
        let fault = avro::append(&Liar(measured), &mut buffer).unwrap_err();
        assert!(
            matches!(fault.kind(), EncodeErrorKind::LongerThanMeasured { max_len, .. } if *max_len == measured)
        );
        assert_eq!(buffer, b"before");
        let fault = avro::to_slice(&Liar(measured), &mut [0; 23][..measured.min(23)]).unwrap_err();
        assert!(matches!(
            fault.kind(),
            EncodeErrorKind::LongerThanMeasured { .. } | EncodeErrorKind::SliceTooShort { .. }
        ));
    }
    assert_eq!(avro::to_vec(&Liar(24)).unwrap().len(), 24);
}
