use std::collections::BTreeMap;

use crate::config::{Config, KeyPath};
use events_core::{EventData, PublicSignal, Registry, avro};

/// Every kind of field stands before the keys, so that a key is found behind all of them.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.config.order.placed.v1")]
struct OrderPlaced {
    order_id: String,
    note: Option<String>,
    lines: Vec<Customer>,
    scalars: Scalars,
    prices: BTreeMap<String, f64>,
    tree: Tree,
    shape: Shape,
    other_shape: Option<Shape>,
    customer: Customer,
    payer: Option<Customer>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Customer {
    id: String,
    number: i64,
    vip: bool,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Scalars {
    small: f32,
    bytes: Vec<u8>,
    colour: Colour,
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Colour {
    Red,
    Green,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Shape {
    Point,
    Circle { radius: f64 },
    Group { shapes: Vec<Shape> },
}

fn registry() -> Registry {
    Registry::builder().register::<OrderPlaced>().build().unwrap()
}

fn order() -> OrderPlaced {
    let customer = |number| Customer { id: "c-7".to_owned(), number, vip: true };
    let leaf = Tree { name: "leaf".to_owned(), children: Vec::new() };
    OrderPlaced {
        order_id: "o-1".to_owned(),
        note: Some("n".to_owned()),
        lines: vec![customer(1), customer(2)],
        scalars: Scalars { small: 1.5, bytes: vec![0, 255], colour: Colour::Green },
        prices: BTreeMap::from([("a".to_owned(), 1.0)]),
        tree: Tree { name: "root".to_owned(), children: vec![leaf.clone(), leaf] },
        shape: Shape::Group { shapes: vec![Shape::Point, Shape::Circle { radius: 1.0 }] },
        other_shape: Some(Shape::Group { shapes: vec![Shape::Point] }),
        customer: customer(-300),
        payer: None,
    }
}

fn fault(path: &str) -> String {
    KeyPath::resolve(OrderPlaced::SCHEMA, path).unwrap_err().to_string()
}

#[test]
fn a_key_is_read_from_the_encoded_event() {
    let order = order();
    let datum = avro::to_vec(&order).unwrap();
    for (path, expected) in [("order_id", "o-1"), ("customer.id", "c-7"), ("customer.number", "-300")] {
        let key = KeyPath::resolve(OrderPlaced::SCHEMA, path).unwrap();
        let mut found = Vec::new();
        key.append_key(&datum, &mut found).unwrap();
        assert_eq!((key.as_str(), found.as_slice()), (path, expected.as_bytes()));
    }
}

#[test]
fn reading_a_key_from_invalid_bytes_is_an_error() {
    let datum = avro::to_vec(&order()).unwrap();
    let key = KeyPath::resolve(OrderPlaced::SCHEMA, "customer.number").unwrap();
    let read = |datum: &[u8]| key.append_key(datum, &mut Vec::new());
    // The number is the third from last: `vip` and `payer` follow.
    let behind_key = datum.len() - 2;
    for len in 0..behind_key {
        read(&datum[..len]).unwrap_err();
    }
    read(&datum[..behind_key]).unwrap();
}

#[test]
fn an_unknown_field_lists_the_existing_fields_and_the_nearest_one() {
    assert_eq!(
        fault("custmer.id"),
        "`OrderPlaced` has no field `custmer`; did you mean `customer`? \
         its fields are `order_id`, `note`, `lines`, `scalars`, `prices`, `tree`, `shape`, \
         `other_shape`, `customer`, `payer`"
    );
    assert_eq!(
        fault("customer.email"),
        "`customer` has no field `email`; its fields are `id`, `number`, `vip`"
    );
    assert!(fault("customer..id").contains("not a field path"));
    assert!(fault("").contains("not a field path"));
}

#[test]
fn a_path_consists_of_records_and_ends_at_a_key() {
    assert!(fault("note").contains("`note` is optional"));
    assert!(fault("payer.id").contains("`payer` is optional"));
    assert!(fault("lines.id").contains("`lines` is a list"));
    assert!(fault("tree.children").contains("`tree.children` is a list"));
    assert!(fault("shape").contains("`shape` is a union"));
    assert!(fault("order_id.x").contains("has no fields"));
    assert!(fault("customer.vip").contains("`customer.vip` is a boolean"));
    assert!(fault("customer").ends_with("such as `customer.id`, `customer.number`"));
}

#[test]
fn routes_resolve_against_the_linked_definitions() {
    let config = Config::from_toml(
        r#"bus.url = "memory:"
        [routes."org.acme.config.order.placed.v1"]
        orders = { key = "customer.id" }
        audit = {}
        off = { enabled = false, key = "no.such.field" }
        [routes."org.acme.absent.v1"]
        there = { enabled = false }"#,
    )
    .unwrap();
    let resolved = config.check(&registry()).unwrap();
    let routes: Vec<_> = resolved
        .routes
        .iter()
        .map(|route| (route.topic.to_string(), route.key.as_ref().map(KeyPath::as_str)))
        .collect();
    assert_eq!(routes, [("audit".to_owned(), None), ("orders".to_owned(), Some("customer.id"))]);
}

#[test]
fn all_mismatches_with_the_definitions_are_listed() {
    let config = Config::builder()
        .toml(
            "base",
            r#"bus.url = "memory:"
service.expect = ["org.acme.config.order.placd.v1", "org.acme.config.order.placed.v1"]
[routes."org.acme.config.order.placed.v1"]
orders = { key = "customer.ident" }
[routes."org.acme.absent.v1"]
a = {}
b = { enabled = true }"#,
        )
        .variables([("EVENTS_ROUTES__ORG_ACME_CONFIG_ORDER_PLACED_V1__AUDIT__KEY", "note")])
        .load()
        .unwrap();
    let error = config.check(&registry()).unwrap_err();
    let found: Vec<_> = error.problems().iter().map(ToString::to_string).collect();
    let expected = [
        "base:2: service.expect: the event type `org.acme.config.order.placd.v1` is not linked into \
         this program; did you mean `org.acme.config.order.placed.v1`?",
        "base:5: routes.\"org.acme.absent.v1\": the event type `org.acme.absent.v1` is not linked",
        "environment variable EVENTS_ROUTES__ORG_ACME_CONFIG_ORDER_PLACED_V1__AUDIT__KEY: \
         routes.\"org.acme.config.order.placed.v1\".audit.key: `note` is optional",
        "base:4: routes.\"org.acme.config.order.placed.v1\".orders.key: `customer` has no field `ident`; \
         its fields are",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}
