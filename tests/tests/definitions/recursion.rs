//! Recursive types.
#![allow(unused_parens, reason = "a type in parentheses is that type")]

use std::collections::BTreeMap;

use events_runtime::avro::{self, EncodeErrorKind, MAX_DEPTH};
use events_runtime::{EventData, PublicSignal};
use serde_json::json;

use crate::{field, schema, travels};

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.trees.tree.planted.v1")]
struct TreePlanted {
    boxed: Option<Box<TreePlanted>>,
    list: Vec<TreePlanted>,
    map: BTreeMap<String, Self>,
    maybe: Option<Vec<Option<Box<TreePlanted>>>>,
    parenthesized: Vec<(TreePlanted)>,
}

fn tree(list: Vec<TreePlanted>) -> TreePlanted {
    TreePlanted { boxed: None, list, map: BTreeMap::new(), maybe: None, parenthesized: vec![] }
}

#[test]
fn a_struct_may_contain_itself_in_every_container() {
    let schema = schema::<TreePlanted>();
    let own = "org.acme.trees.tree.planted.v1.TreePlanted";
    let own = if field(&schema, "list")["type"]["items"] == "TreePlanted" { "TreePlanted" } else { own };
    assert_eq!(field(&schema, "boxed")["type"], json!(["null", own]));
    assert_eq!(field(&schema, "list")["type"], json!({"type": "array", "items": own}));
    assert_eq!(field(&schema, "map")["type"], json!({"type": "map", "values": own}));
    let leaf = || tree(vec![]);
    travels(&TreePlanted {
        boxed: Some(Box::new(leaf())),
        list: vec![leaf(), tree(vec![leaf()])],
        map: BTreeMap::from([("a".to_owned(), leaf())]),
        maybe: Some(vec![None, Some(Box::new(leaf()))]),
        parenthesized: vec![leaf()],
    });
}

#[test]
fn a_value_deeper_than_the_limit_is_not_encoded() {
    let mut deep = tree(vec![]);
    for _ in 0..=MAX_DEPTH {
        deep = tree(vec![deep]);
    }
    let refused = avro::to_vec(&deep).unwrap_err();
    assert!(matches!(refused.kind(), EncodeErrorKind::TooDeep { .. }), "{refused}");
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Node<T> {
    value: T,
    children: Vec<Node<T>>,
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.trees.forest.grown.v1")]
struct ForestGrown {
    numbers: Node<i64>,
    words: Node<String>,
}

#[test]
fn a_generic_type_may_contain_itself() {
    let schema = schema::<ForestGrown>();
    let name = |name| field(&schema, name)["type"]["name"].as_str().unwrap().to_owned();
    assert_ne!(name("numbers"), name("words"));
    travels(&ForestGrown {
        numbers: Node { value: 1, children: vec![Node { value: 2, children: vec![] }] },
        words: Node { value: "a".into(), children: vec![Node { value: "b".into(), children: vec![] }] },
    });
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Expression {
    Number(f64),
    Name { name: String },
    Sum { left: Box<Expression>, right: Box<Self> },
    Call { function: String, arguments: Vec<Expression> },
    Negative(Box<Expression>),
    Nothing,
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.math.expression.entered.v1")]
struct ExpressionEntered {
    expression: Expression,
    before: Option<Expression>,
}

#[test]
fn an_enum_may_contain_itself() {
    use Expression::{Call, Name, Negative, Nothing, Number, Sum};

    schema::<ExpressionEntered>();
    let name = Name { name: "x".into() };
    let sum = Sum { left: Box::new(Number(1.5)), right: Box::new(Negative(Box::new(name))) };
    let call = Call { function: "f".into(), arguments: vec![sum.clone(), Nothing] };
    for expression in [Number(0.0), Nothing, sum, call] {
        travels(&ExpressionEntered { expression: expression.clone(), before: Some(expression.clone()) });
        travels(&ExpressionEntered { expression, before: None });
    }
}

#[derive(Debug, PartialEq, EventData)]
struct Folder {
    name: String,
    entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, EventData)]
struct Entry {
    label: String,
    /// A folder in a folder.
    #[event(back_ref = Folder)]
    folder: Option<Box<Folder>>,
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.files.folder.created.v1")]
struct FolderCreated {
    folder: Folder,
}

#[test]
fn two_types_may_contain_each_other_with_a_back_ref() {
    schema::<FolderCreated>();
    let inner = Folder { name: "inner".into(), entries: vec![] };
    travels(&FolderCreated {
        folder: Folder {
            name: "outer".into(),
            entries: vec![
                Entry { label: "file".into(), folder: None },
                Entry { label: "folder".into(), folder: Some(Box::new(inner)) },
            ],
        },
    });
}

mod other {
    use events_runtime::EventData;

    /// Unrelated to the tree below with the same name.
    #[derive(Debug, PartialEq, EventData)]
    #[event(rename = "OtherTree")]
    pub(super) struct Tree {
        pub(super) height: i32,
    }
}

#[derive(Debug, PartialEq, EventData)]
struct Tree {
    other: other::Tree,
    children: Vec<Tree>,
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.trees.tree.compared.v1")]
struct TreeCompared {
    tree: Tree,
}

#[test]
fn a_type_of_the_same_name_elsewhere_is_another_type() {
    let schema = schema::<TreeCompared>();
    assert_eq!(field(&field(&schema, "tree")["type"], "other")["type"]["name"], "OtherTree");
    let tree = |children| Tree { other: other::Tree { height: 3 }, children };
    travels(&TreeCompared { tree: tree(vec![tree(vec![])]) });
}
