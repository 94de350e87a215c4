//! Valid defaults of every kind.

use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};
use serde_json::{Value, json};

use crate::{field, schema};

#[derive(Debug, PartialEq, EventData)]
enum Currency {
    Eur,
    Usd,
}

#[derive(Debug, PartialEq, EventData)]
enum Payment {
    Cash,
    Card { number: String },
}

#[derive(Debug, PartialEq, EventData)]
struct Address {
    street: String,
    #[event(default = "")]
    zip: String,
    note: Option<String>,
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.everything.set.v1")]
struct EverythingSet {
    #[event(default = true)]
    flag: bool,
    #[event(default = -2_147_483_648)]
    int: i32,
    #[event(default = 0xff)]
    byte: u8,
    #[event(default = 9_223_372_036_854_775_807)]
    long: u64,
    #[event(default = -1.5)]
    double: f64,
    #[event(default = 2)]
    float: f32,
    #[event(default = "a \"b\" \n ü")]
    text: String,
    #[event(default = "\u{0}\u{ff}")]
    raw: Vec<u8>,
    #[event(default = [1, 2,])]
    list: Vec<i32>,
    #[event(default = {})]
    empty: BTreeMap<String, i32>,
    #[event(default = { "a": [1], "b": [] })]
    map: BTreeMap<String, Vec<i32>>,
    #[event(default = None)]
    none: Option<i32>,
    #[event(default = null)]
    null: Option<Address>,
    #[event(default = "Usd")]
    currency: Currency,
    #[event(default = {})]
    payment: Payment,
    #[event(default = { "street": "Main" })]
    address: Address,
    #[event(default = "00000000-0000-0000-0000-000000000000")]
    id: uuid::Uuid,
    implicit: Option<String>,
    without: i32,
}

#[test]
fn defaults_are_in_the_schema_as_json() {
    let schema = schema::<EverythingSet>();
    let default = |name: &str| field(&schema, name).get("default").cloned();
    for (name, value) in [
        ("flag", json!(true)),
        ("int", json!(i32::MIN)),
        ("byte", json!(255)),
        ("long", json!(i64::MAX)),
        ("double", json!(-1.5)),
        ("float", json!(2)),
        ("text", json!("a \"b\" \n ü")),
        ("raw", json!("\u{0}ÿ")),
        ("list", json!([1, 2])),
        ("empty", json!({})),
        ("map", json!({"a": [1], "b": []})),
        ("none", Value::Null),
        ("null", Value::Null),
        ("currency", json!("Usd")),
        ("payment", json!({})),
        ("address", json!({"street": "Main"})),
        ("id", json!("00000000-0000-0000-0000-000000000000")),
        ("implicit", Value::Null),
    ] {
        assert_eq!(default(name), Some(value), "{name}");
    }
    assert_eq!(default("without"), None);
}
