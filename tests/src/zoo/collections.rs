//! Options, lists, sets, arrays and maps, in each other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use events_runtime::{EventData, PublicSignal};

use super::Specimen;

#[derive(Debug, Clone, Default, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.collections.optional.v1")]
struct Optional {
    flag: Option<bool>,
    number: Option<i64>,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
    list: Option<Vec<i32>>,
    map: Option<BTreeMap<String, i64>>,
    line: Option<Line>,
    boxed: Option<Box<Line>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EventData)]
struct Line {
    sku: String,
    count: u16,
}

#[derive(Debug, Clone, Default, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.collections.lists.v1")]
struct Lists {
    numbers: Vec<i64>,
    texts: Vec<String>,
    lines: Vec<Line>,
    nested: Vec<Vec<bool>>,
    optional: Vec<Option<f64>>,
    byte_strings: Vec<Vec<u8>>,
    deque: VecDeque<i32>,
    boxed: Box<[Line]>,
    nothing: Vec<Nothing>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Nothing {}

#[derive(Debug, Clone, Default, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.collections.sets.v1")]
struct Sets {
    sorted: BTreeSet<String>,
    lines: BTreeSet<Line>,
    hashed: HashSet<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.collections.maps.v1")]
struct Maps {
    numbers: BTreeMap<String, i64>,
    lines: BTreeMap<Sku, Line>,
    nested: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    optional: BTreeMap<String, Option<bool>>,
    hashed: HashMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EventData)]
struct Sku(String);

fn line(sku: &str, count: u16) -> Line {
    Line { sku: sku.to_owned(), count }
}

fn optional() -> Specimen {
    let full = Optional {
        flag: Some(false),
        number: Some(0),
        text: Some(String::new()),
        bytes: Some(Vec::new()),
        list: Some(vec![-1, 1]),
        map: Some(BTreeMap::from([("k".to_owned(), 1)])),
        line: Some(line("a", 1)),
        boxed: Some(Box::new(line("b", 2))),
    };
    Specimen::of(&[Optional::default(), full])
}

fn lists() -> Specimen {
    let full = Lists {
        numbers: (-100..100).collect(),
        texts: vec![String::new(), "é".to_owned()],
        lines: vec![line("a", 1), line("b", 2)],
        nested: vec![vec![], vec![true, false]],
        optional: vec![None, Some(1.5), None],
        byte_strings: vec![vec![], vec![0, 255]],
        deque: VecDeque::from([1, 2, 3]),
        boxed: vec![line("c", 3)].into(),
        nothing: vec![Nothing {}; 3],
    };
    Specimen::of(&[Lists::default(), full])
}

fn sets() -> Specimen {
    let full = Sets {
        sorted: ["b", "a"].map(str::to_owned).into(),
        lines: [line("z", 1), line("y", 2)].into(),
        hashed: HashSet::from([5]),
    };
    Specimen::of(&[Sets::default(), full])
}

fn maps() -> Specimen {
    let full = Maps {
        numbers: [("", 0), ("b", 2), ("a\"", 1)].map(|(key, value)| (key.to_owned(), value)).into(),
        lines: BTreeMap::from([(Sku("s".to_owned()), line("s", 1))]),
        nested: BTreeMap::from([(
            "outer".to_owned(),
            BTreeMap::from([("inner".to_owned(), vec!["x".to_owned()]), ("none".to_owned(), vec![])]),
        )]),
        optional: BTreeMap::from([("n".to_owned(), None), ("y".to_owned(), Some(true))]),
        hashed: HashMap::from([("one".to_owned(), "entry".to_owned())]),
    };
    Specimen::of(&[Maps::default(), full])
}

pub(super) fn specimens() -> Vec<Specimen> {
    vec![optional(), lists(), sets(), maps()]
}
