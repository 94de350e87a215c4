//! Events of every shape that the profile `openedx` has; `openedx.py` has the same classes.

use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};
use uuid::Uuid;

use super::{Definition, map};

/// All that Python can both write and read; `openedx.py` has the same classes.
///
/// None of this comment is in the schema, and neither are aliases, defaults and marks.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.tests.everything.said.v1", profile = "openedx", minor_version = 3)]
#[event(alias = "Said")]
struct EverythingSaid {
    flag: bool,
    number: u32,
    ratio: f64,
    text: String,
    id: Uuid,
    nothing: Nothing,
    everything: Everything,
    tree: Tree,
    again: Everything,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Nothing {}

/// Documented here, but not in Python.
#[derive(Debug, Clone, PartialEq, EventData)]
#[event(alias = "All")]
struct Everything {
    flags: Vec<bool>,
    numbers: Vec<u64>,
    ratios: Vec<f64>,
    #[event(pii, alias = "strings")]
    texts: Vec<String>,
    flag_of: BTreeMap<String, bool>,
    number_of: BTreeMap<String, i64>,
    ratio_of: BTreeMap<String, f64>,
    text_of: BTreeMap<String, String>,
    #[event(default = 5)]
    number: i64,
    maybe_number: Option<i64>,
    maybe_text: Option<String>,
    maybe_texts: Option<Vec<String>>,
    maybe_number_of: Option<BTreeMap<String, i64>>,
    maybe_id: Option<Uuid>,
    maybe_tree: Option<Tree>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Tree {
    value: i64,
    left: Option<Box<Tree>>,
    right: Option<Box<Tree>>,
}

/// Lists and maps of records, lists and maps, which Python has since openedx-events 10.6; `openedx.py` has the
/// same classes.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.tests.nested.said.v1", profile = "openedx")]
struct NestedSaid {
    nested: Nested,
    topic: Topic,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Nested {
    rows: Vec<Row>,
    row_of: BTreeMap<String, Row>,
    grid: Vec<Vec<i64>>,
    tables: Vec<BTreeMap<String, String>>,
    groups: BTreeMap<String, Vec<String>>,
    deep: BTreeMap<String, BTreeMap<String, Vec<Vec<Row>>>>,
    nothings: Vec<Nothing>,
    maybe_rows: Option<Vec<Row>>,
    maybe_groups: Option<BTreeMap<String, Vec<f64>>>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Row {
    number: i64,
    maybe: Option<i64>,
    #[event(default = true)]
    shown: bool,
    #[event(default = {}, python_default = "dict")]
    settings: BTreeMap<String, bool>,
    tags: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Topic {
    name: String,
    children: Vec<Topic>,
    named: BTreeMap<String, Topic>,
}

/// Types that Python can read but not write.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.tests.bytes.read.v1", profile = "openedx")]
struct BytesRead {
    raw: Vec<u8>,
    parts: Parts,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Parts {
    all: Vec<Vec<u8>>,
    named: BTreeMap<String, Vec<u8>>,
    some: Option<Vec<u8>>,
}

fn tree() -> Tree {
    let leaf = |value| Some(Box::new(Tree { value, left: None, right: None }));
    Tree { value: 0, left: leaf(-1), right: Some(Box::new(Tree { value: 1, left: None, right: leaf(2) })) }
}

fn everything() -> Everything {
    Everything {
        flags: vec![true, false],
        numbers: vec![0, 1, u64::try_from(i64::MAX).unwrap_or_default()],
        ratios: vec![0.0, -0.0, 1.5, f64::MAX, f64::MIN_POSITIVE],
        texts: vec![String::new(), "𝄞 \"\\\n".to_owned()],
        flag_of: map(&false),
        number_of: map(&i64::MIN),
        ratio_of: map(&0.1),
        text_of: map(&String::new()),
        number: 1,
        maybe_number: Some(1),
        maybe_text: Some("x".to_owned()),
        maybe_texts: Some(vec![String::new()]),
        maybe_number_of: Some(map(&0)),
        maybe_id: Some(Uuid::nil()),
        maybe_tree: Some(tree()),
    }
}

fn nothing() -> Everything {
    Everything {
        flags: vec![],
        numbers: vec![],
        ratios: vec![],
        texts: vec![],
        flag_of: BTreeMap::new(),
        number_of: BTreeMap::new(),
        ratio_of: BTreeMap::new(),
        text_of: BTreeMap::new(),
        number: 1,
        maybe_number: None,
        maybe_text: None,
        maybe_texts: None,
        maybe_number_of: None,
        maybe_id: None,
        maybe_tree: None,
    }
}

fn row(number: i64, maybe: Option<i64>) -> Row {
    // Values that Python preserves: it reads `false` and an empty map as the defaults of its class.
    let settings = BTreeMap::from([(String::new(), false)]);
    Row { number, maybe, shown: true, settings, tags: vec![String::new(), "é".to_owned()] }
}

fn nested() -> NestedSaid {
    let rows = vec![row(0, None), row(-1, Some(1))];
    let leaf = |name: &str| Topic { name: name.to_owned(), children: vec![], named: BTreeMap::new() };
    NestedSaid {
        nested: Nested {
            row_of: map(&row(1, Some(2))),
            grid: vec![vec![], vec![0, i64::MIN], vec![i64::MAX]],
            tables: vec![BTreeMap::new(), map(&String::new())],
            groups: map(&vec![String::new(), "x".to_owned()]),
            deep: map(&map(&vec![vec![], rows.clone()])),
            nothings: vec![Nothing {}, Nothing {}],
            maybe_rows: Some(rows.clone()),
            maybe_groups: Some(map(&vec![0.0, -0.5])),
            rows,
        },
        topic: Topic {
            name: String::new(),
            children: vec![leaf("a"), Topic { children: vec![leaf("")], ..leaf("b") }],
            named: map(&leaf("c")),
        },
    }
}

fn no_rows() -> NestedSaid {
    let Topic { name, .. } = nested().topic;
    NestedSaid {
        nested: Nested {
            rows: vec![],
            row_of: BTreeMap::new(),
            grid: vec![],
            tables: vec![],
            groups: BTreeMap::new(),
            deep: BTreeMap::new(),
            nothings: vec![],
            maybe_rows: None,
            maybe_groups: None,
        },
        topic: Topic { name, children: vec![], named: BTreeMap::new() },
    }
}

fn said(everything: Everything) -> EverythingSaid {
    EverythingSaid {
        flag: true,
        number: u32::MAX,
        ratio: -0.5,
        text: "x".repeat(200),
        id: Uuid::max(),
        nothing: Nothing {},
        again: everything.clone(),
        everything,
        tree: tree(),
    }
}

/// The events of this module.
pub(super) fn definitions() -> Vec<Definition> {
    vec![
        Definition::of([said(everything()), said(nothing())]),
        Definition::of([nested(), no_rows()]),
        Definition::of([BytesRead {
            raw: vec![0, 255],
            parts: Parts {
                all: vec![vec![], vec![1]],
                named: BTreeMap::from([("a".to_owned(), vec![2])]),
                some: Some(vec![3]),
            },
        }]),
    ]
}
