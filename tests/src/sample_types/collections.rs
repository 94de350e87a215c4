//! Options, lists, sets, arrays and maps, nested in each other.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use events_runtime::{EventData, PublicSignal};

use super::generate::{newtypes, record};
use super::{SampleEvent, Specimen};

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.collections.optional.v1")]
struct Optional {
    flag: Option<bool>,
    number: Option<i64>,
    small: Option<u8>,
    big: Option<u64>,
    single: Option<f32>,
    double: Option<f64>,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
    hash: Option<[u8; 3]>,
    list: Option<Vec<i32>>,
    map: Option<BTreeMap<String, i64>>,
    line: Option<Line>,
    boxed: Option<Box<Line>>,
    outside: Box<Option<Line>>,
    shared: Option<Arc<Line>>,
}
record!(Optional {
    flag,
    number,
    small,
    big,
    single,
    double,
    text,
    bytes,
    hash,
    list,
    map,
    line,
    boxed,
    outside,
    shared,
});
impl SampleEvent for Optional {}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EventData)]
struct Line {
    sku: String,
    count: u16,
}
record!(Line { sku, count });

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.collections.lists.v1")]
struct Lists {
    numbers: Vec<i64>,
    small: Vec<i8>,
    texts: Vec<String>,
    lines: Vec<Line>,
    nested: Vec<Vec<bool>>,
    deep: Vec<Vec<Vec<Option<Line>>>>,
    optional: Vec<Option<f64>>,
    byte_strings: Vec<Vec<u8>>,
    hashes: Vec<[u8; 2]>,
    deque: VecDeque<i32>,
    boxed: Box<[Line]>,
    shared: Arc<[String]>,
    cow: Cow<'static, [i64]>,
    nothing: Vec<Nothing>,
}
record!(Lists {
    numbers,
    small,
    texts,
    lines,
    nested,
    deep,
    optional,
    byte_strings,
    hashes,
    deque,
    boxed,
    shared,
    cow,
    nothing,
});

impl SampleEvent for Lists {
    fn by_hand() -> Vec<Self> {
        let lens = [0, 1, 63, 64, 65, 200];
        let of = |len: usize| Self {
            numbers: (0..).take(len).collect(),
            small: vec![-1; len],
            texts: vec![String::new(); len],
            lines: Vec::new(),
            nested: vec![vec![true]; len],
            deep: vec![vec![vec![None; 2]]; 2],
            optional: vec![None; len],
            byte_strings: vec![vec![1]; len],
            hashes: Vec::new(),
            deque: VecDeque::new(),
            boxed: Box::new([]),
            shared: Arc::new([]),
            cow: Cow::Borrowed(&[1, 2]),
            nothing: vec![Nothing {}; len],
        };
        lens.map(of).into()
    }
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Nothing {}
record!(Nothing {});

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.collections.sets.v1")]
struct Sets {
    sorted: BTreeSet<String>,
    lines: BTreeSet<Line>,
    hashed: HashSet<i64>,
    optional: Option<BTreeSet<i8>>,
}
record!(Sets { sorted, lines, hashed, optional });
impl SampleEvent for Sets {}

#[allow(clippy::zero_sized_map_values, reason = "its values take no bytes")]
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.collections.maps.v1")]
struct Maps {
    numbers: BTreeMap<String, i64>,
    lines: BTreeMap<Sku, Line>,
    nested: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    arrays_of_options: BTreeMap<Arc<str>, Vec<Option<i32>>>,
    optional: BTreeMap<Box<str>, Option<bool>>,
    hashed: HashMap<String, String>,
    bytes: HashMap<Cow<'static, str>, Vec<u8>>,
    list: Vec<BTreeMap<String, Line>>,
    nothing: BTreeMap<String, Nothing>,
}
record!(Maps { numbers, lines, nested, arrays_of_options, optional, hashed, bytes, list, nothing });
impl SampleEvent for Maps {}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EventData)]
struct Sku(String);
newtypes!(Sku);

pub(super) fn specimens() -> Vec<Specimen> {
    vec![Specimen::of::<Optional>(), Specimen::of::<Lists>(), Specimen::of::<Sets>(), Specimen::of::<Maps>()]
}
