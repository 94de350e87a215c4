//! Types that hold themselves.

use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};

use super::Specimen;

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.recursive.trees.v1")]
struct Trees {
    tree: Tree,
    optional: Option<Tree>,
    chain: Chain,
    expression: Expression,
    folder: Folder,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Chain {
    value: i64,
    next: Option<Box<Self>>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Expression {
    Number { value: f64 },
    Sum { terms: Vec<Expression> },
    Negated { inner: Box<Expression> },
    Maybe { inner: Option<Box<Expression>> },
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Folder {
    entries: BTreeMap<String, Folder>,
}

fn tree(depth: usize) -> Tree {
    let child = (depth > 0).then(|| tree(depth - 1));
    Tree {
        name: depth.to_string(),
        children: child.into_iter().cycle().take(if depth > 0 { 2 } else { 0 }).collect(),
    }
}

fn chain(len: i64) -> Chain {
    Chain { value: len, next: (len > 0).then(|| Box::new(chain(len - 1))) }
}

pub(super) fn specimens() -> Vec<Specimen> {
    let number = |value| Expression::Number { value };
    let negated = |inner| Expression::Negated { inner: Box::new(inner) };
    let maybe = |inner: Option<Expression>| Expression::Maybe { inner: inner.map(Box::new) };
    let empty = Folder { entries: BTreeMap::new() };
    vec![Specimen::of(&[
        Trees {
            tree: tree(0),
            optional: None,
            chain: chain(0),
            expression: number(1.0),
            folder: empty.clone(),
        },
        Trees {
            tree: tree(4),
            optional: Some(tree(1)),
            chain: chain(12),
            expression: Expression::Sum {
                terms: vec![negated(number(2.0)), maybe(None), maybe(Some(negated(number(0.5))))],
            },
            folder: Folder {
                entries: BTreeMap::from([("a".to_owned(), empty.clone()), ("b".to_owned(), empty)]),
            },
        },
    ])]
}
