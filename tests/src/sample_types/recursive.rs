//! Recursive types.

use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};

use super::generate::{newtypes, record, union};
use super::{SampleEvent, Specimen};

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.recursive.trees.v1")]
struct Trees {
    tree: Tree,
    optional: Option<Tree>,
    chain: Chain,
    folder: Folder,
}
record!(Trees { tree, optional, chain, folder });

impl SampleEvent for Trees {
    fn by_hand() -> Vec<Self> {
        let chain = |len| {
            (0..len).fold(Chain { value: 0, next: None }, |next, value| Chain {
                value,
                next: Some(Box::new(next)),
            })
        };
        let tree = |depth| {
            (0..depth).fold(Tree { name: String::new(), children: Vec::new() }, |child, _| Tree {
                name: "n".to_owned(),
                children: vec![child],
            })
        };
        let folder = |depth| {
            (0..depth).fold(Folder { entries: BTreeMap::new() }, |inner, _| Folder {
                entries: BTreeMap::from([("f".to_owned(), inner)]),
            })
        };
        // As deep as a reader follows, the outermost included.
        let deepest = events_runtime::avro::MAX_DEPTH - 1;
        let long = i64::try_from(deepest).unwrap_or_default();
        vec![Self {
            tree: tree(deepest),
            optional: Some(tree(1)),
            chain: chain(long),
            folder: folder(deepest),
        }]
    }
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}
record!(Tree { name, children });

#[derive(Debug, Clone, PartialEq, EventData)]
struct Chain {
    value: i64,
    next: Option<Box<Self>>,
}
record!(Chain { value, next });

#[derive(Debug, Clone, PartialEq, EventData)]
struct Folder {
    entries: BTreeMap<String, Folder>,
}
record!(Folder { entries });

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.recursive.unions.v1")]
struct RecursiveUnions {
    expression: Expression,
    optional: Option<Expression>,
    list: Vec<Expression>,
}
record!(RecursiveUnions { expression, optional, list });
impl SampleEvent for RecursiveUnions {}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Expression {
    Number { value: f64 },
    Sum { terms: Vec<Expression> },
    Negated { inner: Box<Expression> },
    Maybe { inner: Option<Box<Expression>> },
    Named(BTreeMap<String, Expression>),
    Either(Box<Self>),
}
union!(Expression {
    "Number" [Self::Number { value }] { value },
    "Sum" [Self::Sum { terms }] { terms },
    "Negated" [Self::Negated { inner }] { inner },
    "Maybe" [Self::Maybe { inner }] { inner },
    "Named" [Self::Named(value)] { value },
    "Either" [Self::Either(value)] { value },
});

/// Two types that contain each other.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.recursive.mutual.v1")]
struct Mutual {
    person: Person,
    again: Option<Person>,
}
record!(Mutual { person, again });
impl SampleEvent for Mutual {}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Person {
    name: String,
    employer: Option<Box<Company>>,
    owns: Vec<Company>,
}
record!(Person { name, employer, owns });

#[derive(Debug, Clone, PartialEq, EventData)]
struct Company {
    #[event(back_ref = Person)]
    staff: Vec<Person>,
    #[event(back_ref = Person)]
    head: Option<Box<Person>>,
}
record!(Company { staff, head });

/// A union and a record that contain each other.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.recursive.blocks.v1")]
struct Page {
    block: Block,
    more: Vec<Block>,
}
record!(Page { block, more });
impl SampleEvent for Page {}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Block {
    Text(String),
    Columns(Columns),
}
union!(Block { "Text" [Self::Text(value)] { value }, "Columns" [Self::Columns(value)] { value } });

#[derive(Debug, Clone, PartialEq, EventData)]
struct Columns {
    #[event(back_ref = Block)]
    columns: Vec<Block>,
    #[event(back_ref = Block)]
    rest: Option<Box<Block>>,
}
record!(Columns { columns, rest });

/// An event that contains itself.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.recursive.message.v1")]
struct Message {
    text: String,
    reply_to: Option<Box<Message>>,
    forwarded: Vec<Wrapped<Message>>,
}
record!(Message { text, reply_to, forwarded });
impl SampleEvent for Message {}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Wrapped<T> {
    inner: Box<T>,
}

impl<T: super::Generate> super::Generate for Wrapped<T> {
    fn generate(source: &mut super::Source) -> Self {
        Self { inner: super::Generate::generate(source) }
    }

    fn terms(&self, namespace: &str) -> serde_json::Value {
        serde_json::json!({ "inner": self.inner.terms(namespace) })
    }
}

/// A recursive newtype.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.recursive.newtype.v1")]
struct Outline {
    points: Points,
}
record!(Outline { points });
impl SampleEvent for Outline {}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Points(Vec<Point>);
newtypes!(Points);

#[derive(Debug, Clone, PartialEq, EventData)]
struct Point {
    text: String,
    below: Option<Box<Point>>,
    also: Vec<Point>,
}
record!(Point { text, below, also });

pub(super) fn specimens() -> Vec<Specimen> {
    vec![
        Specimen::of::<Trees>(),
        Specimen::of::<RecursiveUnions>(),
        Specimen::of::<Mutual>(),
        Specimen::of::<Page>(),
        Specimen::of::<Message>(),
        Specimen::of::<Outline>(),
    ]
}
